/** Monaco, with the languages that a kernel is written in and nothing else. Everything that touches Monaco imports it from here. */
import 'monaco-editor/features/register.all';
import 'monaco-editor/languages/definitions/cpp/register';
import 'monaco-editor/languages/definitions/markdown/register';
import 'monaco-editor/languages/definitions/python/register';
import 'monaco-editor/languages/definitions/shell/register';
import 'monaco-editor/languages/definitions/typescript/register';
import 'monaco-editor/languages/definitions/javascript/register';
import 'monaco-editor/languages/definitions/css/register';
import 'monaco-editor/languages/definitions/html/register';
import 'monaco-editor/languages/definitions/yaml/register';
import * as monaco from 'monaco-editor/editor';
import EditorWorker from 'monaco-editor/editor/editor.worker.js?worker';
import JsonWorker from 'monaco-editor/languages/features/json/json.worker.js?worker';
import { jsonDefaults } from 'monaco-editor/languages/features/json/register';
import { resolveTheme, useSettings } from '../state/settings.ts';
import { registerLanguages } from './languages/index.ts';
import { defineThemes } from './theme.ts';

self.MonacoEnvironment = {
  getWorker: (_id, label) => (label === 'json' ? new JsonWorker() : new EditorWorker()),
};

registerLanguages(monaco);
// The page reaches nothing but its host: schemas that live elsewhere are no warning.
jsonDefaults.setDiagnosticsOptions({
  validate: true,
  allowComments: true,
  enableSchemaRequest: false,
  schemaRequest: 'ignore',
});
defineThemes(monaco);

const prefersLight = matchMedia('(prefers-color-scheme: light)');

function applyTheme(): void {
  monaco.editor.setTheme(`ring0-${resolveTheme(useSettings.getState().settings.theme, prefersLight.matches)}`);
}
applyTheme();
useSettings.subscribe(applyTheme);
prefersLight.addEventListener('change', applyTheme);

export { monaco };
export type Monaco = typeof monaco;
