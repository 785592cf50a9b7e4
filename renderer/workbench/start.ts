import { connectForever } from '../host/client.ts';
import { resolveTheme, useSettings } from '../state/settings.ts';
import { registerBuiltinCommands } from './builtin-commands.ts';
import { runCommand } from './commands.ts';
import { installKeybindings, setKeybindingOverrides } from './keybindings.ts';
import { registerNotificationCommands } from './notification-commands.ts';
import { followHost } from './session.ts';
import { registerStatusItems, useChord } from './status-items.tsx';
import { registerTrust } from './trust.tsx';

/** Starts what is behind the window: the connection, the commands, the settings' effect on the page. Called once. */
export function startWorkbench(): void {
  registerBuiltinCommands();
  registerStatusItems();
  registerTrust();
  registerNotificationCommands();
  applySettings();
  installKeybindings((pending) => useChord.setState({ pending }));
  window.ring0?.onCommand((id) => void runCommand(id));
  void connectForever();
  followHost();
}

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const prefersLight = matchMedia('(prefers-color-scheme: light)');

function applySettings(): void {
  const apply = () => {
    const { settings } = useSettings.getState();
    const root = document.documentElement;
    root.dataset.theme = resolveTheme(settings.theme, prefersLight.matches);
    root.classList.toggle('reduced-motion', settings.reducedMotion || calm.matches);
    // All of the page grows, as with the browser's own zoom; Monaco measures in the same pixels.
    root.style.setProperty('zoom', settings.zoom === 1 ? '' : String(settings.zoom));
  };
  apply();
  useSettings.subscribe(apply);
  prefersLight.addEventListener('change', apply);
  calm.addEventListener('change', apply);

  // `-command` takes a key away, `command` gives one.
  setKeybindingOverrides(() => {
    const own: Record<string, string> = {};
    for (const { key, command } of useSettings.getState().settings.keybindings) {
      if (command.startsWith('-')) own[command.slice(1)] ??= '';
      else own[command] = key;
    }
    return own;
  });
}
