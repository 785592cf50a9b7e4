/** Model-specific registers as each core wrote them down, held against the state that QEMU would send to another QEMU; and broken records. */
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import type { CpuView, InspectSource } from '../../app/contract/index.ts';
import { readElf } from '../../app/wire/elf.ts';
import { Inspector } from '../../main/services/inspect/index.ts';
import { CommandLine } from '../support/command-line.ts';
import { ForeignQemu } from '../support/foreign-qemu.ts';
import { expectOk, Lab } from '../support/lab.ts';
import { deviceStates } from '../support/vmstate.ts';

const CORES = 3;
const lab = new Lab();
const ring0 = new CommandLine();
let qemu: ForeignQemu;
let inspect: Inspector;
let source: InspectSource;
/** Where the record lies in the RAM file: below the hole that is the physical address. */
let recordAt: number;

beforeAll(async () => {
  const { elfPath } = await lab.kernel();
  const disk = ['-drive', `if=none,id=d,format=raw,readonly=on,file=${await lab.anyModel()}`];
  qemu = await ForeignQemu.start(elfPath, [...disk, '-device', 'virtio-blk-pci,drive=d,disable-legacy=on'], CORES);
  inspect = new Inspector({ ask: qemu.ask, hold: async () => ({ ok: true, value: async () => {} }) });
  source = { machine: qemu.info };
  const elf = expectOk(readElf(new Uint8Array(readFileSync(elfPath))));
  recordAt = Number(elf.physicalOf(elf.symbol('RING0_MSRS')?.address ?? 0n));
  await qemu.serialSays('ring0> ');
}, 240_000);
afterAll(() => {
  ring0.dispose();
  inspect.dispose();
  qemu.dispose();
  lab.dispose();
});

const look = async () => expectOk(await inspect.cpu(source));
const msrsOf = ({ msrs }: CpuView) => {
  if (msrs === null) throw new Error('there are none');
  return msrs;
};

/** Memory with other bytes at a place of the record, for as long as `act` runs. */
async function withBytes(offset: number, bytes: Buffer, act: () => Promise<void>): Promise<void> {
  const file = openSync(qemu.info.ramPath, 'r+');
  const old = Buffer.alloc(bytes.length);
  readSync(file, old, 0, old.length, recordAt + offset);
  try {
    writeSync(file, bytes, 0, bytes.length, recordAt + offset);
    await act();
  } finally {
    writeSync(file, old, 0, old.length, recordAt + offset);
    closeSync(file);
  }
}

it('every core has written down its own, with the time', async () => {
  const view = await look();
  const { processors, problems } = msrsOf(view);
  expect(problems).toEqual([]);
  expect(processors.map(({ index }) => index)).toEqual([0, 1, 2]);
  expect(new Set(processors.map(({ core }) => core)).size).toBe(CORES);
  const boot = expectOk(await inspect.boot(source));
  const phase = (name: string) => boot.phases.find((it) => it.name === name);
  const entryMs = (Number(BigInt(boot.entryTsc)) / (boot.tscHz ?? 1)) * 1000;
  const [clock, cores] = [phase('clock'), phase('cores')];
  for (const { index, readMs, registers } of processors) {
    // The first before it starts the others, these while they are started.
    const [from, to] =
      index === 0
        ? [clock?.startMs ?? 0, cores?.startMs ?? 0]
        : [cores?.startMs ?? 0, (cores?.startMs ?? 0) + (cores?.durationMs ?? 0)];
    expect((readMs ?? 0) - entryMs).toBeGreaterThanOrEqual(from - 0.01);
    expect((readMs ?? 0) - entryMs).toBeLessThanOrEqual(to + 0.01);
    for (const { from: origin, written, name } of registers)
      expect([name, origin, written?.changes ?? 0]).toEqual([name, /^[fg]s_base$/.test(name) ? 'now' : 'kernel', 0]);
  }
  // XCR0 as a whole, and nothing that is told now is another than was written down.
  for (const { registers } of view.processors) {
    expect(registers.find(({ name }) => name === 'xcr0')).toMatchObject({
      from: 'kernel',
      known: '0xffffffffffffffff',
    });
    expect(registers.filter(({ from, written }) => from === 'now' && written !== null)).toEqual([]);
  }
});

