import { dismiss, useNotifications } from '../state/notifications.ts';
import { firstFocusable } from '../widgets/focusable.ts';
import { registerCommand } from './commands.ts';

const isShown = () => useNotifications.getState().items.length > 0;

/** What a person does about messages without the mouse; F6 leads to them as well, and Escape away with the one that has the focus. */
export function registerNotificationCommands(): void {
  registerCommand({
    id: 'notifications.focus',
    title: 'Go to Notifications',
    category: 'Notifications',
    when: isShown,
    run: () => {
      // The newest is the last.
      const toasts = document.querySelectorAll<HTMLElement>('[data-region="notifications"] .toast');
      const newest = toasts[toasts.length - 1];
      if (newest !== undefined) firstFocusable(newest)?.focus();
    },
  });
  registerCommand({
    id: 'notifications.clear',
    title: 'Dismiss All',
    category: 'Notifications',
    when: isShown,
    run: () => {
      for (const { id } of useNotifications.getState().items) dismiss(id);
    },
  });
}
