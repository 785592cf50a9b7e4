import { create } from 'zustand';
import type { AppError } from '../../app/base/result.ts';

export type Severity = 'info' | 'success' | 'warning' | 'error';

export interface NotificationAction {
  readonly title: string;
  readonly run: () => unknown;
}

export interface Notification {
  readonly id: number;
  readonly severity: Severity;
  readonly message: string;
  /** More lines under the message. */
  readonly detail?: string | undefined;
  readonly actions: readonly NotificationAction[];
  /** Stays until it is dismissed. */
  readonly sticky: boolean;
  /** A newer one with the same key takes its place. */
  readonly key?: string | undefined;
}

export type NotificationRequest = Pick<Notification, 'severity' | 'message' | 'detail' | 'key'> & {
  readonly actions?: readonly NotificationAction[] | undefined;
  readonly sticky?: boolean | undefined;
};

interface NotificationState {
  /** Oldest first. */
  readonly items: readonly Notification[];
}

const LIMIT = 5;
let next = 1;

export const useNotifications = create<NotificationState>(() => ({ items: [] }));

/** Shows a notification and returns its id. Errors, and those with actions, stay until they are dismissed. */
export function notify(request: NotificationRequest): number {
  const id = next++;
  const actions = request.actions ?? [];
  const sticky = request.sticky ?? (request.severity === 'error' || actions.length > 0);
  const notification: Notification = { ...request, id, actions, sticky };
  useNotifications.setState(({ items }) => {
    const kept = items.filter((item) => request.key === undefined || item.key !== request.key);
    return { items: [...kept, notification].slice(-LIMIT) };
  });
  return id;
}

/** An `AppError` with its reason and its cure. */
export function notifyError(error: AppError, actions: readonly NotificationAction[] = []): number {
  const detail = [error.why, error.fix].filter((line) => line !== '').join('\n');
  return notify({ severity: 'error', message: error.what, detail, actions });
}

export function dismiss(id: number): void {
  useNotifications.setState(({ items }) => ({ items: items.filter((item) => item.id !== id) }));
}

/** What it was about has been settled otherwise. */
export function dismissKey(key: string): void {
  useNotifications.setState(({ items }) => ({ items: items.filter((item) => item.key !== key) }));
}
