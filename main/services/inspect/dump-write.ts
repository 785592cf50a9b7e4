import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type { DumpOptions, DumpWritten, MachineInfo, QueryArguments } from '../../../app/contract/index.ts';
import { formatJsonWithBigints } from '../../../app/wire/qmp.ts';
import { questionKey, REGISTERS, type Sidecar, sidecarPath } from './dump-target.ts';
import { pourMemory } from './memory-pipe.ts';
import type { InspectTarget } from './target.ts';

/** Lets a machine stand still, if it runs, until the answer is called. */
export type Hold = (machine: MachineInfo) => Promise<Result<() => Promise<void>>>;

/** Questions that every dump holds the answers to, beside those about each virtio device and processor. */
const QUESTIONS: readonly (readonly [command: string, args?: QueryArguments])[] = [
  ['query-version'],
  ['query-status'],
  ['query-cpus-fast'],
  ['query-pci'],
  ['x-query-virtio'],
  REGISTERS,
  ...['info pic', 'info irq', 'info mtree -f', 'info qtree', 'info pci', 'info lapic', 'info version'].map(monitor),
];
/** Answered by each processor for itself. */
const OF_EACH_PROCESSOR = ['info lapic'];
const MAX_QUEUES = 64;
const MAX_DEVICES = 64;
const NAMES = z.array(z.object({ path: z.string() }));
const STATUS = z.object({ 'num-vqs': z.number().int() });

function monitor(line: string): readonly [string, QueryArguments] {
  return ['human-monitor-command', { 'command-line': line }];
}

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

/** Asks everything that there may be a question about later. What a machine does not know is left out. */
async function record(target: InspectTarget): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  const ask = async (command: string, args?: QueryArguments): Promise<unknown> => {
    const answer = await target.query(command, args);
    if (!answer.ok) return undefined;
    answers[questionKey(command, args)] = formatJsonWithBigints(answer.value ?? null);
    return answer.value;
  };
  for (const [command, args] of QUESTIONS) await ask(command, args);
  const processors = await target.processors();
  for (const { index } of processors.ok ? processors.value : [])
    for (const line of OF_EACH_PROCESSOR)
      await ask('human-monitor-command', { 'command-line': line, 'cpu-index': index });
  const devices = NAMES.safeParse(await ask('x-query-virtio'));
  for (const { path } of devices.success ? devices.data.slice(0, MAX_DEVICES) : []) {
    const status = STATUS.safeParse(await ask('x-query-virtio-status', { path }));
    const queues = status.success ? Math.min(status.data['num-vqs'], MAX_QUEUES) : 0;
    for (let queue = 0; queue < queues; queue++) await ask('x-query-virtio-queue-status', { path, queue });
  }
  return answers;
}
