import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { TerminalInfo, TerminalState } from '../../../app/contract/terminal.ts';
import { bundlePtyHost } from '../../../test/support/pty-host.ts';
import { runningProcessCount } from '../../process/index.ts';
import { Terminals } from './index.ts';
import { loadPtyModule } from './pty-module.ts';
import { sessionMembers } from './session-processes.ts';
import { chooseShell, shellEnvironment } from './shell.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ring0-terminal-')));
let ptyHost = '';
const SIZE = { columns: 80, rows: 24 };
let terminals: Terminals;

beforeAll(async () => {
  ptyHost = await bundlePtyHost(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  terminals = new Terminals({ directory: folder, ptyHost, shell: '/bin/sh' });
});
afterEach(async () => {
  terminals.dispose();
  await expect.poll(runningProcessCount, { timeout: 10_000 }).toBe(0);
});

async function create(): Promise<TerminalInfo> {
  const made = await terminals.create(SIZE);
  if (!made.ok) throw new Error(`${made.error.what} ${made.error.why}`);
  return made.value;
}

const pidOf = ({ state }: { state: TerminalState }) => (state.phase === 'running' ? state.pid : 0);
const stateOf = (id: string) => terminals.list().find((it) => it.id === id)?.state;

/** Reads, acknowledging, until what was printed matches. */
async function readUntil(id: string, pattern: RegExp, from = 0): Promise<string> {
  let text = '';
  for await (const { offset, data } of terminals.output(id, from)) {
    const bytes = Buffer.from(data, 'base64');
    text += bytes.toString('utf8');
    terminals.acknowledge(id, offset + bytes.length);
    if (pattern.test(text)) return text;
  }
  return text;
}

test('a shell runs in the folder, knows its size and its terminal, and what it prints is UTF-8 throughout', async () => {
  const { id, directory, name } = await create();
  expect([directory, name]).toEqual([folder, 'sh']);
  terminals.write(id, 'pwd; stty size; echo "$TERM-ends"; printf "\\303\\251€\\n"; test -t 0 && echo tty-$((1+1))\n');
  const text = await readUntil(id, /tty-2\r/);
  for (const wanted of [folder, '24 80', 'xterm-256color-ends', 'é€']) expect(text).toContain(wanted);
  terminals.resize(id, { columns: 101, rows: 33 });
  terminals.write(id, 'stty size; echo size-end\n');
  expect(await readUntil(id, /33 101/)).toContain('33 101');
});

test('a reader that comes back goes on where it was; one that comes new gets all of it', async () => {
  const { id } = await create();
  terminals.write(id, 'echo one-$((1+1))\n');
  const first = await readUntil(id, /one-2\r\n/);
  terminals.write(id, 'echo two-$((1+1))\n');
  const second = await readUntil(id, /two-2\r\n/, Buffer.byteLength(first));
  expect(second).not.toContain('one-2');
  const all = await readUntil(id, /two-2\r\n/);
  expect(all.startsWith(first)).toBe(true);
  // What was there before the reader is marked: a question in it has been answered.
  const again = terminals.output(id, 0);
  expect((await again.next()).value).toMatchObject({ replay: true });
  const live = again.next();
  terminals.write(id, 'echo live\n');
  expect((await live).value).toMatchObject({ replay: false });
  await again.return(undefined);
});

test('the end of a shell is told with its code or signal, typing is an error then, and it can be started again', async () => {
  const { id } = await create();
  terminals.write(id, 'exit 7\n');
  await expect.poll(() => stateOf(id), { timeout: 10_000 }).toEqual({ phase: 'exited', code: 7, signal: null });
  expect(terminals.write(id, 'x')).toMatchObject({ ok: false, error: { code: 'shell-ended' } });
  // Where the native module would throw.
  expect(terminals.resize(id, SIZE)).toMatchObject({ ok: false });
  expect(await terminals.restart(id, SIZE)).toMatchObject({ ok: true, value: { id, state: { phase: 'running' } } });
  expect(await terminals.restart(id, SIZE)).toMatchObject({ ok: false, error: { code: 'wrong-state' } });
  terminals.write(id, 'kill -SEGV $$\n');
  await expect.poll(() => stateOf(id), { timeout: 10_000 }).toEqual({ phase: 'exited', code: null, signal: 'SIGSEGV' });
});

test('resizing in the moment of the end does no harm', async () => {
  const { id } = await create();
  terminals.write(id, 'exit\n');
  for (let n = 0; n < 200 && stateOf(id)?.phase === 'running'; n += 1) {
    terminals.resize(id, { columns: 80 + (n % 2), rows: 24 });
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await expect.poll(() => stateOf(id)?.phase, { timeout: 10_000 }).toBe('exited');
  expect((await create()).state.phase).toBe('running');
});

test('a flood waits for its reader and loses nothing', async () => {
  const { id } = await create();
  terminals.write(id, 'stty -echo -onlcr; echo; seq 1 400000; echo flood-$((1+1))\n');
  let expected = 0;
  let text = '';
  for await (const { offset, data } of terminals.output(id, 0)) {
    expect(offset).toBe(expected);
    const bytes = Buffer.from(data, 'base64');
    expected += bytes.length;
    text += bytes.toString('latin1');
    // A reader slower than the shell: without waiting, the tape would have run away from under it.
    await new Promise((resolve) => setTimeout(resolve, 2));
    terminals.acknowledge(id, expected);
    if (text.slice(-100).includes('flood-2')) break;
  }
  const numbers = text.match(/^\d+$/gm) ?? [];
  expect(numbers.length).toBe(400_000);
  expect(numbers.at(-1)).toBe('400000');
});

test('a flood that nobody reads goes on, bounded', async () => {
  const { id } = await create();
  terminals.write(id, 'seq 1 300000 > /dev/tty; exit\n');
  await expect.poll(() => stateOf(id)?.phase, { timeout: 20_000 }).toBe('exited');
  const reader = terminals.output(id, 0);
  const { value } = await reader.next();
  expect(value?.offset).toBeGreaterThan(500_000);
  await reader.return(undefined);
});

/** Jobs of every kind: in the foreground's group, in groups of their own, stopped, deaf to SIGHUP. */
const JOBS =
  'set -m; sleep 1000 & sh -c \'trap "" HUP; while :; do sleep 0.1; done\' & sleep 1000 & kill -STOP $!; echo jobs-$((1+1))\n';

test.runIf(process.platform === 'linux')('killing ends the shell and every job of it', async () => {
  const info = await create();
  terminals.write(info.id, JOBS);
  await readUntil(info.id, /jobs-2/);
  expect(sessionMembers(pidOf(info)).length).toBeGreaterThanOrEqual(4);
  expect(terminals.kill(info.id)).toEqual({ ok: true, value: undefined });
  expect(terminals.list()).toEqual([]);
  await expect.poll(() => sessionMembers(pidOf(info)), { timeout: 10_000 }).toEqual([]);
});

test.runIf(process.platform === 'linux')('the end of the studio ends them all', async () => {
  const made = [await create(), await create()];
  for (const { id } of made) {
    terminals.write(id, JOBS);
    await readUntil(id, /jobs-2/);
  }
  terminals.dispose();
  await expect.poll(() => made.flatMap((it) => sessionMembers(pidOf(it))), { timeout: 10_000 }).toEqual([]);
});

test.runIf(process.platform === 'linux')('so does a studio that is killed by SIGKILL', async () => {
  const owner = join(folder, 'owner.mjs');
  const source = join(folder, 'owner.ts');
  writeFileSync(
    source,
    `import { Terminals } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))};
const terminals = new Terminals({ directory: '/', ptyHost: ${JSON.stringify(ptyHost)}, shell: '/bin/sh' });
const made = await terminals.create({ columns: 80, rows: 24 });
terminals.write(made.value.id, ${JSON.stringify(JOBS)});
for await (const { data } of terminals.output(made.value.id, 0))
  if (Buffer.from(data, 'base64').toString().includes('jobs-2')) console.log(made.value.state.pid);
`,
  );
  await build({ entryPoints: [source], outfile: owner, bundle: true, platform: 'node', format: 'esm' });
  const child = spawn(process.execPath, [owner], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [data] = (await once(child.stdout, 'data')) as [Buffer];
  const pid = Number(data.toString());
  expect(sessionMembers(pid).length).toBeGreaterThanOrEqual(4);
  child.kill('SIGKILL');
  await expect.poll(() => sessionMembers(pid), { timeout: 10_000 }).toEqual([]);
});

test('a process that holds the terminals and dies is told, and another is started', async () => {
  const info = await create();
  terminals.write(info.id, 'kill -9 $PPID\n');
  await expect.poll(() => stateOf(info.id), { timeout: 10_000 }).toEqual({ phase: 'exited', code: null, signal: null });
  expect(await terminals.restart(info.id, SIZE)).toMatchObject({ ok: true });
});

test('where no terminal can be had, the reason is said and what to do', async () => {
  const none = new Terminals({ directory: folder, ptyHost: join(folder, 'missing.mjs') });
  expect(await none.create(SIZE)).toMatchObject({ ok: false, error: { code: 'no-terminal', fix: /npm start/ } });
  none.dispose();
  const bare = mkdtempSync(join(tmpdir(), 'ring0-bare-'));
  const without = new Terminals({ directory: folder, ptyHost: await bundlePtyHost(bare, { withPackages: false }) });
  const failed = await without.create(SIZE);
  expect(failed).toMatchObject({ ok: false, error: { code: 'no-terminal' } });
  expect(failed.ok ? '' : failed.error.why).toMatch(/@lydell\/node-pty: .*; node-pty: /);
  without.dispose();
  rmSync(bare, { recursive: true, force: true });
});

test('a shell that does not exist, or a terminal that does not, is an error', async () => {
  expect(terminals.write('t99', 'x')).toMatchObject({ ok: false, error: { code: 'no-terminal' } });
  expect(terminals.kill('t99')).toMatchObject({ ok: false });
  expect(terminals.rename('t99', 'x')).toMatchObject({ ok: false });
  const { id } = await create();
  expect(terminals.rename(id, 'build').ok && terminals.list()[0]?.name).toBe('build');
});

test('the second module is taken where the first is not there', async () => {
  const spawned: unknown[][] = [];
  const module = await loadPtyModule(async (name) => {
    if (name !== 'node-pty') throw new Error('not built for this computer');
    return { default: { spawn: (...args: unknown[]) => spawned.push(args) } };
  });
  module.spawn('/bin/sh', [], { ...SIZE, directory: '/', environment: { A: 'b' } });
  expect(module.name).toBe('node-pty');
  expect(spawned).toEqual([['/bin/sh', [], expect.objectContaining({ cols: 80, rows: 24, cwd: '/', encoding: null })]]);
});

test('the shell is the person’s own where there is one, and hears nothing of the studio’s affairs', () => {
  expect(chooseShell({ SHELL: '/bin/sh' }, 'linux')).toBe('/bin/sh');
  expect(chooseShell({ SHELL: 'sh; rm -rf' }, 'linux')).toMatch(/^\/bin\//);
  expect(chooseShell({ SHELL: '/no/such' }, 'linux')).toMatch(/^\/bin\//);
  expect(shellEnvironment({ ELECTRON_RUN_AS_NODE: '1', PATH: '/bin', TERM: 'dumb' })).toEqual({
    PATH: '/bin',
    TERM: 'xterm-256color',
    COLORTERM: 'truecolor',
    TERM_PROGRAM: 'ring0-studio',
  });
});
