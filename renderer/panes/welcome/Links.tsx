import type { ReactNode } from 'react';
import { openConversation } from '../../state/chat/conversations.ts';
import { useChat } from '../../state/chat/store.ts';
import { useRecent } from '../../state/recent.ts';
import { fileIcon } from '../../widgets/file-icon.ts';
import { Icon } from '../../widgets/Icon.tsx';
import { commandLabel, getCommand, runCommand } from '../../workbench/commands.ts';
import { showPane } from '../../workbench/dock.ts';
import { keyHint } from '../../workbench/keybindings.ts';
import { availableLayouts, LAYOUTS, switchLayout, useLayouts } from '../../workbench/layouts.ts';
import { openFile } from '../../workbench/open.ts';

const RECENT = 5;

function Group({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** What was worked on last. */
export function Continue() {
  const files = useRecent(({ paths }) => paths).slice(0, RECENT);
  const conversations = useChat(({ index }) => index).slice(0, RECENT);
  const readme = files.length === 0;
  return (
    <Group title={readme && conversations.length === 0 ? 'Begin' : 'Go on'}>
      <ul className="welcome-links">
        {conversations.map(({ id, title }) => (
          <li key={id}>
            <button
              type="button"
              className="welcome-link"
              onClick={() => void openConversation(id).then(() => showPane('chat'))}
            >
              <Icon name="comment" />
              <span>{title}</span>
            </button>
          </li>
        ))}
        {files.map((path) => (
          <FileLink key={path} path={path} />
        ))}
        {readme ? <FileLink path="README.md" /> : null}
      </ul>
    </Group>
  );
}

function FileLink({ path }: { readonly path: string }) {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const folder = path.slice(0, Math.max(0, path.length - name.length - 1));
  return (
    <li>
      <button type="button" className="welcome-link" title={path} onClick={() => openFile(path)}>
        <Icon name={fileIcon(name)} />
        <span>{name}</span>
        <span className="welcome-faint">{folder}</span>
      </button>
    </li>
  );
}

/** The four layouts, with what each is for. */
export function Layouts() {
  const current = useLayouts((state) => state.current);
  return (
    <Group title="Layouts">
      <ul className="welcome-links">
        {availableLayouts().map((name) => (
          <li key={name}>
            <button
              type="button"
              className="welcome-layout"
              aria-current={name === current}
              onClick={() => switchLayout(name)}
            >
              <strong>{LAYOUTS[name].title}</strong>
              <span>{LAYOUTS[name].purpose}</span>
            </button>
          </li>
        ))}
      </ul>
    </Group>
  );
}

const KEYS = [
  'workbench.palette',
  'workbench.quickOpen',
  'machine.run',
  'machine.stop',
  'build.start',
  'serial.focus',
  'chat.focus',
  'settings.show',
];

/** The keys that one cannot do without; each is a button too. */
export function Keys() {
  return (
    <Group title="Keys">
      <ul className="welcome-keys">
        {KEYS.map((id) => {
          const command = getCommand(id);
          const key = keyHint(command);
          return command === undefined || key === undefined ? null : (
            <li key={id}>
              <button
                type="button"
                className="welcome-link"
                title={commandLabel(command)}
                onClick={() => void runCommand(id)}
              >
                <span>{command.title}</span>
                <kbd>{key}</kbd>
              </button>
            </li>
          );
        })}
      </ul>
    </Group>
  );
}
