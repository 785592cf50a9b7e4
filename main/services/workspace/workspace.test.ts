import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ANY_CONTENT,
  type SearchEvent,
  SearchRequestSchema,
  type WorkspaceChange,
} from '../../../app/contract/workspace.ts';
import { parseStatus } from './git.ts';
import { FolderWorkspace } from './index.ts';
import { DirectoryWatch } from './watch.ts';

let folder: string;
let root: string;
let workspace: FolderWorkspace;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ring0-ws-'));
  root = join(folder, 'root');
  mkdirSync(join(root, 'src', 'deep'), { recursive: true });
  mkdirSync(join(folder, 'outside'));
  writeFileSync(join(folder, 'outside', 'secret.txt'), 'secret');
  writeFileSync(join(root, 'src', 'main.rs'), 'fn main() {}\n');
  const opened = await FolderWorkspace.open({ root, trash: join(folder, 'trash') });
  if (!opened.ok) throw new Error(opened.error.what);
  workspace = opened.value;
});
afterEach(() => {
  workspace.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const at = (path: string) => join(root, path);
const write = (path: string, text: string, expected: string | null) => workspace.write({ path, text, expected });

async function textOf(path: string) {
  const read = await workspace.read(path);
  if (!read.ok || read.value.kind !== 'text') throw new Error(`${path} is no text`);
  return read.value;
}

describe('nothing leaves the folder', () => {
  const BAD = [
    '..',
    '../outside/secret.txt',
    '/etc/passwd',
    'src/../../outside',
    './src',
    'src//main.rs',
    'src/',
    'a\0b',
    'a\\b',
  ];

  test.each(BAD)('%j', async (path) => {
    const refused = { ok: false, error: { code: 'bad-path' } };
    expect(await workspace.read(path)).toMatchObject(refused);
    expect(await workspace.list(path)).toMatchObject(refused);
    expect(await write(path, 'x', ANY_CONTENT)).toMatchObject(refused);
    expect(await workspace.create(path, 'file')).toMatchObject(refused);
    expect(await workspace.grow(path)).toMatchObject(refused);
    expect(await workspace.rename(path, 'x')).toMatchObject(refused);
    expect(await workspace.rename('src/main.rs', path)).toMatchObject(refused);
    expect(await workspace.delete(path)).toMatchObject(refused);
    expect(await workspace.gitHead(path)).toMatchObject(refused);
  });

  test('by symbolic links to files, folders, and through folders that do not exist', async () => {
    symlinkSync(join(folder, 'outside'), at('door'));
    symlinkSync(join(folder, 'outside', 'secret.txt'), at('window.txt'));
    symlinkSync(join(folder, 'outside', 'new.txt'), at('dangling.txt'));
    const refused = { ok: false, error: { code: 'outside-workspace' } };
    for (const path of ['door/secret.txt', 'window.txt']) {
      expect([path, await workspace.read(path)]).toMatchObject([path, refused]);
      expect([path, await write(path, 'x', ANY_CONTENT)]).toMatchObject([path, refused]);
    }
    expect(await workspace.list('door')).toMatchObject(refused);
    expect(await workspace.create('door/new.txt', 'file')).toMatchObject(refused);
    expect(await workspace.create('door/a/b', 'directory')).toMatchObject(refused);
    expect(await workspace.rename('src/main.rs', 'door/main.rs')).toMatchObject(refused);
    expect(await workspace.delete('door/secret.txt')).toMatchObject(refused);
    expect((await write('dangling.txt', 'x', ANY_CONTENT)).ok).toBe(false);
    expect(readdirSync(join(folder, 'outside'))).toEqual(['secret.txt']);
    expect(readFileSync(join(folder, 'outside', 'secret.txt'), 'utf8')).toBe('secret');
    const listed = await workspace.list('');
    expect(listed.ok && listed.value.map(({ name, kind, isLink }) => [name, kind, isLink])).toEqual([
      ['src', 'directory', false],
      ['dangling.txt', 'other', true],
      ['door', 'other', true],
      ['window.txt', 'other', true],
    ]);
    // The link itself is ours.
    expect(await workspace.delete('door')).toMatchObject({ ok: true, value: { kind: 'other' } });
    expect(existsSync(join(folder, 'outside', 'secret.txt'))).toBe(true);
  });

  test("git's own folder", async () => {
    mkdirSync(at('.git/hooks'), { recursive: true });
    const refused = { ok: false, error: { code: 'git-internal' } };
    expect(await write('.git/hooks/post-checkout', '#!/bin/sh', null)).toMatchObject(refused);
    expect(await write('src/.GIT/config', 'x', null)).toMatchObject(refused);
    expect(await workspace.rename('src/main.rs', '.git/config')).toMatchObject(refused);
    expect(await workspace.delete('.git')).toMatchObject(refused);
  });

  test('the root itself stays', async () => {
    expect(await workspace.delete('')).toMatchObject({ ok: false, error: { code: 'workspace-root' } });
    expect(await workspace.rename('', 'x')).toMatchObject({ ok: false, error: { code: 'workspace-root' } });
  });
});

describe('reading', () => {
  test('text, with a tag that changes with the content only', async () => {
    const first = await textOf('src/main.rs');
    expect(first).toMatchObject({ text: 'fn main() {}\n', writable: true });
    expect((await textOf('src/main.rs')).etag).toBe(first.etag);
    writeFileSync(at('src/main.rs'), 'fn main() { }\n');
    expect((await textOf('src/main.rs')).etag).not.toBe(first.etag);
  });

  test('what is no text, and what is too much of it', async () => {
    writeFileSync(at('zero.bin'), Buffer.from([1, 0, 2]));
    writeFileSync(at('latin1.txt'), Buffer.from('caf\xe9', 'latin1'));
    writeFileSync(at('large.txt'), Buffer.alloc((8 << 20) + 1, 'x'));
    execFileSync('mkfifo', [at('pipe')]);
    expect(await workspace.read('zero.bin')).toMatchObject({ ok: true, value: { kind: 'binary', sizeBytes: 3 } });
    expect(await workspace.read('latin1.txt')).toMatchObject({ ok: true, value: { kind: 'binary' } });
    expect(await workspace.read('large.txt')).toMatchObject({ ok: true, value: { kind: 'too-large' } });
    expect(await workspace.read('pipe')).toMatchObject({ ok: true, value: { kind: 'binary' } });
    expect(await workspace.read('src')).toMatchObject({ ok: false, error: { code: 'is-a-folder' } });
    expect(await workspace.read('none')).toMatchObject({ ok: false, error: { code: 'no-such-file' } });
  });
});

describe('writing', () => {
  test('replaces what the writer saw and keeps the mode', async () => {
    chmodSync(at('src/main.rs'), 0o751);
    const { etag } = await textOf('src/main.rs');
    const written = await write('src/main.rs', 'fn main() { loop {} }\n', etag);
    expect(written).toMatchObject({ ok: true, value: { kind: 'written' } });
    expect(readFileSync(at('src/main.rs'), 'utf8')).toBe('fn main() { loop {} }\n');
    expect(statSync(at('src/main.rs')).mode & 0o777).toBe(0o751);
    expect(readdirSync(at('src')).sort()).toEqual(['deep', 'main.rs']);
    expect(written.ok && written.value.kind === 'written' && written.value.etag).toBe(
      (await textOf('src/main.rs')).etag,
    );
  });

  test('is refused where somebody else has written, with what is there', async () => {
    const { etag } = await textOf('src/main.rs');
    writeFileSync(at('src/main.rs'), 'theirs');
    expect(await write('src/main.rs', 'mine', etag)).toMatchObject({
      ok: true,
      value: { kind: 'conflict', current: { kind: 'text', text: 'theirs' } },
    });
    expect(await write('src/main.rs', 'mine', null)).toMatchObject({ value: { kind: 'conflict' } });
    rmSync(at('src/main.rs'));
    expect(await write('src/main.rs', 'mine', etag)).toMatchObject({ value: { kind: 'conflict', current: null } });
    expect(await write('src/main.rs', 'mine', null)).toMatchObject({ value: { kind: 'written' } });
    expect(await write('src/main.rs', 'again', ANY_CONTENT)).toMatchObject({ value: { kind: 'written' } });
  });

  test('of two at once one wins, and the other is told', async () => {
    const { etag } = await textOf('src/main.rs');
    const texts = ['one', 'two'];
    const both = await Promise.all(texts.map((text) => write('src/main.rs', text, etag)));
    const kinds = both.map((it) => it.ok && it.value.kind);
    // Which of them is first is the file system's affair.
    expect([...kinds].sort()).toEqual(['conflict', 'written']);
    expect(readFileSync(at('src/main.rs'), 'utf8')).toBe(texts[kinds.indexOf('written')]);
  });

  test('goes through a link inside and leaves the link', async () => {
    symlinkSync('main.rs', at('src/link.rs'));
    const { etag } = await textOf('src/link.rs');
    expect(await write('src/link.rs', 'through', etag)).toMatchObject({ value: { kind: 'written' } });
    expect(readFileSync(at('src/main.rs'), 'utf8')).toBe('through');
  });
});

describe('making, moving, deleting', () => {
  test('nothing is overwritten', async () => {
    expect(await workspace.create('a/b/c.rs', 'file')).toMatchObject({ ok: true });
    const refused = { ok: false, error: { code: 'file-exists' } };
    expect(await workspace.create('a/b/c.rs', 'file')).toMatchObject(refused);
    expect(await workspace.create('a/b', 'directory')).toMatchObject(refused);
    expect(await workspace.rename('src/main.rs', 'a/b/c.rs')).toMatchObject(refused);
    expect(await workspace.rename('a', 'a/b/d')).toMatchObject({ ok: false, error: { code: 'into-itself' } });
    expect(await workspace.rename('a/b', 'x/y')).toMatchObject({ ok: true });
    expect(existsSync(at('x/y/c.rs'))).toBe(true);
  });

  test('what was deleted comes back, folders whole, unless something else is there', async () => {
    const gone = await workspace.delete('src');
    expect(gone).toMatchObject({ ok: true, value: { path: 'src', kind: 'directory' } });
    expect(existsSync(at('src'))).toBe(false);
    expect((await workspace.trash()).map(({ path }) => path)).toEqual(['src']);
    const id = gone.ok ? gone.value.id : '';
    mkdirSync(at('src'));
    expect(await workspace.undoDelete(id)).toMatchObject({ ok: false, error: { code: 'file-exists' } });
    rmSync(at('src'), { recursive: true });
    expect(await workspace.undoDelete(id)).toMatchObject({ ok: true });
    expect(readFileSync(at('src/main.rs'), 'utf8')).toBe('fn main() {}\n');
    expect(await workspace.undoDelete(id)).toMatchObject({ ok: false, error: { code: 'not-in-trash' } });
    expect(await workspace.undoDelete('../../x')).toMatchObject({ ok: false, error: { code: 'not-in-trash' } });
    expect(await workspace.trash()).toEqual([]);
  });

  test('a note in the trash that was tampered with puts nothing outside', async () => {
    const gone = await workspace.delete('src/main.rs');
    const id = gone.ok ? gone.value.id : '';
    const note = join(folder, 'trash', id, 'note.json');
    writeFileSync(note, readFileSync(note, 'utf8').replace('src/main.rs', '../outside/main.rs'));
    expect(await workspace.undoDelete(id)).toMatchObject({ ok: false, error: { code: 'bad-path' } });
  });
});

describe('watching', () => {
  test('changes in old and new folders are told; ignored ones are not', async () => {
    mkdirSync(at('node_modules/thing'), { recursive: true });
    const controller = new AbortController();
    const stream = workspace.watch({ signal: controller.signal })[Symbol.asyncIterator]();
    expect((await stream.next()).value).toEqual({ kind: 'watching' });
    const seen = new Set<string>();
    const until = async (path: string) => {
      while (!seen.has(path)) {
        const { value } = (await stream.next()) as { value: WorkspaceChange };
        if (value.kind === 'changed') for (const it of value.paths) seen.add(it);
      }
    };
    writeFileSync(at('node_modules/thing/x.js'), '1');
    writeFileSync(at('src/deep/new.rs'), '1');
    await until('src/deep/new.rs');
    mkdirSync(at('fresh/inner'), { recursive: true });
    await until('fresh');
    writeFileSync(at('fresh/inner/a.rs'), '1');
    await until('fresh/inner/a.rs');
    rmSync(at('fresh'), { recursive: true });
    seen.clear();
    mkdirSync(at('fresh'));
    writeFileSync(at('fresh/b.rs'), '1');
    await until('fresh/b.rs');
    expect([...seen].filter((path) => path.startsWith('node_modules/'))).toEqual([]);
    controller.abort();
    expect((await stream.next()).done).toBe(true);
  });
});

test('when the last reader leaves, nothing stays watched', async () => {
  const watch = new DirectoryWatch(root);
  const controllers = [new AbortController(), new AbortController()] as const;
  const [one, two] = controllers.map(({ signal }) => watch.follow(signal));
  await Promise.all([one?.next(), two?.next()]);
  expect(watch.size).toBe(3);
  controllers[0].abort();
  await one?.next();
  expect(watch.size).toBe(3);
  controllers[1].abort();
  await two?.next();
  expect(watch.size).toBe(0);
});

describe('searching', () => {
  const search = async (request: Partial<Parameters<FolderWorkspace['search']>[0]> & { pattern: string }) => {
    const events: SearchEvent[] = [];
    for await (const event of workspace.search(SearchRequestSchema.parse(request))) events.push(event);
    const matches = events.flatMap((event) => (event.kind === 'matches' ? event.matches : []));
    return { matches, last: events.at(-1) };
  };

  test('files that git would ignore are neither listed nor searched', async () => {
    writeFileSync(at('.gitignore'), 'made/\n');
    mkdirSync(at('made'));
    writeFileSync(at('made/main.rs'), 'fn main() {}\n');
    const files = await workspace.files();
    expect(files).toMatchObject({ ok: true, value: { paths: ['.gitignore', 'src/main.rs'], truncated: false } });
    const { matches, last } = await search({ pattern: 'MAIN' });
    expect(matches.map(({ path }) => path)).toEqual(['src/main.rs']);
    expect(last).toMatchObject({ kind: 'finished', files: 1, matches: 1, truncated: false });
  });

  test('columns count as an editor counts', async () => {
    writeFileSync(at('wide.rs'), '// é😀 needle needle\n');
    const { matches } = await search({ pattern: 'needle', include: ['*.rs'] });
    expect(matches).toMatchObject([
      {
        line: 1,
        column: 8,
        endColumn: 14,
        ranges: [
          { start: 7, end: 13, replacement: null },
          { start: 14, end: 20, replacement: null },
        ],
      },
    ]);
  });

  test('a pattern may look like an option, a path or an expression', async () => {
    writeFileSync(at('odd.txt'), '--files /etc/passwd a.b axb\n');
    expect((await search({ pattern: '--files' })).matches).toHaveLength(1);
    expect((await search({ pattern: 'a.b' })).matches[0]?.ranges).toHaveLength(1);
    expect((await search({ pattern: 'a.b', isRegex: true })).matches[0]?.ranges).toHaveLength(2);
    expect((await search({ pattern: 'a(', isRegex: true })).last).toMatchObject({
      kind: 'failed',
      error: { code: 'search-failed' },
    });
  });

  test('it stops where enough is found', async () => {
    writeFileSync(at('many.txt'), 'word\n'.repeat(5000));
    const { matches, last } = await search({ pattern: 'word', maxMatches: 150 });
    expect(matches.length).toBeLessThanOrEqual(250);
    expect(last).toMatchObject({ kind: 'finished', truncated: true });
  });

  test('replacing keeps everything else, byte for byte', async () => {
    writeFileSync(at('a.txt'), '\ufeffé one, ONE\r\ntwo one\n');
    writeFileSync(at('b.txt'), 'one');
    const request = { search: SearchRequestSchema.parse({ pattern: 'one' }), replacement: '$1é', paths: ['a.txt'] };
    expect(await workspace.replace(request)).toMatchObject({
      ok: true,
      value: { files: [{ path: 'a.txt', replacements: 3 }], skipped: [], undo: expect.any(String) },
    });
    expect(readFileSync(at('a.txt'), 'utf8')).toBe('\ufeffé $1é, $1é\r\ntwo $1é\n');
    expect(readFileSync(at('b.txt'), 'utf8')).toBe('one');
  });

  test('a search says what would stand in the place of each match', async () => {
    const { matches } = await search({ pattern: 'fn (\\w+)', isRegex: true, replacement: 'fn new_$1' });
    expect(matches[0]).toMatchObject({
      preview: 'fn main() {}',
      ranges: [{ start: 0, end: 7, replacement: 'fn new_main' }],
    });
  });

  test('a replacement is undone once, where nobody has changed the file since', async () => {
    writeFileSync(at('a.txt'), 'one\n');
    writeFileSync(at('b.txt'), 'one\n');
    const done = await workspace.replace({ search: SearchRequestSchema.parse({ pattern: 'one' }), replacement: 'two' });
    if (!done.ok) throw new Error(done.error.why);
    writeFileSync(at('b.txt'), 'two and more\n');
    const id = done.value.undo ?? '';
    expect(await workspace.undoReplace(id)).toEqual({
      ok: true,
      value: {
        files: [{ path: 'a.txt', replacements: 1 }],
        skipped: [{ path: 'b.txt', why: 'it was changed since' }],
        undo: null,
      },
    });
    expect(readFileSync(at('a.txt'), 'utf8')).toBe('one\n');
    expect(readFileSync(at('b.txt'), 'utf8')).toBe('two and more\n');
    expect(await workspace.undoReplace(id)).toMatchObject({ ok: false, error: { code: 'no-undo' } });
  });

  test('replacing by an expression fills in groups', async () => {
    const search = SearchRequestSchema.parse({ pattern: 'fn (\\w+)', isRegex: true });
    expect(await workspace.replace({ search, replacement: 'async fn x_$1' })).toMatchObject({ ok: true });
    expect(readFileSync(at('src/main.rs'), 'utf8')).toBe('async fn x_main() {}\n');
  });
});

describe('git', () => {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: folder, stdio: 'ignore' });

  test('without a repository there is none', async () => {
    expect(await workspace.gitStatus()).toMatchObject({ ok: true, value: { kind: 'none' } });
    expect(await workspace.gitHead('src/main.rs')).toEqual({ ok: true, value: { kind: 'absent' } });
  });

  test('a folder deep in a repository has its own paths', async () => {
    git('init', '-q', '-b', 'trunk');
    git('add', '.');
    git('commit', '-qm', 'one');
    writeFileSync(at('src/main.rs'), 'changed\n');
    writeFileSync(at('new file.rs'), '1');
    writeFileSync(join(folder, 'outside', 'other.txt'), '1');
    const status = await workspace.gitStatus();
    expect(status).toMatchObject({
      ok: true,
      value: {
        kind: 'repository',
        branch: 'trunk',
        entries: [
          { path: 'src/main.rs', index: 'unmodified', workTree: 'modified', from: null },
          { path: 'new file.rs', index: 'unmodified', workTree: 'untracked', from: null },
        ],
      },
    });
    expect(await workspace.gitHead('src/main.rs')).toEqual({
      ok: true,
      value: { kind: 'text', text: 'fn main() {}\n' },
    });
    expect(await workspace.gitHead('new file.rs')).toEqual({ ok: true, value: { kind: 'absent' } });
  });

  test('every kind of record', () => {
    const hash = '0'.repeat(40);
    const records = [
      `# branch.oid ${hash}`,
      '# branch.head main',
      '# branch.ab +2 -1',
      `1 A. N... 000000 100644 100644 ${hash} ${hash} a b.rs`,
      `2 R. N... 100644 100644 100644 ${hash} ${hash} R100 to.rs`,
      'from.rs',
      `u UU N... 100644 100644 100644 100644 ${hash} ${hash} ${hash} both.rs`,
      '? x',
      '',
    ];
    expect(parseStatus(records.join('\0'), '')).toEqual({
      kind: 'repository',
      branch: 'main',
      commit: hash,
      ahead: 2,
      behind: 1,
      truncated: false,
      entries: [
        { path: 'a b.rs', index: 'added', workTree: 'unmodified', from: null },
        { path: 'to.rs', index: 'renamed', workTree: 'unmodified', from: 'from.rs' },
        { path: 'both.rs', index: 'conflicted', workTree: 'conflicted', from: null },
        { path: 'x', index: 'unmodified', workTree: 'untracked', from: null },
      ],
    });
  });
});

