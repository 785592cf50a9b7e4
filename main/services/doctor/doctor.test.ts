import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { candidates, probeAccelerator } from './accelerator.ts';
import { checkMemory, checkNode } from './checks.ts';
import { ProbeCache } from './probe-cache.ts';
import { isQemuRecent, parseQemuVersion, qemuVersion } from './qemu.ts';

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
