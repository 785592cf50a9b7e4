import { type AppError, messageOf } from '../../../app/base/result.ts';
import { studio } from '../../host/client.ts';
import { machineById, shownMachine } from '../../state/machines.ts';
import { notify, notifyError } from '../../state/notifications.ts';
import { openFile } from '../../workbench/open.ts';
import { openQuickInput } from '../../workbench/quick-input.ts';

/** `logs/direct-2026-11-26-21-05.log`: sorts by time, and the next run has another. */
function proposedPath(id: string): string {
  const now = new Date();
  const two = (n: number) => String(n).padStart(2, '0');
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-');
  return `logs/${id.replace(/[^A-Za-z0-9._-]/g, '-')}-${day}-${two(now.getHours())}-${two(now.getMinutes())}.log`;
}

/** Asks for a file of the workspace, and writes the console of the machine that is shown into it from then on. */
export function chooseLog(): void {
  const machine = shownMachine();
  if (machine === null) return;
  const { id } = machine.info;
  openQuickInput({
    title: 'Log to file',
    placeholder: 'A file of this folder; what is there already stays, and the log goes on behind it',
    initial: proposedPath(id),
    answer: (text) => {
      const path = text.trim();
      if (path === '') return { items: [], empty: 'Type the path of a file in this folder' };
      return {
        empty: '',
        items: [
          {
            id: 'kept',
            label: `Log all to ${path}`,
            detail: 'what the console has said so far, and what comes',
            icon: 'record',
            run: () => start(id, path, 'kept'),
          },
          {
            id: 'now',
            label: `Log to ${path} from now on`,
            detail: 'only what comes',
            icon: 'record',
            run: () => start(id, path, 'now'),
          },
        ],
      };
    },
  });
}

async function start(id: string, path: string, from: 'kept' | 'now'): Promise<void> {
  try {
    const started = await studio.machines.logStart({ id, path, from });
    if (!started.ok) notifyError(started.error, [{ title: 'Choose Another File', run: chooseLog }]);
  } catch (thrown) {
    notify({ severity: 'error', message: `Nothing is written to ${path}`, detail: messageOf(thrown) });
  }
}

export async function stopLog(id: string): Promise<void> {
  try {
    const stopped = await studio.machines.logStop({ id });
    if (!stopped.ok) return void notifyError(stopped.error);
    const { path, bytes } = stopped.value;
    notify({
      severity: 'success',
      key: `log:${id}`,
      sticky: false,
      message: `The log is complete: ${bytes.toLocaleString('en')} bytes in ${path}`,
      actions: [{ title: 'Open', run: () => openFile(path) }],
    });
  } catch (thrown) {
    notify({ severity: 'error', message: 'The log was not stopped', detail: messageOf(thrown) });
  }
}

/** Of the machine that is shown: starts a log, or stops the one that is written. */
export function toggleLog(): void {
  const machine = shownMachine();
  if (machine === null) return;
  const log = machineById(machine.info.id)?.log ?? null;
  if (log === null || log.error !== null) chooseLog();
  else void stopLog(machine.info.id);
}

const told = new Set<AppError>();

/** A log that has stopped by itself is said once, wherever a person looks. */
export function tellFailedLogs(logs: readonly { readonly id: string; readonly error: AppError }[]): void {
  for (const { id, error } of logs) {
    if ([...told].some(({ what, why }) => what === error.what && why === error.why)) continue;
    told.add(error);
    notify({
      severity: 'error',
      key: `log:${id}`,
      message: error.what,
      detail: [error.why, error.fix].filter((line) => line !== '').join('\n'),
      actions: [{ title: 'Choose Another File', run: chooseLog }],
    });
  }
}
