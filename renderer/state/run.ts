import { create } from 'zustand';
import { type AppError, messageOf } from '../../app/base/result.ts';
import { studio } from '../host/client.ts';
import { cancelBuild, runBuild, useBuild } from './build.ts';
import { startMachine, startRequest, useMachines } from './machines.ts';
import { useSettings } from './settings.ts';

/** Run: build, boot, and, for whom waits for it, load the model. One at a time. */
export type RunState =
  | { readonly phase: 'idle' }
  | { readonly phase: 'building'; readonly startedAt: number }
  | { readonly phase: 'starting'; readonly startedAt: number; readonly step: string }
  | { readonly phase: 'loading'; readonly startedAt: number; readonly step: string; readonly machine: string }
  | { readonly phase: 'failed'; readonly error: AppError };

/** One part of a run, as it goes on; the page's clock. */
export interface RunStage {
  readonly name: 'build' | 'boot' | 'load';
  readonly startedAt: number;
  /** Null while it goes on. */
  readonly endedAt: number | null;
  readonly failed: boolean;
}

interface Run {
  readonly run: RunState;
  /** Of the run under way, or the last one, in order. */
  readonly stages: readonly RunStage[];
}

export const useRun = create<Run>(() => ({ run: { phase: 'idle' }, stages: [] }));

const STAGE_OF = { building: 'build', starting: 'boot', loading: 'load' } as const;

/** What the stages become when a run goes on to `state`. */
export function nextStages(stages: readonly RunStage[], state: RunState, now: number): readonly RunStage[] {
  const last = stages.at(-1);
  const name = state.phase === 'idle' || state.phase === 'failed' ? null : STAGE_OF[state.phase];
  if (last !== undefined && last.endedAt === null && last.name === name) return stages;
  const ended = stages.map((stage) =>
    stage.endedAt === null ? { ...stage, endedAt: now, failed: state.phase === 'failed' } : stage,
  );
  if (name === null) return ended;
  return [...(name === 'build' ? [] : ended), { name, startedAt: now, endedAt: null, failed: false }];
}

function setRun(state: RunState): void {
  useRun.setState(({ stages }) => ({ run: state, stages: nextStages(stages, state, Date.now()) }));
}

const BUILD_FAILED: AppError = {
  code: 'build-failed',
  what: 'The kernel does not build.',
  why: '',
  fix: 'The build log and the list of problems say what is wrong.',
};

const RESTRICTED: AppError = {
  code: 'untrusted',
  what: 'The kernel was not built.',
  why: 'This folder is in restricted mode.',
  fix: 'Trust it, by "Restricted Mode" in the status bar, and run again.',
};

let controller: AbortController | null = null;

export function isRunning({ phase }: RunState): boolean {
  return phase === 'building' || phase === 'starting' || phase === 'loading';
}

/**
 * Builds and boots with the present choices; with `untilReady` also waits for the API. Resolves with the machine's id, or null when
 * it failed, was cancelled, or is under way already; the store says why.
 */
export async function run({ untilReady = false } = {}): Promise<string | null> {
  if (isRunning(useRun.getState().run)) return null;
  const own = new AbortController();
  controller = own;
  const startedAt = Date.now();
  const set = (state: RunState) => {
    if (controller === own) setRun(state);
  };
  try {
    set({ phase: 'building', startedAt });
    const built = bootsForeignKernel() ? 'succeeded' : await runBuild(own.signal);
    if (built !== 'succeeded') {
      const error = built === 'refused' ? RESTRICTED : (useBuild.getState().status.error ?? BUILD_FAILED);
      set(error.code === 'cancelled' ? { phase: 'idle' } : { phase: 'failed', error });
      return null;
    }
    set({ phase: 'starting', startedAt, step: 'starting QEMU' });
    const started = await startMachine(
      startRequest(),
      (step) => set({ phase: 'starting', startedAt, step }),
      own.signal,
    );
    if (!started.ok) {
      set({ phase: 'failed', error: started.error });
      return null;
    }
    if (untilReady) {
      for await (const event of await studio.chat.ready({ id: started.id }, { signal: own.signal })) {
        if (event.kind === 'waiting') set({ phase: 'loading', startedAt, step: event.stage, machine: started.id });
        if (event.kind === 'failed') {
          set({ phase: 'failed', error: event.error });
          return null;
        }
      }
    }
    set({ phase: 'idle' });
    return started.id;
  } catch (thrown) {
    const why = messageOf(thrown);
    const error = { code: 'run-failed', what: 'The machine was not started.', why, fix: 'Try again.' };
    set(own.signal.aborted ? { phase: 'idle' } : { phase: 'failed', error });
    return null;
  }
}

/** Whether the chosen profile brings a kernel of its own: then there is nothing to build. */
function bootsForeignKernel(): boolean {
  const { profile } = useSettings.getState().settings;
  return useMachines.getState().profiles.some(({ name, foreign }) => name === profile && foreign);
}

/** Ends a run under way. A machine that has started stays. */
export function cancelRun(): void {
  const { run: state } = useRun.getState();
  if (state.phase === 'building') void cancelBuild();
  controller?.abort();
  controller = null;
  setRun({ phase: 'idle' });
}
