import { useLayoutEffect, useRef, useState } from 'react';
import { send } from '../../state/chat/answer.ts';
import { openConversation, setDraft } from '../../state/chat/conversations.ts';
import { useChat } from '../../state/chat/store.ts';
import { shownPath } from '../../state/chat/tree.ts';
import { modelName } from '../../state/machine-view.ts';
import { useServingMachine } from '../../state/machines.ts';
import { isRunning, run, useRun } from '../../state/run.ts';
import { useSettings } from '../../state/settings.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import { runCommand } from '../../workbench/commands.ts';
import { openMenu } from '../../workbench/menu.ts';
import { Composer } from './Composer.tsx';
import { Message } from './Message.tsx';
import { Options } from './Options.tsx';
import '../../widgets/controls.css';
import './chat.css';

/** A conversation with the model that the guest runs. */
export function ChatPane() {
  const [options, setOptions] = useState(false);
  return (
    <div className="chat">
      <Head options={options} onOptions={() => setOptions(!options)} />
      {options ? <Options /> : null}
      <Messages />
      <Composer />
    </div>
  );
}

function Head({ options, onOptions }: { readonly options: boolean; readonly onOptions: () => void }) {
  const index = useChat((state) => state.index);
  const current = useChat((state) => state.current);
  const listed = index.some(({ id }) => id === current.id);
  return (
    <div className="chat-head">
      <select
        className="field"
        aria-label="Conversation"
        value={current.id}
        onChange={(event) => void openConversation(event.target.value)}
      >
        {listed ? null : <option value={current.id}>{current.title}</option>}
        {index.map(({ id, title }) => (
          <option key={id} value={id}>
            {id === current.id ? current.title : title}
          </option>
        ))}
      </select>
      <IconButton icon="add" label="New conversation" onClick={() => void runCommand('chat.new')} />
      <IconButton icon="settings" label="System prompt and sampling" pressed={options} onClick={onOptions} />
      <IconButton
        icon="export"
        label="Export"
        aria-haspopup="menu"
        disabled={current.roots.length === 0}
        onClick={({ currentTarget }) => {
          const { left, bottom } = currentTarget.getBoundingClientRect();
          openMenu(left, bottom, 'Export the conversation', [
            { label: 'As Markdown', run: () => runCommand('chat.exportMarkdown') },
            { label: 'As JSON, with every branch', run: () => runCommand('chat.exportJson') },
          ]);
        }}
      />
      <IconButton
        icon="trash"
        label="Delete this conversation"
        disabled={current.roots.length === 0}
        onClick={() => void runCommand('chat.delete')}
      />
    </div>
  );
}

function Messages() {
  const current = useChat((state) => state.current);
  const live = useChat((state) => state.live);
  const element = useRef<HTMLDivElement>(null);
  const [follow, setFollow] = useState(true);
  const path = shownPath(current);
  // biome-ignore lint/correctness/useExhaustiveDependencies: more text moves the end
  useLayoutEffect(() => {
    if (follow && element.current !== null) element.current.scrollTop = element.current.scrollHeight;
  }, [follow, current, live]);
  if (path.length === 0) return <Welcome />;
  return (
    <div
      ref={element}
      className="chat-messages"
      role="log"
      aria-label="Messages"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) =>
        setFollow(scrollTop + clientHeight >= scrollHeight - 40)
      }
    >
      {path.map((node) => (
        <Message key={node.id} node={node} live={live?.node === node.id ? live : null} />
      ))}
    </div>
  );
}

/** What a person may ask first; one click asks it. */
const SUGGESTIONS = ['What is paging?', 'What is a GDT?', 'How does virtio work?', 'What is attention?'];

function Suggestions() {
  return (
    <ul className="chat-suggestions" aria-label="Questions to begin with">
      {SUGGESTIONS.map((text) => (
        <li key={text}>
          <Button
            onClick={() => {
              setDraft(text);
              send();
            }}
          >
            {text}
          </Button>
        </li>
      ))}
    </ul>
  );
}

/** Before the first message: whom one talks to, and the button that brings it to life. */
function Welcome() {
  const serving = useServingMachine();
  const state = useRun(({ run: now }) => now);
  const model = useSettings(({ settings }) => settings.model);
  if (serving !== null) {
    return (
      <div className="chat-welcome">
        <Icon name="comment-discussion" />
        <p>
          <strong>{modelName(serving.info.modelPath) ?? 'The guest'}</strong> answers from{' '}
          <strong>{serving.info.profile.name}</strong>.
        </p>
        <Suggestions />
      </div>
    );
  }
  return (
    <div className="chat-welcome">
      <Icon name="comment-discussion" />
      <p>
        No machine runs. Start one with the model <strong>{model === '' ? 'demo' : model}</strong> and talk to it.
      </p>
      {isRunning(state) ? (
        <p role="status" className="chat-waiting">
          <Icon name="loading" />{' '}
          {state.phase === 'building' ? 'Building the kernel' : 'step' in state ? state.step : ''}
        </p>
      ) : (
        <Button kind="primary" icon="run" onClick={() => void run({ untilReady: true })}>
          Build, boot and load
        </Button>
      )}
      {state.phase === 'failed' ? <ErrorNote error={state.error} /> : null}
    </div>
  );
}
