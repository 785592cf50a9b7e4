import type { Hop, IrqRoute, IrqView } from '../../../app/contract/index.ts';
import { giveUp, unwrap } from '../failure.ts';
import { type Paint, table } from '../terminal.ts';
import { defineSubject } from './subject.ts';
import { ranges } from './tables.ts';

export const irq = defineSubject({
  name: 'irq',
  summary: "an interrupt's way: source, IOAPIC or MSI, local APIC, gate, handler, EOI, with the broken hop marked",
  operands: '[VECTOR|DEVICE]',
  arity: [0, 1],
  description: `Without an operand: every way that is switched on, or where something waits. With a vector (number, 0x for hex) or a part of a
device's name: each station of its ways, with the registers that say so. The interrupt controllers are asked of QEMU; MSI-X tables
are read where the machine shows configuration space in memory (q35). A machine's id goes behind --machine here.`,
  options: {},
  examples: [
    ['ring0 inspect irq', 'which interrupts are on, and which cannot arrive'],
    ['ring0 inspect irq 0x40', 'the way of one vector'],
    ['ring0 inspect irq net0', 'how the network card interrupts'],
  ],
  async look({ host, terminal }, source, _values, [wanted]) {
    const all = unwrap(await host.inspect.irq(source));
    const routes = wanted === undefined ? all.routes : all.routes.filter((it) => isMeant(it, wanted));
    if (routes.length === 0 && wanted !== undefined) {
      const vector = VECTOR.test(wanted) ? Number(wanted) : null;
      if (vector !== null && vector > 255)
        giveUp('usage', `there is no vector ${wanted}`, '', 'vectors go from 0 to 255');
      giveUp(
        'no-route',
        vector === null ? `no device that interrupts is called "${wanted}"` : `nothing sends vector ${wanted}`,
        'no pin, message or local source that is switched on has it',
        vector === null
          ? 'ring0 inspect irq lists what is on; ring0 inspect virtio all virtio devices'
          : `ring0 inspect irq lists what is on; ring0 inspect idt --deliver ${vector} tells what would come of it`,
      );
    }
    const view: IrqView = { ...all, routes };
    return { value: view, text: () => irqText(view, wanted !== undefined, terminal.paint) };
  },
});

const VECTOR = /^(0x[0-9a-f]{1,4}|\d{1,5})$/i;

/** A number is a vector; anything else a part of a name. */
function isMeant({ vector, id, title, device }: IrqRoute, wanted: string): boolean {
  if (VECTOR.test(wanted)) return vector === Number(wanted);
  return `${id} ${title} ${device}`.toLowerCase().includes(wanted.toLowerCase());
}

const COLOURS = { ok: 'green', waiting: 'yellow', off: 'dim', broken: 'red', unknown: 'yellow' } as const;

function irqText(view: IrqView, long: boolean, paint: Paint): string {
  const lapics = view.lapics.map(
    (it) =>
      `processor ${it.processor}: local APIC ${it.enabled ? 'on' : paint('red', 'OFF')}, interrupts ${it.interruptsOn ? 'on' : 'off'}${it.halted ? ', halted' : ''}, TPR ${it.tpr}, IRR ${list(it.requested)}, ISR ${list(it.inService)}`,
  );
  const body = long
    ? view.routes.map((it) => routeText(it, paint)).join('\n\n')
    : table(
        ['WAY', 'DEVICE', 'VECTOR', 'CPU', 'RAISED', 'STATE', 'WHERE'],
        view.routes.map((it) => [
          it.title,
          it.device,
          it.vector === null ? '' : `0x${it.vector.toString(16)}`,
          ranges(it.processors),
          it.raised === null ? '' : String(it.raised),
          it.verdict === 'broken' ? 'BROKEN' : it.verdict,
          decisive(it)?.text ?? '',
        ]),
        [4],
        paint,
      );
  // One alone needs no introduction: its pins are the interrupts.
  const ioapics = view.ioapics.length < 2 ? [] : view.ioapics.map(ioapicText);
  return [...lapics, ...ioapics, '', body, ...view.unknown.map((it) => paint('dim', `not shown: ${it}`))].join('\n');
}

function ioapicText({ index, address, firstInterrupt, from, pins }: IrqView['ioapics'][number]): string {
  const where = address === null ? 'at an address that is not known' : `at ${address}`;
  const gsis = firstInterrupt === null ? '' : `, GSI ${firstInterrupt} to ${firstInterrupt + pins - 1}`;
  return `IOAPIC ${index}: ${where}, ${pins} pins${gsis}${from === 'order' ? ' (by the order of addresses: no MADT was found)' : ''}`;
}

/** The hop that a row is about: where it is broken, waits or is off, else the handler. */
function decisive({ hops, verdict }: IrqRoute): Hop | undefined {
  return (
    hops.find(({ state }) => state === verdict && state !== 'ok') ?? hops.find(({ station }) => station === 'handler')
  );
}

function routeText(it: IrqRoute, paint: Paint): string {
  const vector = it.vector === null ? '' : `, vector 0x${it.vector.toString(16)} (${it.vector})`;
  return [
    `${paint('bold', it.title)}  ${it.device}${vector}`,
    ...it.hops.map(
      ({ station, state, text, evidence }) =>
        `  ${paint(COLOURS[state], (state === 'broken' ? 'BROKEN' : state).padEnd(8))} ${station.padEnd(10)} ${text}${evidence === '' ? '' : paint('dim', `  [${evidence}]`)}`,
    ),
  ].join('\n');
}

const list = (vectors: readonly number[]) => (vectors.length === 0 ? 'empty' : ranges(vectors));
