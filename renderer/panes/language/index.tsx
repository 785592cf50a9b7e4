import { useLayoutEffect, useRef } from 'react';
import type { LanguageStatus } from '../../../app/contract/language.ts';
import { followLanguage, installLanguageServer, restartLanguageServer, useLanguage } from '../../state/language.ts';
import { askForTrust } from '../../state/trust.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { StatusEntry } from '../../widgets/StatusEntry.tsx';
import { registerStatusItem } from '../../workbench/contributions.ts';
import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import './language.css';

followLanguage();

interface Said {
  readonly icon: string;
  readonly text: string;
  readonly title: string;
  readonly tone?: 'error' | 'warning' | undefined;
}

function say(status: LanguageStatus): Said | null {
  switch (status.phase) {
    case 'idle':
    // The mark of restricted mode says it for all that does not run.
    case 'restricted':
      return null;
    case 'absent':
      return {
        icon: 'circle-slash',
        text: 'No rust-analyzer',
        title: `${status.error.why}\nTo install it: ${status.error.fix}`,
      };
    case 'installing':
      return { icon: 'loading', text: 'Installing rust-analyzer', title: 'Installing rust-analyzer' };
    case 'starting':
      return { icon: 'loading', text: 'rust-analyzer', title: `Starting ${status.server}` };
    case 'indexing': {
      const percent = status.percent === null ? '' : ` ${Math.round(status.percent)} %`;
      return { icon: 'loading', text: `rust-analyzer${percent}`, title: `${status.server}: ${status.step}` };
    }
    case 'ready':
      return {
        icon: status.trouble === '' ? 'check' : 'warning',
        text: 'rust-analyzer',
        title: status.trouble === '' ? `${status.server} is ready` : status.trouble,
        tone: status.trouble === '' ? undefined : 'warning',
      };
    case 'crashed':
      return {
        icon: 'error',
        text: 'rust-analyzer has ended',
        title: `${status.why}\n${status.retryAt === null ? 'It ended too often to be started again by itself.' : 'It is started again in a moment.'}`,
        tone: 'error',
      };
  }
}

function LanguageStatusItem() {
  const said = say(useLanguage((state) => state.status));
  if (said === null) return null;
  return (
    <StatusEntry icon={said.icon} tone={said.tone} title={said.title} onClick={() => showPane('language')}>
      {said.text}
    </StatusEntry>
  );
}

/** What the language server is doing and what it says. */
function LanguagePane() {
  const { status, log } = useLanguage();
  const said = say(status);
  const list = useRef<HTMLDivElement>(null);
  const newest = log.at(-1)?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new line moves the end
  useLayoutEffect(() => {
    if (list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  }, [newest]);
  if (said === null && log.length === 0)
    return (
      <EmptyState icon="symbol-class" title="No language server runs">
        {status.phase === 'restricted' ? (
          <>
            <span>It would run programs that this folder brings, and the folder is not trusted.</span>
            <Button icon="shield" onClick={() => void askForTrust('language')}>
              Manage Trust
            </Button>
          </>
        ) : (
          <span>{status.phase === 'idle' ? `It starts with the first Rust file: ${status.why}.` : null}</span>
        )}
      </EmptyState>
    );
  return (
    <div className="language">
      <div className="language-head">
        <p>{said?.title}</p>
        {status.phase === 'absent' && status.canInstall ? (
          <Button kind="primary" icon="cloud-download" onClick={() => void installLanguageServer()}>
            Install
          </Button>
        ) : null}
        <Button icon="debug-restart" onClick={() => void restartLanguageServer()}>
          Restart
        </Button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it */}
      <div ref={list} className="language-log" role="log" aria-label="Log of the language server" tabIndex={0}>
        {log.map(({ id, line }) => (
          <p key={id}>{line}</p>
        ))}
      </div>
    </div>
  );
}

function Actions() {
  return (
    <IconButton icon="debug-restart" label="Restart Language Server" onClick={() => void restartLanguageServer()} />
  );
}

registerStatusItem({ id: 'language-server', side: 'right', order: 905, component: LanguageStatusItem });

registerPane({
  id: 'language',
  title: 'Language Server',
  icon: 'symbol-class',
  component: LanguagePane,
  defaultLocation: 'editor',
  actions: Actions,
  commands: [
    {
      id: 'language.show',
      title: 'Show Language Server Log',
      category: 'Editor',
      run: () => showPane('language'),
    },
    {
      id: 'language.restart',
      title: 'Restart Language Server',
      category: 'Editor',
      run: restartLanguageServer,
    },
  ],
});
