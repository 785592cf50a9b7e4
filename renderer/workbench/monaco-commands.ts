import { hasFile } from './active-file.ts';
import { registerCommand } from './commands.ts';

/** F2 renames a file in the explorer and a symbol in an editor. */
const inEditor = () => document.activeElement?.closest('.monaco-editor') !== null;

/** Monaco's own actions that are commands of the workbench: in the palette, and with keys that can be changed. */
const MONACO: readonly { id: string; title: string; action: string; keybinding?: string | readonly string[] }[] = [
  { id: 'editor.find', title: 'Find', action: 'actions.find' },
  { id: 'editor.replace', title: 'Replace', action: 'editor.action.startFindReplaceAction' },
  {
    id: 'editor.format',
    title: 'Format Document',
    action: 'editor.action.formatDocument',
    keybinding: ['Shift+Alt+F', 'Mod+Shift+I'],
  },
  { id: 'editor.definition', title: 'Go to Definition', action: 'editor.action.revealDefinition', keybinding: 'F12' },
  { id: 'editor.peek', title: 'Peek Definition', action: 'editor.action.peekDefinition', keybinding: 'Alt+F12' },
  { id: 'editor.typeDefinition', title: 'Go to Type Definition', action: 'editor.action.goToTypeDefinition' },
  {
    id: 'editor.implementation',
    title: 'Go to Implementations',
    action: 'editor.action.goToImplementation',
    keybinding: 'Mod+F12',
  },
  {
    id: 'editor.references',
    title: 'Go to References',
    action: 'editor.action.goToReferences',
    keybinding: 'Shift+F12',
  },
  { id: 'editor.rename', title: 'Rename Symbol', action: 'editor.action.rename', keybinding: 'F2' },
  {
    id: 'editor.hover',
    title: 'Show Hover',
    action: 'editor.action.showHover',
    keybinding: 'Mod+K Mod+I',
  },
  // Monaco has these too, but the workbench takes the first key of every chord that it knows.
  {
    id: 'editor.addComment',
    title: 'Comment Lines',
    action: 'editor.action.addCommentLine',
    keybinding: 'Mod+K Mod+C',
  },
  {
    id: 'editor.removeComment',
    title: 'Uncomment Lines',
    action: 'editor.action.removeCommentLine',
    keybinding: 'Mod+K Mod+U',
  },
  { id: 'editor.foldAll', title: 'Fold All', action: 'editor.foldAll', keybinding: 'Mod+K Mod+0' },
  { id: 'editor.unfoldAll', title: 'Unfold All', action: 'editor.unfoldAll', keybinding: 'Mod+K Mod+J' },
  {
    id: 'editor.formatSelection',
    title: 'Format Selection',
    action: 'editor.action.formatSelection',
    keybinding: 'Mod+K Mod+F',
  },
  {
    id: 'editor.trimWhitespace',
    title: 'Trim Trailing Whitespace',
    action: 'editor.action.trimTrailingWhitespace',
    keybinding: 'Mod+K Mod+X',
  },
  { id: 'editor.quickFix', title: 'Quick Fix', action: 'editor.action.quickFix', keybinding: 'Mod+.' },
  {
    id: 'editor.nextProblem',
    title: 'Go to Next Problem',
    action: 'editor.action.marker.nextInFiles',
    keybinding: 'F8',
  },
  {
    id: 'editor.previousProblem',
    title: 'Go to Previous Problem',
    action: 'editor.action.marker.prevInFiles',
    keybinding: 'Shift+F8',
  },
];

export function registerMonacoCommands(): void {
  for (const { id, title, action, keybinding } of MONACO)
    registerCommand({
      id,
      title,
      category: 'Editor',
      keybinding,
      when: hasFile,
      keyWhen: inEditor,
      run: async () => (await import('../editors/actions.ts')).runEditorAction(action),
    });
}
