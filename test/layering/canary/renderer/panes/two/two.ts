// Planted: a pane that knows its sibling, loads it late, and brings an editor of its own; the workbench it may have.
import type { editor } from 'monaco-editor/editor';
import type { Dock } from '../../workbench/dock.ts';

export const two = () => import('../one/one.ts');
export type Two = editor.ICodeEditor | Dock;
