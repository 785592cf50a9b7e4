import { useId } from 'react';
import { setSampling, setSystem } from '../../state/chat/conversations.ts';
import { useChat } from '../../state/chat/store.ts';
import { PRESETS, presetOf, type Sampling } from '../../state/chat/tree.ts';

interface NumberField {
  readonly key: 'temperature' | 'topP' | 'topK' | 'minP' | 'seed' | 'maxTokens';
  readonly title: string;
  readonly hint: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

const FIELDS: readonly NumberField[] = [
  { key: 'temperature', title: 'Temperature', hint: '0 always takes the likeliest token', min: 0, max: 2, step: 0.05 },
  { key: 'topP', title: 'Top p', hint: 'Keeps the likeliest tokens up to this sum', min: 0, max: 1, step: 0.01 },
  {
    key: 'topK',
    title: 'Top k',
    hint: 'Keeps this many of the likeliest tokens; 0 keeps all',
    min: 0,
    max: 1000,
    step: 1,
  },
  {
    key: 'minP',
    title: 'Min p',
    hint: 'Drops tokens less likely than this part of the best',
    min: 0,
    max: 1,
    step: 0.01,
  },
  { key: 'seed', title: 'Seed', hint: 'The same seed gives the same answer', min: 0, max: 4294967295, step: 1 },
  { key: 'maxTokens', title: 'Most tokens', hint: 'Length of an answer', min: 1, max: 1_000_000, step: 1 },
];

/** The system prompt and how tokens are drawn, for this conversation. */
export function Options() {
  const id = useId();
  const system = useChat(({ current }) => current.system);
  const sampling = useChat(({ current }) => current.sampling);
  const preset = presetOf(sampling);
  return (
    <section className="chat-options" aria-label="Options of this conversation">
      <label htmlFor={`${id}s`}>System prompt</label>
      <textarea
        id={`${id}s`}
        className="field"
        rows={2}
        placeholder="None"
        value={system}
        onChange={(event) => setSystem(event.target.value)}
      />
      <label htmlFor={`${id}p`}>Sampling</label>
      <select
        id={`${id}p`}
        className="field"
        value={preset?.id ?? 'own'}
        onChange={(event) => {
          const chosen = PRESETS.find((each) => each.id === event.target.value);
          if (chosen !== undefined) setSampling(chosen.sampling);
        }}
      >
        {PRESETS.map((each) => (
          <option key={each.id} value={each.id}>
            {each.title}
          </option>
        ))}
        {preset === undefined ? <option value="own">Your own</option> : null}
      </select>
      <div className="chat-numbers">
        {FIELDS.map((field) => (
          <div key={field.key} title={field.hint}>
            <label htmlFor={`${id}${field.key}`}>{field.title}</label>
            <NumberInput id={`${id}${field.key}`} field={field} value={sampling[field.key]} />
          </div>
        ))}
      </div>
      <label htmlFor={`${id}t`}>Stop at</label>
      <input
        id={`${id}t`}
        className="field"
        placeholder="Up to four texts, separated by |"
        value={sampling.stop.join('|')}
        onChange={(event) => setSampling({ stop: stopsOf(event.target.value) })}
      />
      <label className="chat-check">
        <input
          type="checkbox"
          checked={sampling.alternatives !== null}
          onChange={(event) => setSampling({ alternatives: event.target.checked ? 5 : null })}
        />
        Record token probabilities and the alternatives
      </label>
    </section>
  );
}

function stopsOf(text: string): string[] {
  return text === '' ? [] : text.split('|').slice(0, 4);
}

function NumberInput({
  id,
  field,
  value,
}: {
  readonly id: string;
  readonly field: NumberField;
  readonly value: number | null;
}) {
  const { key, min, max, step } = field;
  return (
    <input
      id={id}
      className="field"
      type="number"
      min={min}
      max={max}
      step={step}
      placeholder="default"
      value={value ?? ''}
      onChange={(event) => {
        const read = step >= 1 ? Number.parseInt(event.target.value, 10) : Number.parseFloat(event.target.value);
        const bounded = Number.isNaN(read) ? null : Math.min(max, Math.max(min, read));
        setSampling({ [key]: bounded } satisfies Partial<Sampling>);
      }}
    />
  );
}
