import { useEffect } from 'react';
import { dismiss, type Notification, type Severity, useNotifications } from '../state/notifications.ts';
import { Button, IconButton } from '../widgets/buttons.tsx';
import { Icon } from '../widgets/Icon.tsx';
import './notifications.css';

const ICON: Readonly<Record<Severity, string>> = { info: 'info', success: 'pass', warning: 'warning', error: 'error' };
const SHOWN_MS = 6000;
/** Time to read and to decide. */
const SHOWN_WITH_ACTIONS_MS = 12_000;

function Toast({ item }: { readonly item: Notification }) {
  useEffect(() => {
    if (item.sticky) return;
    const timer = setTimeout(() => dismiss(item.id), item.actions.length > 0 ? SHOWN_WITH_ACTIONS_MS : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [item]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape is one more way to the button in it
    <div
      className={`toast toast-${item.severity}`}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        dismiss(item.id);
      }}
    >
      <Icon name={ICON[item.severity]} className="toast-icon" />
      <div className="toast-text">
        <p>{item.message}</p>
        {item.detail === undefined || item.detail === '' ? null : <p className="toast-detail">{item.detail}</p>}
        {item.actions.length === 0 ? null : (
          <div className="toast-actions">
            {item.actions.map((action, index) => (
              <Button
                key={action.title}
                kind={index === 0 ? 'primary' : 'secondary'}
                onClick={() => {
                  dismiss(item.id);
                  void action.run();
                }}
              >
                {action.title}
              </Button>
            ))}
          </div>
        )}
      </div>
      <IconButton icon="close" label="Dismiss" onClick={() => dismiss(item.id)} />
    </div>
  );
}

/** Messages in the corner, newest at the bottom; read out as they come. */
export function Notifications() {
  const items = useNotifications((state) => state.items);
  return (
    <section className="toasts" aria-label="Notifications" aria-live="polite" data-region="notifications">
      {items.map((item) => (
        <Toast key={item.id} item={item} />
      ))}
    </section>
  );
}
