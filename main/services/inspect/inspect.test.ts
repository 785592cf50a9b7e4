import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MachineInfo } from '../../../app/contract/index.ts';
import { PROFILE_DEFAULTS } from '../../../app/machine/profile.ts';
import { Elf, type ElfSymbol } from '../../../app/wire/elf.ts';
import { parseRegisters } from '../../../app/wire/qemu-registers.ts';
import { GuestRam } from './guest-ram.ts';
import { locateKernel, type ProcessorPlace, processorPlace, readRecord } from './locate.ts';
import { readBootReport, readDrivers, readEpitaph, readTrace } from './records.ts';
import type { InspectTarget } from './target.ts';

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

interface Copy {
  readonly offset: number;
  readonly live: boolean;
  readonly whole?: boolean;
  /** Records whose headers are overwritten: a byte of the magic, the version, or all of it, with zeros or with anything. */
  readonly broken?: Readonly<Partial<Record<keyof typeof PLACES, 'magic' | 'version' | 'zero' | 'noise'>>>;
  /** Page tables at 1 MiB that map the image here. */
  readonly mapped?: boolean;
}

/** Place of a text in each copy: its offset, in hex. */
const MARK = 0x8000n;
const LONG = { cr0: 0x8001_0033n, cr3: 0x10_0000n, cr4: 0x6a0n, efer: 0xd00n };
const IN_KERNEL: ProcessorPlace = { ...LONG, rip: BASE + 0x9000n };

/** Writes RAM, sparse, with copies of the records at these file offsets; `live` ones have been entered. */
function ram(...copies: Copy[]): GuestRam {
  const file = openSync(info.ramPath, 'w');
  ftruncateSync(file, info.profile.memoryMiB * 1024 * 1024);
  const word = (at: number, value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    writeSync(file, bytes, 0, 8, at);
  };
  for (const { offset, live, whole, mapped, broken = {} } of copies) {
    writeSync(file, Buffer.from(offset.toString(16)), 0, undefined, offset + Number(MARK));
    if (mapped === true) {
      // 0xffffffff80200000: the last PML4 entry, the last but one PDPT entry, the second page directory entry, 4 KiB pages.
      word(0x10_0000 + 511 * 8, 0x10_1003n);
      word(0x10_1000 + 510 * 8, 0x10_2003n);
      word(0x10_2000 + 8, 0x10_3003n);
      for (let page = 0; page < 16; page++) word(0x10_3000 + page * 8, BigInt(offset + page * 4096) | 3n);
    }
    const boot = fixture('boot');
    if (!live) boot.fill(0, 24, 32);
    writeSync(file, boot, 0, boot.length, offset + 0x1000);
    if (whole === false) continue;
    for (const [kind, place] of Object.entries(PLACES))
      if (kind !== 'boot') writeSync(file, fixture(kind), 0, undefined, offset + Number(place));
    for (const [kind, how] of Object.entries(broken)) {
      const [at, bytes] = {
        magic: [3, 'X'] as const,
        version: [8, '\x09'] as const,
        zero: [0, '\0'.repeat(16)] as const,
        noise: [0, '\xde\xad\xbe\xef\x00\x01\x02\x03'] as const,
      }[how];
      writeSync(
        file,
        Buffer.from(bytes, 'latin1'),
        0,
        undefined,
        offset + Number(PLACES[kind as keyof typeof PLACES]) + at,
      );
    }
  }
  closeSync(file);
  const opened = GuestRam.open(info);
  if (!opened.ok) throw new Error(opened.error.why);
  return opened.value;
}

/** What `mark`, which the caller has put behind a boot report, says of the copy that is taken for the kernel; or why there is none. */
async function found(memory: GuestRam, processor?: ProcessorPlace): Promise<string | undefined> {
  try {
    const kernel = await locateKernel(memory, elf, processor);
    if (!kernel.ok) return kernel.error.code;
    const bytes = kernel.value.read(BASE + MARK, 8);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes).replace(/\0.*/s, '');
  } finally {
    memory.dispose();
  }
}

test('a kernel that QEMU loaded is where its ELF file says', async () => {
  expect(await found(ram({ offset: 0x20_0000, live: true }))).toBe('200000');
});

