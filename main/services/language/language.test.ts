import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fail, ok } from '../../../app/base/result.ts';
import type { LanguageEvent, LanguageStatus } from '../../../app/contract/language.ts';
import { runningProcessCount } from '../../process/index.ts';
import { RustLanguage } from './index.ts';
import { findCargoProjects } from './projects.ts';

const FAKE = fileURLToPath(new URL('../../../test/support/fake-language-server.mjs', import.meta.url));
const PAGE = 'page-0001';
const OTHER = 'page-0002';
const CODE = 'fn boot() {}\nfn main() { boot() }\n';

let folder: string;
let language: RustLanguage;
let events: LanguageEvent[];

/** A program that starts the fake server; `ways` are set in its environment. */
function server(ways = ''): string {
  const program = join(folder, 'fake-server');
  writeFileSync(program, `#!/bin/sh\n${ways} exec "${process.execPath}" "${FAKE}" "$@"\n`);
  chmodSync(program, 0o755);
  return program;
}

function start(command = server(), delaysMs: readonly number[] = [1, 1]): void {
  language = new RustLanguage({
    root: folder,
    find: async () => ok({ command, name: 'fake' }),
    installation: ['true'],
    delaysMs,
  });
  language.onDidChange((event) => events.push(event));
  language.attach(PAGE);
}

let version = 0;
function type(text: string | null, client = PAGE, path = 'src/main.rs'): void {
  version += 1;
  language.sync({ client, path, version, text });
}

async function until<P extends LanguageStatus['phase']>(phase: P): Promise<Extract<LanguageStatus, { phase: P }>> {
  await vi.waitFor(() => expect(language.status.phase).toBe(phase), { timeout: 20_000, interval: 10 });
  return language.status as Extract<LanguageStatus, { phase: P }>;
}

const at = (line: number, column: number, client = PAGE) => ({ client, path: 'src/main.rs', line, column });

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'ring0-language-')));
  writeFileSync(join(folder, 'Cargo.toml'), '[package]\nname = "x"\n');
  mkdirSync(join(folder, 'src'));
  events = [];
});
afterEach(async () => {
  language?.dispose();
  await vi.waitFor(() => expect(runningProcessCount()).toBe(0), { timeout: 10_000 });
  rmSync(folder, { recursive: true });
});

test('nothing starts before a file is open; then it answers about the text as it is typed', async () => {
  start();
  expect(language.status.phase).toBe('idle');
  expect(await language.hover(at(1, 4))).toMatchObject({ ok: false, error: { code: 'no-language-server' } });
  type(CODE);
  await until('ready');
  expect(events.filter((event) => event.kind === 'status').map(({ status }) => status.phase)).toEqual(
    expect.arrayContaining(['starting', 'indexing', 'ready']),
  );
  expect(await language.hover(at(2, 14))).toMatchObject({ ok: true, value: { markdown: 'about **boot**' } });
  expect(await language.definition(at(2, 14), 'definition')).toEqual(
    ok([{ path: 'src/main.rs', line: 1, column: 4, endLine: 1, endColumn: 8 }]),
  );
  type(`\n${CODE}`);
  expect(await language.definition(at(3, 14), 'definition')).toMatchObject({ value: [{ line: 2 }] });
  expect(await language.references(at(3, 14))).toMatchObject({ value: [{ line: 2 }, { line: 3 }] });
  expect(await language.symbols(at(1, 1))).toMatchObject({ value: [{ name: 'boot' }, { name: 'main' }] });
  expect(await language.workspaceSymbols(PAGE, 'mai')).toMatchObject({ value: [{ name: 'main', place: { line: 3 } }] });
  expect(language.log).toContain('ready to serve');
});

