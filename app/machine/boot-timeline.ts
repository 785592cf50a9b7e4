import type { BootReport, BootTimeline, HostStamps } from '../contract/records.ts';

/** How far clocks may disagree before they are not believed, ms: the host's stamps pass through two processes. */
const TOLERANCE_MS = 50;

/**
 * The boot from QEMU's start on: the host's stamps and the kernel's phases on one axis. What joins them is the TSC, which counts from
 * power-on (QEMU's cpu_enable_ticks under TCG; with a hardware accelerator from the making of the processor, some ms earlier). After a
 * reset it goes on counting, so that the kernel's phases have no place on this axis then.
 */
export function bootTimeline(report: BootReport, stamps: HostStamps): BootTimeline {
  const powerOnMs = stamps.poweredOnAt - stamps.spawnedAt;
  const firstByteMs = stamps.firstByteAt === null ? null : stamps.firstByteAt - stamps.spawnedAt;
  const problems: string[] = [];
  const entryMs = kernelEntry(report, stamps, powerOnMs, firstByteMs, problems);
  const spans: BootTimeline['spans'] = [{ name: 'QEMU starts', by: 'host', startMs: 0, durationMs: powerOnMs }];
  if (entryMs !== null) {
    spans.push({ name: 'firmware', by: 'firmware', startMs: powerOnMs, durationMs: entryMs - powerOnMs });
    for (const { name, startMs, durationMs } of report.phases)
      if (startMs !== null) spans.push({ name, by: 'kernel', startMs: entryMs + startMs, durationMs });
  }
  const marks: BootTimeline['marks'] = [];
  if (firstByteMs !== null) marks.push({ name: 'first serial byte', atMs: firstByteMs });
  if (entryMs !== null && report.firstTokenMs !== null)
    marks.push({ name: 'first token', atMs: entryMs + report.firstTokenMs });
  return { entryMs, spans, marks, problems };
}

/** The kernel's first instruction, ms after QEMU's start; null, and a problem, where it cannot be known. */
function kernelEntry(
  report: BootReport,
  stamps: HostStamps,
  powerOnMs: number,
  firstByteMs: number | null,
  problems: string[],
): number | null {
  if (stamps.resets > 0) {
    problems.push(`the guest was reset ${stamps.resets} times: its clock does not begin at power-on`);
    return null;
  }
  if (report.tscHz === null) {
    problems.push("the TSC's frequency is not known");
    return null;
  }
  const entryMs = powerOnMs + (Number(BigInt(report.entryTsc)) / report.tscHz) * 1000;
  // Loaded by QEMU itself, nobody but the kernel writes to the serial port.
  if (report.source === 'pvh' && firstByteMs !== null && entryMs > firstByteMs + TOLERANCE_MS) {
    problems.push(`by the TSC the kernel began at ${entryMs.toFixed(0)} ms, after its own first serial byte`);
    return null;
  }
  return Math.round(entryMs * 1000) / 1000;
}
