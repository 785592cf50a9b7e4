import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type { DumpOptions, DumpWritten, MachineInfo, QueryArguments } from '../../../app/contract/index.ts';
import { questionKey, REGISTERS, type Sidecar, sidecarPath } from './dump-target.ts';
import { GdbTarget } from './gdb/target.ts';
import { readIrq } from './irq.ts';
import { copyMemory } from './memory-copy.ts';
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
  (target) => readVirtio(target, { apartMs: 0, hints: [] }),
];

let dumps = 0;

/** Writes a machine's memory as an ELF core, as QEMU itself does it where it can be told to, and what QEMU says of it beside. */
export async function writeDump(
  target: InspectTarget,
  hold: Hold,
  path: string,
  options: DumpOptions,
): Promise<Result<DumpWritten>> {
  if (target.kind === 'dump')
    return fail('is-a-dump', 'This is a dump already.', '', 'Copy the file and the .json beside it.');
  // Where there is no memory to read, this says why.
  const readable = await target.look(() => undefined);
  if (!readable.ok) return readable;
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
    const taken =
      target instanceof GdbTarget ? await takeHeld(target, part, options) : await take(target, hold, part, options);
    if (!taken.ok) return taken;
    const image = await target.image();
    const sidecar: Sidecar = {
      version: 1,
      madeAt: Date.now(),
      machine: target.info,
      kernel: null,
      imageDigest: image.ok ? image.value.digest() : null,
      lacks: [],
      ...taken.value,
    };
    writeFileSync(sidecarPath(whole), JSON.stringify(sidecar), { mode: 0o600 });
    renameSync(part, whole);
    return ok({
      path: whole,
      bytes: statSync(whole).size,
      sidecar: sidecarPath(whole),
      recorded: Object.keys(sidecar.answers).length,
      lacks: sidecar.lacks,
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

type Taken = Pick<Sidecar, 'answers'> & Partial<Pick<Sidecar, 'kernel' | 'processors' | 'lacks'>>;

/** Of a machine of ours: it stands still while QEMU answers and writes. */
async function take(target: InspectTarget, hold: Hold, part: string, options: DumpOptions): Promise<Result<Taken>> {
  const { info } = target;
  if (info === null) return fail('no-machine', 'There is no machine to make a dump of.', '', 'Name a machine.');
  const held = await hold(info);
  if (!held.ok) return held;
  try {
    const answers = await record(target);
    const dumped = await pourMemory(target, info, part, options);
    return dumped.ok ? ok({ answers }) : dumped;
  } finally {
    await held.value();
  }
}

/** Of a machine that a gdb stub holds as long as the target is open. Memory comes through the stub. */
async function takeHeld(target: GdbTarget, part: string, options: DumpOptions): Promise<Result<Taken>> {
  const processors = await target.processors();
  const answers = await record(target);
  const dumped = await copyMemory(target, processors.ok ? processors.value : [], part, options);
  if (!dumped.ok) return dumped;
  const unanswered = QUESTIONS.filter(([command, args]) => answers[questionKey(command, args)] === undefined);
  const names = unanswered.map(([command, args]) => String(args?.['command-line'] ?? command));
  return ok({
    answers,
    kernel: target.kernel,
    ...(processors.ok ? { processors: [...processors.value] } : {}),
    lacks: [
      `it was made through the gdb stub ${target.name}: which profile the machine has and when it was started is not known, so the boot is on no clock of the host`,
      'only RAM is in it, neither ROM nor memory of devices',
      ...(names.length === 0 ? [] : [`a gdb stub does not tell ${names.join(', ')}`]),
      ...(processors.ok ? [] : [`registers: ${processors.error.what} ${processors.error.why}`]),
      ...(target.kernel === null ? ['nobody named the kernel: there are no symbols'] : []),
    ],
  });
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
