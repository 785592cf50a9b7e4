import { lazy, memo, Suspense, useState } from 'react';
import { regenerate, resend } from '../../state/chat/answer.ts';
import { showBranch } from '../../state/chat/conversations.ts';
import { type LiveAnswer, liveWords } from '../../state/chat/live-answer.ts';
import { useChat } from '../../state/chat/store.ts';
import { type ChatNode, milliseconds, siblingsOf, timingFacts } from '../../state/chat/tree.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { CopyButton } from '../../widgets/CopyButton.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import { useNow } from '../../widgets/use-now.ts';
import { showPane } from '../../workbench/dock.ts';
import { askForAddress } from '../../workbench/follow-link.ts';
import { RawView } from './RawView.tsx';
import { Tokens } from './Tokens.tsx';

/** Comes with the first answer; until then its text is shown as it is. */
const openLink = (address: string) => void askForAddress(address, 'The model');
const Markdown = lazy(async () => ({ default: (await import('./Markdown.tsx')).Markdown }));

/** A question or an answer, with what can be done to it. */
export const Message = memo(function Message({
  node,
  live,
}: {
  readonly node: ChatNode;
  readonly live: LiveAnswer | null;
}) {
  return node.role === 'user' ? <Question node={node} /> : <Answer node={node} live={live} />;
});

function Question({ node }: { readonly node: ChatNode }) {
  const [editing, setEditing] = useState<string | null>(null);
  const busy = useChat(({ live }) => live !== null);
  if (editing !== null) {
    const submit = () => {
      resend(node.id, editing);
      setEditing(null);
    };
    return (
      <article className="chat-question" aria-label="Your message, being changed">
        <textarea
          className="field chat-edit"
          // biome-ignore lint/a11y/noAutofocus: a person has just asked for it
          autoFocus
          aria-label="Message"
          rows={Math.min(10, editing.split('\n').length + 1)}
          value={editing}
          onChange={(event) => setEditing(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') setEditing(null);
            else if (event.key === 'Enter' && !event.shiftKey) {
              event.preventDefault();
              submit();
            }
          }}
        />
        <div className="chat-tools chat-tools-shown">
          <Button kind="primary" disabled={busy || editing.trim() === ''} onClick={submit}>
            Send as a new branch
          </Button>
          <Button kind="quiet" onClick={() => setEditing(null)}>
            Cancel
          </Button>
        </div>
      </article>
    );
  }
  return (
    <article className="chat-question" aria-label="Your message">
      <div className="chat-bubble">{node.content}</div>
      <div className="chat-tools">
        <Branches node={node} />
        <IconButton icon="edit" label="Edit and send again" disabled={busy} onClick={() => setEditing(node.content)} />
        <CopyButton label="Copy the message" text={() => node.content} />
      </div>
    </article>
  );
}

function Answer({ node, live }: { readonly node: ChatNode; readonly live: LiveAnswer | null }) {
  const [view, setView] = useState<'text' | 'tokens' | 'raw'>('text');
  const busy = useChat((state) => state.live !== null);
  const hasRaw = useChat(({ raw }) => raw.has(node.id));
  const writing = live !== null;
  const toggle = (other: 'tokens' | 'raw') => setView(view === other ? 'text' : other);
  return (
    <article className="chat-answer" aria-label="Answer" aria-busy={writing}>
      {live !== null && node.content === '' ? <Waiting live={live} /> : null}
      {view === 'tokens' && node.tokens.length > 0 ? (
        <Tokens tokens={node.tokens} />
      ) : (
        <div className="chat-text">
          <Suspense fallback={<p className="chat-plain">{node.content}</p>}>
            <Markdown text={node.content} onLink={openLink} />
          </Suspense>
        </div>
      )}
      {view === 'raw' ? <RawView node={node.id} /> : null}
      <Ending node={node} />
      {writing ? null : (
        <div className="chat-tools chat-tools-answer">
          <Branches node={node} />
          <CopyButton label="Copy the answer" text={() => node.content} />
          <IconButton icon="refresh" label="Another answer" disabled={busy} onClick={() => regenerate(node.id)} />
          {node.tokens.length === 0 ? null : (
            <IconButton
              icon="graph"
              label="Token probabilities"
              pressed={view === 'tokens'}
              onClick={() => toggle('tokens')}
            />
          )}
          {hasRaw ? (
            <IconButton
              icon="json"
              label="Request and response"
              pressed={view === 'raw'}
              onClick={() => toggle('raw')}
            />
          ) : null}
          <Facts node={node} />
        </div>
      )}
    </article>
  );
}

function Waiting({ live }: { readonly live: LiveAnswer }) {
  const now = useNow(200, true);
  return (
    <div className="chat-waiting" role="status">
      <Icon name="loading" />
      <span>{liveWords(live)}</span>
      {live.progress === null ? null : (
        <progress aria-label="Prompt" value={live.progress.done} max={Math.max(1, live.progress.total)} />
      )}
      <span className="chat-faint" aria-hidden="true">
        {((now - live.since) / 1000).toFixed(0)} s
      </span>
    </div>
  );
}

function Ending({ node }: { readonly node: ChatNode }) {
  const { status, reason, error } = node;
  if (error !== null) {
    return (
      <ErrorNote error={error}>
        {error.code === 'build-failed' ? <Button onClick={() => showPane('build')}>Show the build</Button> : null}
        {error.code.startsWith('machine-') ? (
          <Button onClick={() => showPane('machine')}>Show the machine</Button>
        ) : null}
      </ErrorNote>
    );
  }
  if (status === 'stopped') return <p className="chat-ending">Stopped</p>;
  if (status === 'interrupted') return <p className="chat-ending">Interrupted: the page or the host was closed</p>;
  if (reason === 'length') return <p className="chat-ending">Cut off at the limit of tokens</p>;
  return null;
}

function Facts({ node: { timing } }: { readonly node: ChatNode }) {
  if (timing === null) return null;
  const { promptTokens, promptTokensPerSecond, totalMs, measuredBy } = timing;
  const more = [
    promptTokens === null ? null : `Prompt: ${promptTokens} tokens`,
    promptTokensPerSecond === null ? null : `read at ${promptTokensPerSecond.toFixed(0)} tokens/s`,
    `Whole answer: ${milliseconds(totalMs)}`,
    measuredBy === 'guest' ? "Speed by the guest's own clock" : 'Speed as seen from here',
  ].filter((line) => line !== null);
  return (
    <span className="chat-facts" title={more.join('\n')}>
      {timingFacts(timing).join(' · ')}
    </span>
  );
}

/** Which of several branches is shown, and the way to the others. */
function Branches({ node }: { readonly node: ChatNode }) {
  const siblings = useChat(({ current }) => siblingsOf(current, node.id));
  const busy = useChat(({ live }) => live !== null);
  if (siblings.length < 2) return null;
  const at = siblings.indexOf(node.id);
  const go = (to: number) => {
    const id = siblings[to];
    if (id !== undefined) showBranch(id);
  };
  return (
    <span className="chat-branches">
      <IconButton icon="chevron-left" label="Branch before" disabled={at === 0 || busy} onClick={() => go(at - 1)} />
      <span>
        {at + 1} / {siblings.length}
      </span>
      <IconButton
        icon="chevron-right"
        label="Next branch"
        disabled={at === siblings.length - 1 || busy}
        onClick={() => go(at + 1)}
      />
    </span>
  );
}
