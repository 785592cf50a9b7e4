import { create } from 'zustand';
import { type AppError, messageOf } from '../../app/base/result.ts';
import { type DoctorCheck, DoctorCheckSchema, type DoctorReport } from '../../app/contract/doctor.ts';
import { studio, whenConnected } from '../host/client.ts';

/** A cure under way, or what came of the last one. */
export interface Fixing {
  readonly check: DoctorCheck['id'];
  readonly command: string;
  readonly output: readonly string[];
  readonly phase: 'running' | 'done' | 'failed' | 'cancelled';
  readonly error: AppError | null;
}

interface DoctorState {
  readonly phase: 'unknown' | 'examining' | 'known' | 'failed';
  /** While it examines: those that have been looked at. */
  readonly checks: readonly DoctorCheck[];
  readonly report: DoctorReport | null;
  readonly fixing: Fixing | null;
  /** Why there is no report. */
  readonly why: string;
}

/** How many there are, for the progress of the first examination. */
export const CHECK_COUNT = DoctorCheckSchema.shape.id.options.length;
const MAX_OUTPUT = 400;

export const useDoctor = create<DoctorState>(() => ({
  phase: 'unknown',
  checks: [],
  report: null,
  fixing: null,
  why: '',
}));

/** Looks at the computer, if nobody has yet. */
export async function examineOnce(): Promise<void> {
  if (useDoctor.getState().phase === 'unknown') await examine();
}

/** Looks at the computer again: what was installed meanwhile is seen. */
export async function examine(): Promise<void> {
  if (useDoctor.getState().phase === 'examining') return;
  useDoctor.setState({ phase: 'examining', checks: [], why: '' });
  try {
    await whenConnected();
    for await (const event of await studio.doctor.examine()) {
      if (event.kind === 'check') useDoctor.setState(({ checks }) => ({ checks: [...checks, event.check] }));
      else useDoctor.setState({ phase: 'known', report: event.report, checks: event.report.checks });
    }
  } catch (thrown) {
    useDoctor.setState({ phase: 'failed', why: messageOf(thrown) });
  }
}

let controller: AbortController | null = null;

/** Runs the command that cures a check, with its output as it comes. */
export async function fix(check: DoctorCheck): Promise<void> {
  if (useDoctor.getState().fixing?.phase === 'running' || check.fixCommand === null) return;
  const own = new AbortController();
  controller = own;
  const change = (part: (fixing: Fixing) => Partial<Fixing>) =>
    useDoctor.setState(({ fixing }) => (fixing === null ? {} : { fixing: { ...fixing, ...part(fixing) } }));
  useDoctor.setState({
    fixing: { check: check.id, command: check.fixCommand, output: [], phase: 'running', error: null },
  });
  try {
    for await (const event of await studio.doctor.fix({ only: check.id }, { signal: own.signal })) {
      switch (event.kind) {
        case 'command':
          change(() => ({ command: event.command }));
          break;
        case 'output':
          change(({ output }) => ({ output: [...output, event.line].slice(-MAX_OUTPUT) }));
          break;
        case 'fixed':
          change(() => ({ phase: 'done' }));
          break;
        case 'failed':
          change(() => ({ phase: 'failed', error: event.error }));
          break;
        case 'finished':
          useDoctor.setState({ phase: 'known', report: event.report, checks: event.report.checks });
          // Cured by somebody else meanwhile.
          change(({ phase }) => ({ phase: phase === 'running' ? 'done' : phase }));
      }
    }
  } catch (thrown) {
    const error = { code: 'fix-lost', what: 'The cure was lost.', why: messageOf(thrown), fix: 'Check again.' };
    change(() => (own.signal.aborted ? { phase: 'cancelled' } : { phase: 'failed', error }));
  }
}

export function cancelFix(): void {
  controller?.abort();
}
