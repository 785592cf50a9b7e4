/**
 * The way of an interrupt: who raises it, through which pin or message, to which local APIC, gate and handler, and whether anybody
 * says that it was dealt with. Intel SDM Vol. 3A §11.8 (local APIC), §11.11 (messages), §6.10–6.14 (delivery); 82093AA (IOAPIC).
 */
import { formatAddress } from '../base/address.ts';
import type { Hop, IoApicView, IrqRoute, IrqView, LocalApicView } from '../contract/inspect/irq.ts';
import { messageOf } from '../pci/msix.ts';
import {
  gateHops,
  hop,
  type IoApicState,
  type IrqFunction,
  type IrqProcessor,
  type IrqSources,
  interruptsOn,
  LINES,
  processorHop,
  type RouteBase,
  route,
} from './irq-hops.ts';
import { picRoutes } from './irq-pic.ts';
import type { CodeMap } from './machine-state.ts';

export type { IoApicState, IrqFunction, IrqProcessor, IrqSources } from './irq-hops.ts';

const LVT_TITLES: Readonly<Record<string, string>> = {
  ...{
    LVTT: 'timer',
    LVT0: 'LINT0',
    LVT1: 'LINT1',
    LVTPC: 'performance counters',
    LVTERR: 'errors',
    LVTTHMR: 'thermal sensor',
  },
};
const MODES = ['fixed', 'lowest priority', 'SMI', 'reserved', 'NMI', 'INIT', 'reserved', 'ExtINT'];

export function irqView(sources: IrqSources): IrqView {
  const all = [
    ...sources.ioapics.flatMap((it, n) => it.pins.map((pin) => pinRoute(sources, it, n, pin))),
    ...sources.functions.flatMap((it) => functionRoutes(sources, it)),
    ...sources.processors.flatMap((it) => localRoutes(sources, it)),
    ...picRoutes(sources),
  ];
  const routes = all.filter((it) => it !== undefined);
  const order = { broken: 0, waiting: 1, ok: 2, unknown: 3, off: 4 };
  const places = (wanted: IrqFunction['known']) =>
    sources.functions.filter(({ known }) => known === wanted).map(({ place }) => place);
  const [unread, tables] = [places('nothing'), places('table')];
  return {
    lapics: sources.processors.flatMap(lapicView),
    ioapics: sources.ioapics.map(ioapicView),
    routes: routes.sort((a, b) => order[a.verdict] - order[b.verdict]),
    silent: all.length - routes.length,
    unknown: [
      ...(sources.ioapics.some(({ firstInterrupt }) => firstInterrupt === null)
        ? [
            `Which of the ${sources.ioapics.length} IOAPICs is which: QEMU prints their pins without their addresses, and its object tree does not tell their order`,
          ]
        : []),
      ...(unread.length === 0 ? [] : [`MSI and MSI-X of ${unread.join(', ')}: configuration space could not be read`]),
      ...(tables.length === 0
        ? []
        : [
            `Whether MSI-X of ${tables.join(', ')} is switched on: its table could be read, configuration space could not, which this machine shows through ports only. Pause it: then they are read`,
          ]),
    ],
  };
}

function lapicView({ tables, halted, lapic }: IrqProcessor): LocalApicView[] {
  if (lapic === undefined) return [];
  return [
    {
      processor: tables.processor.index,
      enabled: (lapic.spurious & 0x100) !== 0,
      interruptsOn: interruptsOn(tables),
      halted,
      tpr: formatAddress(BigInt(lapic.tpr)),
      ppr: formatAddress(BigInt(lapic.ppr)),
      spurious: lapic.spurious & 0xff,
      requested: [...lapic.requested],
      inService: [...lapic.inService],
    },
  ];
}

function ioapicView({ address, firstInterrupt, from, pins }: IoApicState, index: number): IoApicView {
  return { index, address: address === null ? null : formatAddress(address), firstInterrupt, from, pins: pins.length };
}

