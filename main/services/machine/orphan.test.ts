import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, expect, test } from 'vitest';
import type { MachineInfo } from '../../../app/contract/index.ts';
import { PROFILE_DEFAULTS } from '../../../app/machine/profile.ts';
import { runProcess } from '../../process/index.ts';
import { liveRuns } from './run-directory.ts';
import { writeTinyGuest } from './tiny-guest.ts';

const QEMU = process.env.RING0_QEMU ?? 'qemu-system-x86_64';
const possible = process.platform === 'linux' && spawnSync(QEMU, ['--version']).status === 0;
if (!possible) console.log(`skipped: the test of a killed owner needs Linux and ${QEMU}`);

const folder = mkdtempSync(join(tmpdir(), 'r0o-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program that starts a machine and says so when the guest has spoken. */
async function bundleOwner(): Promise<string> {
  const owner = join(folder, 'owner.mjs');
  const profile = { ...PROFILE_DEFAULTS, name: 'orphan', memoryMiB: 32, accelerator: 'tcg', block: 'none' };
  const contents = `import { QemuMachines } from ${JSON.stringify(fileURLToPath(new URL('./index.ts', import.meta.url)))};
const machines = new QemuMachines({
  profiles: { load: async () => ({ ok: true, value: ${JSON.stringify(profile)} }) },
  doctor: { chooseAccelerator: async () => ({ ok: true, value: { accelerator: 'tcg', reason: 'test' } }) },
  qemu: ${JSON.stringify(QEMU)},
  runRoot: ${JSON.stringify(join(folder, 'run'))},
});
const started = await machines.start({ profile: 'orphan', elfPath: ${JSON.stringify(join(folder, 'guest.elf'))} });
if (!started.ok) throw new Error(started.error.why);
started.value.onDidReceiveSerial(() => console.log(JSON.stringify(started.value.info)));`;
  await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: owner,
    // Nobody makes a UEFI disk here, and its WebAssembly does not go into a bundle.
    plugins: [
      {
        name: 'no-uefi',
        setup: (it) => {
          it.onResolve({ filter: /uefi-disk/ }, () => ({ path: 'uefi-disk', namespace: 'none' }));
          it.onLoad({ filter: /.*/, namespace: 'none' }, () => ({
            contents: 'export const uefiFiles = undefined, writeFatDisk = undefined;',
          }));
        },
      },
    ],
    logLevel: 'error',
  });
  return owner;
}

async function isAlive(pid: number): Promise<boolean> {
  const state = await runProcess('ps', ['-o', 'stat=', '-p', String(pid)]);
  return state.ok && state.value.code === 0 && !state.value.stdout.trim().startsWith('Z');
}

test.skipIf(!possible)('an owner that is killed leaves no QEMU and no memory', { timeout: 30_000 }, async () => {
  writeTinyGuest(join(folder, 'guest.elf'));
  const owner = spawn(process.execPath, [await bundleOwner()], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(owner.stdout, 'data')) as [Buffer];
  const info = JSON.parse(line.toString().split('\n')[0] ?? '') as MachineInfo;
  // The name is gone while the machine runs, and another process reads its memory all the same.
  const named = () => ['/dev/shm', tmpdir()].flatMap((it) => readdirSync(it)).filter((name) => name.includes(info.id));
  expect(info.ramPath).toMatch(new RegExp(`^/proc/${info.qemuPid}/fd/\\d+$`));
  expect(named()).toEqual([]);
  const ram = openSync(info.ramPath, 'r');
  const code = Buffer.alloc(118);
  readSync(ram, code, 0, code.length, 0x10_0000);
  closeSync(ram);
  expect(code.toString('latin1')).toContain('hello');

  owner.kill('SIGKILL');
  await once(owner, 'exit');
  for (let n = 0; n < 200 && (await isAlive(info.qemuPid)); n++)
    await new Promise((resolve) => setTimeout(resolve, 25));
  expect(await isAlive(info.qemuPid)).toBe(false);
  expect(existsSync(info.ramPath)).toBe(false);
  expect(named()).toEqual([]);
  // What is left, a few small files, goes with the next look at the machines.
  expect(readdirSync(join(folder, 'run'))).toEqual([info.id]);
  expect(await liveRuns(join(folder, 'run'))).toEqual([]);
  expect(readdirSync(join(folder, 'run'))).toEqual([]);
});