it('what stands is not made again', async () => {
  const [first, second] = [msrsOf(await look()), msrsOf(await look())];
  expect(second.processors).toBe(first.processors);
  const { stdout } = await ring0.run([
    'inspect',
    'cpu',
    '--json',
    '--gdb',
    `unix:${qemu.gdbPath}`,
    '--kernel',
    qemu.info.elfPath,
  ]);
  // The stub tells KERNEL_GS_BASE: it is the same as was written down.
  const through = msrsOf(JSON.parse(stdout) as CpuView);
  const named = (it: typeof first, n: number) =>
    it.processors[n]?.registers.find(({ name }) => name === 'kernel_gs_base');
  for (let n = 0; n < CORES; n++) {
    expect([named(first, n)?.from, named(through, n)?.from]).toEqual(['kernel', 'now']);
    expect([named(through, n)?.value, named(through, n)?.written]).toEqual([named(first, n)?.value, null]);
  }
});

it.each([
  ['a magic that is not there', 0, Buffer.from('NOTHING!'), /offset 0: magic is "NOTHING!"/],
  ['a version of the future', 8, Buffer.from([9, 0, 0, 0]), /offset 8: version is 9/],
  ['a length of nothing', 12, Buffer.from([1, 0, 0, 0]), /offset 12: length is 1/],
])('%s: said, and nothing is shown', async (_name, offset, bytes, why) => {
  await withBytes(offset, bytes, async () => {
    const { msrs, unknown, processors } = await look();
    expect([msrs, processors.length]).toEqual([null, CORES]);
    expect(unknown[0]).toMatch(why);
  });
  expect(msrsOf(await look()).problems).toEqual([]);
});

it('counts beyond the record, and a core that writes: said, and the rest is shown', async () => {
  const before = msrsOf(await look());
  await withBytes(24, Buffer.from([0xff, 0xff, 0xff, 0xff]), async () => {
    expect(msrsOf(await look())).toMatchObject({
      processors: before.processors,
      problems: ['core_count is 4294967295, the record holds 64'],
    });
  });
  await withBytes(32, Buffer.from([0x03, 0, 0, 0]), async () => {
    expect(msrsOf(await look()).problems).toEqual([
      'core 0: it was being written while it was read: values may be half old',
    ]);
  });
});

it('a value that is another now is shown beside what is told', async () => {
  const { revision } = msrsOf(await look());
  // EFER is the first that is read: its value stands 8 bytes into the first entry.
  await withBytes(32 + 32 + 8, Buffer.from([0x01, 0x05, 0, 0, 0, 0, 0, 0]), async () => {
    const view = await look();
    const efer = view.processors[0]?.registers.find(({ name }) => name === 'efer');
    expect(efer).toMatchObject({ value: '0xd00', from: 'now', written: { value: '0x501', changes: 0 } });
    const { stdout } = await ring0.run([
      'inspect',
      'cpu',
      '--gdb',
      `unix:${qemu.gdbPath}`,
      '--kernel',
      qemu.info.elfPath,
    ]);
    expect(stdout).toMatch(
      /^EFER +0000000000000d00 +LME LMA NXE +\(now; 0x501 as the kernel read it at bring-up, \d\.\d{3} s after power-on\)$/m,
    );
  });
  expect(msrsOf(await look()).revision).toBe(revision);
});

