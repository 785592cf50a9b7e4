import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { guardMeans } from './guard.ts';
import { runningProcessCount, runProcess, startProcess } from './process.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring0-process-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => expect(runningProcessCount()).toBe(0));

/** Whether a process runs; a zombie does not. */
async function isAlive(pid: number): Promise<boolean> {
  const state = await runProcess('ps', ['-o', 'stat=', '-p', String(pid)]);
  return state.ok && state.value.code === 0 && !state.value.stdout.trim().startsWith('Z');
}

async function waitUntil(condition: () => Promise<boolean>): Promise<boolean> {
  for (let n = 0; n < 200; n++) {
    if (await condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return false;
}

test('a command gives its output and exit code', async () => {
  const result = await runProcess('/bin/sh', ['-c', 'echo out; echo err >&2; exit 3']);
  expect(result).toEqual({
    ok: true,
    value: { code: 3, signal: null, stdout: 'out\n', stderr: 'err\n', timedOut: false },
  });
});

test('what cannot be started is an error, not a throw', async () => {
  const missing = await runProcess('/nonexistent/program', []);
  expect(missing.ok ? '' : missing.error.code).toBe('cannot-start-process');
  const zero = await runProcess('echo', ['a\0b']);
  expect(zero.ok ? '' : zero.error.code).toBe('cannot-start-process');
});

test('output is bounded, time is bounded, and a signal cancels', async () => {
  const much = await runProcess('/bin/sh', ['-c', 'yes | head -c 100000'], { maxBytes: 10 });
  expect(much.ok && much.value.stdout).toBe('y\ny\ny\ny\ny\n');
  const slow = await runProcess('sleep', ['100'], { timeoutMs: 20 });
  expect(slow.ok && slow.value.timedOut).toBe(true);
  const controller = new AbortController();
  const running = runProcess('sleep', ['100'], { signal: controller.signal });
  controller.abort();
  const stopped = await running;
  expect(stopped.ok ? '' : stopped.error.code).toBe('cancelled');
});

test('killing takes the grandchildren along', async () => {
  let output = '';
  const started = await startProcess('/bin/sh', ['-c', 'sleep 100 & echo $!; wait'], {
    onStdout: (bytes) => (output += bytes),
  });
  if (!started.ok) throw new Error(started.error.why);
  expect(await waitUntil(async () => output.endsWith('\n'))).toBe(true);
  const grandchild = Number(output);
  started.value.dispose();
  await started.value.exited;
  expect(await waitUntil(async () => !(await isAlive(grandchild)))).toBe(true);
});

test('so does killing one that has the terminal, and with it the group of its owner', async () => {
  let output = '';
  const started = await startProcess('/bin/sh', ['-c', "sh -c 'sleep 100 & echo $!; wait'; true"], {
    stdin: 'terminal',
    onStdout: (bytes) => (output += bytes),
  });
  if (!started.ok) throw new Error(started.error.why);
  expect(await waitUntil(async () => output.endsWith('\n'))).toBe(true);
  started.value.kill('SIGTERM');
  await started.value.exited;
  expect(await waitUntil(async () => !(await isAlive(Number(output))))).toBe(true);
});

test('a process that ignores SIGTERM is killed after its grace', async () => {
  let output = '';
  const started = await startProcess('/bin/sh', ['-c', 'trap "" TERM; echo on; while :; do sleep 0.05; done'], {
    onStdout: (bytes) => (output += bytes),
  });
  if (!started.ok) throw new Error(started.error.why);
  expect(await waitUntil(async () => output !== '')).toBe(true);
  expect(await started.value.terminate(50)).toEqual({ code: null, signal: 'SIGKILL' });
});

describe('a guarded process dies with an owner that is killed by SIGKILL', () => {
  const owner = join(folder, 'owner.mjs');
  beforeAll(async () => {
    const here = fileURLToPath(new URL('./process.ts', import.meta.url));
    const contents = `import { startProcess } from ${JSON.stringify(here)};
const [, , guard, script = 'exec sleep 100'] = process.argv;
const started = await startProcess('/bin/sh', ['-c', script], { guard, onStdout: (bytes) => process.stdout.write(bytes) });
console.log(started.ok ? started.value.pid : started.error.why);`;
    await build({
      stdin: { contents, resolveDir: folder },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: owner,
      logLevel: 'error',
    });
  });

  const means = guardMeans() === 'pdeathsig' ? (['pdeathsig', 'watchdog'] as const) : (['watchdog'] as const);
  test.each(means)('by %s', async (guard) => {
    const child = spawn(process.execPath, [owner, guard], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [data] = (await once(child.stdout, 'data')) as [Buffer];
    const pid = Number(data.toString());
    expect(await isAlive(pid)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await waitUntil(async () => !(await isAlive(pid)))).toBe(true);
  });

  test('and under a watchdog all of its group with it', async () => {
    const child = spawn(process.execPath, [owner, 'watchdog', 'sleep 100 & echo $!; wait'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (bytes: Buffer) => {
      said += bytes;
    });
    expect(await waitUntil(async () => said.trim().split('\n').length === 2)).toBe(true);
    const pids = said.trim().split('\n').map(Number);
    for (const pid of pids) expect(await isAlive(pid)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    for (const pid of pids) expect(await waitUntil(async () => !(await isAlive(pid)))).toBe(true);
  });
});