/** A masked pin that nobody has set up and nothing waits at is silent. */
function pinRoute(
  sources: IrqSources,
  { firstInterrupt, counts }: IoApicState,
  index: number,
  { pin, raw, pending }: IoApicState['pins'][number],
): IrqRoute | undefined {
  const masked = (raw & 0x1_0000n) !== 0n;
  const raised = counts.get(pin) ?? null;
  const vector = Number(raw & 0xffn);
  if (masked && vector === 0 && !pending) return undefined;
  const gsi = firstInterrupt === null ? null : firstInterrupt + pin;
  const several = sources.ioapics.length > 1;
  const which = several ? `IOAPIC ${index}` : 'IOAPIC';
  const wire = several && gsi !== null ? ` (GSI ${gsi})` : '';
  const device = gsi === null ? 'not known' : (sources.lines.get(gsi) ?? LINES[gsi] ?? 'PCI or other');
  const evidence = `redirection entry ${pin} = 0x${raw.toString(16).padStart(16, '0')}${pending ? ', IRR set' : ''}`;
  const mode = Number((raw >> 8n) & 7n);
  const logical = (raw & 0x800n) !== 0n;
  const level = (raw & 0x8000n) !== 0n;
  const remote = level && (raw & 0x4000n) !== 0n;
  const targets = targetsOf(sources, Number(raw >> 56n), logical);
  const source = hop(
    'source',
    pending ? 'waiting' : 'ok',
    `pin ${pin} of ${several ? which : 'the IOAPIC'}${wire}${raised === null ? '' : `, raised ${raised} times`}`,
    pending ? 'IRR' : '',
  );
  const words = `${MODES[mode] ?? ''}, ${level ? 'level' : 'edge'}, ${logical ? 'logical' : 'physical'} destination 0x${Number(raw >> 56n).toString(16)}`;
  const message = masked
    ? hop('message', pending ? 'broken' : 'off', pending ? 'masked while it is raised' : 'masked', evidence)
    : remote
      ? hop('message', 'waiting', `${words}: accepted, no EOI yet (remote IRR)`, evidence)
      : hop('message', 'ok', words, evidence);
  const base = {
    id: `ioapic${several ? index : ''} ${pin}`,
    title: `${which} pin ${pin}${wire}`,
    pin: { ioapic: index, pin, gsi },
    ...{ device, raised },
  };
  return masked || mode === 4 || mode === 2 || mode === 5
    ? route(base, null, [], [source, message])
    : finish(sources, base, vector, targets, [source, message]);
}

function functionRoutes(sources: IrqSources, it: IrqFunction): (IrqRoute | undefined)[] {
  const { place, title, msix, messages, line, known } = it;
  if (known === 'nothing' || (msix === undefined && messages.length === 0 && line === null)) return [undefined];
  const onlyTable = known === 'table';
  if (!onlyTable && messages.length === 0 && msix?.enabled !== true) {
    if (line === null) return [undefined];
    const how = msix === undefined ? 'it has no MSI-X' : 'MSI-X is off';
    const text = it.pinDisabled
      ? `${how}, and its pin is off by the command register: the driver polls`
      : `${how}; its pin goes to line ${line} of the PIC`;
    return [
      route(
        { id: `pci ${place}`, title: `${place} pin`, device: title, raised: null },
        null,
        [],
        [hop('source', 'off', text)],
      ),
    ];
  }
  return messages.map((message) => {
    const plain = msix?.enabled !== true && !onlyTable;
    const name = plain ? 'MSI' : `MSI-X ${message.entry}`;
    const evidence = `address ${formatAddress(message.address)}, data 0x${message.data.toString(16)}${message.masked ? ', masked' : ''}${message.pending ? `, pending bit ${message.entry} is set` : ''}`;
    if (message.address === 0n) return undefined;
    const base = {
      id: `${plain ? 'msi' : 'msi-x'} ${place} ${message.entry}`,
      title: `${place} ${name}`,
      device: title,
      raised: null,
    };
    const held = message.pending && (message.masked || msix?.masked === true);
    const source = hop(
      'source',
      held ? 'waiting' : msix?.masked === true ? 'off' : onlyTable ? 'unknown' : 'ok',
      held
        ? `${place} has raised it, and its message waits`
        : msix?.masked === true
          ? 'all of MSI-X is masked (function mask)'
          : `${name} of ${place}${onlyTable ? ', if MSI-X is on' : ''}`,
    );
    // §11.11.1: the address names the destination, bit 2 says how it is meant.
    const meant = messageOf(message);
    if (meant === undefined)
      return route(
        base,
        null,
        [],
        [source, hop('message', 'broken', 'the message goes to no local APIC: its address is not 0xfee…', evidence)],
      );
    if (held)
      return route(
        base,
        meant.vector,
        [],
        [
          source,
          hop(
            'message',
            'broken',
            `${message.masked ? 'the entry is' : 'all of MSI-X is'} masked while a message waits`,
            evidence,
          ),
        ],
      );
    if (message.masked)
      return route(base, meant.vector, [], [source, hop('message', 'off', 'the entry is masked', evidence)]);
    const targets = targetsOf(sources, meant.destination, (message.address & 4n) !== 0n);
    const mode = MODES[(message.data >> 8) & 7] ?? '';
    const words = `${mode}, ${(message.address & 4n) !== 0n ? 'logical' : 'physical'} destination 0x${meant.destination.toString(16)}`;
    return finish(sources, base, meant.vector, targets, [source, hop('message', 'ok', words, evidence)]);
  });
}