it.each([
  // MISC_ENABLE is Intel's alone; what QEMU's processors have on in it follows from their CPUID.
  { cpu: 'max,vendor=GenuineIntel', more: ['misc_enable'], fewer: [], xcr0: 'kernel' },
  {
    cpu: 'max,-mtrr,-pat,-rdtscp,-rdpid,-xsave',
    more: [],
    fewer: ['pat', 'mtrr_cap', 'mtrr_def_type', 'tsc_aux'],
    xcr0: 'now',
  },
])('$cpu: what the processor has, and nothing else', async ({ cpu, more, fewer, xcr0 }) => {
  const names = (view: CpuView) => msrsOf(view).processors[0]?.registers.map(({ name }) => name) ?? [];
  const usual = names(await look()).filter((name) => !name.startsWith('mtrr_phys'));
  const other = await ForeignQemu.start(qemu.info.elfPath, ['-cpu', cpu], 2);
  onTestFinished(() => other.dispose());
  const looking = new Inspector({ ask: other.ask, hold: async () => ({ ok: true, value: async () => {} }) });
  onTestFinished(() => looking.dispose());
  const view = await vi.waitFor(
    async () => {
      const seen = expectOk(await looking.cpu({ machine: other.info }));
      expect(seen.msrs?.processors.length).toBe(2);
      return seen;
    },
    { timeout: 60_000, interval: 200 },
  );
  const seen = names(view).filter((name) => !name.startsWith('mtrr_phys'));
  expect(new Set(seen)).toEqual(new Set([...usual.filter((name) => !(fewer as string[]).includes(name)), ...more]));
  expect(names(view).some((name) => name.startsWith('mtrr_phys'))).toBe(fewer.length === 0);
  expect(view.processors[0]?.registers.find(({ name }) => name === 'xcr0')).toMatchObject({ from: xcr0 });
  const misc = msrsOf(view).processors[0]?.registers.find(({ name }) => name === 'misc_enable');
  const on = misc?.bits.filter(({ value }) => value !== '0x0').map(({ name }) => name);
  expect(on).toEqual(more.length > 0 ? ['FAST_STRINGS', 'MONITOR'] : undefined);
});

it("every value is what QEMU's own state says", async () => {
  const view = await look();
  const stateOf = await deviceStates(qemu.qmp, qemu.folder);
  for (const { index, registers } of msrsOf(view).processors) {
    const cpu = stateOf('cpu', index);
    const one = (name: string) => cpu.get(`env.${name}`)?.[0];
    const ranges = cpu.get('env.mtrr_var') ?? [];
    const expected = new Map<string, bigint | undefined>([
      ['star', one('star')],
      ['lstar', one('lstar')],
      ['cstar', one('cstar')],
      ['sfmask', one('fmask')],
      ['kernel_gs_base', one('kernelgsbase')],
      ['sysenter_cs', one('sysenter_cs')],
      ['sysenter_esp', one('sysenter_esp')],
      ['sysenter_eip', one('sysenter_eip')],
      ['tsc_aux', one('tsc_aux')],
      ['pat', one('pat')],
      ['mtrr_def_type', one('mtrr_deftype')],
      ['apic_base', stateOf('apic', index).get('apicbase')?.[0]],
      ...ranges.map((value, n): [string, bigint] => [`mtrr_phys${n % 2 === 0 ? 'base' : 'mask'}${n >> 1}`, value]),
    ]);
    expect(ranges).toHaveLength(16);
    // INIT clears the ranges of a core in this emulator: the kernel has given it those of the first, which firmware made.
    for (const name of ['env.mtrr_fixed', 'env.mtrr_var', 'env.mtrr_deftype'])
      expect([index, name, cpu.get(name)]).toEqual([index, name, stateOf('cpu', 0).get(name)]);
    expect([one('mtrr_deftype'), cpu.get('env.mtrr_fixed')?.[0]]).toEqual([0xc06n, 0x0606_0606_0606_0606n]);
    const shown = new Map(registers.map(({ name, value }) => [name, BigInt(value)]));
    for (const [name, value] of expected) expect([index, name, shown.get(name)]).toEqual([index, name, value]);
    // What is left QEMU tells in other ways, or it is a constant of its processors (MSR_MTRRcap, target/i386/cpu.h).
    expect([...shown.keys()].filter((name) => !expected.has(name))).toEqual(['fs_base', 'gs_base', 'mtrr_cap']);
    expect(shown.get('mtrr_cap')).toBe(0x508n);
    const xcr0 = view.processors[index]?.registers.find(({ name }) => name === 'xcr0')?.value;
    expect(BigInt(xcr0 ?? '0x0')).toBe(one('xcr0'));
  }
});
