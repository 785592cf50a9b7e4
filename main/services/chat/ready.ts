import { type CancelSignal, isCancelled } from '../../../app/base/cancel.ts';
import type { AppError } from '../../../app/base/result.ts';
import type { ChatTarget, InspectService, Machine, ReadyEvent, WaitOptions } from '../../../app/contract/index.ts';
import { isDead } from './http.ts';

const DEFAULT_TIMEOUT_MS = 120_000;
const INTERVAL_MS = 25;
/** One question's time: QEMU's network accepts connections long before the guest listens, and such a one hangs. */
const ATTEMPT_MS = 1500;
/** A guest that does not announce its API on the console is asked at this interval. */
const UNANNOUNCED_MS = 2000;
const TAIL_LINES = 12;

/** Asks `/health` until it says yes, and meanwhile tells what the guest is doing. */
export async function* waitUntilReady(
  target: ChatTarget,
  inspect: Pick<InspectService, 'boot'>,
  options: WaitOptions,
): AsyncGenerator<ReadyEvent> {
  const start = performance.now();
  const elapsedMs = () => Math.round(performance.now() - start);
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  let stage = '';
  let nextQuestion = 0;
  for (;;) {
    const error = obstacle(target.machine, options.signal, elapsedMs(), timeoutMs, stage);
    if (error !== undefined) return yield { kind: 'failed', error };
    let now: string | undefined;
    if (announced(target.machine) || elapsedMs() >= nextQuestion) {
      const health = await askHealth(target.apiUrl, options.signal);
      if (health === 'ready') return yield { kind: 'ready', elapsedMs: elapsedMs() };
      if (health === 'loading') now = 'loading the model';
      nextQuestion = elapsedMs() + UNANNOUNCED_MS;
    }
    now ??= await bootStage(target.machine, inspect);
    if (now !== stage) {
      stage = now;
      yield { kind: 'waiting', stage, elapsedMs: elapsedMs() };
    }
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}

function obstacle(
  machine: Machine | undefined,
  signal: CancelSignal | undefined,
  elapsedMs: number,
  timeoutMs: number,
  stage: string,
): AppError | undefined {
  if (isCancelled(signal)) return { code: 'cancelled', what: 'Waiting for the guest was cancelled.', why: '', fix: '' };
  const tail = machine === undefined ? [] : consoleLines(machine).slice(-TAIL_LINES);
  if (machine !== undefined && isDead(machine.state.phase)) {
    return {
      code: `machine-${machine.state.phase}`,
      what: 'The guest died before it served.',
      why: [causeOf(machine), ...tail].join('\n'),
      fix: 'Look at the console above; `ring0 inspect boot` shows how far it came.',
    };
  }
  if (elapsedMs < timeoutMs) return undefined;
  return {
    code: 'not-ready',
    what: `The guest did not serve within ${Math.round(timeoutMs / 1000)} s.`,
    why: [`last seen: ${stage}`, ...tail].join('\n'),
    fix: 'Look at its console with `ring0 attach`; a large model under TCG takes long.',
  };
}

function causeOf({ state }: Machine): string {
  if (state.phase === 'crashed') return state.crash.summary;
  return state.phase === 'failed' ? state.error.what : `it is ${state.phase}`;
}

function consoleLines(machine: Machine): string[] {
  return Buffer.from(machine.serialScrollback())
    .toString('utf8')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
}

/** Whether the guest has said that it serves; always true where there is no console to hear it on. */
function announced(machine: Machine | undefined): boolean {
  return machine === undefined || Buffer.from(machine.serialScrollback()).includes('ring0: serving http');
}

async function askHealth(apiUrl: string, signal: CancelSignal | undefined): Promise<'ready' | 'loading' | 'silent'> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, ATTEMPT_MS);
  signal?.addEventListener('abort', abort);
  try {
    const response = await fetch(`${apiUrl}/health`, { signal: controller.signal });
    await response.arrayBuffer();
    if (response.ok) return 'ready';
    return response.status === 503 ? 'loading' : 'silent';
  } catch {
    // Refused, reset, or nothing: all mean "not yet"; whether the guest lives is asked elsewhere.
    return 'silent';
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** What the guest does, by its boot report. */
async function bootStage(machine: Machine | undefined, inspect: Pick<InspectService, 'boot'>): Promise<string> {
  if (machine === undefined) return 'waiting for the API';
  // Before its first line the kernel does not run, and looking for it in all of RAM would be for nothing.
  if (!Buffer.from(machine.serialScrollback()).includes('ring0')) return 'firmware';
  const report = await inspect.boot({ machine: machine.info });
  if (!report.ok) return 'kernel entry';
  const phase = report.value.phases.findLast((it) => it.endTsc === null) ?? report.value.phases.at(-1);
  return phase?.name ?? 'kernel entry';
}
