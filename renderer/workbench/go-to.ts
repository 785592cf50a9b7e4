import { rank } from '../../app/text/fuzzy.ts';
import { useRecent } from '../state/recent.ts';
import { useWorkspace } from '../state/workspace.ts';
import { fileIcon } from '../widgets/file-icon.ts';
import { activePath } from './active-file.ts';
import { allCommands, commandLabel, isEnabled, runCommand } from './commands.ts';
import { keyHint } from './keybindings.ts';
import { openFile } from './open.ts';
import { openQuickInput, type QuickAnswer } from './quick-input.ts';
import { fileSymbolAnswer, followSymbols, workspaceSymbolAnswer } from './symbol-search.ts';

const LIMIT = 60;
/** Ids of commands that were run from the palette, newest first. */
let recentCommands: string[] = [];

/** Files; `>` commands; `:` a line; `@` symbols of the file; `#` those of the workspace. */
export function showGoTo(initial: string): void {
  openQuickInput({
    title: 'Go to file or command',
    placeholder: 'File name, > commands, @ symbols here, # symbols everywhere, : line',
    initial,
    follow: (onMore) => {
      const ends = [useWorkspace.subscribe(onMore), followSymbols(onMore)];
      return () => {
        for (const end of ends) end();
      };
    },
    answer: (text) => {
      if (text.startsWith('>')) return commandAnswer(text.slice(1));
      if (text.startsWith(':')) return lineAnswer(text.slice(1));
      if (text.startsWith('@')) return fileSymbolAnswer(text.slice(1), activePath());
      if (text.startsWith('#')) return workspaceSymbolAnswer(text.slice(1));
      return fileAnswer(text);
    },
  });
}

function commandAnswer(text: string): QuickAnswer {
  const commands = allCommands()
    .filter((command) => command.hidden !== true && isEnabled(command))
    .sort((a, b) => commandLabel(a).localeCompare(commandLabel(b)));
  const recent = recentCommands.flatMap((id) => commands.filter((command) => command.id === id));
  const ordered = [...recent, ...commands.filter((command) => !recent.includes(command))];
  return {
    empty: 'No command matches',
    items: rank(text, ordered, commandLabel, LIMIT).map(({ item, at }) => ({
      id: item.id,
      label: commandLabel(item),
      note: keyHint(item),
      at,
      run: () => {
        recentCommands = [item.id, ...recentCommands.filter((id) => id !== item.id)].slice(0, 5);
        return runCommand(item.id);
      },
    })),
  };
}

function lineAnswer(text: string): QuickAnswer {
  const path = activePath();
  const [line, column] = text.split(/[:,]/).map((part) => Number.parseInt(part, 10));
  if (path === null) return { empty: 'No file is open', items: [] };
  if (line === undefined || !(line > 0)) return { empty: 'Type a line, or a line and a column: 120:8', items: [] };
  const at = column !== undefined && column > 0 ? column : 1;
  return {
    empty: '',
    items: [
      {
        id: 'line',
        label: column === undefined ? `Go to line ${line}` : `Go to line ${line}, column ${at}`,
        run: () => openFile(path, { line, column: at }),
      },
    ],
  };
}

/** `engine.rs:120` goes to a line of the file. */
function fileAnswer(text: string): QuickAnswer {
  const [, name = '', line] = /^(.*?)(?::(\d+))?(?::\d*)?$/.exec(text) ?? [];
  const { files, filesTruncated } = useWorkspace.getState();
  const recent = useRecent.getState().paths.filter((path) => files.includes(path));
  const isRecent = new Set(recent);
  const ordered = [...recent, ...files.filter((path) => !isRecent.has(path))];
  return {
    empty:
      files.length === 0
        ? 'The list of files is not there yet'
        : filesTruncated
          ? 'No file matches among the first ones'
          : 'No file matches',
    items: rank(name, ordered, (path) => path, LIMIT).map(({ item, at }) => {
      const cut = item.lastIndexOf('/') + 1;
      return {
        id: item,
        label: item.slice(cut),
        detail: item.slice(0, Math.max(0, cut - 1)),
        icon: fileIcon(item),
        note: isRecent.has(item) && name === '' ? 'recent' : undefined,
        at: at.filter((index) => index >= cut).map((index) => index - cut),
        run: (beside: boolean) => openFile(item, { beside, ...(line === undefined ? {} : { line: Number(line) }) }),
      };
    }),
  };
}
