import { expect, test } from 'vitest';
import type { BuildEvent, Diagnostic, SourceSpan } from '../../app/contract/index.ts';
import {
  countProblems,
  elapsedOf,
  fixOf,
  headlineOf,
  NO_BUILD,
  problemGroups,
  progressOf,
  reduceBuild,
} from './build-view.ts';

const span = (file: string, line: number): SourceSpan => ({
  file,
  line,
  column: 3,
  endLine: line,
  endColumn: 5,
  primary: true,
  label: null,
});
const problem = (severity: Diagnostic['severity'], file: string, line: number, message = 'm'): Diagnostic => ({
  severity,
  message,
  code: null,
  packageName: 'p',
  spans: [span(file, line)],
  notes: [],
  suggestions: [],
  rendered: message,
});
const running = reduceBuild(
  NO_BUILD,
  { kind: 'status', status: { ...NO_BUILD.status, number: 1, phase: 'running', startedAt: 1000 } },
  1000,
);
const play = (...events: BuildEvent[]) =>
  events.reduce((view, event) => reduceBuild(view, { kind: 'event', event }, 4000), running);

test('a build from its first step to its end', () => {
  const view = play(
    { kind: 'step', title: 'compiling the kernel', command: ['cargo', 'build'] },
    { kind: 'artifact', packageName: 'ring0-abi', fresh: true, count: 1 },
    { kind: 'artifact', packageName: 'ring0-arch', fresh: false, count: 2 },
    { kind: 'output', line: 'hello' },
  );
  expect(headlineOf(view)).toBe('Compiling the kernel');
  expect(view.status).toMatchObject({ crates: 2, compiled: 1 });
  expect(view.log.map(({ kind }) => kind)).toEqual(['step', 'crate', 'output']);
  expect(progressOf(view)).toBeNull();
  const result = {
    elfPath: '/e',
    efiPath: '/f',
    elfBytes: 2 << 20,
    efiBytes: 1,
    durationMs: 3000,
    fresh: false,
    errors: 0,
    warnings: 0,
  };
  const ended = reduceBuild(view, { kind: 'event', event: { kind: 'finished', result } }, 4000);
  expect(ended.status.phase).toBe('succeeded');
  expect(ended.log.at(-1)).toMatchObject({ kind: 'finished', text: 'Built in 3.0 s, 2.0 MiB' });
  expect(elapsedOf(ended.status, 9999)).toBe(3000);
  // The next build knows how many crates there will be.
  const again = reduceBuild(ended, { kind: 'status', status: running.status }, 5000);
  const half = reduceBuild(
    again,
    { kind: 'event', event: { kind: 'artifact', packageName: 'x', fresh: true, count: 1 } },
    5001,
  );
  expect(progressOf(half)).toBeCloseTo(1 / 3);
});

test('cancelled is not failed', () => {
  const error = { code: 'cancelled', what: 'The build was cancelled.', why: '', fix: '' };
  expect(play({ kind: 'failed', error, errors: 0 }).status.phase).toBe('cancelled');
  expect(play({ kind: 'failed', error: { ...error, code: 'build-failed' }, errors: 2 }).status.phase).toBe('failed');
});

test('a page that comes late shows what was said', () => {
  const status = { ...running.status, step: 'compiling', output: ['a'], problems: [problem('error', '/w/a.rs', 1)] };
  expect(reduceBuild(NO_BUILD, { kind: 'status', status }, 0).log.map(({ kind }) => kind)).toEqual([
    'step',
    'output',
    'diagnostic',
  ]);
});

test('the log is bounded', () => {
  let view = running;
  for (let i = 0; i < 3010; i++)
    view = reduceBuild(view, { kind: 'event', event: { kind: 'output', line: String(i) } }, 0);
  expect(view.log).toHaveLength(3000);
  expect(view.dropped).toBe(10);
});

test('problems by file: errors first, lines in order, twins once', () => {
  const groups = problemGroups(
    [
      problem('warning', '/w/kernel/b.rs', 9),
      problem('warning', '/w/kernel/b.rs', 2),
      problem('warning', '/w/kernel/b.rs', 2),
      problem('error', '/w/kernel/a.rs', 1),
      problem('warning', '/cargo/registry/c.rs', 1),
      { ...problem('error', '', 1), spans: [] },
    ],
    '/w',
  );
  expect(
    groups.map(({ title, isInside, problems }) => [title, isInside, problems.map(({ span }) => span?.line)]),
  ).toEqual([
    ['kernel/a.rs', true, [1]],
    ['The whole build', false, [undefined]],
    ['kernel/b.rs', true, [2, 9]],
    ['/cargo/registry/c.rs', false, [1]],
  ]);
  expect(countProblems(groups)).toEqual({ errors: 2, warnings: 3 });
});

test('only what the compiler is sure of is a fix, and its parts stay together', () => {
  const part = (message: string, machineApplicable: boolean, line: number) => ({
    message,
    span: span('/w/a.rs', line),
    replacement: 'x',
    machineApplicable,
  });
  const diagnostic = problem('warning', '/w/a.rs', 1);
  expect(fixOf({ ...diagnostic, suggestions: [part('maybe', false, 1)] })).toBeNull();
  expect(
    fixOf({
      ...diagnostic,
      suggestions: [part('maybe', false, 1), part('wrap', true, 1), part('wrap', true, 2), part('other', true, 3)],
    }),
  ).toMatchObject({ title: 'wrap', edits: [{ span: { line: 1 } }, { span: { line: 2 } }] });
});
