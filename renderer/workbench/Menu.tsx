import { useLayoutEffect, useRef } from 'react';
import { moveFocus } from '../widgets/roving.ts';
import { closeMenu, useMenu } from './menu.ts';
import './menu.css';

const MARGIN = 4;

/** The context menu, if one is open. */
export function Menu() {
  const open = useMenu((state) => state.open);
  const list = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const element = list.current;
    if (element === null || open === null) return;
    // Inside the window, whichever corner it was asked for in.
    element.style.left = `${Math.max(MARGIN, Math.min(open.x, window.innerWidth - element.offsetWidth - MARGIN))}px`;
    element.style.top = `${Math.max(MARGIN, Math.min(open.y, window.innerHeight - element.offsetHeight - MARGIN))}px`;
    element.querySelector<HTMLElement>('button:not(:disabled)')?.focus();
  }, [open]);

  if (open === null) return null;
  let separators = 0;
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: Escape does the same */}
      <div
        className="menu-shade"
        onPointerDown={closeMenu}
        onContextMenu={(event) => {
          event.preventDefault();
          closeMenu();
        }}
      />
      <div
        ref={list}
        className="menu"
        role="menu"
        aria-label={open.title}
        tabIndex={-1}
        onKeyDown={(event) => {
          if (event.key === 'Escape' || event.key === 'Tab') {
            event.preventDefault();
            event.stopPropagation();
            closeMenu();
          } else moveFocus(event, 'vertical');
        }}
      >
        {open.items.map((item) =>
          item === 'separator' ? (
            <hr key={`separator-${separators++}`} />
          ) : (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              disabled={item.disabled}
              onPointerEnter={(event) => event.currentTarget.focus()}
              onClick={() => {
                closeMenu();
                void item.run();
              }}
            >
              <span>{item.label}</span>
              {item.hint === undefined ? null : <span className="menu-hint">{item.hint}</span>}
            </button>
          ),
        )}
      </div>
    </>
  );
}