test('a kernel is where the page tables of its processor lead, whatever else lies about', async () => {
  const dead = { offset: 0x20_0000, live: true };
  const mapped = { offset: 0x73_4000, live: true, mapped: true };
  expect(await found(ram(dead, mapped), IN_KERNEL)).toBe('734000');
  // The tables are broken, and the processor is in the kernel: it died of them.
  expect(await found(ram(dead), { ...IN_KERNEL, cr3: 0xffff_f000n })).toBe('200000');
  // After a reset, firmware runs, and the image of the life before is no news.
  expect(await found(ram(dead), { ...LONG, rip: 0x7e_1234n })).toBe('kernel-not-found');
  expect(await found(ram(dead), { ...LONG, cr0: 0x10n, rip: 0xfff0n })).toBe('kernel-not-found');
});

test('the first processor by the text of QEMU', () => {
  const text =
    'CPU#0\r\nRIP=ffffffff80236a0a RFL=00000296\r\nCR0=80010033 CR2=0 CR3=0000000000100000 CR4=001406a0\r\nEFER=0000000000000d00';
  const place = { cr0: 0x8001_0033n, cr3: 0x10_0000n, cr4: 0x14_06a0n, efer: 0xd00n, rip: 0xffff_ffff_8023_6a0an };
  const first = (it: string) => processorPlace(parseRegisters(it)[0]);
  expect(first(text)).toEqual(place);
  expect(first(text.replace('EFER', 'NOT'))).toBeUndefined();
  expect(first('')).toBeUndefined();
});

test('a kernel that firmware loaded is found among the dead copies of its image', async () => {
  const memory = ram(
    { offset: 0x20_0000, live: false },
    { offset: 0x70_0000, live: false },
    { offset: 0x80_0000, live: true, whole: false },
    { offset: 0x132_0000, live: true },
  );
  expect(await found(memory)).toBe('1320000');
});

test('a record that is broken hides no other, wherever the kernel is', async () => {
  for (const kind of Object.keys(PLACES) as (keyof typeof PLACES)[])
    for (const how of ['magic', 'version', 'zero'] as const) {
      const broken = { [kind]: how };
      expect(await found(ram({ offset: 0x20_0000, live: true, broken }))).toBe('200000');
      // The boot report is what is looked for first, then the registry.
      expect(await found(ram({ offset: 0x20_0000, live: false }, { offset: 0x132_0000, live: true, broken }))).toBe(
        '1320000',
      );
      expect(await found(ram({ offset: 0x73_4000, live: true, mapped: true, broken }), IN_KERNEL)).toBe('734000');
    }
  // Where the processor's own tables lead, one record that is whole is enough; a copy somewhere needs most of them.
  const most = { boot: 'magic', trace: 'zero', epitaph: 'version' } as const;
  expect(await found(ram({ offset: 0x73_4000, live: true, mapped: true, broken: most }), IN_KERNEL)).toBe('734000');
  expect(await found(ram({ offset: 0x73_4000, live: true, broken: most }))).toBe('kernel-not-found');
  // What was never entered is no kernel that runs, whatever else is broken.
  const early = { offset: 0x73_4000, live: false, mapped: true, broken: { trace: 'zero' } } as const;
  expect(await found(ram(early), IN_KERNEL)).toBe('kernel-not-found');
});

/** What each reader says of the records in memory. */
async function look(memory: GuestRam, registers = ''): Promise<string[]> {
  const processors = parseRegisters(registers);
  const target = {
    ...{ kind: 'live', scannable: memory, info: null },
    image: async () => ({ ok: true, value: { elf } }),
    processors: async () => ({ ok: true, value: processors }),
  } as unknown as InspectTarget;
  const seen = [
    await readBootReport(target),
    await readTrace(target),
    await readEpitaph(target),
    await readDrivers(target),
  ];
  // A machine that does not lend its memory to be read through.
  const unscanned = {
    ...target,
    scannable: null,
    look: async <T>(use: (it: GuestRam) => T) => ({ ok: true, value: use(memory) }),
  } as unknown as InspectTarget;
  expect((await readDrivers(unscanned)).ok).toBe(seen[3]?.ok);
  memory.dispose();
  return seen.map((it) => (it.ok ? 'whole' : `${it.error.code} ${it.error.what} ${it.error.why}`));
}

