import type { VirtioDevice, VirtioReport } from '../../../app/contract/index.ts';
import { type DriverHints, MAX_HINTS } from '../../../app/contract/inspect/virtio.ts';
import { placeProblem } from '../../../app/virtio/driver-place.ts';
import { closest } from '../arguments.ts';
import type { CommandContext } from '../command.ts';
import { giveUp, unwrap } from '../failure.ts';
import { defineSubject } from './subject.ts';
import { deviceText, eventText, queueText, reportText } from './virtio-text.ts';

/** Between the two looks: long enough that a queue that works has moved. */
const APART_MS = 500;

export const virtio = defineSubject({
  name: 'virtio',
  summary: 'virtio devices and their queues: features, rings, chains, and a verdict on what hangs',
  operands: '[DEVICE]',
  arity: [0, 1],
  description: `Looks twice, half a second apart, and says of each queue whether it works, rests or hangs, and of what hangs why: which side
stands still, with the evidence and the cure. DEVICE is an id or a type as the list shows it, and shows its features and queues;
--queue N its descriptors, rings and chains.

What the driver itself believes comes from the registry that our kernel publishes. For another kernel, name its variables:
a place is SYMBOL, SYMBOL+0x10 or 0xADDRESS, and PLACE->0x18 follows a pointer. Each of both options may be given once for every queue: a
place alone is of DEVICE and --queue (or queue 0), 1=PLACE of queue 1 of DEVICE, net0/1=PLACE of queue 1 of net0.

--watch sees every buffer of a machine of yours, which does not notice. Through a gdb stub (--gdb) it looks once a second or so, and each
look stops the machine for a moment.`,
  options: {
    queue: { kind: 'number', value: 'N', minimum: 0, maximum: 1023, help: 'show this queue of the device' },
    watch: { kind: 'flag', help: 'follow what happens in the rings until Ctrl-C; with --json one event a line' },
    once: { kind: 'flag', help: 'look once: faster, but busy and stalled look the same' },
    'driver-last-used': {
      kind: 'list',
      value: '[[DEVICE/]N=]PLACE',
      help: 'where the driver keeps the used index up to which it has taken buffers back (16 bits); once for each queue',
    },
    'driver-queue-size': {
      kind: 'list',
      value: '[[DEVICE/]N=]SIZE|PLACE',
      help: 'the number of entries that the driver assumes (16 bits); once for each queue',
    },
  },
  examples: [
    ['ring0 inspect virtio', 'every device, and what is wrong'],
    ['ring0 inspect virtio model0 --queue 0', 'the rings of the disk'],
    ['ring0 inspect virtio net0 --watch', 'every buffer as it comes and goes'],
    ['ring0 inspect virtio virtio-blk --driver-last-used vq+0x14 --driver-queue-size 16', "another kernel's driver"],
    [
      'ring0 inspect virtio net0 --driver-last-used 0=rxq+0x14 --driver-last-used 1=txq+0x14',
      'both queues of its network card',
    ],
  ],
  async look(context, source, values, [name]) {
    const { host, terminal } = context;
    const named = [
      ...(values['driver-last-used'] ?? []).map((text) => namedPlace('lastUsed', text)),
      ...(values['driver-queue-size'] ?? []).map((text) => namedPlace('size', text)),
    ];
    if (values.watch && 'dump' in source) giveUp('usage', 'nothing happens in a dump', '', 'leave out --watch');
    if (named.length > 0 && values.watch)
      giveUp('usage', '--watch judges nothing', '', 'leave out --driver-…, or --watch');
    const known = named.length === 0 ? null : unwrap(await host.inspect.virtio(source, { apartMs: 0, hints: [] }));
    const hints = known === null ? [] : hintsOf(known, named, name, values.queue ?? 0);
    const apartMs = values.once || values.watch ? 0 : APART_MS;
    const report = unwrap(await host.inspect.virtio(source, { apartMs, hints }));
    const device = name === undefined ? undefined : chosen(report, name);
    if (values.queue !== undefined && device === undefined && report.devices.length !== 1)
      giveUp('usage', '--queue needs a device', '', `name one of ${idsOf(report)}`);
    const shown = device ?? (values.queue === undefined ? undefined : report.devices[0]);
    if (values.watch) {
      const stream = host.inspect.virtioFollow(source, 0, context.interrupts.signal);
      await watch(context, stream, shown, values.queue, 'json' in values && values.json === true);
      return undefined;
    }
    if (shown === undefined) return { value: report, text: () => reportText(report, terminal.paint) };
    for (const problem of report.problems) terminal.hint(`note: ${problem}`);
    if (values.queue === undefined) return { value: shown, text: () => deviceText(shown, terminal.paint) };
    const queue = shown.queues.find((it) => it.index === values.queue);
    if (queue === undefined)
      return giveUp('usage', `${shown.id} has no queue ${values.queue}`, '', `it has ${shown.queues.length}`);
    const verdicts = shown.verdicts.filter((it) => it.queue === null || it.queue === queue.index);
    return { value: { ...queue, verdicts }, text: () => queueText(shown, queue, verdicts, terminal.paint) };
  },
});

