import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { dismiss, type Notification, type Severity, useNotifications } from '../state/notifications.ts';
import { Button, IconButton } from '../widgets/buttons.tsx';
import { firstFocusable } from '../widgets/focusable.ts';
import { Icon } from '../widgets/Icon.tsx';
import { useToastPlace } from './use-toast-place.ts';
import './notifications.css';

const ICON: Readonly<Record<Severity, string>> = { info: 'info', success: 'pass', warning: 'warning', error: 'error' };
const SHOWN_MS = 6000;
/** Time to read and to decide. */
const SHOWN_WITH_ACTIONS_MS = 12_000;
/** More would cover the window; the others come when these are gone. */
const SHOWN_AT_ONCE = 3;

function Toast({ item }: { readonly item: Notification }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    // Whoever points at it or is in it with the keyboard still reads it.
    if (item.sticky || held) return;
    const timer = setTimeout(() => dismiss(item.id), item.actions.length > 0 ? SHOWN_WITH_ACTIONS_MS : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [item, held]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape is one more way to the button in it
    <div
      className={`toast toast-${item.severity}`}
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
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

/** Messages in the lower right, newest at the bottom, where they cover no control; read out as they come. */
export function Notifications() {
  const items = useNotifications((state) => state.items);
  const list = useRef<HTMLElement>(null);
  const { right, bottom } = useToastPlace(list, items.length > 0);
  const returnTo = useRef<Element | null>(null);
  /** Whether one has it, and whether by the keyboard. */
  const hadFocus = useRef<'keyboard' | 'pointer' | null>(null);
  // A message that goes with the keyboard in it hands it to its neighbour, and the last one back to where it came from.
  useLayoutEffect(() => {
    const { activeElement } = document;
    const by = hadFocus.current;
    if (by === null || list.current?.contains(activeElement) === true) return;
    hadFocus.current = null;
    if (activeElement !== document.body) return;
    const next = by === 'pointer' || list.current === null ? null : firstFocusable(list.current);
    if (next !== null) next.focus();
    else if (returnTo.current instanceof HTMLElement && returnTo.current.isConnected) returnTo.current.focus();
  });
  const waiting = items.length - SHOWN_AT_ONCE;
  return (
    <section
      ref={list}
      className="toasts"
      aria-label="Notifications"
      aria-live="polite"
      data-region="notifications"
      onFocus={(event) => {
        const from = event.relatedTarget;
        if (from !== null && !event.currentTarget.contains(from)) returnTo.current = from;
        hadFocus.current = event.target.matches(':focus-visible') ? 'keyboard' : 'pointer';
      }}
      onBlur={(event) => {
        // Without a new place it is the message that has gone.
        if (event.relatedTarget !== null && !event.currentTarget.contains(event.relatedTarget)) hadFocus.current = null;
      }}
      style={{ translate: `${-right}px ${-bottom}px` }}
    >
      {waiting > 0 ? <p className="toasts-waiting">{waiting} more</p> : null}
      {items.slice(-SHOWN_AT_ONCE).map((item) => (
        <Toast key={item.id} item={item} />
      ))}
    </section>
  );
}
