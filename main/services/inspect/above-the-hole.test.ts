import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { MachineInfo } from '../../../app/contract/index.ts';
import { PROFILE_DEFAULTS } from '../../../app/machine/profile.ts';
import { ramFileOffset, ramLayout } from '../../../app/machine/ram-layout.ts';
import { GuestRam } from './guest-ram.ts';

const QEMU = process.env.RING0_QEMU ?? 'qemu-system-x86_64';
const hasQemu = spawnSync(QEMU, ['--version']).status === 0;
if (!hasQemu) console.log(`skipped: the test of memory above 4 GiB needs ${QEMU}`);

const folder = mkdtempSync(join(tmpdir(), 'ring0-hole-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** QEMU itself says what lies at a guest-physical address; the file is sparse, so that gibibytes cost nothing. */
describe.skipIf(!hasQemu)('guest-physical memory around the hole is where QEMU has it', { timeout: 30_000 }, () => {
  test.each([
    ['q35', 5120],
    ['pc', 5120],
    ['microvm', 5120],
  ] as const)('%s with %i MiB', (machine, memoryMiB) => {
    const layout = ramLayout(machine, memoryMiB);
    const last = 0x1_0000_0000n + layout.totalBytes - layout.lowBytes - 8n;
    const places = [0x10_0000n, layout.lowBytes - 8n, 0x1_0000_0000n, 0x1_0000_1238n, last];
    const ramPath = join(folder, machine);
    const file = openSync(ramPath, 'w');
    ftruncateSync(file, memoryMiB * 1024 * 1024);
    for (const [n, address] of places.entries()) {
      const offset = ramFileOffset(layout, address, 8);
      if (offset === undefined) throw new Error(`0x${address.toString(16)} is no RAM`);
      writeSync(file, Buffer.from(`place ${n}\0`), 0, 8, Number(offset));
    }
    closeSync(file);
    const object = `memory-backend-file,id=ram,size=${memoryMiB}M,mem-path=${ramPath},share=on`;
    const { stdout } = spawnSync(
      QEMU,
      [
        ...['-nodefaults', '-no-user-config', '-display', 'none', '-accel', 'tcg', '-S', '-monitor', 'stdio'],
        ...['-object', object, '-machine', `${machine},memory-backend=ram`, '-m', `${memoryMiB}M`],
      ],
      { input: `${places.map((it) => `xp /8bx 0x${it.toString(16)}\n`).join('')}quit\n`, encoding: 'utf8' },
    );
    const seen = [...stdout.matchAll(/^[0-9a-f]{16}:((?: 0x[0-9a-f]{2}){8})\r?$/gm)].map(([, bytes = '']) =>
      Buffer.from(bytes.replace(/ 0x/g, ''), 'hex').toString().replace('\0', ''),
    );
    expect(seen).toEqual(places.map((_, n) => `place ${n}`));
    const ram = GuestRam.open({ ramPath, profile: { ...PROFILE_DEFAULTS, machine, memoryMiB } } as MachineInfo);
    if (!ram.ok) throw new Error(ram.error.why);
    expect(places.map((it) => Buffer.from(ram.value.read(it, 7) ?? []).toString())).toEqual(
      places.map((_, n) => `place ${n}`),
    );
    expect([ram.value.read(layout.lowBytes - 4n, 8), ram.value.read(last, 9)]).toEqual([undefined, undefined]);
    ram.value.dispose();
  });
});
