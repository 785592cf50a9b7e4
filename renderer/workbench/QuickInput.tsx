import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'react';
import { messageOf } from '../../app/base/result.ts';
import { notify } from '../state/notifications.ts';
import { Highlighted } from '../widgets/Highlighted.tsx';
import { Icon } from '../widgets/Icon.tsx';
import { closeQuickInput, type QuickItem, type QuickRequest, useQuickInput } from './quick-input.ts';
import './quick-input.css';

const PAGE = 8;

function Box({ request }: { readonly request: QuickRequest }) {
  const [text, setText] = useState(request.initial);
  const [selected, setSelected] = useState(0);
  const [, more] = useReducer((count: number) => count + 1, 0);
  const list = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const { items, empty } = request.answer(text);
  const current = Math.min(selected, items.length - 1);

  useEffect(() => input.current?.focus(), []);
  useEffect(() => request.follow?.(more), [request]);
  useLayoutEffect(() => {
    list.current?.children[current]?.scrollIntoView({ block: 'nearest' });
  }, [current]);

  const choose = (item: QuickItem | undefined, beside: boolean) => {
    if (item === undefined) return;
    closeQuickInput(true);
    Promise.resolve()
      .then(() => item.run(beside))
      .catch((thrown: unknown) => notify({ severity: 'error', message: messageOf(thrown) }));
  };

  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: Escape does the same as this click */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: see above */}
      <div className="quick-shade" onClick={() => closeQuickInput(false)} />
      <div className="quick-input" role="dialog" aria-label={request.title} aria-modal="true">
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-controls="quick-list"
          aria-label={request.title}
          aria-activedescendant={items.length === 0 ? undefined : `quick-${current}`}
          placeholder={request.placeholder}
          value={text}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => {
            setText(event.target.value);
            setSelected(0);
          }}
          onBlur={(event) => {
            // Clicks on an item end here first; only leaving the box for good closes it.
            if (event.relatedTarget instanceof Element) closeQuickInput(false);
          }}
          onKeyDown={(event) => {
            const step = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE }[event.key];
            if (step !== undefined && items.length > 0) {
              event.preventDefault();
              const next = current + step;
              setSelected(
                Math.abs(step) === 1
                  ? (next + items.length) % items.length
                  : Math.max(0, Math.min(items.length - 1, next)),
              );
            } else if (event.key === 'Enter') {
              event.preventDefault();
              choose(items[current], event.ctrlKey || event.metaKey);
            } else if (event.key === 'Escape' || event.key === 'Tab') {
              event.preventDefault();
              event.stopPropagation();
              closeQuickInput(false);
            }
          }}
        />
        <div className="quick-list" id="quick-list" role="listbox" aria-label={request.title} ref={list}>
          {items.map((item, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the input above has the keyboard
            <div
              key={item.id}
              id={`quick-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === current}
              className="quick-item"
              onPointerDown={(event) => event.preventDefault()}
              onClick={(event) => choose(item, event.ctrlKey || event.metaKey)}
            >
              {item.icon === undefined ? null : <Icon name={item.icon} />}
              <span className="quick-label">
                <Highlighted text={item.label} at={item.at ?? []} />
              </span>
              {item.detail === undefined ? null : <span className="quick-detail">{item.detail}</span>}
              {item.note === undefined ? null : <span className="quick-note">{item.note}</span>}
            </div>
          ))}
        </div>
        {items.length === 0 ? (
          <p className="quick-empty" role="status">
            {empty}
          </p>
        ) : null}
      </div>
    </>
  );
}

/** The box at the top in which files, commands and choices are found. */
export function QuickInput() {
  const { request, number } = useQuickInput();
  return request === null ? null : <Box key={number} request={request} />;
}
