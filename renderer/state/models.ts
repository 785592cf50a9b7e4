import { create } from 'zustand';
import { type AppError, messageOf } from '../../app/base/result.ts';
import type { CatalogueEntry, ModelEntry, Progress } from '../../app/contract/index.ts';
import type { ModelEvent } from '../../app/contract/studio.ts';
import { studio, whenConnected } from '../host/client.ts';
import { refreshChoices } from './machines.ts';
import { notify, notifyError } from './notifications.ts';
import { changeSettings, useSettings } from './settings.ts';

/** A model that comes, or that did not. */
export type ModelJob =
  | { readonly phase: 'running'; readonly progress: Progress | null; readonly startedAt: number }
  | { readonly phase: 'failed'; readonly error: AppError };

interface ModelsState {
  readonly catalogue: readonly CatalogueEntry[];
  /** By name of the catalogue's entry, or `ADD`. */
  readonly jobs: ReadonlyMap<string, ModelJob>;
}

/** The job that takes a file of this computer in. */
export const ADD = '';

export const useModels = create<ModelsState>(() => ({ catalogue: [], jobs: new Map() }));

const controllers = new Map<string, AbortController>();

/** The library and the catalogue as they are now. */
export async function refreshModels(): Promise<void> {
  await whenConnected();
  const [catalogue] = await Promise.all([studio.models.catalogue(), refreshChoices()]);
  useModels.setState({ catalogue });
}

function setJob(key: string, job: ModelJob | null): void {
  useModels.setState(({ jobs }) => {
    const next = new Map(jobs);
    if (job === null) next.delete(key);
    else next.set(key, job);
    return { jobs: next };
  });
}

/** Downloads an entry of the catalogue; what an interrupted download left is gone on with. */
export function getModel(name: string): Promise<ModelEntry | null> {
  return runJob(name, (signal) => studio.models.get({ name }, { signal }));
}

/** Takes a file of this computer into the library. */
export function addModel(path: string): Promise<ModelEntry | null> {
  return runJob(ADD, (signal) => studio.models.add({ path }, { signal }));
}

async function runJob(
  key: string,
  open: (signal: AbortSignal) => Promise<AsyncIterable<ModelEvent>>,
): Promise<ModelEntry | null> {
  if (controllers.has(key)) return null;
  const controller = new AbortController();
  controllers.set(key, controller);
  const startedAt = Date.now();
  setJob(key, { phase: 'running', progress: null, startedAt });
  let added: ModelEntry | null = null;
  try {
    for await (const event of await open(controller.signal)) {
      if (event.kind === 'progress') setJob(key, { phase: 'running', progress: event.progress, startedAt });
      if (event.kind === 'failed') setJob(key, { phase: 'failed', error: event.error });
      if (event.kind === 'finished') {
        added = event.model;
        setJob(key, null);
      }
    }
  } catch (thrown) {
    const why = messageOf(thrown);
    const error = { code: 'job-lost', what: 'The connection to the service host was lost.', why, fix: 'Try again.' };
    setJob(key, controller.signal.aborted ? null : { phase: 'failed', error });
  } finally {
    controllers.delete(key);
    // Of a cancelled one, what has come so far is kept, and the list says how much.
    if (useModels.getState().jobs.get(key)?.phase === 'running') setJob(key, null);
    await refreshModels();
  }
  if (added !== null) {
    const { name } = added;
    notify({
      severity: 'success',
      message: `${name} is in the library`,
      key: 'models.added',
      sticky: false,
      actions: [{ title: 'Use for Run', run: () => changeSettings({ model: name }) }],
    });
  }
  return added;
}

export function cancelJob(key: string): void {
  controllers.get(key)?.abort();
}

export function dismissJob(key: string): void {
  setJob(key, null);
}

/** Takes a model out of the library; the notification puts it back. */
export async function removeModel(name: string): Promise<void> {
  const removed = await studio.models.remove({ name });
  if (!removed.ok) {
    notifyError(removed.error);
    return;
  }
  const wasChosen = useSettings.getState().settings.model === name;
  if (wasChosen) await changeSettings({ model: 'demo' });
  await refreshModels();
  notify({
    severity: 'info',
    message: `${name} was removed from the library`,
    detail: wasChosen ? 'Run takes the demo model now.' : 'It is kept until another model is removed.',
    key: 'models.removed',
    actions: [
      {
        title: 'Undo',
        run: async () => {
          const back = await studio.models.restore({ name });
          if (!back.ok) notifyError(back.error);
          else if (wasChosen) await changeSettings({ model: name });
          await refreshModels();
        },
      },
    ],
  });
}