const idsOf = (report: VirtioReport) => report.devices.map((it) => it.id).join(', ');

interface NamedPlace {
  readonly kind: 'lastUsed' | 'size';
  /** Null where it is of the device, or the queue, that the command shows. */
  readonly device: string | null;
  readonly queue: number | null;
  readonly place: string;
}

/** `PLACE`, `1=PLACE` or `net0/1=PLACE`. */
function namedPlace(kind: NamedPlace['kind'], text: string): NamedPlace {
  const [, device = null, queue, place = ''] = /^(?:(?:(.+)\/)?(\d{1,4})=)?(.*)$/s.exec(text) ?? [];
  const wrong = placeProblem(kind, place);
  const option = kind === 'lastUsed' ? '--driver-last-used' : '--driver-queue-size';
  const fix = place.includes('=') ? 'before the = stands the number of a queue: 1=PLACE, or net0/1=PLACE' : wrong?.fix;
  if (wrong !== null) giveUp('usage', `${option}: ${wrong.what}`, '', fix ?? '');
  return { kind, device, queue: queue === undefined ? null : Number(queue), place };
}

/** One hint for each queue of which something is named; the last word on the same counts. */
function hintsOf(
  report: VirtioReport,
  named: readonly NamedPlace[],
  name: string | undefined,
  queue: number,
): DriverHints[] {
  const hints = new Map<string, DriverHints>();
  for (const it of named) {
    const device = it.device === null ? whose(report, name) : chosen(report, it.device);
    const index = it.queue ?? queue;
    if (!device.queues.some((other) => other.index === index))
      giveUp('usage', `${device.id} has no queue ${index}`, '', `it has ${device.queues.length}`);
    const key = `${device.path} ${index}`;
    hints.set(key, { ...(hints.get(key) ?? { device: device.path, queue: index }), [it.kind]: it.place });
  }
  if (hints.size > MAX_HINTS)
    giveUp('usage', `the variables of ${hints.size} queues are named`, '', `name those of ${MAX_HINTS} at most`);
  return [...hints.values()];
}

/** The device whose driver a person means. */
function whose(report: VirtioReport, name: string | undefined): VirtioDevice {
  if (name !== undefined) return chosen(report, name);
  const [only] = report.devices;
  if (only !== undefined && report.devices.length === 1) return only;
  return giveUp('usage', '--driver-… needs a device', '', `name one of ${idsOf(report)}`);
}

function chosen(report: VirtioReport, name: string): VirtioDevice {
  const found = report.devices.find((it) => [it.id, it.path, it.location].includes(name));
  if (found !== undefined) return found;
  const alike = report.devices.filter((it) => it.name === name || it.id.startsWith(name));
  const [only] = alike;
  if (only !== undefined && alike.length === 1) return only;
  const ids = report.devices.map((it) => it.id);
  if (alike.length > 1)
    return giveUp(
      'usage',
      `${alike.length} devices are called "${name}"`,
      '',
      `say which: ${alike.map((it) => it.path).join(', ')}`,
    );
  const near = closest(name, ids);
  const fix =
    near !== undefined ? `did you mean ${near}?` : ids.length === 0 ? 'there are none' : `use ${ids.join(', ')}`;
  return giveUp('usage', `there is no virtio device "${name}"`, '', fix);
}

/** Prints events as they come; those from before the command are left out. */
async function watch(
  { terminal, interrupts }: CommandContext,
  stream: ReturnType<CommandContext['host']['inspect']['virtioFollow']>,
  device: VirtioDevice | undefined,
  queue: number | undefined,
  json: boolean,
): Promise<void> {
  if (!json) terminal.hint('Ctrl-C ends this');
  const names = new Map<string, string>();
  const held: number[] = [];
  for await (const message of stream) {
    if (interrupts.signal.aborted) break;
    if (message.kind === 'ended')
      return giveUp('machine-ended', 'The machine has ended.', message.why, 'Start it again.');
    if (message.kind === 'report') {
      for (const it of message.report.devices) names.set(it.path, it.id);
      continue;
    }
    if (message.heldMs !== undefined) {
      if (held.length === 0) terminal.hint(HELD);
      held.push(message.heldMs);
    }
    for (const event of message.events) {
      if (device !== undefined && event.device !== device.path) continue;
      if (queue !== undefined && event.queue !== queue) continue;
      if (json) terminal.jsonLine(event);
      else terminal.line(eventText(event, names.get(event.device) ?? event.device, terminal.paint));
    }
  }
  if (held.length > 0)
    terminal.hint(
      `${held.length} looks, for each of which the machine stood still: ${Math.round(Math.min(...held))} to ${Math.round(Math.max(...held))} ms`,
    );
}

const HELD =
  'Each look through the gdb stub stops the machine for a moment, a tenth of the time at most. What comes and goes between two looks is put together from the rings; how long it was in flight is not known.';
