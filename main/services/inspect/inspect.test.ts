import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MachineInfo } from '../../../app/contract/index.ts';
import { PROFILE_DEFAULTS } from '../../../app/machine/profile.ts';
import { Elf, type ElfSymbol } from '../../../app/wire/elf.ts';
import { GuestRam } from './guest-ram.ts';
import { locateKernel, readRecord } from './locate.ts';

const fixtures = fileURLToPath(new URL('../../../test/fixtures/abi/', import.meta.url));
const fixture = (name: string) => readFileSync(`${fixtures}${name}.bin`);

/** Virtual addresses of the records; the image is linked here and loaded, if QEMU does it, at 2 MiB. */
const BASE = 0xffff_ffff_8020_0000n;
const PLACES = { boot: 0x1000n, trace: 0x2000n, epitaph: 0x3000n, drivers: 0x4000n };
const SYMBOLS = {
  boot: 'RING0_BOOT_REPORT',
  trace: 'RING0_TRACE_RING',
  epitaph: 'RING0_EPITAPH',
  drivers: 'RING0_DRIVER_REGISTRY',
};
const symbols = (Object.keys(PLACES) as (keyof typeof PLACES)[]).map(
  (kind): ElfSymbol => ({ name: SYMBOLS[kind], address: BASE + PLACES[kind], size: 0n, kind: 'object' }),
);
const elf = new Elf(
  BASE,
  [
    {
      type: 1,
      flags: 6,
      offset: 0,
      virtualAddress: BASE,
      physicalAddress: 0x20_0000n,
      fileBytes: 0,
      memoryBytes: 0x10_0000n,
    },
  ],
  [],
  symbols,
);

let folder: string;
let info: MachineInfo;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ring0-inspect-'));
  info = {
    ramPath: join(folder, 'ram'),
    profile: { ...PROFILE_DEFAULTS, name: 'x', machine: 'q35', memoryMiB: 32 },
  } as MachineInfo;
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes RAM, sparse, with copies of the records at these file offsets; `live` ones have been entered. */
function ram(...copies: { offset: number; live: boolean; whole?: boolean }[]): GuestRam {
  const file = openSync(info.ramPath, 'w');
  ftruncateSync(file, info.profile.memoryMiB * 1024 * 1024);
  for (const { offset, live, whole } of copies) {
    const boot = fixture('boot');
    if (!live) boot.fill(0, 24, 32);
    writeSync(file, boot, 0, boot.length, offset + 0x1000);
    if (whole === false) continue;
    for (const [kind, place] of Object.entries(PLACES))
      if (kind !== 'boot') writeSync(file, fixture(kind), 0, undefined, offset + Number(place));
  }
  closeSync(file);
  const opened = GuestRam.open(info);
  if (!opened.ok) throw new Error(opened.error.why);
  return opened.value;
}

function bootAddress(memory: GuestRam): bigint | string | undefined {
  try {
    const place = locateKernel(memory, elf);
    return place.ok ? place.value.physicalOf(BASE + PLACES.boot) : place.error.code;
  } finally {
    memory.dispose();
  }
}

test('a kernel that QEMU loaded is where its ELF file says', () => {
  expect(bootAddress(ram({ offset: 0x20_0000, live: true }))).toBe(0x20_1000n);
});

test('a kernel that firmware loaded is found among the dead copies of its image', () => {
  const memory = ram(
    { offset: 0x20_0000, live: false },
    { offset: 0x70_0000, live: false },
    { offset: 0x80_0000, live: true, whole: false },
    { offset: 0x132_0000, live: true },
  );
  expect(bootAddress(memory)).toBe(0x132_1000n);
});

test('no kernel, no RAM: each is said', () => {
  expect(bootAddress(ram())).toBe('kernel-not-found');
  expect(GuestRam.open({ ...info, ramPath: join(folder, 'none') })).toMatchObject({
    ok: false,
    error: { code: 'no-guest-ram' },
  });
});

test.skipIf(process.platform !== 'linux')("memory without a name is read, if it is this machine's", () => {
  ram({ offset: 0x20_0000, live: true }).dispose();
  const named = join(folder, 'ring0-x-1.ram');
  renameSync(info.ramPath, named);
  const file = openSync(named, 'r');
  rmSync(named);
  const ramPath = `/proc/${process.pid}/fd/${file}`;
  const opened = GuestRam.open({ ...info, id: 'x-1', ramPath });
  if (!opened.ok) throw new Error(opened.error.why);
  expect(bootAddress(opened.value)).toBe(0x20_1000n);
  expect(GuestRam.open({ ...info, id: 'x-2', ramPath })).toMatchObject({ ok: false, error: { code: 'no-guest-ram' } });
  closeSync(file);
});

test('a record whose header lies about its size is refused', () => {
  const memory = ram({ offset: 0x20_0000, live: true });
  const place = locateKernel(memory, elf);
  if (!place.ok) throw new Error(place.error.why);
  const beyond = readRecord(memory, elf, place.value, 'trace', 48, () => ({ ok: true, value: 0xffff_ffff }));
  expect(beyond).toMatchObject({ ok: false, error: { code: 'no-record' } });
  const whole = readRecord(memory, elf, place.value, 'epitaph', 768);
  expect(whole.ok && Buffer.from(whole.value).equals(fixture('epitaph'))).toBe(true);
  memory.dispose();
});
