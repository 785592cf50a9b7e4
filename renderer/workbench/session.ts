import { DisposableStore } from '../../app/base/disposable.ts';
import { messageOf } from '../../app/base/result.ts';
import { studio, whenConnected } from '../host/client.ts';
import { notify } from '../state/notifications.ts';
import { PersistedValue } from '../state/persisted.ts';
import { loadRecent } from '../state/recent.ts';
import { followSettings } from '../state/settings.ts';
import { followTrust } from '../state/trust.ts';
import { loadNamedPlaces } from '../state/virtio-named.ts';
import { followWorkspace } from '../state/workspace.ts';
import { FILE_VIEW, useDock } from './dock.ts';
import { followWindow, loadLayouts } from './layouts.ts';
import { openFile } from './open.ts';

/** What the last visit left. */
export interface Restored {
  readonly layout: unknown;
}

const layout = new PersistedValue('layout.last');

/** Waits for the host and reads what it kept. */
export async function restoreSession(signal: AbortSignal): Promise<Restored> {
  await whenConnected(signal);
  const [saved] = await Promise.all([layout.read(), loadLayouts(), loadRecent(), loadNamedPlaces()]);
  return { layout: saved };
}

export function saveLayout(value: unknown): void {
  layout.write(value);
}

/** Follows the host and the window for as long as the page lives. */
export function followHost() {
  const owned = new DisposableStore();
  owned.add(followSettings());
  owned.add(followTrust());
  owned.add(followWorkspace());
  owned.add(followWindow());
  return owned;
}

/** Opens every file whose unsaved text was kept but whose editor was not in the saved layout. */
export async function openLostTexts(): Promise<void> {
  try {
    const backups = await studio.backups.list();
    const shown = new Set(
      useDock
        .getState()
        .api?.panels.filter((panel) => panel.api.component === FILE_VIEW)
        .map((panel): unknown => panel.params?.path),
    );
    const lost = backups.filter(({ path }) => !shown.has(path));
    for (const { path } of lost) openFile(path, { focus: false });
  } catch (thrown) {
    notify({
      severity: 'warning',
      message: 'Unsaved texts of the last visit could not be asked for',
      detail: messageOf(thrown),
    });
  }
}
