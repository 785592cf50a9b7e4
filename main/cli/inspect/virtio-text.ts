/** Virtio devices and queues as people read them. */
import type { RingEvent, Verdict, VirtioDevice, VirtioQueue, VirtioReport } from '../../../app/contract/index.ts';
import { byteCount } from '../../../app/virtio/content/index.ts';
import { commandText, messageText, msixText, originText } from '../../../app/virtio/pci.ts';
import { type Paint, type Style, table } from '../terminal.ts';
import { wrap } from '../wrap.ts';

const MARK: Readonly<Record<Verdict['severity'], readonly [mark: string, style: Style]>> = {
  error: ['✗', 'red'],
  warning: ['!', 'yellow'],
  ok: ['✓', 'green'],
};
const WIDTH = 100;

export function reportText(report: VirtioReport, paint: Paint): string {
  if (report.devices.length === 0) return ['This machine has no virtio device.', ...report.problems].join('\n');
  return [
    ...report.devices.flatMap((device, n) => [
      ...(n === 0 ? [] : ['']),
      headline(device, paint),
      ...device.verdicts.flatMap((it) => verdictText(it, device, paint)),
    ]),
    ...footnotes(report, paint),
  ].join('\n');
}

function footnotes(report: VirtioReport, paint: Paint): string[] {
  const source =
    report.source === 'registry'
      ? [
          "What QEMU knows was not recorded: this is the drivers' own registry, which knows nothing of the device's side.",
        ]
      : [];
  return [...source, ...report.problems].map((it) => `\n${paint('yellow', 'note:')} ${it}`);
}

function headline({ id, name, typeName, transport, location, status }: VirtioDevice, paint: Paint): string {
  const where = [transport, location].filter((it) => it !== '' && it !== 'unknown').join(' at ');
  return `${paint('bold', id)}  ${name}, ${typeName}${where === '' ? '' : `, ${where}`}; ${status.names.join(' ') || 'reset'}`;
}

/** What a colleague would say: the finding, why it is so, what was seen, what to do. Healthy queues get one line. */
export function verdictText(verdict: Verdict, device: VirtioDevice, paint: Paint): string[] {
  const [mark, style] = MARK[verdict.severity];
  const queue = device.queues.find((it) => it.index === verdict.queue);
  const where = queue === undefined ? '' : `queue ${queue.index} ${queue.name}: `;
  const head = `  ${paint(style, mark)} ${where}${verdict.severity === 'ok' ? verdict.title : paint('bold', verdict.title)}`;
  if (verdict.severity === 'ok') return [head];
  const widest = Math.max(...verdict.evidence.map((it) => it.what.length));
  return [
    `${head}${paint('dim', ` (${verdict.confidence}, ${verdict.id})`)}`,
    ...wrap(verdict.explanation, WIDTH).map((it) => `    ${it}`),
    ...verdict.evidence.map(({ what, value }) => `      ${paint('dim', what.padEnd(widest))}  ${value}`),
    ...wrap(verdict.fix === '' ? '' : `To fix: ${verdict.fix}`, WIDTH).map((it, n) =>
      n === 0 ? `    ${paint('cyan', it)}` : `    ${paint('cyan', it)}`,
    ),
    `    ${paint('dim', verdict.section)}`,
  ];
}

export function deviceText(device: VirtioDevice, paint: Paint): string {
  const { pci, queues, features } = device;
  const accepted = features.filter((it) => it.accepted);
  const missed = features.filter((it) => !it.accepted);
  return [
    headline(device, paint),
    ...device.verdicts.flatMap((it) => verdictText(it, device, paint)),
    '',
    `${paint('bold', 'features')}  ${device.accepted} of ${device.offered}`,
    ...accepted.map((it) => `  + ${it.name.padEnd(22)} ${paint('dim', it.meaning)}`),
    ...missed.map((it) => paint('dim', `  - ${it.name.padEnd(22)} ${it.meaning}`)),
    '',
    `${paint('bold', 'status')}    0x${device.status.value.toString(16)} ${device.status.names.join(' ')}${device.broken ? ', broken' : ''}`,
    ...(device.isr === null ? [] : [`${paint('bold', 'isr')}       0x${device.isr.toString(16)}`]),
    ...(pci === null
      ? []
      : [
          `${paint('bold', 'pci')}       ${commandText(pci)}${originText(pci) === '' ? '' : ` (read from ${originText(pci)})`}`,
          `${paint('bold', 'msi-x')}     ${msixText(pci)}`,
          ...(pci.msix?.entries ?? []).map(
            (it) =>
              `  ${String(it.index).padStart(3)}  ${messageText(it)}${it.masked ? ', masked' : ''}${it.pending ? ', PENDING' : ''}`,
          ),
          ...pci.unknown.flatMap((it) => wrap(`not known: ${it}`, WIDTH).map((line) => `    ${line}`)),
        ]),
    '',
    table(
      ['QUEUE', 'NAME', 'SIZE', 'LAYOUT', 'DESC', 'AVAIL', 'USED', 'A', 'L', 'U', 'S', 'FREE', 'OUT'],
      queues.map((it) => [
        String(it.index),
        it.name,
        it.driver?.size != null && it.driver.size !== it.size ? `${it.size}≠${it.driver.size}` : String(it.size),
        it.layout,
        ...(it.configured ? [it.descriptorsAt, it.availAt, it.usedAt] : ['not set up', '', '']),
        ...[it.avail?.index, it.device?.lastAvail, it.used?.index, it.driver?.lastUsed].map((n) =>
          n == null ? '-' : String(n),
        ),
        String(it.counts.free),
        String(it.counts['in-flight'] + it.counts.published),
      ]),
      [0, 2, 7, 8, 9, 10, 11, 12],
      paint,
    ),
    paint('dim', 'A avail.idx   L taken by the device   U used.idx   S taken back by the driver'),
  ].join('\n');
}

