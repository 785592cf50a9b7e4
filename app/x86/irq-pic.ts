/** Ways through the two 8259A controllers of a PC, as kernels use them that have not switched to the IOAPIC: 8259A; Intel SDM Vol. 3A §11.5.1 (LINT0). */
import type { Hop, IrqRoute } from '../contract/inspect/irq.ts';
import {
  gateHops,
  hop,
  type IrqProcessor,
  type IrqSources,
  interruptsOn,
  LINES,
  processorHop,
  route,
} from './irq-hops.ts';

type Pic = IrqSources['pics'][number];

/** The line of the first controller at which the second one hangs. */
const CASCADE = 2;
const isOpen = ({ imr }: Pic, line: number) => ((imr >> line) & 1) === 0;

/** Lines that are open. Before they are moved, they come as exceptions. */
export function picRoutes(sources: IrqSources): IrqRoute[] {
  const { pics } = sources;
  const first = pics.find(({ name }) => name === 'pic0');
  const second = pics.find(({ name }) => name === 'pic1');
  return pics.flatMap((pic) =>
    Array.from({ length: 8 }, (_, line) => line)
      .filter((line) => isOpen(pic, line) && !(pic === first && line === CASCADE && second !== undefined))
      .map((line) => lineRoute(sources, pic, line, pic === second ? first : undefined)),
  );
}

/** @param through the first controller, for a line of the second */
function lineRoute(sources: IrqSources, pic: Pic, line: number, through: Pic | undefined): IrqRoute {
  const vector = pic.base + line;
  const number = through === undefined ? line : line + 8;
  const waits = ((pic.irr >> line) & 1) === 1;
  const source = hop(
    'source',
    waits ? 'waiting' : 'ok',
    `line ${number} of the PIC is open${waits ? ', and raised' : ''}`,
    stateText(pic),
  );
  const [processor] = sources.processors;
  const onward = processor === undefined ? [] : arrival(processor, vector, sources, pic, line, through);
  return route(
    {
      id: `${pic.name} ${line}`,
      title: `PIC line ${number}`,
      device: LINES[number] ?? pinsAt(sources, number),
      raised: null,
    },
    vector,
    processor === undefined ? [] : [processor.tables.processor.index],
    [source, messageHop(pic, line, waits, through), ...onward],
  );
}

/** PCI functions whose pins firmware has led to this line, unless they interrupt by message. */
function pinsAt({ functions }: IrqSources, number: number): string {
  const here = functions.filter((it) => it.line === number && !it.pinDisabled && it.msix?.enabled !== true);
  return here.length === 0 ? 'PCI or other' : here.map(({ title }) => title).join('; ');
}

function messageHop(pic: Pic, line: number, waits: boolean, through: Pic | undefined): Hop {
  const vector = pic.base + line;
  if (vector < 32)
    return hop(
      'message',
      'broken',
      `comes as vector ${vector}, which is an exception: the PIC has not been moved`,
      stateText(pic),
    );
  if (through !== undefined && !isOpen(through, CASCADE))
    return hop(
      'message',
      waits ? 'broken' : 'off',
      'line 2 of the first PIC, through which the second one speaks, is masked',
      stateText(through),
    );
  // Fully nested: a line that is in service holds back itself and those of higher number.
  const busy = Array.from({ length: line + 1 }, (_, n) => n).find((n) => ((pic.isr >> n) & 1) === 1);
  return waits && busy !== undefined
    ? hop(
        'message',
        'waiting',
        `vector ${vector}, behind line ${busy} of this PIC, which is in service`,
        stateText(pic),
      )
    : hop('message', 'ok', `vector ${vector}`, stateText(pic));
}

function arrival(
  { tables, halted, lapic }: IrqProcessor,
  vector: number,
  { code }: IrqSources,
  pic: Pic,
  line: number,
  through: Pic | undefined,
): Hop[] {
  const served = ((pic.isr >> line) & 1) === 1;
  return [
    lint0(lapic),
    processorHop(tables, halted, served),
    ...gateHops(tables, vector, code),
    eoi(pic, line, through, halted && interruptsOn(tables)),
  ];
}

/** The controllers' common output goes to the first processor's LINT0, or straight to its pin where there is no local APIC. */
function lint0(lapic: IrqProcessor['lapic']): Hop {
  const raw = lapic?.lvt.find(({ name }) => name === 'LVT0')?.raw;
  if (raw === undefined) return hop('lapic', 'ok', 'there is no local APIC between');
  const evidence = `LVT0 = 0x${raw.toString(16)}`;
  if ((raw & 0x1_0000) !== 0)
    return hop('lapic', 'off', 'LINT0 is masked: nothing of the PIC comes to the processor', evidence);
  return ((raw >> 8) & 7) === 7
    ? hop('lapic', 'ok', 'LINT0 lets the PIC through (ExtINT)', evidence)
    : hop('lapic', 'broken', 'LINT0 is not set to ExtINT: the vector is not asked of the PIC', evidence);
}

/** @param rests whether the processor waits with interrupts on: no handler runs then */
function eoi(pic: Pic, line: number, through: Pic | undefined, rests: boolean): Hop {
  const [served, cascaded] = [((pic.isr >> line) & 1) === 1, ((through?.isr ?? 0) >> CASCADE) & 1];
  const ports = through === undefined ? '0x20 to port 0x20' : '0x20 to ports 0xa0 and 0x20';
  if (served)
    return rests
      ? hop(
          'eoi',
          'broken',
          `in service although the processor waits with interrupts on: the handler returned without EOI (${ports})`,
          stateText(pic),
        )
      : hop('eoi', 'waiting', 'in service: the handler runs and has not said EOI', stateText(pic));
  if (through !== undefined && cascaded === 1 && pic.isr === 0 && rests)
    return hop(
      'eoi',
      'broken',
      `line 2 of the first PIC is still in service: EOI goes to both (${ports})`,
      stateText(through),
    );
  return hop('eoi', 'ok', 'not in service', stateText(pic));
}

const two = (byte: number) => byte.toString(16).padStart(2, '0');

function stateText({ name, irr, imr, isr, base }: Pic): string {
  return `${name}: irr=${two(irr)} imr=${two(imr)} isr=${two(isr)} irq_base=${two(base)}`;
}
