import { type FunctionComponent, memo, useCallback, useState } from 'react';
import type { TableFinding, TablesView } from '../../../app/contract/inspect/tables.ts';
import { InspectFrame } from '../../inspect/InspectFrame.tsx';
import { useLive } from '../../inspect/use-live.ts';
import { type Inspected, useInspected } from '../../state/inspected.ts';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import { moveFocus } from '../../widgets/roving.ts';
import { showPane } from '../../workbench/dock.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import { Descriptors } from './Descriptors.tsx';
import { Findings } from './Findings.tsx';
import { Idt } from './Idt.tsx';
import { Tss } from './Tss.tsx';
import { WhatIf } from './WhatIf.tsx';
import './tables.css';
import './what-if.css';
import './tss.css';

export type Part = 'gdt' | 'ldt' | 'idt' | 'tss';
/** What is taken apart at the right. */
export type Chosen = { readonly table: 'gdt' | 'ldt' | 'idt'; readonly index: number };

const TITLES: Readonly<Record<Part, string>> = { gdt: 'GDT', ldt: 'LDT', idt: 'IDT', tss: 'TSS' };
const PARTS = Object.keys(TITLES) as Part[];
/** Registers whose findings are about what they name in the GDT. */
const SEGMENTS = new Set(['cs', 'ss', 'ds', 'es', 'fs', 'gs', 'tr', 'ldt']);

/** Descriptor tables of one processor: decoded, checked, and taken apart. */
export function TablesPane({ isVisible }: PaneProps) {
  const inspected = useInspected();
  const [processor, setProcessor] = useState(0);
  const [part, setPart] = useState<Part>('idt');
  const [filter, setFilter] = useState('');
  const live = useLive(inspected, isVisible, { of: 'tables', processor });
  const onPart = useCallback((next: Part) => {
    setFilter('');
    setPart(next);
  }, []);
  const count = live.reading.kind === 'read' ? live.reading.value.processors : 1;
  const tools = (
    <>
      {count < 2 ? null : (
        <select
          className="field"
          aria-label="Processor"
          value={processor}
          onChange={(event) => setProcessor(Number(event.target.value))}
        >
          {Array.from({ length: count }, (_, n) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the number is the processor
            <option key={n} value={n}>
              processor {n}
            </option>
          ))}
        </select>
      )}
      <div
        className="tables-tabs"
        role="tablist"
        aria-label="Table"
        onKeyDown={(event) => moveFocus(event, 'horizontal')}
      >
        {PARTS.map((it) => (
          <button
            key={it}
            type="button"
            role="tab"
            aria-selected={it === part}
            data-autofocus={it === part ? '' : undefined}
            tabIndex={it === part ? 0 : -1}
            onClick={() => setPart(it)}
          >
            {TITLES[it]}
          </button>
        ))}
      </div>
      <input
        className="field tables-filter"
        type="search"
        aria-label="Filter"
        placeholder="Filter"
        spellCheck={false}
        value={filter}
        onChange={(event) => setFilter(event.target.value)}
      />
    </>
  );
  return (
    <InspectFrame icon="table" label="descriptor tables" inspected={inspected} live={live} tools={tools}>
      {(view, before) =>
        inspected === null ? null : (
          <Tables {...{ view, before, part, inspected, onPart }} filter={filter.trim().toLowerCase()} />
        )
      }
    </InspectFrame>
  );
}

interface BodyProps {
  readonly view: TablesView;
  readonly before: TablesView | null;
  readonly filter: string;
  readonly chosen: Chosen | null;
  readonly marks: ReadonlyMap<number, TableFinding>;
  readonly inspected: Inspected;
  readonly onChoose: (chosen: Chosen) => void;
}

/** What each tab shows. */
const BODIES: Readonly<Record<Part, FunctionComponent<BodyProps>>> = {
  gdt: ({ view, before, ...rest }) => (
    <Descriptors name="gdt" table={view.gdt} before={before?.gdt ?? null} {...rest} />
  ),
  ldt: ({ view, before, ...rest }) =>
    view.ldt === null ? (
      <EmptyState icon="table" title="LDTR is null: no LDT is in use" />
    ) : (
      <Descriptors name="ldt" table={view.ldt} before={before?.ldt ?? null} {...rest} />
    ),
  idt: ({ view, before, ...rest }) => <Idt idt={view.idt} before={before?.idt ?? null} long={view.long} {...rest} />,
  tss: ({ view, filter }) => <Tss tss={view.tss} long={view.long} filter={filter} />,
};

const Tables = memo(function Tables({
  view,
  before,
  part,
  inspected,
  filter,
  onPart,
}: {
  readonly view: TablesView;
  readonly before: TablesView | null;
  readonly part: Part;
  readonly inspected: Inspected;
  readonly filter: string;
  readonly onPart: (part: Part) => void;
}) {
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const go = ({ subject }: TableFinding) => {
    if (subject.kind === 'descriptor' || subject.kind === 'ldt-descriptor') {
      const table = subject.kind === 'descriptor' ? 'gdt' : 'ldt';
      onPart(table);
      setChosen({ table, index: subject.index });
    } else if (subject.kind === 'gate') {
      onPart('idt');
      setChosen({ table: 'idt', index: subject.vector });
    } else if (subject.kind === 'ist' || subject.kind === 'tss') onPart('tss');
    else if (subject.kind === 'gdt' || subject.kind === 'ldt' || subject.kind === 'idt') onPart(subject.kind);
    else if (subject.kind === 'register' && SEGMENTS.has(subject.name)) onPart('gdt');
    // Control registers, and where it was interrupted, are in a view of their own.
    else showPane('cpu');
  };
  const marks = marksOf(view.findings, part);
  const Body = BODIES[part];
  return (
    <div className="tables">
      <Findings findings={view.findings} cores={view.processors} onGo={go} />
      {view.torn ? (
        <p className="inspect-note inspect-stale" role="status">
          <Icon name="warning" /> The guest wrote to its tables at every look: this may be a mixture.
        </p>
      ) : null}
      <div className="tables-split">
        <div className="tables-main">
          <Body {...{ view, before, filter, chosen, marks, inspected }} onChoose={setChosen} />
        </div>
        {chosen === null || chosen.table !== part ? null : (
          <WhatIf
            key={`${chosen.table}${chosen.index}`}
            {...{ view, chosen, inspected }}
            onClose={() => setChosen(null)}
          />
        )}
      </div>
    </div>
  );
});

/** The worst finding of each row of a table, by its number. */
function marksOf(findings: readonly TableFinding[], part: Part): ReadonlyMap<number, TableFinding> {
  const marks = new Map<number, TableFinding>();
  for (const it of findings) {
    const { subject } = it;
    const row =
      (part === 'gdt' && subject.kind === 'descriptor') || (part === 'ldt' && subject.kind === 'ldt-descriptor')
        ? subject.index
        : part === 'idt' && subject.kind === 'gate'
          ? subject.vector
          : null;
    if (row !== null && !marks.has(row)) marks.set(row, it);
  }
  return marks;
}
