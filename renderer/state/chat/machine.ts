import type { AppError } from '../../../app/base/result.ts';
import { studio } from '../../host/client.ts';
import { useBuild } from '../build.ts';
import { servingMachine } from '../machines.ts';
import { run, useRun } from '../run.ts';
import { setLive } from './store.ts';

function buildWords(): string {
  const { status, expectedCrates } = useBuild.getState();
  const of = expectedCrates !== null && expectedCrates >= status.crates ? ` of ${expectedCrates}` : '';
  return status.phase === 'running' ? `building the kernel, ${status.crates}${of} crates` : 'building the kernel';
}

/** A machine whose API answers: the one that runs, or a new one. */
export async function readyMachine(signal: AbortSignal): Promise<{ id: string } | { error: AppError }> {
  const there = servingMachine();
  if (there === null) {
    const stopCounting = useBuild.subscribe(() => {
      if (useRun.getState().run.phase === 'building') setLive({ step: buildWords() });
    });
    const stopFollowing = useRun.subscribe(({ run: state }) => {
      if (state.phase === 'building') setLive({ phase: 'machine', step: buildWords() });
      else if (state.phase === 'starting' || state.phase === 'loading') setLive({ phase: 'loading', step: state.step });
    });
    try {
      const id = await run({ untilReady: true });
      if (id !== null) return { id };
      const state = useRun.getState().run;
      const error: AppError =
        state.phase === 'failed'
          ? state.error
          : {
              code: 'no-machine',
              what: 'No machine runs.',
              why: 'its start was cancelled',
              fix: 'Send the message again.',
            };
      return { error };
    } finally {
      stopFollowing();
      stopCounting();
    }
  }
  const { id } = there.info;
  setLive({ phase: 'loading', step: '' });
  for await (const event of await studio.chat.ready({ id }, { signal })) {
    if (event.kind === 'waiting') setLive({ step: event.stage });
    if (event.kind === 'failed') return { error: event.error };
    if (event.kind === 'ready') break;
  }
  return { id };
}