describe('a file that grows', () => {
  test('is made with its folders, added to at its end, and goes on where it was', async () => {
    for (const text of ['one\n', 'two\n']) {
      const file = await workspace.grow('logs/deep/serial.log');
      if (!file.ok) throw new Error(file.error.what);
      expect(await file.value.append(Buffer.from(text))).toMatchObject({ ok: true });
      await file.value.close();
    }
    expect(readFileSync(at('logs/deep/serial.log'), 'utf8')).toBe('one\ntwo\n');
  });

  test('is a file of the workspace, and nothing else', async () => {
    symlinkSync(join(folder, 'outside', 'secret.txt'), at('link'));
    symlinkSync(join(folder, 'outside'), at('away'));
    execFileSync('mkfifo', [at('pipe')]);
    expect(await workspace.grow('link')).toMatchObject({ ok: false, error: { code: 'outside-workspace' } });
    expect(await workspace.grow('away/x.log')).toMatchObject({ ok: false, error: { code: 'outside-workspace' } });
    expect(await workspace.grow('.git/hooks/x')).toMatchObject({ ok: false });
    expect(await workspace.grow('src')).toMatchObject({ ok: false });
    expect(await workspace.grow('pipe')).toMatchObject({ ok: false });
    expect(readFileSync(join(folder, 'outside', 'secret.txt'), 'utf8')).toBe('secret');
  });

  test('says why it has stopped', async () => {
    const file = await workspace.grow('closed.log');
    if (!file.ok) throw new Error(file.error.what);
    await file.value.close();
    expect(await file.value.append(Buffer.from('x'))).toMatchObject({
      ok: false,
      error: { code: 'cannot-write-file' },
    });
  });
});
