import { formatAddress } from '../base/address.ts';
import type {
  DescriptorView,
  GateView,
  PredictionView,
  StackView,
  TablesView,
  TssView,
} from '../contract/inspect/tables.ts';
import { type Descriptor, descriptorTypeName, gateTypeName, isStackTop, tableBytes } from './descriptors.ts';
import { exceptionName } from './exceptions.ts';
import { lint } from './lint/index.ts';
import type { CodeMap, MachineTables, ProcessorTables, SelectorName, TableState } from './machine-state.ts';
import { faultText, type Outcome, type Prediction } from './prediction.ts';
import { descriptorsOf, isNull, ldtOf, type SelectorTable, tableOf } from './selectors.ts';
import type { Delivery } from './what-if.ts';

const MAX_LISTED = 256;
const MAX_STACK_BYTES = 64 * 1024;
const PAGE = 4096n;

export function tablesView(machine: MachineTables, tables: ProcessorTables): Omit<TablesView, 'torn'> {
  const { processor, gates, gdtBytes, ldtBytes, idtBytes } = tables;
  const ldt = ldtOf(processor);
  return {
    processor: processor.index,
    processors: machine.processors.length,
    long: processor.long,
    gdt: descriptorTableView(tables, 'gdt', processor.gdt, gdtBytes),
    ldt:
      ldt === undefined
        ? null
        : {
            selector: formatAddress(BigInt(processor.segments.ldt.selector)),
            ...descriptorTableView(tables, 'ldt', ldt, ldtBytes),
          },
    idt: {
      base: formatAddress(processor.idt.base),
      limit: formatAddress(processor.idt.limit),
      readableBytes: idtBytes?.length ?? 0,
      gates: gates.map(
        (gate): GateView => ({
          vector: gate.vector,
          name: gate.vector < 32 ? exceptionName(gate.vector) : '',
          bytes: bytesHex(gate.raw),
          present: gate.present,
          empty: gate.empty,
          type: gateTypeName(gate.type, processor.long),
          dpl: gate.dpl,
          ist: gate.ist,
          selector: formatAddress(BigInt(gate.selector)),
          offset: formatAddress(gate.offset),
          symbol: gate.present ? symbolText(gate.offset, machine.code) : null,
        }),
      ),
    },
    tss: tssView(tables, machine.code),
    findings: lint(machine).map((it) => ({ ...it, processors: [...it.processors] })),
  };
}

function descriptorTableView(
  tables: ProcessorTables,
  table: SelectorTable,
  { base, limit }: TableState,
  bytes: Uint8Array | null,
): TablesView['gdt'] {
  const listed = listedDescriptors(descriptorsOf(tables, table));
  return {
    base: formatAddress(base),
    limit: formatAddress(limit),
    readableBytes: bytes?.length ?? 0,
    descriptors: listed.map((it) => descriptorView(it, tables, table)),
    omitted: Math.floor(tableBytes(limit) / 8) - listed.length,
  };
}

/** Up to the last that is not null, and not more than anybody looks through: after a reset GDTR spans 64 KiB of whatever is there. */
function listedDescriptors(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  const last = descriptors.findLastIndex(({ kind }) => kind !== 'null');
  return descriptors.slice(0, Math.min(Math.max(last + 1, 1), MAX_LISTED));
}

function descriptorView(it: Descriptor, tables: ProcessorTables, table: SelectorTable): DescriptorView {
  const next = descriptorsOf(tables, table)[it.index + 1];
  const upper = next?.kind === 'upper' ? next.raw : null;
  const users = (Object.entries(tables.processor.segments) as [SelectorName, { selector: number }][])
    .filter(([, { selector }]) => !isNull(selector) && tableOf(selector) === table && selector >> 3 === it.index)
    .map(([name]) => (name === 'ldt' ? 'LDTR' : name.toUpperCase()));
  const has = 'base' in it;
  const flags =
    it.kind === 'segment'
      ? [
          it.long ? 'L' : '',
          it.big ? 'D' : '',
          it.granular ? 'G' : '',
          it.accessed ? 'A' : '',
          it.available ? 'AVL' : '',
        ]
      : it.kind === 'call-gate'
        ? [`→ ${formatAddress(BigInt(it.selector))}`]
        : [];
  return {
    index: it.index,
    selector: formatAddress(BigInt(it.index * 8 + (table === 'ldt' ? 4 : 0))),
    kind: it.kind,
    type: descriptorTypeName(it),
    bytes: rawHex(it.raw) + (upper === null ? '' : rawHex(upper)),
    present: it.present,
    dpl: it.dpl,
    base: has ? formatAddress(it.base) : it.kind === 'call-gate' ? formatAddress(it.offset) : null,
    limit: has ? formatAddress(it.limit) : null,
    flags: flags.filter((flag) => flag !== '').join(' '),
    users,
  };
}

