import type { GateView, TableFinding, TablesView } from '../../../app/contract/inspect/tables.ts';
import { studio } from '../../host/client.ts';
import type { Inspected } from '../../state/inspected.ts';
import { notify } from '../../state/notifications.ts';
import { openableOf, placeText } from '../../state/places.ts';
import { openFile } from '../../workbench/open.ts';
import { quickPick } from '../../workbench/quick-input.ts';
import { RowTable } from './RowTable.tsx';
import type { Chosen } from './TablesPane.tsx';

/** Every gate of the IDT with its handler. Runs of empty gates are one row. */
export function Idt({
  idt,
  before,
  long,
  filter,
  chosen,
  marks,
  inspected,
  onChoose,
}: {
  readonly idt: TablesView['idt'];
  readonly before: TablesView['idt'] | null;
  readonly long: boolean;
  readonly filter: string;
  readonly chosen: Chosen | null;
  readonly marks: ReadonlyMap<number, TableFinding>;
  readonly inspected: Inspected;
  readonly onChoose: (chosen: Chosen) => void;
}) {
  const rows = idt.gates.filter((it) =>
    filter === ''
      ? !it.empty
      : `${it.vector} 0x${it.vector.toString(16)} ${it.name} ${it.symbol ?? ''} ${it.offset} ist${it.ist} ${it.type}`
          .toLowerCase()
          .includes(filter),
  );
  const empty = idt.gates.filter((it) => it.empty).length;
  return (
    <>
      <p className="tables-base">
        IDTR <code>{idt.base}</code>, limit <code>{idt.limit}</code>, {idt.gates.length} gates
        {empty === 0 ? '' : `, ${empty} of them empty`}
        {idt.readableBytes === 0 ? <strong> not mapped</strong> : ''}
      </p>
      <RowTable
        name={{
          title: 'Vector',
          cell: (it) => (
            <>
              {it.vector} <span className="tables-muted">{it.vector.toString(16).padStart(2, '0')}</span>
            </>
          ),
        }}
        rows={rows.map((it) => ({ ...it, number: it.vector, isEmpty: !it.present }))}
        before={before === null ? null : new Map(before.gates.map(({ vector, bytes }) => [vector, bytes]))}
        chosen={chosen?.index ?? null}
        marks={marks}
        columns={[
          { title: 'Exception', cell: (it) => it.name },
          { title: 'Type', cell: (it) => (it.empty ? 'empty' : it.present ? it.type : `${it.type}, absent`) },
          { title: 'DPL', cell: (it) => it.dpl },
          ...(long ? [{ title: 'IST', cell: (it: GateView) => it.ist }] : []),
          { title: 'Selector', cell: (it) => it.selector.slice(2).padStart(4, '0') },
          {
            title: 'Handler',
            className: 'tables-handler',
            cell: (it) =>
              !it.present ? null : (
                <button
                  type="button"
                  title={`${it.offset}: show the handler's source`}
                  onClick={() => {
                    onChoose({ table: 'idt', index: it.vector });
                    void openHandler(inspected, it.offset);
                  }}
                >
                  {it.symbol ?? it.offset}
                </button>
              ),
          },
        ]}
        onChoose={(index) => onChoose({ table: 'idt', index })}
      />
      {rows.length === 0 ? (
        <p className="tables-none">{filter === '' ? 'Every gate is empty.' : 'No gate fits the filter.'}</p>
      ) : null}
    </>
  );
}

/** Opens a handler's source. A stub of the assembler has no lines: then what it calls is offered. */
export async function openHandler({ ref }: Inspected, address: string): Promise<void> {
  const answer = await studio.inspect.handler({ ...ref, address });
  if (!answer.ok) {
    notify({ severity: 'info', message: answer.error.what, detail: answer.error.why });
    return;
  }
  const places = answer.value.places.flatMap((place) => {
    const target = openableOf(place);
    return target === null ? [] : [{ place, target }];
  });
  const [first] = places;
  if (first === undefined) {
    const name = answer.value.places[0]?.symbol ?? address;
    notify({ severity: 'info', message: `The image does not say where ${name} is written`, detail: address });
    return;
  }
  const own = first.place.address === address;
  const one = own || places.length === 1 ? first : await choose(places);
  if (one !== undefined) openFile(one.target.path, { line: one.target.line, column: Math.max(1, one.target.column) });
}

async function choose<T extends { readonly place: Parameters<typeof placeText>[0] }>(
  places: readonly T[],
): Promise<T | undefined> {
  const choices = places.map((it) => ({
    label: it.place.symbol ?? it.place.address,
    detail: placeText(it.place),
    value: it,
  }));
  return quickPick('The stub calls these', choices);
}
