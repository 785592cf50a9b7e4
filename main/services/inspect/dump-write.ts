import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type { DumpOptions, DumpWritten, MachineInfo, QueryArguments } from '../../../app/contract/index.ts';
import { REGISTERS, type Sidecar, sidecarPath } from './dump-target.ts';
import { readIrq } from './irq.ts';
import { pourMemory } from './memory-pipe.ts';
import { readCpu } from './processor-tables.ts';
import { RecordedTarget } from './recorded-target.ts';
import type { InspectTarget } from './target.ts';
import { readVirtio } from './virtio/index.ts';

/** Lets a machine stand still, if it runs, until the answer is called. */
export type Hold = (machine: MachineInfo) => Promise<Result<() => Promise<void>>>;

/** Questions that every dump holds the answers to for whoever opens it, beside all that the subjects ask. */
const QUESTIONS: readonly (readonly [command: string, args?: QueryArguments])[] = [
  ['query-version'],
  ['query-status'],
  ['query-cpus-fast'],
  ['query-pci'],
  ['x-query-virtio'],
  REGISTERS,
  ...['info pic', 'info irq', 'info mtree -f', 'info qtree', 'info pci', 'info lapic', 'info version'].map(monitor),
];

function monitor(line: string): readonly [string, QueryArguments] {
  return ['human-monitor-command', { 'command-line': line }];
}

/** Who asks QEMU anything; the others read memory and the registers. */
const SUBJECTS: readonly ((target: InspectTarget) => Promise<unknown>)[] = [
  readCpu,
  readIrq,
  (target) => readVirtio(target, { apartMs: 0, hints: null }),
];

let dumps = 0;

/** Writes a machine's memory as QEMU's own ELF core, and what QEMU says of it beside. */
export async function writeDump(
  target: InspectTarget,
  hold: Hold,
  path: string,
  options: DumpOptions,
): Promise<Result<DumpWritten>> {
  const { info } = target;
  if (target.access === 'gdb')
    return fail(
      'not-through-gdb',
      'A dump is not made through a gdb stub.',
      'gigabytes would go through packets of two kilobytes',
      "Use dump-guest-memory in QEMU's monitor: every subject looks at such a file.",
    );
  if (target.kind === 'dump' || info === null)
    return fail('is-a-dump', 'This is a dump already.', '', 'Copy the file and the .json beside it.');
  const whole = isAbsolute(path) ? path : resolve(path);
  // QEMU writes into a file that is ours and new; a file of the wanted name is replaced when all is there.
  const part = join(dirname(whole), `.memory-${process.pid}-${++dumps}.part`);
  try {
    mkdirSync(dirname(whole), { recursive: true });
    closeSync(openSync(part, 'wx', 0o600));
  } catch (error) {
    return fail(
      'not-written',
      'The dump cannot be written.',
      messageOf(error),
      'Choose a folder that you may write to.',
    );
  }
  try {
    const held = await hold(info);
    if (!held.ok) return held;
    let answers: Record<string, string>;
    try {
      answers = await record(target);
      const dumped = await pourMemory(target, info, part, options);
      if (!dumped.ok) return dumped;
    } finally {
      await held.value();
    }
    const image = await target.image();
    const sidecar: Sidecar = {
      version: 1,
      madeAt: Date.now(),
      machine: info,
      imageDigest: image.ok ? image.value.digest() : null,
      answers,
    };
    writeFileSync(sidecarPath(whole), JSON.stringify(sidecar), { mode: 0o600 });
    renameSync(part, whole);
    return ok({
      path: whole,
      bytes: statSync(whole).size,
      sidecar: sidecarPath(whole),
      recorded: Object.keys(answers).length,
    });
  } catch (error) {
    return fail(
      'not-written',
      'The dump cannot be written.',
      messageOf(error),
      'Free some space, or choose another folder.',
    );
  } finally {
    rmSync(part, { force: true });
  }
}

/**
 * Asks everything that there may be a question about later: the subjects themselves look, and what they are answered is kept. What a
 * machine does not know is left out.
 */
async function record(target: InspectTarget): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  const listening = new RecordedTarget(target, answers);
  for (const [command, args] of QUESTIONS) await listening.query(command, args);
  for (const look of SUBJECTS) await look(listening);
  return answers;
}
