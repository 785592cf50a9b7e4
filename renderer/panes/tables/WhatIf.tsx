import { useEffect, useState } from 'react';
import type {
  PredictionView,
  TableEdit,
  TablesView,
  WhatIfQuestion,
  WhatIfView,
} from '../../../app/contract/inspect/tables.ts';
import type { BitField } from '../../../app/x86/bits.ts';
import { DESCRIPTOR_FIELDS, fieldOfBytes, GATE_FIELDS, withField } from '../../../app/x86/fields.ts';
import { studio } from '../../host/client.ts';
import type { Inspected } from '../../state/inspected.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import { Finding } from './Findings.tsx';
import { openHandler } from './Idt.tsx';
import { spaced } from './RowTable.tsx';
import type { Chosen } from './TablesPane.tsx';
import { Stack } from './Tss.tsx';

/** A row taken apart: its fields to be flipped in a copy, and what the processor would then do. */
export function WhatIf({
  view,
  chosen,
  inspected,
  onClose,
}: {
  readonly view: TablesView;
  readonly chosen: Chosen;
  readonly inspected: Inspected;
  readonly onClose: () => void;
}) {
  const row = rowOf(view, chosen);
  const [edited, setEdited] = useState<string | null>(null);
  const [asked, setAsked] = useState<WhatIfQuestion | null>(null);
  const bytes = edited ?? row?.bytes ?? '';
  const question = asked ?? (row === null ? null : (row.questions[0]?.question ?? null));
  const answer = useAnswer(
    inspected,
    view.processor,
    question,
    row !== null && edited !== null && edited !== row.bytes
      ? [{ table: chosen.table, offset: row.offset, bytes: edited }]
      : [],
  );
  if (row === null) return null;
  return (
    <aside className="what-if" aria-label={`${row.title}, taken apart`}>
      <header>
        <h3>{row.title}</h3>
        <IconButton icon="close" label="Close" onClick={onClose} />
      </header>
      <Fields fields={row.fields} bytes={bytes} original={row.bytes} onChange={setEdited} />
      <Raw bytes={bytes} size={row.bytes.length} onChange={setEdited} />
      <div className="what-if-line">
        <label>
          If{' '}
          <select
            className="field"
            value={JSON.stringify(question)}
            onChange={(event) =>
              setAsked(row.questions.find((it) => JSON.stringify(it.question) === event.target.value)?.question ?? null)
            }
          >
            {row.questions.map((it) => (
              <option key={it.title} value={JSON.stringify(it.question)}>
                {it.title}
              </option>
            ))}
          </select>
        </label>
        {edited === null || edited === row.bytes ? null : (
          <Button kind="quiet" onClick={() => setEdited(null)}>
            Undo changes
          </Button>
        )}
      </div>
      {answer === null ? null : typeof answer === 'string' ? (
        <p className="what-if-trouble">{answer}</p>
      ) : (
        <Answer
          answer={answer}
          changed={edited !== null && edited !== row.bytes}
          tss={view.tss}
          onOpen={(address) => void openHandler(inspected, address)}
        />
      )}
      <p className="tables-muted what-if-foot">A copy is changed; the guest's memory stays as it is.</p>
    </aside>
  );
}

/** The stack that a handler would run on, as it lies in memory. */
function StackOf({ tss, ist }: { readonly tss: TablesView['tss']; readonly ist: number }) {
  const wanted = ist === 0 ? 'RSP0' : `IST${ist}`;
  const stack = tss?.stacks.find(({ name }) => name === wanted);
  return (
    <section className="what-if-stack" aria-label="The handler's stack">
      <h4>{ist === 0 ? 'Stack: the one that is interrupted, or RSP0 out of another ring' : `Stack: ${wanted}`}</h4>
      {stack === undefined ? (
        <p className="tables-muted">{tss === null ? 'No TSS is loaded.' : `The TSS names no ${wanted}.`}</p>
      ) : (
        <ol className="tss-stacks">
          <Stack stack={stack} next={null} />
        </ol>
      )}
    </section>
  );
}

