import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProcess } from '../process/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'r0-session-'));
const owner = join(folder, 'owner.mjs');
const inside = join(folder, 'inside.mjs');

beforeAll(async () => {
  const here = fileURLToPath(new URL('./own-session.ts', import.meta.url));
  const contents = `import { inOwnSession } from ${JSON.stringify(here)};
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
process.exitCode = await inOwnSession([${JSON.stringify(inside)}], stop.signal);`;
  await build({
    stdin: { contents, resolveDir: folder },
    ...{ bundle: true, platform: 'node', format: 'esm', outfile: owner, logLevel: 'error' },
  });
  writeFileSync(
    inside,
    `import { execFileSync } from 'node:child_process';
process.once('SIGTERM', () => process.exit(7));
setInterval(() => {}, 1000);
const session = execFileSync('ps', ['-o', 'sid=', '-p', String(process.pid)], { encoding: 'utf8' });
console.log(JSON.stringify({ pid: process.pid, session: Number(session), inside: process.env.RING0_IN_OWN_SESSION }));`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

async function start() {
  const child = spawn(process.execPath, [owner], { stdio: ['ignore', 'pipe', 'inherit'] });
  // What the program inside writes comes out where its owner writes.
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, inside: JSON.parse(said.toString()) as { pid: number; session: number; inside: string } };
}

test('runs in a session of its own, knows so, and its exit code is that of its owner', async () => {
  const { child, inside } = await start();
  expect(inside).toEqual({ pid: inside.pid, session: inside.pid, inside: '1' });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([7, null]);
});

test('ends with an owner that is killed', async () => {
  const { child, inside } = await start();
  // A process that is gone has no line; one that nobody has waited for yet is a Z.
  const state = async () => {
    const ps = await runProcess('ps', ['-o', 'stat=', '-p', String(inside.pid)]);
    return ps.ok ? ps.value.stdout.trim().replace(/^Z.*/, '') : 'ps failed';
  };
  expect(await state()).not.toBe('');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await expect.poll(state, { timeout: 5000 }).toBe('');
});
