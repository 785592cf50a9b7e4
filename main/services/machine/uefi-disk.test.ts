import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { uefiFiles, writeFatDisk } from './uefi-disk.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring0-disk-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a FAT32 disk with the kernel and its command line', async () => {
  const image = join(folder, 'esp.img');
  const kernel = Buffer.alloc(3_000_001, 'kernel');
  await writeFatDisk(image, uefiFiles(kernel, 'serve=8080 seed=7'));
  const bytes = readFileSync(image);
  // Boot sector: signature and type (Microsoft FAT specification 1.03, section 3).
  expect([bytes.readUInt16LE(510), bytes.toString('latin1', 82, 90)]).toEqual([0xaa55, 'FAT32   ']);
  for (const text of ['EFI        ', 'BOOT       ', 'BOOTX64 EFI', 'serve=8080 seed=7\n'])
    expect(bytes.includes(text), text).toBe(true);
  expect(bytes.includes(kernel)).toBe(true);
});

test('is a file system without a mistake, says fsck.fat', async (context) => {
  const image = join(folder, 'checked.img');
  await writeFatDisk(image, uefiFiles(Buffer.alloc(1_000_001, 'kernel'), ''));
  const checked = spawnSync('fsck.fat', ['-n', image], { encoding: 'utf8' });
  context.skip(checked.error !== undefined, 'fsck.fat (dosfstools) is not installed');
  expect(checked.stdout + checked.stderr).not.toMatch(/Wrong|differ|bad/i);
  expect(checked.status).toBe(0);
});
