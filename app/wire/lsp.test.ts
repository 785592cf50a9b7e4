import { expect, test } from 'vitest';
import {
  completionsFromLsp,
  diagnosticsFromLsp,
  hoverFromLsp,
  placesFromLsp,
  signatureFromLsp,
  symbolsFromLsp,
  workspaceEditFromLsp,
} from './lsp.ts';

const span = (line: number, from: number, to: number) => ({
  start: { line, character: from },
  end: { line, character: to },
});
const pathOf = (uri: string) => (uri.startsWith('file:///w/') ? uri.slice('file:///w/'.length) : null);

test('places: one, several, links, and nothing; what is no file is left out', () => {
  const place = { path: 'a.rs', line: 3, column: 5, endLine: 3, endColumn: 9 };
  expect(placesFromLsp({ uri: 'file:///w/a.rs', range: span(2, 4, 8) }, pathOf)).toEqual([place]);
  expect(placesFromLsp([{ targetUri: 'file:///w/a.rs', targetSelectionRange: span(2, 4, 8) }], pathOf)).toEqual([
    place,
  ]);
  expect(placesFromLsp([{ uri: 'untitled:1', range: span(0, 0, 1) }], pathOf)).toEqual([]);
  expect(placesFromLsp(null, pathOf)).toEqual([]);
  expect(() => placesFromLsp({ uri: 1 }, pathOf)).toThrow();
});

test('a tree of symbols becomes a list with depths', () => {
  const symbols = symbolsFromLsp([
    {
      name: 'impl Engine',
      kind: 19,
      range: span(0, 0, 90),
      selectionRange: span(0, 5, 11),
      children: [{ name: 'run', kind: 6, detail: 'fn(&self)', range: span(1, 2, 30), selectionRange: span(1, 5, 8) }],
    },
    { name: 'COUNT', kind: 14, location: { uri: 'file:///w/a.rs', range: span(9, 0, 5) } },
  ]);
  expect(
    symbols.map(({ name, kind, depth, nameLine, nameColumn }) => [name, kind, depth, nameLine, nameColumn]),
  ).toEqual([
    ['impl Engine', 'impl', 0, 1, 6],
    ['run', 'method', 1, 2, 6],
    ['COUNT', 'constant', 0, 10, 1],
  ]);
});

test('changes of files, in either spelling; one outside of the workspace refuses all', () => {
  const edits = [{ range: span(0, 0, 3), newText: 'new' }];
  const expected = [{ path: 'a.rs', edits: [{ line: 1, column: 1, endLine: 1, endColumn: 4, text: 'new' }] }];
  expect(workspaceEditFromLsp({ changes: { 'file:///w/a.rs': edits } }, pathOf)).toEqual(expected);
  expect(
    workspaceEditFromLsp({ documentChanges: [{ textDocument: { uri: 'file:///w/a.rs', version: 1 }, edits }] }, pathOf),
  ).toEqual(expected);
  expect(() => workspaceEditFromLsp({ changes: { 'file:///etc/passwd': edits } }, pathOf)).toThrow(
    'not in the workspace',
  );
});

test('a hover of several parts, one of them code', () => {
  expect(hoverFromLsp({ contents: [{ language: 'rust', value: 'fn run()' }, 'Runs.'] })).toEqual({
    markdown: '```rust\nfn run()\n```\n\nRuns.',
    range: null,
  });
  expect(hoverFromLsp({ contents: ' ' })).toBeNull();
});

test('completions take the text that the server wants inserted', () => {
  const { items, incomplete, raw } = completionsFromLsp({
    isIncomplete: true,
    items: [
      {
        label: 'push',
        labelDetails: { detail: '(…)' },
        insertTextFormat: 2,
        textEdit: { range: span(0, 2, 3), newText: 'push($1)$0' },
        data: { secret: 1 },
      },
      { label: 'pop' },
    ],
  });
  expect(incomplete).toBe(true);
  expect(items[0]).toMatchObject({
    insert: 'push($1)$0',
    isSnippet: true,
    suffix: '(…)',
    range: { line: 1, column: 3 },
  });
  expect(items[1]).toMatchObject({ insert: 'pop', isSnippet: false, range: null, kind: 1 });
  expect(raw[0]).toMatchObject({ data: { secret: 1 } });
});

test('diagnostics and signatures', () => {
  expect(diagnosticsFromLsp([{ range: span(0, 0, 1), severity: 2, code: 'E1', message: 'm' }])).toEqual([
    {
      line: 1,
      column: 1,
      endLine: 1,
      endColumn: 2,
      severity: 'warning',
      code: 'E1',
      source: 'rust-analyzer',
      message: 'm',
    },
  ]);
  expect(diagnosticsFromLsp([{ range: span(0, 0, 1), source: 'rustc', message: 'm' }])).toMatchObject([
    { severity: 'error', source: 'rustc' },
  ]);
  expect(
    signatureFromLsp({
      signatures: [{ label: 'f(a: u8, b: u8)', parameters: [{ label: [2, 7] }, { label: 'b: u8' }] }],
      activeParameter: 1,
    }),
  ).toMatchObject({
    active: 0,
    parameter: 1,
    signatures: [
      {
        parameters: [
          { start: 2, end: 7 },
          { start: 9, end: 14 },
        ],
      },
    ],
  });
});
