import { expect, test } from 'vitest';
import type { Diagnostic } from '../../app/contract/index.ts';
import type { LanguageDiagnostic } from '../../app/contract/language.ts';
import { problemGroups } from './build-view.ts';
import { countListed, problemList } from './problem-list.ts';

const built = (line: number, message: string, code: string | null = null, file = '/w/a.rs'): Diagnostic => ({
  severity: 'error',
  message,
  code,
  packageName: 'p',
  spans: [{ file, line, column: 5, endLine: line, endColumn: 9, primary: true, label: null }],
  notes: [],
  suggestions: [],
  rendered: message,
});
const found = (line: number, message: string, more: Partial<LanguageDiagnostic> = {}): LanguageDiagnostic => ({
  line,
  column: 5,
  endLine: line,
  endColumn: 9,
  severity: 'error',
  message,
  code: null,
  source: 'rust-analyzer',
  ...more,
});
const list = (compiler: Diagnostic[], server: Record<string, LanguageDiagnostic[]>) =>
  problemList(problemGroups(compiler, '/w'), new Map(Object.entries(server)));
const rows = (files: ReturnType<typeof list>) =>
  files.flatMap(({ title, problems }) =>
    problems.map(({ place, message, sources }) => `${title}:${place?.line} ${message} (${sources.join(', ')})`),
  );

test('files of both sides are one list; those with errors come first, hints are no problems', () => {
  const files = list([{ ...built(3, 'unused'), severity: 'warning' }], {
    'b.rs': [found(7, 'no such field'), found(2, 'remove this', { severity: 'hint' })],
    'c.rs': [found(1, 'inactive', { severity: 'hint' })],
  });
  expect(rows(files)).toEqual(['b.rs:7 no such field (rust-analyzer)', 'a.rs:3 unused (rustc)']);
  expect(countListed(files)).toEqual({ errors: 1, warnings: 1 });
});

test('what both say is one row, by the compiler’s words, where the server sees it', () => {
  const compiler = [built(3, 'mismatched types', 'E0308')];
  const own = found(3, 'expected u32, found &str', { code: 'E0308' });
  const checked = found(3, 'mismatched types\nexpected `u32`', { code: 'E0308', source: 'rustc' });
  expect(rows(list(compiler, { 'a.rs': [own, checked] }))).toEqual(['a.rs:3 mismatched types (rustc, rust-analyzer)']);
  // Two lines were typed above it since the build.
  expect(rows(list(compiler, { 'a.rs': [{ ...checked, line: 5, endLine: 5 }] }))).toEqual([
    'a.rs:5 mismatched types (rustc)',
  ]);
});

test('the same words at several places stay several rows', () => {
  const compiler = [built(3, 'cannot find value `x`', 'E0425'), built(9, 'cannot find value `x`', 'E0425')];
  const server = [3, 9, 12].map((line) => found(line, 'cannot find value `x`', { code: 'E0425', source: 'rustc' }));
  expect(rows(list(compiler, { 'a.rs': server }))).toEqual(
    [3, 9, 12].map((line) => `a.rs:${line} cannot find value \`x\` (rustc)`),
  );
  // Another code at the same place is another problem, and so is the same code beside it.
  expect(rows(list([built(3, 'one', 'E1')], { 'a.rs': [found(3, 'two', { code: 'E2' })] }))).toHaveLength(2);
  expect(
    rows(list([built(3, 'one', 'E1')], { 'a.rs': [found(3, 'two', { code: 'E1', column: 20, endColumn: 30 })] })),
  ).toHaveLength(2);
});