test('changes: rename, format, actions and completions, the last two resolved by their number', async () => {
  start();
  type(`${CODE}  \n`);
  await until('ready');
  const renamed = await language.rename(at(1, 5), 'start');
  expect(renamed).toMatchObject({ value: [{ path: 'src/main.rs', edits: [{ text: 'start' }, { text: 'start' }] }] });
  expect(await language.format(at(1, 1))).toMatchObject({ value: [{ text: `${CODE}\n` }] });

  const range = { line: 1, column: 1, endLine: 1, endColumn: 1 };
  const actions = await language.actions(at(1, 1), range);
  if (!actions.ok) throw new Error(actions.error.why);
  expect(actions.value.actions).toEqual([{ title: 'Add a line', kind: 'refactor', preferred: false }]);
  const chosen = { client: PAGE, list: actions.value.list, index: 0 };
  expect(await language.resolveAction(chosen)).toMatchObject({ value: [{ edits: [{ text: '// added\n' }] }] });
  // A list that another has replaced says nothing any more.
  await language.actions(at(1, 1), range);
  expect(await language.resolveAction(chosen)).toEqual(ok([]));

  const list = await language.complete(at(2, 13), null);
  if (!list.ok) throw new Error(list.error.why);
  expect(list.value.items[0]).toMatchObject({ label: 'boot', insert: 'boot($0)', isSnippet: true });
  const item = { client: PAGE, list: list.value.list, index: 0 };
  expect(await language.resolveCompletion(item)).toMatchObject({ value: { documentation: 'documentation of boot' } });
});

test('each page is answered about its own text of a file', async () => {
  start();
  language.attach(OTHER);
  type(CODE);
  await until('ready');
  type(`// mine\n// mine\n${CODE}`, OTHER);
  expect(await language.definition(at(2, 14), 'definition')).toMatchObject({ value: [{ line: 1 }] });
  expect(await language.definition(at(4, 14, OTHER), 'definition')).toMatchObject({ value: [{ line: 3 }] });
});

test('a text that was overtaken is passed over, and that of a page that left is gone', async () => {
  start();
  const second = language.attach(OTHER);
  type('fn only() {}\n', OTHER);
  await until('ready');
  language.sync({ client: OTHER, path: 'src/main.rs', version: 0, text: 'fn old() {}' });
  expect(await language.workspaceSymbols(PAGE, '')).toMatchObject({ value: [{ name: 'only' }] });
  second.dispose();
  expect(await language.workspaceSymbols(PAGE, '')).toMatchObject({ value: [] });
  type('fn late() {}', OTHER);
  expect(await language.workspaceSymbols(PAGE, '')).toMatchObject({ value: [] });
});

test('diagnostics come, go, and are void after a new start', async () => {
  start();
  type('@error\n');
  await vi.waitFor(() => expect(language.diagnostics()).toHaveLength(1), { timeout: 20_000 });
  expect(language.diagnostics()[0]).toMatchObject({
    path: 'src/main.rs',
    diagnostics: [{ line: 1, column: 1, endColumn: 7, severity: 'error', message: 'there is an @error' }],
  });
  language.restart();
  expect(language.diagnostics()).toEqual([]);
  expect(events.findLast((event) => event.kind === 'diagnostics')).toMatchObject({ diagnostics: [] });
  await vi.waitFor(() => expect(language.diagnostics()).toHaveLength(1), { timeout: 20_000 });
  type('fine\n');
  await vi.waitFor(() => expect(language.diagnostics()).toEqual([]), { timeout: 20_000 });
});

test('after a crash it is started again with the texts of before, and after several it is left alone', async () => {
  start();
  type(CODE);
  await until('ready');
  type('panic!("now")');
  await vi.waitFor(() => expect(language.status).toMatchObject({ phase: 'crashed', attempt: 3, retryAt: null }), {
    timeout: 30_000,
  });
  expect(language.status).toMatchObject({ why: "thread 'main' panicked at 'now' (exit code 101)" });
  type(CODE);
  language.restart();
  await until('ready');
  expect(await language.hover(at(1, 4))).toMatchObject({ ok: true, value: { markdown: 'about **boot**' } });
});

test('a server that says what is no LSP is ended, and the reason is told', async () => {
  start(server('FAKE_GARBAGE=1'), []);
  type(CODE);
  expect(await until('crashed')).toMatchObject({ why: expect.stringContaining('not LSP'), retryAt: null });
});