interface Row {
  readonly title: string;
  readonly bytes: string;
  /** In the table. */
  readonly offset: number;
  readonly fields: readonly BitField[];
  readonly questions: readonly { readonly title: string; readonly question: WhatIfQuestion }[];
}

/** Registers that are asked about; DS stands for ES, FS and GS. */
const LOADED = ['ss', 'ds', 'cs', 'tr', 'ldtr'] as const;

function rowOf(view: TablesView, { table, index }: Chosen): Row | null {
  if (table === 'idt') {
    const gate = view.idt.gates[index];
    if (gate === undefined) return null;
    const deliver = (source: 'exception' | 'software' | 'external', title: string) => ({
      title,
      question: { kind: 'deliver' as const, vector: index, source },
    });
    return {
      title: `Gate ${index}${gate.name === '' ? '' : `, ${gate.name}`}`,
      bytes: gate.bytes,
      offset: index * (gate.bytes.length / 2),
      fields: GATE_FIELDS,
      questions: [
        ...(index < 32
          ? [deliver('exception', 'the exception is raised')]
          : [deliver('external', 'the interrupt arrives')]),
        deliver('software', `INT ${index} is executed`),
      ],
    };
  }
  const it = view[table]?.descriptors.find((each) => each.index === index);
  if (it === undefined) return null;
  // TR and LDTR may not name the LDT, which is worth asking too.
  const first = it.kind === 'tss' ? ['tr'] : it.kind === 'ldt' ? ['ldtr'] : it.type.startsWith('code') ? ['cs'] : [];
  const registers = [...new Set([...first, ...LOADED])] as (typeof LOADED)[number][];
  const selector = Number(it.selector);
  return {
    title: `${table === 'ldt' ? 'LDT descriptor' : 'Descriptor'} ${it.selector}, ${it.type}`,
    bytes: it.bytes,
    offset: index * 8,
    fields: it.kind === 'call-gate' || it.kind === 'gate' ? GATE_FIELDS : DESCRIPTOR_FIELDS,
    questions: registers.map((register) => ({
      title: `${register.toUpperCase()} is loaded with ${it.selector}`,
      question: { kind: 'load' as const, register, selector },
    })),
  };
}

function Fields({
  fields,
  bytes,
  original,
  onChange,
}: {
  readonly fields: readonly BitField[];
  readonly bytes: string;
  readonly original: string;
  readonly onChange: (bytes: string) => void;
}) {
  return (
    <fieldset className="what-if-fields" aria-label="Fields">
      {fields.map((field) => {
        const value = fieldOfBytes(bytes, field);
        const changed = value !== fieldOfBytes(original, field);
        const set = (next: bigint) => onChange(withField(bytes, field, next));
        return field.width === 1 ? (
          <button
            key={field.name}
            type="button"
            className="what-if-bit"
            aria-pressed={value === 1n}
            data-changed={changed}
            title={`Bit ${field.low}: ${field.meaning}`}
            onClick={() => set(1n - value)}
          >
            {field.name} <b>{value.toString()}</b>
          </button>
        ) : (
          <span
            key={field.name}
            className="what-if-bit"
            data-changed={changed}
            title={`Bits ${field.low + field.width - 1}:${field.low}: ${field.meaning}`}
          >
            {field.name}{' '}
            {field.width > 4 ? (
              <HexInput value={value} digits={field.width / 4} label={field.name} onChange={set} />
            ) : (
              <select
                value={value.toString()}
                aria-label={field.name}
                onChange={(event) => set(BigInt(event.target.value))}
              >
                {Array.from({ length: 1 << field.width }, (_, n) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: the number is the value
                  <option key={n} value={n}>
                    {n}
                  </option>
                ))}
              </select>
            )}
          </span>
        );
      })}
    </fieldset>
  );
}

