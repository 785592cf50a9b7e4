/** The kernel's records as people read them. */
import type { BootReport, BootTimeline, DriverRegistry, TraceSpan, TraceSpans } from '../../app/contract/index.ts';
import { type Paint, table } from './terminal.ts';

const ms = (value: number | null) => (value === null ? '' : value.toFixed(3));

function warnings(problems: readonly string[], paint: Paint): string[] {
  return problems.map((problem) => paint('yellow', `the record has a problem: ${problem}`));
}

export function bootText(report: BootReport, paint: Paint): string {
  const clock = report.tscHz === null ? 'of unknown frequency' : `${(report.tscHz / 1e6).toFixed(1)} MHz`;
  return [
    `booted by ${report.source}, ${report.coresOnline} of ${report.coresFound} cores, ${(report.memoryBytes / 2 ** 20).toFixed(0)} MiB, TSC ${clock}`,
    `model ${report.model || '(none)'}, engine ${report.engine || '(none)'}`,
    '',
    table(
      ['PHASE', 'START ms', 'TOOK ms'],
      report.phases.map((phase) => [
        phase.name,
        ms(phase.startMs),
        phase.endTsc === null ? 'runs' : ms(phase.durationMs),
      ]),
      [1, 2],
      paint,
    ),
    ...(report.phasesDropped === 0 ? [] : [`and ${report.phasesDropped} more for which the record has no room`]),
    '',
    report.firstTokenMs === null
      ? 'no token yet'
      : `first token ${ms(report.firstTokenMs)} ms after the kernel's first instruction`,
    ...warnings(report.problems, paint),
  ].join('\n');
}

const BAR_CELLS = 40;

/** The boot from QEMU's start on, as bars on one axis. */
export function timelineText(timeline: BootTimeline, paint: Paint): string {
  const { spans, marks, problems } = timeline;
  const end = Math.max(1, ...spans.map((it) => it.startMs + (it.durationMs ?? 0)), ...marks.map((it) => it.atMs));
  const cell = (at: number) => Math.min(BAR_CELLS - 1, Math.max(0, Math.floor((at / end) * BAR_CELLS)));
  const rows = [
    ...spans.map(({ name, startMs, durationMs }) => {
      const from = cell(startMs);
      const to = durationMs === null ? BAR_CELLS - 1 : cell(startMs + durationMs);
      return { at: startMs, took: durationMs, name, bar: ' '.repeat(from) + '#'.repeat(Math.max(1, to - from + 1)) };
    }),
    ...marks.map(({ name, atMs }) => ({ at: atMs, took: undefined, name, bar: `${' '.repeat(cell(atMs))}^` })),
  ].sort((a, b) => a.at - b.at);
  return [
    table(
      ['SINCE QEMU STARTED', 'AT ms', 'TOOK ms', ''],
      rows.map(({ name, at, took, bar }) => [
        name,
        at.toFixed(1),
        took === undefined ? '' : took === null ? 'runs' : took.toFixed(1),
        bar,
      ]),
      [1, 2],
      paint,
    ),
    ...problems.map((problem) => paint('yellow', `the kernel's part has no place here: ${problem}`)),
  ].join('\n');
}

/** Totals by operation, and the last tokens with their share of time. */
export function traceText(trace: TraceSpans, paint: Paint): string {
  const totals = new Map<string, { spans: number; ns: number; longest: number }>();
  for (const span of trace.spans) {
    const total = totals.get(span.operation) ?? { spans: 0, ns: 0, longest: 0 };
    const ns = span.durationNs ?? 0;
    totals.set(span.operation, { spans: total.spans + 1, ns: total.ns + ns, longest: Math.max(total.longest, ns) });
  }
  const rows = [...totals].sort((a, b) => b[1].ns - a[1].ns);
  // `forward` holds all the others of its token, so shares are of the rest.
  const all = rows.reduce((sum, [name, total]) => (name === 'forward' ? sum : sum + total.ns), 0);
  const micro = (ns: number) => (ns / 1000).toFixed(1);
  return [
    `${trace.spans.length} spans held (room for ${trace.capacity}), ${trace.written} since boot, ${trace.torn} torn while reading; tracing is ${trace.enabled ? 'on' : 'off'}`,
    `${new Set(trace.spans.map((span: TraceSpan) => span.token)).size} tokens, ${new Set(trace.spans.map((span) => span.core)).size} cores`,
    '',
    table(
      ['OPERATION', 'SPANS', 'TOTAL us', 'MEAN us', 'LONGEST us', 'SHARE'],
      rows.map(([name, total]) => [
        name,
        String(total.spans),
        micro(total.ns),
        micro(total.ns / total.spans),
        micro(total.longest),
        name === 'forward' || all === 0 ? '' : `${((100 * total.ns) / all).toFixed(1)} %`,
      ]),
      [1, 2, 3, 4, 5],
      paint,
    ),
    ...warnings(trace.problems, paint),
  ].join('\n');
}

export function driversText(registry: DriverRegistry, paint: Paint): string {
  const devices = registry.devices.map((device) =>
    [
      `${paint('bold', device.name)}  ${device.deviceClass}, ${device.transport} at ${device.location}, status 0x${device.status.toString(16)}`,
      `  features ${device.featuresAccepted} of ${device.featuresOffered}`,
      table(
        ['  QUEUE', 'SIZE', 'OF', 'LAYOUT', 'DESC', 'AVAIL', 'USED', 'NEXT', 'LAST', 'FREE', 'KICKS', 'DONE'],
        device.queues.map((queue) => [
          `  ${queue.index}`,
          ...[queue.size, queue.deviceSize].map(String),
          queue.layout,
          ...[queue.descGpa, queue.availGpa, queue.usedGpa],
          ...[queue.nextAvail, queue.lastUsed, queue.freeDescriptors, queue.notifications, queue.completed].map(String),
        ]),
        [1, 2, 7, 8, 9, 10, 11],
      ),
    ].join('\n'),
  );
  return [
    ...(devices.length === 0 ? ['no driver has registered'] : devices),
    ...warnings(registry.problems, paint),
  ].join('\n');
}