function tssView(tables: ProcessorTables, code: CodeMap | null): TssView | null {
  const { tr } = tables.processor.segments;
  if (!tables.processor.long || isNull(tr.selector)) return null;
  const { tss } = tables;
  const address = (it: bigint | null) => (it === null ? null : formatAddress(it));
  const stacks = [
    ...(tss?.rsp.map((top, n) => ({ name: `RSP${n}`, top, ist: 0 })) ?? []),
    ...(tss?.ist.map((top, n) => ({ name: `IST${n + 1}`, top, ist: n + 1 })) ?? []),
  ];
  return {
    selector: formatAddress(BigInt(tr.selector)),
    base: formatAddress(tr.base),
    limit: formatAddress(tr.limit),
    rsp: tss?.rsp.map(address) ?? [null, null, null],
    ist: tss?.ist.map(address) ?? [null, null, null, null, null, null, null],
    ioMap: tss?.ioMap ?? null,
    stacks: stacks.flatMap(({ name, top, ist }): StackView[] => {
      const vectors =
        ist === 0 ? [] : tables.gates.filter((gate) => gate.present && gate.ist === ist).map(({ vector }) => vector);
      if (top === null || (top === 0n && vectors.length === 0)) return [];
      return [
        {
          name,
          top: formatAddress(top),
          symbol: isStackTop(top) ? stackSymbol(top, code) : null,
          ...extent(tables, top),
          vectors,
        },
      ];
    }),
  };
}

/** How far a stack is mapped below its top. */
function extent(tables: ProcessorTables, top: bigint): Pick<StackView, 'mappedBytes' | 'guarded'> {
  if (!isStackTop(top)) return { mappedBytes: 0, guarded: false };
  for (let at = top; top - at < MAX_STACK_BYTES && at > 0n; ) {
    const page = tables.translate(at - 1n);
    if (page.kind !== 'mapped' || !page.writable) return { mappedBytes: Number(top - at), guarded: true };
    at = ((at - 1n) / PAGE) * PAGE;
  }
  return { mappedBytes: MAX_STACK_BYTES, guarded: false };
}

/** Whose last byte is below the top. */
function stackSymbol(top: bigint, code: CodeMap | null): string | null {
  const place = code?.at(top - 1n);
  return place === undefined ? null : `${place.symbol}+0x${(top - place.start).toString(16)}`;
}

export function symbolText(address: bigint, code: CodeMap | null): string | null {
  const place = code?.at(address);
  if (place === undefined) return null;
  const offset = address - place.start;
  return offset === 0n ? place.symbol : `${place.symbol}+0x${offset.toString(16)}`;
}

function bytesHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** Eight bytes as they lie in memory. */
function rawHex(raw: bigint): string {
  return bytesHex(Uint8Array.from({ length: 8 }, (_, n) => Number((raw >> BigInt(8 * n)) & 0xffn)));
}

/** A prediction for people. */
export function predictionView(
  what: { readonly load: Prediction; readonly event: string } | Delivery,
  code: CodeMap | null,
): PredictionView {
  const attempts =
    'load' in what
      ? [{ event: what.event, prediction: what.load }]
      : what.attempts.map(({ interrupt, prediction }) => {
          const error = interrupt.errorCode === undefined ? '' : `, error code 0x${interrupt.errorCode.toString(16)}`;
          const name = interrupt.vector < 32 ? exceptionName(interrupt.vector) : `vector ${interrupt.vector}`;
          return { event: `${name}${error}`, prediction };
        });
  const outcome = 'load' in what ? what.load.outcome : what.outcome;
  return {
    attempts: attempts.map(({ event, prediction }) => ({
      event,
      checks: prediction.checks.map(({ what: text, passed, section, emulator = '' }) => ({
        what: text,
        passed,
        section,
        emulator,
      })),
      outcome: outcomeText(prediction.outcome, code),
    })),
    kind: outcome.kind,
    outcome: outcomeText(outcome, code),
    handler:
      outcome.kind === 'handler'
        ? {
            ...{
              vector: outcome.vector,
              rip: formatAddress(outcome.rip),
              rsp: formatAddress(outcome.rsp),
              ist: outcome.ist,
            },
            symbol: symbolText(outcome.rip, code),
          }
        : null,
  };
}

function outcomeText(outcome: Outcome, code: CodeMap | null): string {
  switch (outcome.kind) {
    case 'loaded':
      return outcome.text;
    case 'fault':
      return faultText(outcome.fault);
    case 'triple-fault':
      return 'triple fault: the processor shuts down, which resets the machine';
    case 'handler': {
      const stack = outcome.ist === 0 ? 'the stack in use' : `IST${outcome.ist}`;
      const name = symbolText(outcome.rip, code);
      const flag = outcome.interruptsOff ? 'interrupts off' : 'interrupts as before';
      return `${name ?? formatAddress(outcome.rip)} runs in ring ${outcome.cpl} on ${stack}, RSP ${formatAddress(outcome.rsp)}, ${flag}`;
    }
  }
}
