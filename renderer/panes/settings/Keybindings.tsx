import { useState } from 'react';
import { changeSettings, useSettings } from '../../state/settings.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { type Command, commandLabel, useCommands } from '../../workbench/commands.ts';
import { bindingsOf, displayBinding, strokeOf } from '../../workbench/keybindings.ts';

/** Gives a command another key, takes it away (null), or puts back its own (undefined). */
function bind(id: string, key: string | null | undefined): void {
  const others = useSettings
    .getState()
    .settings.keybindings.filter(({ command }) => command !== id && command !== `-${id}`);
  const own = key === undefined ? [] : key === null ? [{ key: 'none', command: `-${id}` }] : [{ key, command: id }];
  void changeSettings({ keybindings: [...others, ...own] });
}

function KeyRecorder({ command, onDone }: { readonly command: Command; readonly onDone: () => void }) {
  return (
    <input
      className="setting-input key-recorder"
      aria-label={`Press the new key for ${commandLabel(command)}, Escape to leave it`}
      placeholder="Press a key…"
      readOnly
      // biome-ignore lint/a11y/noAutofocus: it was asked for with the button that stood here
      autoFocus
      data-records-keys
      onBlur={onDone}
      onKeyDown={(event) => {
        event.preventDefault();
        event.stopPropagation();
        const stroke = strokeOf(event.nativeEvent);
        if (stroke === null) return;
        if (stroke !== 'escape' && stroke !== 'tab') bind(command.id, stroke);
        onDone();
      }}
    />
  );
}

/** The commands with their keys, which can be changed. */
export function Keybindings({ words }: { readonly words: readonly string[] }) {
  const commands = useCommands();
  const own = useSettings((state) => state.settings.keybindings);
  const [recording, setRecording] = useState<string | null>(null);
  const rows = [...commands.values()]
    .filter((command) => command.hidden !== true)
    .map((command) => ({ command, label: commandLabel(command), keys: bindingsOf(command).map(displayBinding) }))
    .filter(({ label, keys }) =>
      words.every((word) => `${label} ${keys.join(' ')} keyboard`.toLowerCase().includes(word)),
    )
    .sort((a, b) => a.label.localeCompare(b.label));
  const users = new Map<string, number>();
  for (const key of [...commands.values()].flatMap((command) => bindingsOf(command).map(displayBinding)))
    users.set(key, (users.get(key) ?? 0) + 1);
  if (rows.length === 0) return null;
  return (
    <section aria-label="Keyboard">
      <h2>Keyboard</h2>
      <table className="keys">
        <thead className="visually-hidden">
          <tr>
            <th>Command</th>
            <th>Keys</th>
            <th>Change</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ command, label, keys }) => {
            const isChanged = own.some((each) => each.command === command.id || each.command === `-${command.id}`);
            return (
              <tr key={command.id}>
                <td>{label}</td>
                <td>
                  {recording === command.id ? (
                    <KeyRecorder command={command} onDone={() => setRecording(null)} />
                  ) : (
                    keys.map((key) => (
                      <kbd
                        key={key}
                        className={(users.get(key) ?? 0) > 1 ? 'key-shared' : undefined}
                        title={(users.get(key) ?? 0) > 1 ? 'Another command has this key too' : undefined}
                      >
                        {key}
                      </kbd>
                    ))
                  )}
                </td>
                <td className="keys-buttons">
                  <Button kind="quiet" onClick={() => setRecording(command.id)}>
                    Change<span className="visually-hidden"> the key of {label}</span>
                  </Button>
                  {isChanged ? (
                    <IconButton
                      icon="discard"
                      label={`Reset the key of ${label}`}
                      onClick={() => bind(command.id, undefined)}
                    />
                  ) : null}
                  {!isChanged && keys.length > 0 ? (
                    <IconButton
                      icon="trash"
                      label={`Remove the key of ${label}`}
                      onClick={() => bind(command.id, null)}
                    />
                  ) : null}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
