import { useId, useLayoutEffect, useRef, useState } from 'react';
import { Highlighted } from './Highlighted.tsx';
import { Icon } from './Icon.tsx';
import './controls.css';
import './combobox.css';

export interface ComboboxOption {
  readonly key: string;
  readonly label: string;
  /** Indexes into the label that the text matched. */
  readonly at?: readonly number[] | undefined;
  /** Behind the label, fainter. */
  readonly detail?: string | undefined;
  readonly detailAt?: readonly number[] | undefined;
  /** At the right, fainter. */
  readonly note?: string | undefined;
  readonly icon?: string | undefined;
}

/** A field with a list under it of what might be meant. Down and Up choose from the list; Enter takes what is chosen, else the text. */
export function Combobox<T extends ComboboxOption>({
  label,
  placeholder,
  text,
  options,
  error = '',
  autoFocus,
  onText,
  onPick,
  onEnter,
}: {
  readonly label: string;
  readonly placeholder: string;
  readonly text: string;
  readonly options: readonly T[];
  /** What is wrong with the text. */
  readonly error?: string | undefined;
  /** Gets the keyboard with its pane. */
  readonly autoFocus?: boolean | undefined;
  readonly onText: (text: string) => void;
  readonly onPick: (option: T) => void;
  readonly onEnter: () => void;
}) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const list = useRef<HTMLDivElement>(null);
  const shown = open && options.length > 0;
  const current = Math.min(chosen, options.length - 1);
  useLayoutEffect(() => {
    if (shown && current >= 0) list.current?.children[current]?.scrollIntoView({ block: 'nearest' });
  }, [shown, current]);
  const close = () => {
    setOpen(false);
    setChosen(-1);
  };
  const pick = (option: T) => {
    close();
    onPick(option);
  };
  return (
    <span className="combobox">
      <input
        className="field"
        role="combobox"
        aria-label={label}
        aria-expanded={shown}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={shown && current >= 0 ? `${id}-${current}` : undefined}
        aria-invalid={error !== ''}
        title={error === '' ? undefined : error}
        placeholder={placeholder}
        value={text}
        spellCheck={false}
        autoComplete="off"
        data-autofocus={autoFocus === true ? '' : undefined}
        onChange={(event) => {
          onText(event.target.value);
          setOpen(true);
          setChosen(-1);
        }}
        onBlur={close}
        onKeyDown={(event) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          const option = shown ? options[current] : undefined;
          if (step !== undefined && options.length > 0) {
            setOpen(true);
            setChosen((current + step + options.length + (current < 0 && step < 0 ? 1 : 0)) % options.length);
          } else if (event.key === 'Enter') {
            if (option !== undefined) pick(option);
            else {
              close();
              onEnter();
            }
          } else if (event.key === 'Escape' && shown) {
            event.stopPropagation();
            close();
          } else return;
          event.preventDefault();
        }}
      />
      <div className="combobox-list" id={`${id}-list`} role="listbox" aria-label={label} ref={list} hidden={!shown}>
        {!shown
          ? null
          : options.map((option, n) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keyboard
              <div
                key={option.key}
                id={`${id}-${n}`}
                role="option"
                tabIndex={-1}
                aria-selected={n === current}
                className="combobox-option"
                title={option.key}
                onPointerDown={(event) => event.preventDefault()}
                onClick={() => pick(option)}
              >
                {option.icon === undefined ? null : <Icon name={option.icon} />}
                <span className="combobox-label">
                  <Highlighted text={option.label} at={option.at ?? []} />
                </span>
                {option.detail === undefined ? null : (
                  <span className="combobox-detail">
                    <Highlighted text={option.detail} at={option.detailAt ?? []} />
                  </span>
                )}
                {option.note === undefined ? null : <span className="combobox-note">{option.note}</span>}
              </div>
            ))}
      </div>
      {error === '' ? null : (
        <span className="combobox-error" role="alert">
          {error}
        </span>
      )}
    </span>
  );
}
