import { useDocuments } from '../state/documents.ts';
import { hasFile } from './active-file.ts';
import { registerCommand } from './commands.ts';
import { showGoTo } from './go-to.ts';
import { canGo, noteVisit, takeStep } from './history.ts';
import { openFile } from './open.ts';

/** One step of the history. */
function step(by: 1 | -1): void {
  const visit = takeStep(by);
  if (visit !== null) openFile(visit.path, visit);
}

/** The ways to a file, a command, a line or a symbol, and back again. */
export function registerGoCommands(): void {
  useDocuments.subscribe(({ cursor }, before) => {
    if (cursor !== null && cursor !== before.cursor) noteVisit(cursor);
  });
  registerCommand({ id: 'workbench.quickOpen', title: 'Go to File', keybinding: 'Mod+P', run: () => showGoTo('') });
  registerCommand({
    id: 'workbench.palette',
    title: 'Show All Commands',
    keybinding: ['Mod+Shift+P', 'F1'],
    run: () => showGoTo('>'),
  });
  registerCommand({
    id: 'editor.goToLine',
    title: 'Go to Line',
    keybinding: 'Ctrl+G',
    when: hasFile,
    run: () => showGoTo(':'),
  });
  registerCommand({
    id: 'editor.outline',
    title: 'Go to Symbol in Editor',
    category: 'Editor',
    keybinding: 'Mod+Shift+O',
    when: hasFile,
    run: () => showGoTo('@'),
  });
  registerCommand({
    id: 'workbench.symbols',
    title: 'Go to Symbol in Workspace',
    // Browsers keep Ctrl+T for themselves; Alt+T is for them.
    keybinding: ['Mod+T', 'Alt+T'],
    run: () => showGoTo('#'),
  });
  registerCommand({
    id: 'editor.back',
    title: 'Go Back',
    keybinding: 'Alt+ArrowLeft',
    when: () => canGo(-1),
    run: () => step(-1),
  });
  registerCommand({
    id: 'editor.forward',
    title: 'Go Forward',
    keybinding: 'Alt+ArrowRight',
    when: () => canGo(1),
    run: () => step(1),
  });
}