test('what is broken in a record is named: which record, which field, which byte, and where it lies', async () => {
  const broken = (it: Copy['broken'] = {}) => look(ram({ offset: 0x20_0000, live: true, broken: it }));
  expect(await broken()).toEqual(['whole', 'whole', 'whole', 'whole']);
  expect(await broken({ trace: 'magic' })).toEqual([
    'whole',
    expect.stringMatching(
      /^bad-record .*trace record \(RING0_TRACE_RING\).* offset 3: magic is "R0TXACER", not "R0TRACER"; .* 0xffffffff80202000$/,
    ),
    ...['whole', 'whole'],
  ]);
  expect(await broken({ boot: 'version' })).toEqual([
    expect.stringMatching(/boot record \(RING0_BOOT_REPORT\).* offset 8: version is 9, this studio reads 1/),
    ...['whole', 'whole', 'whole'],
  ]);
  expect((await broken({ drivers: 'zero' }))[3]).toMatch(/drivers record .* offset 0: magic is 00 00 00/);
});

test('a kernel of which every header is overwritten says what stands there; memory that is still zero holds none', async () => {
  const noise = { boot: 'noise', trace: 'noise', epitaph: 'noise', drivers: 'noise' } as const;
  const said = (symbol: string, magic: string, address: string) =>
    expect.stringMatching(
      new RegExp(
        `^bad-record .*\\(${symbol}\\).* offset 0: magic is de ad be ef 00 01 02 03, not "${magic}"; .* ${address}$`,
      ),
    );
  const all = [
    said('RING0_BOOT_REPORT', 'R0BOOTRP', '0xffffffff80201000'),
    said('RING0_TRACE_RING', 'R0TRACER', '0xffffffff80202000'),
    said('RING0_EPITAPH', 'R0EPITAP', '0xffffffff80203000'),
    said('RING0_DRIVER_REGISTRY', 'R0DRIVER', '0xffffffff80204000'),
  ];
  const running =
    'CPU#0\r\nRIP=ffffffff80209000 RFL=00000296\r\nCR0=80010033 CR2=0 CR3=0000000000100000 CR4=000006a0\r\nEFER=0000000000000d00';
  expect(await look(ram({ offset: 0x20_0000, live: true, broken: noise }))).toEqual(all);
  // The tables of its processor tell where a kernel is that firmware loaded.
  expect(await look(ram({ offset: 0x73_4000, live: true, mapped: true, broken: noise }), running)).toEqual(all);
  // Headers of zeros beside those of noise are as broken.
  const zeroed = await look(ram({ offset: 0x20_0000, live: true, broken: { ...noise, epitaph: 'zero' } }));
  expect(zeroed[2]).toMatch(/^bad-record .* magic is 00 00 00 00 00 00 00 00, not "R0EPITAP"/);

  const none = Array(4).fill(expect.stringMatching(/^kernel-not-found The kernel is not in memory yet/));
  expect(await look(ram())).toEqual(none);
  expect(await look(ram(), running)).toEqual(none);
  // Firmware still runs: what lies where the kernel will be is nobody's record.
  const firmware = running.replace('ffffffff80209000', '00000000007e1234');
  expect(await look(ram({ offset: 0x20_0000, live: true, broken: noise }), firmware)).toEqual(none);
});

test('no kernel, no RAM: each is said', async () => {
  expect(await found(ram())).toBe('kernel-not-found');
  expect(GuestRam.open({ ...info, ramPath: join(folder, 'none') })).toMatchObject({
    ok: false,
    error: { code: 'no-guest-ram' },
  });
});

test.skipIf(process.platform !== 'linux')("memory without a name is read, if it is this machine's", async () => {
  ram({ offset: 0x20_0000, live: true }).dispose();
  const named = join(folder, 'ring0-x-1.ram');
  renameSync(info.ramPath, named);
  const file = openSync(named, 'r');
  rmSync(named);
  const ramPath = `/proc/${process.pid}/fd/${file}`;
  const opened = GuestRam.open({ ...info, id: 'x-1', ramPath });
  if (!opened.ok) throw new Error(opened.error.why);
  expect(await found(opened.value)).toBe('200000');
  expect(GuestRam.open({ ...info, id: 'x-2', ramPath })).toMatchObject({ ok: false, error: { code: 'no-guest-ram' } });
  closeSync(file);
});

test('a record whose header lies about its size is refused', async () => {
  const memory = ram({ offset: 0x20_0000, live: true });
  const kernel = await locateKernel(memory, elf, undefined);
  if (!kernel.ok) throw new Error(kernel.error.why);
  const beyond = readRecord(kernel.value, elf, 'trace', 48, () => ({ ok: true, value: 0xffff_ffff }));
  expect(beyond).toMatchObject({ ok: false, error: { code: 'no-record' } });
  const whole = readRecord(kernel.value, elf, 'epitaph', 768);
  expect(whole.ok && Buffer.from(whole.value).equals(fixture('epitaph'))).toBe(true);
  memory.dispose();
});