function HexInput({
  value,
  digits,
  label,
  onChange,
}: {
  value: bigint;
  digits: number;
  label: string;
  onChange: (value: bigint) => void;
}) {
  return (
    <input
      value={value.toString(16).padStart(digits, '0')}
      size={digits}
      aria-label={label}
      spellCheck={false}
      onChange={(event) => {
        const text = event.target.value.replace(/[^0-9a-f]/gi, '').slice(-digits);
        onChange(text === '' ? 0n : BigInt(`0x${text}`));
      }}
    />
  );
}

/** The bytes themselves, in the order of memory. They count as soon as there are enough. */
function Raw({ bytes, size, onChange }: { bytes: string; size: number; onChange: (bytes: string) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const digits = (typed ?? '').replace(/\s/g, '').toLowerCase();
  const wrong = typed !== null && (digits.length !== size || /[^0-9a-f]/.test(digits));
  return (
    <label className="what-if-raw">
      <span>Bytes</span>
      <input
        className="field"
        spellCheck={false}
        aria-invalid={wrong}
        value={typed ?? spaced(bytes)}
        onChange={(event) => {
          setTyped(event.target.value);
          const next = event.target.value.replace(/\s/g, '').toLowerCase();
          if (next.length === size && !/[^0-9a-f]/.test(next)) onChange(next);
        }}
        onBlur={() => setTyped(null)}
      />
    </label>
  );
}

/** Asks anew whenever the question or the copy changes; null while nothing has come. */
function useAnswer(
  inspected: Inspected,
  processor: number,
  question: WhatIfQuestion | null,
  edits: readonly TableEdit[],
): WhatIfView | string | null {
  const [answer, setAnswer] = useState<WhatIfView | string | null>(null);
  const key = JSON.stringify({ question, edits, processor, source: inspected.key });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for all that is asked
  useEffect(() => {
    if (question === null) return;
    let current = true;
    studio.inspect
      .whatIf({ ...inspected.ref, processor, question, edits: [...edits] })
      .then((it) => current && setAnswer(it.ok ? it.value : `${it.error.what} ${it.error.why}`))
      .catch((thrown: unknown) => current && setAnswer(String(thrown)));
    return () => {
      current = false;
    };
  }, [key]);
  return answer;
}

function Answer({
  answer,
  changed,
  tss,
  onOpen,
}: {
  answer: WhatIfView;
  changed: boolean;
  tss: TablesView['tss'];
  onOpen: (address: string) => void;
}) {
  const { before, after, findings } = answer;
  return (
    <div className="what-if-answer" aria-live="polite">
      {changed ? <p className="tables-muted">As it is: {before.outcome}</p> : null}
      <Outcome prediction={after} onOpen={onOpen} />
      {findings.length === 0 ? null : (
        <ul className="what-if-findings">
          {findings.map((it) => (
            <Finding key={`${it.rule}${it.evidence}`} finding={it} cores={1} />
          ))}
        </ul>
      )}
      {after.handler === null ? null : <StackOf tss={tss} ist={after.handler.ist} />}
      {after.attempts.map(({ event, checks }, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: attempts follow each other
        <section key={n}>
          <h4>{event}</h4>
          <ol>
            {checks.map(({ what, passed, section, emulator }) => (
              <li key={what} data-passed={passed}>
                <Icon name={passed ? 'check' : 'error'} />
                <span className="visually-hidden">{passed ? 'passes' : 'fails'}</span>
                <span>
                  {what}
                  {passed ? '' : ` (${section})`}
                  {emulator === '' ? '' : `. ${emulator}.`}
                </span>
              </li>
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

function Outcome({ prediction, onOpen }: { prediction: PredictionView; onOpen: (address: string) => void }) {
  const { kind, outcome, handler, attempts } = prediction;
  // A handler that runs because another could not.
  const astray = kind === 'handler' && attempts.length > 1;
  return (
    <p className="what-if-outcome" data-kind={astray ? 'astray' : kind}>
      <Icon name={astray ? 'warning' : kind === 'handler' || kind === 'loaded' ? 'pass' : 'error'} />
      <span>{outcome}</span>
      {handler === null ? null : (
        <button type="button" onClick={() => onOpen(handler.rip)}>
          source
        </button>
      )}
    </p>
  );
}
