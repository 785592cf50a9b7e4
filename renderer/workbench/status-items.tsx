import { create } from 'zustand';
import { reconnectNow, useConnection } from '../host/client.ts';
import { useDocuments } from '../state/documents.ts';
import { useWorkspace } from '../state/workspace.ts';
import { StatusEntry } from '../widgets/StatusEntry.tsx';
import { pathOf } from './close.ts';
import { runCommand } from './commands.ts';
import { registerStatusItem } from './contributions.ts';
import { useDock } from './dock.ts';

/** The first half of a chord that waits for its second. */
export const useChord = create<{ readonly pending: string | null }>(() => ({ pending: null }));

function ChordItem() {
  const pending = useChord((state) => state.pending);
  return pending === null ? null : <StatusEntry title="Waiting for the second key">{pending} …</StatusEntry>;
}

/** Whether the service host is there. */
function ConnectionItem() {
  const connection = useConnection((state) => state.connection);
  switch (connection.phase) {
    case 'connected':
      return (
        <StatusEntry icon="vm-active" title={`Connected to the service host, version ${connection.info.version}`} />
      );
    case 'connecting':
      return (
        <StatusEntry icon="loading" title="Connecting to the service host">
          Connecting
        </StatusEntry>
      );
    case 'waiting':
      return (
        <StatusEntry
          icon="debug-disconnect"
          tone="error"
          title={`${connection.why}. Click to try again now.`}
          onClick={reconnectNow}
        >
          Disconnected, text is kept
        </StatusEntry>
      );
  }
}

function BranchItem() {
  const git = useWorkspace((state) => state.git);
  if (git?.kind !== 'repository') return null;
  const name = git.branch ?? git.commit?.slice(0, 8) ?? 'no commit';
  const changes = git.entries.length;
  const ahead = git.ahead ?? 0;
  const behind = git.behind ?? 0;
  return (
    <StatusEntry icon="git-branch" title={`Branch ${name}, ${changes} changed file${changes === 1 ? '' : 's'}`}>
      {name}
      {changes > 0 ? '*' : ''}
      {ahead > 0 ? ` ↑${ahead}` : ''}
      {behind > 0 ? ` ↓${behind}` : ''}
    </StatusEntry>
  );
}

/** Whether the last editor is one of text. */
function useShowsText(): boolean {
  return useDock(({ api, activeEditor }) => {
    const panel = activeEditor === null ? undefined : api?.getPanel(activeEditor);
    return panel !== undefined && pathOf(panel) !== null;
  });
}

function CursorItem() {
  const cursor = useDocuments((state) => state.cursor);
  if (!useShowsText() || cursor === null) return null;
  return (
    <StatusEntry title="Go to line" onClick={() => void runCommand('editor.goToLine')}>
      Ln {cursor.line}, Col {cursor.column}
      {cursor.selected > 0 ? ` (${cursor.selected} selected)` : ''}
    </StatusEntry>
  );
}

const LANGUAGES: Readonly<Record<string, string>> = {
  rust: 'Rust',
  x86asm: 'x86 Assembly',
  linkerscript: 'Linker Script',
  toml: 'TOML',
  json: 'JSON',
  markdown: 'Markdown',
  typescript: 'TypeScript',
  javascript: 'JavaScript',
  python: 'Python',
  shell: 'Shell',
  cpp: 'C++',
  c: 'C',
  css: 'CSS',
  html: 'HTML',
  yaml: 'YAML',
  plaintext: 'Plain Text',
};

function LanguageItem() {
  const language = useDocuments((state) => state.cursor?.language);
  if (!useShowsText() || language === undefined) return null;
  return <StatusEntry title="Language of this file">{LANGUAGES[language] ?? language}</StatusEntry>;
}

export function registerStatusItems(): void {
  registerStatusItem({ id: 'connection', side: 'left', order: 0, component: ConnectionItem });
  registerStatusItem({ id: 'branch', side: 'left', order: 10, component: BranchItem });
  registerStatusItem({ id: 'chord', side: 'left', order: 990, component: ChordItem });
  registerStatusItem({ id: 'cursor', side: 'right', order: 900, component: CursorItem });
  registerStatusItem({ id: 'language', side: 'right', order: 910, component: LanguageItem });
}
