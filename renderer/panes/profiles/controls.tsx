import type { ComponentType } from 'react';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import type { FieldInfo, FieldKind } from './fields.ts';
import { type ForwardDraft, isForward, numberOrText } from './values.ts';

interface ControlProps {
  readonly id: string;
  readonly info: FieldInfo;
  readonly value: unknown;
  readonly wrong: boolean;
  readonly onChange: (value: unknown) => void;
}

const text = (value: unknown) => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

function Choice({ id, info, value, wrong, onChange }: ControlProps) {
  const shown = text(value);
  return (
    <select
      id={id}
      className="field"
      value={shown}
      aria-invalid={wrong}
      aria-describedby={`${id}-text`}
      onChange={(event) => onChange(event.target.value)}
    >
      {info.choices.includes(shown) ? null : <option value={shown}>{shown}</option>}
      {info.choices.map((choice) => (
        <option key={choice} value={choice}>
          {choice}
        </option>
      ))}
    </select>
  );
}

function NumberField({ id, info, value, wrong, onChange }: ControlProps) {
  return (
    <input
      id={id}
      className="field profiles-number"
      inputMode="numeric"
      value={text(value)}
      aria-invalid={wrong}
      aria-describedby={`${id}-text`}
      title={`${info.minimum} to ${info.maximum}`}
      onChange={(event) => onChange(numberOrText(event.target.value))}
    />
  );
}

function TextField({ id, value, wrong, onChange }: ControlProps) {
  return (
    <input
      id={id}
      className="field profiles-text"
      spellCheck={false}
      value={text(value)}
      aria-invalid={wrong}
      aria-describedby={`${id}-text`}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

/** A file of the project; an empty text is none. */
function PathField({ value, onChange, ...rest }: ControlProps) {
  return <TextField {...rest} value={value ?? ''} onChange={(typed) => onChange(typed === '' ? null : typed)} />;
}

/** Ports of the host and of the guest, in pairs. */
function Forwards({ id, value, wrong, onChange }: ControlProps) {
  const list: readonly ForwardDraft[] = Array.isArray(value) ? value.filter(isForward) : [];
  const change = (at: number, part: Partial<ForwardDraft>) =>
    onChange(list.map((forward, n) => (n === at ? { ...forward, ...part } : forward)));
  return (
    <div className="profiles-stack">
      {list.map((forward, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: forwards have no other name
        <div key={n} className="profiles-forward">
          <input
            id={n === 0 ? id : undefined}
            className="field profiles-number"
            inputMode="numeric"
            aria-label={`Forward ${n + 1}, port on this computer`}
            aria-invalid={wrong}
            title="0 takes any free port"
            value={text(forward.host)}
            onChange={(event) => change(n, { host: numberOrText(event.target.value) })}
          />
          <span>to guest</span>
          <input
            className="field profiles-number"
            inputMode="numeric"
            aria-label={`Forward ${n + 1}, port in the guest`}
            aria-invalid={wrong}
            value={text(forward.guest)}
            onChange={(event) => change(n, { guest: numberOrText(event.target.value) })}
          />
          <IconButton
            icon="close"
            label={`Remove forward ${n + 1}`}
            onClick={() => onChange(list.filter((_, other) => other !== n))}
          />
        </div>
      ))}
      <Button
        id={list.length === 0 ? id : undefined}
        icon="add"
        onClick={() => onChange([...list, { host: 0, guest: 8080 }])}
      >
        Add a forward
      </Button>
    </div>
  );
}

/** One argument a line, as QEMU gets them: `-device`, then its value. */
function Words({ id, value, wrong, onChange }: ControlProps) {
  const lines = Array.isArray(value) ? value.map(String) : [];
  return (
    <textarea
      id={id}
      className="field profiles-text"
      rows={Math.max(2, Math.min(8, lines.length + 1))}
      spellCheck={false}
      placeholder={'-device\nvirtio-rng-pci'}
      aria-invalid={wrong}
      aria-describedby={`${id}-text`}
      value={lines.join('\n')}
      onChange={(event) => onChange(event.target.value === '' ? [] : event.target.value.split('\n'))}
    />
  );
}

export const CONTROLS: Readonly<Record<FieldKind, ComponentType<ControlProps>>> = {
  choice: Choice,
  number: NumberField,
  text: TextField,
  path: PathField,
  forwards: Forwards,
  words: Words,
};