/** Chains and free entries that are listed; `--json` has all of them. */
const LISTED = 40;

export function queueText(
  device: VirtioDevice,
  queue: VirtioQueue,
  verdicts: readonly Verdict[],
  paint: Paint,
): string {
  const { avail, used, counts } = queue;
  const ring = (it: VirtioQueue['avail'], event: string) =>
    it === null
      ? 'not readable'
      : `flags ${it.flags}, idx ${it.index}${it.event === null ? '' : `, ${event} ${it.event}`}`;
  return [
    `${headline(device, paint)}`,
    `queue ${queue.index} ${paint('bold', queue.name)}: ${queue.size} entries, ${queue.layout}${queue.torn ? ', torn: the guest wrote at every look' : ''}`,
    ...verdicts.flatMap((it) => verdictText(it, device, paint)),
    '',
    `descriptors  ${queue.descriptorsAt}  ${counts.free} free, ${counts.published} published, ${counts['in-flight']} in flight, ${counts.returned} returned`,
    `avail        ${queue.availAt}  ${ring(avail, 'used_event')}`,
    `used         ${queue.usedAt}  ${ring(used, 'avail_event')}`,
    ...(queue.device === null
      ? []
      : [`device       last avail ${queue.device.lastAvail}, in flight ${queue.device.inFlight}`]),
    ...(queue.driver === null
      ? ['driver       unknown: no registry; name its variables with --driver-last-used and --driver-queue-size']
      : [
          `driver       size ${queue.driver.size ?? '?'}, last used ${queue.driver.lastUsed ?? '?'}, next avail ${queue.driver.nextAvail ?? '?'}, kicks ${queue.driver.notifications ?? '?'} (${queue.driver.source})`,
        ]),
    ...queue.problems.map((it) => paint('yellow', `problem      ${it}`)),
    '',
    queue.chains.length === 0
      ? 'Every descriptor is free.'
      : table(
          ['HEAD', 'OWNER', 'DESCRIPTORS', 'READS', 'WRITES', 'WHAT'],
          queue.chains
            .slice(0, LISTED)
            .map((it) => [
              String(it.head),
              it.owner,
              `${it.descriptors.slice(0, 6).join(' → ')}${it.descriptors.length > 6 ? ' …' : ''}${it.table === null ? '' : ` ⇒ ${it.table.entries} indirect`}`,
              byteCount(it.readableBytes),
              byteCount(it.writableBytes),
              [it.summary, ...it.problems.map((problem) => `! ${problem.text}`)]
                .filter((text) => text !== '')
                .join('; '),
            ]),
          [0, 3, 4],
          paint,
        ),
    ...(queue.chains.length > LISTED ? [`and ${queue.chains.length - LISTED} more; --json has all`] : []),
  ].join('\n');
}

const KIND: Readonly<Record<RingEvent['kind'], readonly [text: string, style: Style]>> = {
  published: ['published', 'blue'],
  consumed: ['consumed', 'dim'],
  used: ['used', 'green'],
  returned: ['taken back', 'dim'],
  snapshot: ['snapshot', 'magenta'],
};

export function eventText(event: RingEvent, device: string, paint: Paint): string {
  const [text, style] = KIND[event.kind];
  const at = (event.atUs / 1e6).toFixed(6).padStart(11);
  return `${paint('dim', at)}  ${device}.${event.queue}  ${paint(style, text.padEnd(10))}  ${detail(event)}`;
}

function detail(event: RingEvent): string {
  switch (event.kind) {
    case 'published': {
      const { head, descriptors, summary, readableBytes, writableBytes } = event.chain;
      const sizes = `${byteCount(readableBytes)} out, ${byteCount(writableBytes)} in`;
      return `head ${head} in slot position ${event.position}, ${descriptors.length} descriptors, ${sizes}${summary === '' ? '' : `: ${summary}`}${event.late ? ' (seen late)' : ''}`;
    }
    case 'used':
      return `head ${event.id}, ${byteCount(event.length)} written${event.inFlightUs === null ? '' : `, in flight ${duration(event.inFlightUs)}`}${event.summary === '' ? '' : `: ${event.summary}`}`;
    case 'consumed':
      return `device at ${event.index}${event.exact ? '' : ' (by avail_event)'}`;
    case 'returned':
      return `driver at ${event.index}`;
    case 'snapshot':
      return `${event.why}${event.lost > 0 ? `, ${event.lost} not seen one by one` : ''}`;
  }
}

function duration(us: number): string {
  return us < 1000 ? `${us} µs` : us < 1e6 ? `${(us / 1000).toFixed(1)} ms` : `${(us / 1e6).toFixed(2)} s`;
}
