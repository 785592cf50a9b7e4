import type { Machine, StartRequest } from '../../app/contract/index.ts';
import type { CommandContext } from './command.ts';
import { CommandFailure, giveUp, unwrap } from './failure.ts';

/** One boot of one profile. Milliseconds count from the start of the QEMU process, but for `kernelFirstTokenMs`. */
export interface BenchRun {
  readonly profile: string;
  readonly accelerator: string;
  readonly cores: number;
  /** The engine path that the kernel chose. */
  readonly engine: string;
  readonly tscHz: number | null;
  readonly firstSerialByteMs: number | null;
  readonly shellReadyMs: number | null;
  readonly firstTokenMs: number | null;
  /** From the kernel's first instruction to its first token, by the guest's TSC. */
  readonly kernelFirstTokenMs: number | null;
  readonly promptTokens: number | null;
  readonly promptTokensPerSecond: number | null;
  readonly decodeTokens: number | null;
  readonly decodeTokensPerSecond: number | null;
}

const FIRST_PROMPT = 'Once upon a time';
/** About 100 tokens in most vocabularies, which fits the context of the smallest models together with the answer. */
const LONG_PROMPT =
  'Once upon a time, there was a little girl named Lily. She loved to play outside in the sunshine. One day, she saw a ' +
  'big red ball in the park. She wanted to play with it, but it was too high up in a tree. Lily asked her friend Tom to help.';
const DECODE_TOKENS = 256;

/** Now, in the same count as `Date.now()` but with fractions. */
const now = () => performance.timeOrigin + performance.now();

/** Boots, measures and stops one machine. A guest that dies ends the command. */
export async function benchOnce(context: CommandContext, request: StartRequest): Promise<BenchRun> {
  const { host, interrupts } = context;
  const machine = unwrap(await host.machines.start(request, { signal: interrupts.signal }));
  try {
    const boot = await watchBoot(context, machine);
    const apiUrl = machine.info.apiUrl;
    if (apiUrl === null)
      return giveUp(
        'no-api-port',
        `profile ${machine.info.profile.name} forwards no API port`,
        '',
        'leave it out of --profiles',
      );
    const target = { apiUrl, machine };
    let firstTokenMs: number | null = null;
    await finish(context, machine, target, FIRST_PROMPT, 16, () => {
      firstTokenMs ??= now() - machine.info.startedAt;
    });
    const timing = await finish(context, machine, target, LONG_PROMPT, DECODE_TOKENS, () => {});
    const report = unwrap(await host.inspect.boot({ machine: machine.info }));
    return {
      profile: machine.info.profile.name,
      accelerator: machine.info.accelerator.accelerator,
      cores: report.coresOnline,
      engine: report.engine,
      tscHz: report.tscHz,
      ...boot,
      firstTokenMs,
      kernelFirstTokenMs: report.firstTokenMs,
      promptTokens: timing.promptTokens,
      promptTokensPerSecond: timing.promptTokensPerSecond,
      decodeTokens: timing.completionTokens,
      decodeTokensPerSecond: timing.tokensPerSecond,
    };
  } finally {
    await machine.stop();
    machine.dispose();
  }
}

/** Boots a machine and waits until it serves. The caller stops it. */
export async function startServing(context: CommandContext, request: StartRequest) {
  const machine = unwrap(await context.host.machines.start(request, { signal: context.interrupts.signal }));
  try {
    await watchBoot(context, machine);
    const { apiUrl } = machine.info;
    if (apiUrl === null) return giveUp('no-api-port', 'this profile forwards no API port', '', 'use another');
    return { machine, target: { apiUrl, machine } };
  } catch (thrown) {
    await machine.stop();
    machine.dispose();
    throw thrown;
  }
}

/** Notes when the serial port speaks, and returns once the guest says that it serves. */
async function watchBoot({ interrupts }: CommandContext, machine: Machine) {
  const { startedAt } = machine.info;
  let firstSerialByteMs: number | null = null;
  let shellReadyMs: number | null = null;
  let seen = '';
  await new Promise<void>((resolve, reject) => {
    const look = (bytes: Uint8Array) => {
      if (bytes.length === 0) return;
      firstSerialByteMs ??= now() - startedAt;
      seen += Buffer.from(bytes).toString('latin1');
      if (seen.includes('ring0: shell ready')) shellReadyMs ??= now() - startedAt;
      if (shellReadyMs !== null && seen.includes('ring0: serving http')) end();
    };
    const serial = machine.onDidReceiveSerial(look);
    const abort = () => end(new CommandFailure({ code: 'cancelled', what: 'interrupted', why: '', fix: '' }));
    const end = (error?: Error) => {
      serial.dispose();
      interrupts.signal.removeEventListener('abort', abort);
      if (error === undefined) resolve();
      else reject(error);
    };
    interrupts.signal.addEventListener('abort', abort, { once: true });
    void machine.waitForEnd().then((state) => {
      const summary = state.phase === 'crashed' ? state.crash.summary : state.phase;
      end(
        new CommandFailure({
          code: 'guest-died',
          what: `the guest ended before it served: ${summary}`,
          why: seen.split('\n').slice(-5).join('\n'),
          fix: 'see ring0 run',
        }),
      );
    });
    look(machine.serialScrollback());
  });
  return { firstSerialByteMs, shellReadyMs };
}

async function finish(
  { host, interrupts }: CommandContext,
  machine: Machine,
  target: { apiUrl: string; machine: Machine },
  prompt: string,
  maxTokens: number,
  onText: () => void,
) {
  for await (const event of host.chat.complete(
    target,
    { prompt, maxTokens, temperature: 0 },
    { signal: interrupts.signal },
  )) {
    if (event.kind === 'text') onText();
    if (event.kind === 'finished') return event.timing;
    if (event.kind === 'failed') throw new CommandFailure(event.error);
  }
  return giveUp('no-answer', `machine ${machine.info.id} ended its answer without a last event`, '', 'try again');
}
