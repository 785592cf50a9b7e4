import type { ReactNode } from 'react';
import { Icon } from './Icon.tsx';
import './empty-state.css';

/** What a pane shows when it has nothing: why, and what to do about it. */
export function EmptyState({
  icon,
  title,
  children,
}: {
  readonly icon: string;
  readonly title: string;
  readonly children?: ReactNode;
}) {
  return (
    <div className="empty-state">
      <Icon name={icon} className="empty-state-icon" />
      <p className="empty-state-title">{title}</p>
      {children === undefined ? null : <div className="empty-state-body">{children}</div>}
    </div>
  );
}