test('it is ended with its owner while it starts, and when it is switched off', async () => {
  start(server('FAKE_DEAF=1'));
  type(CODE);
  await vi.waitFor(() => expect(runningProcessCount()).toBe(1), { timeout: 20_000 });
  language.setEnabled(false);
  await vi.waitFor(() => expect(runningProcessCount()).toBe(0), { timeout: 20_000 });
  expect(language.status).toMatchObject({ phase: 'idle' });
  type(`${CODE} `);
  expect(language.status.phase).toBe('idle');
});

test('where it is not installed the status says what installs it; without a Cargo project there is nothing to start', async () => {
  language = new RustLanguage({
    root: folder,
    find: async () => fail('rust-analyzer-not-found', 'no', 'why', 'rustup …'),
    installation: ['true'],
  });
  language.attach(PAGE);
  type(CODE);
  expect(await until('absent')).toMatchObject({ error: { fix: 'rustup …' } });
  expect(await language.symbols(at(1, 1))).toMatchObject({ ok: false, error: { code: 'rust-analyzer-not-found' } });
  language.dispose();
  rmSync(join(folder, 'Cargo.toml'));
  start();
  type(CODE);
  await vi.waitFor(() => expect(language.status).toMatchObject({ why: expect.stringContaining('Cargo.toml') }));
});

test('only external files that the server has named can be read', async () => {
  start();
  type('Option\n');
  await until('ready');
  expect(await language.source('external:/etc/passwd')).toMatchObject({ ok: false });
  expect(await language.definition(at(1, 2), 'definition')).toMatchObject({
    value: [{ path: `external:${process.execPath}` }],
  });
  // It is too large to be source; the refusal is about that.
  expect(await language.source(`external:${process.execPath}`)).toMatchObject({
    error: { why: expect.stringContaining('bytes') },
  });
});

test('projects are found in the folder or in the folders in it', async () => {
  start();
  expect(await findCargoProjects(folder)).toEqual([join(folder, 'Cargo.toml')]);
  rmSync(join(folder, 'Cargo.toml'));
  mkdirSync(join(folder, 'kernel'));
  writeFileSync(join(folder, 'kernel', 'Cargo.toml'), '');
  expect(await findCargoProjects(folder)).toEqual([join(folder, 'kernel', 'Cargo.toml')]);
});

test('what installs it is run, and says what went wrong; then it is looked for again', async () => {
  let isThere = false;
  language = new RustLanguage({
    root: folder,
    find: async () => (isThere ? ok({ command: server(), name: 'fake' }) : fail('rust-analyzer-not-found', '', '', '')),
    installation: ['/bin/sh', '-c', 'echo no network >&2; exit 7'],
  });
  language.attach(PAGE);
  type(CODE);
  await until('absent');
  expect(await language.install()).toMatchObject({ ok: false, error: { why: 'no network' } });
  await until('absent');
  isThere = true;
  language.restart();
  await until('ready');
});

test('in a folder that nobody trusts nothing is run, not even to find the server; trust starts it, its end ends it', async () => {
  const asked: string[] = [];
  language = new RustLanguage({
    root: folder,
    find: async () => {
      asked.push('find');
      return ok({ command: server(), name: 'fake' });
    },
    installation: ['false'],
    delaysMs: [],
  });
  language.setTrusted(false);
  language.attach(PAGE);
  type(CODE);
  language.restart();
  expect(language.status).toEqual({ phase: 'restricted' });
  expect(await language.install()).toMatchObject({ ok: false, error: { code: 'untrusted' } });
  expect(await language.hover(at(1, 4))).toMatchObject({ ok: false, error: { code: 'no-language-server' } });
  expect(asked).toEqual([]);
  language.setTrusted(true);
  await until('ready');
  expect(await language.symbols(at(1, 1))).toMatchObject({ value: [{ name: 'boot' }, { name: 'main' }] });
  language.setTrusted(false);
  expect(language.status).toEqual({ phase: 'restricted' });
  await vi.waitFor(() => expect(runningProcessCount()).toBe(0), { timeout: 10_000 });
});