/** Local sources of one APIC: its timer and the like. */
function localRoutes(sources: IrqSources, { tables, lapic }: IrqProcessor): (IrqRoute | undefined)[] {
  const index = tables.processor.index;
  return (lapic?.lvt ?? []).map(({ name, raw }) => {
    const masked = (raw & 0x1_0000) !== 0;
    const vector = raw & 0xff;
    const mode = (raw >> 8) & 7;
    // Masked, or wired to NMI and the PIC: nothing comes to a gate of its own.
    if (masked || mode !== 0) return undefined;
    const base = {
      id: `lvt ${index} ${name}`,
      title: `Processor ${index} ${name}`,
      device: `local APIC ${LVT_TITLES[name] ?? ''}`.trim(),
      raised: null,
    };
    return finish(
      sources,
      base,
      vector,
      [index],
      [hop('source', 'ok', `${LVT_TITLES[name] ?? name} of the local APIC`, `${name} = 0x${raw.toString(16)}`)],
    );
  });
}

/** Processors that a destination means. A logical one is compared with LDR (flat model); QEMU numbers APICs as processors. */
function targetsOf({ processors }: IrqSources, destination: number, logical: boolean): number[] {
  return processors
    .filter(({ tables, lapic }) => {
      if (lapic === undefined) return false;
      if (!logical) return destination === 0xff || tables.processor.index === destination;
      // Flat: a bit for each; cluster: four bits of cluster, four of members.
      if (lapic.dfr === 0xf) return (lapic.ldr & destination) !== 0;
      return lapic.ldr >> 4 === destination >> 4 && (lapic.ldr & destination & 0xf) !== 0;
    })
    .map(({ tables }) => tables.processor.index);
}

/** From the local APIC on: of several processors that are meant, the first that would take it. */
function finish(sources: IrqSources, base: RouteBase, vector: number, targets: number[], before: Hop[]): IrqRoute {
  const ways = targets.flatMap((index) => {
    const processor = sources.processors.find(({ tables }) => tables.processor.index === index);
    return processor === undefined ? [] : [arrival(processor, vector, sources.code)];
  });
  const best = ways.find((hops) => hops.every(({ state }) => state !== 'broken')) ?? ways[0];
  const hops = best ?? [hop('lapic', 'broken', 'no processor has this destination', '')];
  return route(base, vector, targets, [...before, ...hops]);
}

function arrival({ tables, halted, lapic }: IrqProcessor, vector: number, code: CodeMap | null): Hop[] {
  if (lapic === undefined) return [hop('lapic', 'unknown', 'QEMU does not show this local APIC')];
  const { processor } = tables;
  const index = processor.index;
  const state = `processor ${index}: SPIV 0x${lapic.spurious.toString(16)}, TPR 0x${lapic.tpr.toString(16)}`;
  const requested = lapic.requested.includes(vector);
  const served = lapic.inService.includes(vector);
  const higher = lapic.inService.filter((it) => it >> 4 >= vector >> 4 && it !== vector);
  const first =
    vector < 16
      ? hop('lapic', 'broken', `vector ${vector} is not allowed: 0 to 15 are refused by the local APIC`, state)
      : (lapic.spurious & 0x100) === 0
        ? hop('lapic', 'broken', `the local APIC of processor ${index} is switched off`, state)
        : vector >> 4 <= lapic.tpr >> 4
          ? hop(
              'lapic',
              'broken',
              `the task priority holds it back: class ${vector >> 4} is not above TPR's ${lapic.tpr >> 4}`,
              state,
            )
          : requested
            ? hop(
                'lapic',
                'waiting',
                `requested (IRR)${higher.length === 0 ? '' : `, behind vector ${higher.join(', ')} in service`}`,
                state,
              )
            : hop('lapic', 'ok', `processor ${index}`, state);
  const stuck = served && halted && interruptsOn(tables);
  const eoi = stuck
    ? hop(
        'eoi',
        'broken',
        'in service although the processor waits with interrupts on: the handler returned without EOI',
        `ISR has ${vector}`,
      )
    : served
      ? hop('eoi', 'waiting', 'in service: the handler runs and has not said EOI', `ISR has ${vector}`)
      : hop(
          'eoi',
          'ok',
          'not in service',
          `ISR ${lapic.inService.length === 0 ? 'is empty' : `has ${lapic.inService.join(', ')}`}`,
        );
  return [first, processorHop(tables, halted, served), ...gateHops(tables, vector, code), eoi];
}
