import type { ReactNode } from 'react';
import type { AppError } from '../../app/base/result.ts';
import { Icon } from './Icon.tsx';
import './controls.css';

/** What happened, why, and what to do, with buttons that do it. */
export function ErrorNote({ error, children }: { readonly error: AppError; readonly children?: ReactNode }) {
  return (
    <div className="note note-error" role="alert">
      <Icon name="error" />
      <div className="note-body">
        <p>{error.what}</p>
        {error.why === '' ? null : <pre>{error.why}</pre>}
        {error.fix === '' ? null : <p>{error.fix}</p>}
        {children}
      </div>
    </div>
  );
}
