import { create } from 'zustand';
import { messageOf } from '../../app/base/result.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../app/contract/settings.ts';
import { studio } from '../host/client.ts';
import { followForever } from '../host/follow.ts';
import { notify, notifyError } from './notifications.ts';

interface SettingsState {
  readonly settings: Settings;
  /** Whether these are the person's own yet, rather than the defaults that stand in until the host has answered. */
  readonly loaded: boolean;
  readonly problems: readonly string[];
  /** The file, to be edited by hand; empty until it is known. */
  readonly path: string;
}

export const useSettings = create<SettingsState>(() => ({
  settings: DEFAULT_SETTINGS,
  loaded: false,
  problems: [],
  path: '',
}));

/** Keeps the store equal to the settings file, whoever changes it. */
export function followSettings() {
  return followForever(
    (signal) => studio.settings.watch(undefined, { signal }),
    ({ settings, problems, path }) => useSettings.setState({ settings, problems, path, loaded: true }),
  );
}

/** Changes settings: at once on this page, then in the file. What the host refuses is taken back. */
export async function changeSettings(patch: Partial<Settings>): Promise<void> {
  const before = useSettings.getState().settings;
  useSettings.setState({ settings: { ...before, ...patch } });
  try {
    const saved = await studio.settings.set(patch);
    if (saved.ok) return;
    notifyError(saved.error);
  } catch (thrown) {
    notify({ severity: 'error', message: 'The setting was not saved', detail: messageOf(thrown) });
  }
  useSettings.setState({ settings: before });
}

export type Theme = 'dark' | 'light' | 'high-contrast';

/** The theme that a setting comes to on this computer. */
export function resolveTheme(theme: Settings['theme'], prefersLight: boolean): Theme {
  if (theme !== 'system') return theme;
  return prefersLight ? 'light' : 'dark';
}
