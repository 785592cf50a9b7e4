import { registerEditorCommands } from './editor-commands.ts';
import { registerFileCommands } from './file-commands.ts';
import { registerGoCommands } from './go-commands.ts';
import { registerMonacoCommands } from './monaco-commands.ts';
import { registerViewCommands } from './view-commands.ts';

/** The commands of the workbench itself; panes bring their own. */
export function registerBuiltinCommands(): void {
  registerGoCommands();
  registerFileCommands();
  registerEditorCommands();
  registerMonacoCommands();
  registerViewCommands();
}
