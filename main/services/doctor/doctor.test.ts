import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { FixEvent } from '../../../app/contract/index.ts';
import { candidates, probeAccelerator } from './accelerator.ts';
import { checkMemory, checkNode, installCommand } from './checks.ts';
import { Doctor } from './index.ts';
import { ProbeCache } from './probe-cache.ts';
import { isQemuRecent, parseQemuVersion, qemuVersion } from './qemu.ts';
import { findRustAnalyzer } from './rust-analyzer.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring0-doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A QEMU that does what the shell line says. */
function fakeQemu(line: string): string {
  const path = join(folder, `qemu-${Math.random().toString(36).slice(2)}`);
  writeFileSync(path, `#!/bin/sh\n${line}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('checks', () => {
  test('versions', () => {
    expect([checkNode('20.19.0').status, checkNode('22.1.0').status, checkNode('20.18.9').status]).toEqual([
      'ok',
      'ok',
      'fail',
    ]);
    expect(parseQemuVersion('QEMU emulator version 7.2.22 (Debian 1:7.2)')).toBe('7.2.22');
    expect(['7.2.0', '10.0.2', '7.1.9', '6.2.0'].map(isQemuRecent)).toEqual([true, true, false, false]);
  });

  test('what is not fine says why and what to do', () => {
    const check = checkMemory(100, 2000);
    expect([check.status, check.why !== '', check.fixHint !== '']).toEqual(['warn', true, true]);
  });

  test('packages are installed from fresh lists, without asking and without recommendations', () => {
    const on = (program: string, root: boolean) => installCommand('qemu', (it) => it === program, root);
    expect([on('/usr/bin/apt-get', true), on('/usr/bin/apt-get', false)]).toEqual([
      'apt-get -o DPkg::Lock::Timeout=120 update && apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends qemu-system-x86',
      'sudo apt-get -o DPkg::Lock::Timeout=120 update && sudo apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends qemu-system-x86',
    ]);
    expect(installCommand('ovmf', (it) => it === '/usr/bin/zypper', false)).toBe(
      'sudo zypper --non-interactive install --no-recommends qemu-ovmf-x86_64',
    );
  });

  // What apt itself makes of the command, changing nothing; only where it has package lists.
  const simulated = spawnSync('apt-get', ['-s', 'install', 'ovmf']).status === 0;
  if (!simulated) console.log('skipped: no apt-get with package lists here');
  test.skipIf(!simulated).each(['qemu', 'ovmf'] as const)('apt knows what installs %s', (what) => {
    const install = (installCommand(what, (it) => it === '/usr/bin/apt-get', true) ?? '').split(' && ').at(-1) ?? '';
    const [program = '', ...args] = install.split(' ');
    const run = spawnSync(program, ['-s', ...args], { encoding: 'utf8' });
    expect([run.status, run.stdout.match(/^Remv/gm)]).toEqual([0, null]);
  });

  test.skipIf(installCommand('qemu') === null)('a fix that succeeds and cures nothing has failed', async () => {
    // Package managers that say yes to everything.
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    for (const name of ['apt-get', 'dnf', 'pacman', 'zypper', 'brew', 'sudo', 'sh', 'curl', 'rustup'])
      writeFileSync(join(bin, name), '#!/bin/sh\necho yes\n', { mode: 0o755 });
    vi.stubEnv('PATH', `${bin}:${process.env.PATH}`);
    vi.stubEnv('RING0_QEMU', join(folder, 'none'));
    try {
      const events: FixEvent[] = [];
      for await (const event of new Doctor(folder, join(folder, 'fix-cache.json')).fix()) events.push(event);
      expect(events).toContainEqual({ kind: 'command', check: 'qemu', command: installCommand('qemu') });
      expect(events).toContainEqual({ kind: 'output', line: 'yes' });
      expect(events).toContainEqual(
        expect.objectContaining({
          kind: 'failed',
          check: 'qemu',
          error: expect.objectContaining({ code: 'fix-in-vain' }) as object,
        }),
      );
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test('a QEMU that is broken or missing is an error', async () => {
    expect(await qemuVersion(fakeQemu('echo nonsense'))).toMatchObject({ ok: false, error: { code: 'qemu-unusable' } });
    expect(await qemuVersion(join(folder, 'none'))).toMatchObject({
      ok: false,
      error: { code: 'cannot-start-process' },
    });
  });
});

describe('accelerators', () => {
  test('TCG is always last', () => {
    expect([
      candidates('linux', 'x64'),
      candidates('darwin', 'arm64'),
      candidates('darwin', 'x64'),
      candidates('win32', 'x64'),
    ]).toEqual([['kvm', 'tcg'], ['tcg'], ['hvf', 'tcg'], ['whpx', 'tcg']]);
  });

  test('only a guest that really ran is a proof', async () => {
    expect(await probeAccelerator(fakeQemu('exit 33'), 'hvf')).toEqual({
      accelerator: 'hvf',
      works: true,
      detail: 'booted a guest',
    });
    expect(await probeAccelerator(fakeQemu('exit 0'), 'hvf')).toMatchObject({
      works: false,
      detail: 'QEMU ended with 0',
    });
    expect(await probeAccelerator(fakeQemu('echo "qemu-system-x86_64: no HVF" >&2; exit 1'), 'hvf')).toMatchObject({
      works: false,
      detail: 'no HVF',
    });
  });
});

test('probes are remembered for the same QEMU only', () => {
  const path = join(folder, 'cache', 'probes.json');
  const qemu = fakeQemu('exit 0');
  const probes = [{ accelerator: 'kvm' as const, works: false, detail: 'no' }];
  expect(new ProbeCache(path, qemu).read()).toEqual([]);
  new ProbeCache(path, qemu).write(probes);
  expect(new ProbeCache(path, qemu).read()).toEqual(probes);
  writeFileSync(qemu, '#!/bin/sh\nexit 33 # another\n');
  expect(new ProbeCache(path, qemu).read()).toEqual([]);
  writeFileSync(path, '{"key": 5}');
  expect(new ProbeCache(path, qemu).read()).toEqual([]);
});

test('rust-analyzer is asked for its version: a stand-in of rustup is none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ring0-analyzer-'));
  const command = join(folder, 'analyzer');
  writeFileSync(command, '#!/bin/sh\necho "rust-analyzer 9.9.9 (abc)"\n', { mode: 0o755 });
  expect(await findRustAnalyzer(folder, { RING0_RUST_ANALYZER: command })).toEqual({
    ok: true,
    value: { command, name: 'rust-analyzer 9.9.9 (abc)' },
  });
  writeFileSync(command, '#!/bin/sh\necho "error: Unknown binary" >&2\nexit 1\n');
  expect(await findRustAnalyzer(folder, { RING0_RUST_ANALYZER: command })).toMatchObject({
    error: { why: expect.stringContaining('Unknown binary'), fix: 'rustup component add rust-analyzer' },
  });
  rmSync(folder, { recursive: true });
});
