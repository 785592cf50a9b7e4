import { type AppError, assertNever } from '../base/result.ts';
import type { Crash, MachineState } from '../contract/machine.ts';

/** What befalls a machine, in the order in which its owner sees it. */
export type MachineEvent =
  | { readonly kind: 'step'; readonly step: string }
  | { readonly kind: 'started' }
  /** QEMU's own STOP and RESUME events. */
  | { readonly kind: 'stopped-running' }
  | { readonly kind: 'resumed' }
  | { readonly kind: 'ending'; readonly by: 'guest' | 'user' }
  | { readonly kind: 'crashed'; readonly crash: Crash }
  | { readonly kind: 'failed'; readonly error: AppError }
  /** QEMU is gone. `crash` is what is reported where nobody had asked for that. */
  | { readonly kind: 'exited'; readonly crash: Crash }
  | { readonly kind: 'owner-lost' };

/** Whether nothing more can happen to the machine. */
export function isEnded(state: MachineState): boolean {
  return state.phase === 'stopped' || state.phase === 'failed';
}

/** The machine's life as a function. An event that does not fit the state leaves it alone (same object). */
export function reduceMachine(state: MachineState, event: MachineEvent): MachineState {
  if (isEnded(state)) return state;
  switch (event.kind) {
    case 'step':
      return state.phase === 'starting' ? { phase: 'starting', step: event.step } : state;
    case 'started':
      return state.phase === 'starting' ? { phase: 'running' } : state;
    case 'stopped-running':
      return state.phase === 'running' ? { phase: 'paused' } : state;
    case 'resumed':
      return state.phase === 'paused' || state.phase === 'crashed' ? { phase: 'running' } : state;
    case 'ending':
      return state.phase === 'stopping' ? state : { phase: 'stopping', by: event.by };
    case 'crashed':
      return state.phase === 'stopping' || state.phase === 'crashed' ? state : { phase: 'crashed', crash: event.crash };
    case 'failed':
      return { phase: 'failed', error: event.error };
    case 'exited':
      if (state.phase === 'stopping') return { phase: 'stopped', by: state.by };
      return state.phase === 'crashed' ? state : { phase: 'crashed', crash: event.crash };
    case 'owner-lost':
      return { phase: 'stopped', by: 'owner-lost' };
    default:
      return assertNever(event);
  }
}
