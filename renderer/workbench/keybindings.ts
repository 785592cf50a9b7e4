import { type Disposable, toDisposable } from '../../app/base/disposable.ts';
import { allCommands, type Command, isEnabled, runCommand } from './commands.ts';

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** Keys by their place, for those whose character depends on Shift or the layout. */
const BY_CODE: Readonly<Record<string, string>> = {
  Backquote: '`',
  Backslash: '\\',
  BracketLeft: '[',
  BracketRight: ']',
  Comma: ',',
  Period: '.',
  Slash: '/',
  Minus: '-',
  Equal: '=',
  Semicolon: ';',
  Quote: "'",
  Space: 'space',
};

/** The key that was pressed with its modifiers, in the one spelling that bindings are compared in; null for a bare modifier. */
export function strokeOf(
  event: Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>,
): string | null {
  if (['Control', 'Shift', 'Alt', 'Meta', 'AltGraph', 'Dead'].includes(event.key)) return null;
  const digit = /^Digit(\d)$/.exec(event.code)?.[1];
  const letter = /^Key([A-Z])$/.exec(event.code)?.[1]?.toLowerCase();
  const typed = event.key.toLowerCase();
  // A letter is what the keyboard's layout says it is, unless that layout is not Latin.
  const key = digit ?? (letter === undefined ? (BY_CODE[event.code] ?? typed) : /^[a-z]$/.test(typed) ? typed : letter);
  const mod = isMac ? event.metaKey : event.ctrlKey;
  const other = isMac ? event.ctrlKey : event.metaKey;
  return [mod && 'mod', other && (isMac ? 'ctrl' : 'meta'), event.altKey && 'alt', event.shiftKey && 'shift', key]
    .filter((part) => part !== false)
    .join('+');
}

const ORDER = ['mod', 'ctrl', 'meta', 'alt', 'shift'];

/** `Shift+Ctrl+P` → `mod+shift+p`; a chord keeps its space. Null for what is no binding. */
export function normalise(binding: string): string | null {
  const strokes = binding
    .trim()
    .split(/\s+/)
    .map((stroke) => {
      const parts = (stroke.endsWith('++') ? [...stroke.slice(0, -2).split('+'), '='] : stroke.split('+')).map(
        (part) => {
          const name = part.toLowerCase();
          if (name === 'cmd' || name === 'command') return 'mod';
          return name === 'ctrl' && !isMac ? 'mod' : name === 'esc' ? 'escape' : name;
        },
      );
      const key = parts.pop() ?? '';
      if (key === '' || ORDER.includes(key) || parts.some((part) => !ORDER.includes(part))) return null;
      return [...ORDER.filter((modifier) => parts.includes(modifier)), key].join('+');
    });
  return strokes.length > 2 || strokes.includes(null) ? null : strokes.join(' ');
}

const NAMES: Readonly<Record<string, string>> = {
  mod: isMac ? '⌘' : 'Ctrl',
  ctrl: 'Ctrl',
  meta: 'Meta',
  alt: isMac ? '⌥' : 'Alt',
  shift: isMac ? '⇧' : 'Shift',
  escape: 'Esc',
  arrowup: '↑',
  arrowdown: '↓',
  arrowleft: '←',
  arrowright: '→',
};

/** As it is written for a person: `Ctrl+Shift+P`. */
export function displayBinding(binding: string): string {
  const normal = normalise(binding) ?? binding;
  const stroke = (text: string) =>
    (text.endsWith('++') ? [...text.slice(0, -2).split('+'), '+'] : text.split('+'))
      .map(
        (part) =>
          NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : (part[0] ?? '').toUpperCase() + part.slice(1)),
      )
      .join(isMac ? '' : '+');
  return normal.split(' ').map(stroke).join(' ');
}

/** Where a person's own bindings come from: command id to binding; an empty text takes the key away. */
let overrides: () => Readonly<Record<string, string>> = () => ({});

export function setKeybindingOverrides(source: () => Readonly<Record<string, string>>): void {
  overrides = source;
}

/** The bindings of a command as they hold now, the first one being shown. */
export function bindingsOf(command: Command): string[] {
  const own = overrides()[command.id];
  if (own !== undefined) return own === '' ? [] : [own];
  if (command.keybinding === undefined) return [];
  return typeof command.keybinding === 'string' ? [command.keybinding] : [...command.keybinding];
}

/** The key of a command for a tooltip or a menu; undefined where it has none. */
export function keyHint(command: Command | undefined): string | undefined {
  const first = command === undefined ? undefined : bindingsOf(command)[0];
  return first === undefined ? undefined : displayBinding(first);
}

const CHORD_MS = 3000;

/** Listens to the window's keys. Elements marked `data-keys="terminal"` keep Ctrl+letter to themselves. */
export function installKeybindings(onChord: (pending: string | null) => void): Disposable {
  let prefix: string | null = null;
  let timer = 0;
  const endChord = () => {
    prefix = null;
    window.clearTimeout(timer);
    onChord(null);
  };

  const listener = (event: KeyboardEvent) => {
    if (event.isComposing || (event.target instanceof Element && event.target.matches('[data-records-keys]'))) return;
    const stroke = strokeOf(event);
    if (stroke === null) return;
    const pressed = prefix === null ? stroke : `${prefix} ${stroke}`;
    const inTerminal = event.target instanceof Element && event.target.closest('[data-keys="terminal"]') !== null;
    if (prefix === null && inTerminal && /^(mod|ctrl)\+[a-z\\[\]]$/.test(stroke)) return;

    const candidates = allCommands().flatMap((command) =>
      bindingsOf(command).map((binding) => ({ command, binding: normalise(binding) })),
    );
    const match = candidates.findLast(
      ({ command, binding }) => binding === pressed && isEnabled(command) && (command.keyWhen?.() ?? true),
    );
    if (match !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      endChord();
      void runCommand(match.command.id);
      return;
    }
    if (prefix === null && candidates.some(({ binding }) => binding?.startsWith(`${pressed} `))) {
      event.preventDefault();
      event.stopPropagation();
      prefix = pressed;
      onChord(displayBinding(pressed));
      timer = window.setTimeout(endChord, CHORD_MS);
      return;
    }
    if (prefix !== null) {
      event.preventDefault();
      event.stopPropagation();
      endChord();
    }
  };
  // Before Monaco and xterm see it.
  window.addEventListener('keydown', listener, { capture: true });
  return toDisposable(() => {
    window.removeEventListener('keydown', listener, { capture: true });
    window.clearTimeout(timer);
  });
}
