import type { ButtonHTMLAttributes } from 'react';
import { Icon } from './Icon.tsx';
import './buttons.css';

type Native = Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'type' | 'className' | 'title'>;

/** A button that is only a picture; `label` is its name and its tooltip. */
export function IconButton({
  icon,
  label,
  pressed,
  hint,
  ...rest
}: Native & {
  readonly icon: string;
  readonly label: string;
  /** The key that does the same. */
  readonly hint?: string | undefined;
  /** For buttons that stay down. */
  readonly pressed?: boolean | undefined;
}) {
  return (
    <button
      {...rest}
      type="button"
      className="icon-button"
      aria-label={label}
      aria-pressed={pressed}
      title={hint === undefined ? label : `${label} (${hint})`}
    >
      <Icon name={icon} />
    </button>
  );
}

/** A button with words. `primary` is for the one thing that a view wants done. */
export function Button({
  kind = 'secondary',
  icon,
  children,
  ...rest
}: Native & {
  readonly kind?: 'primary' | 'secondary' | 'quiet' | 'danger' | undefined;
  readonly icon?: string | undefined;
}) {
  return (
    <button {...rest} type="button" className={`button button-${kind}`}>
      {icon === undefined ? null : <Icon name={icon} />}
      {children}
    </button>
  );
}
