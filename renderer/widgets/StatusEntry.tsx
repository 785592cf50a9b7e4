import type { ReactNode } from 'react';
import { Icon } from './Icon.tsx';

/** One entry of the status bar; a button if it does something. */
export function StatusEntry({
  icon,
  tone,
  title,
  onClick,
  children,
}: {
  readonly icon?: string | undefined;
  readonly tone?: 'error' | 'warning' | 'success' | undefined;
  readonly title: string;
  readonly onClick?: (() => void) | undefined;
  readonly children?: ReactNode;
}) {
  const className = `status-item${tone === undefined ? '' : ` status-${tone}`}`;
  const content = (
    <>
      {icon === undefined ? null : <Icon name={icon} />}
      {children === undefined ? <span className="visually-hidden">{title}</span> : <span>{children}</span>}
    </>
  );
  return onClick === undefined ? (
    <span className={className} title={title}>
      {content}
    </span>
  ) : (
    <button type="button" className={className} title={title} onClick={onClick}>
      {content}
    </button>
  );
}
