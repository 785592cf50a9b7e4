/** Registers and memory that no kernel would have: everything that reads tables says something about them, in bounded time. */
import { expect, test } from 'vitest';
import { IrqViewSchema } from '../contract/inspect/irq.ts';
import { AddressSpaceSchema, PageWalkSchema } from '../contract/inspect/paging.ts';
import { PredictionViewSchema, TablesViewSchema } from '../contract/inspect/tables.ts';
import type { LocalApic } from '../wire/qemu-irq.ts';
import { addressSpace } from './address-space-view.ts';
import { irqView } from './irq-path.ts';
import { type LoadRegister, loadSelector } from './load-selector.ts';
import { processorState, readTables } from './machine-state.ts';
import { pageWalk } from './page-walk.ts';
import { predictionView, tablesView } from './tables-view.ts';
import { TestImage } from './test-image.ts';
import { deliver } from './what-if.ts';

/** More of it than a run of the tests has patience for: `FUZZ_SECONDS=300 npx vitest run --project unit app/x86/hostile.test.ts`. */
const SECONDS = Number(process.env.FUZZ_SECONDS ?? 0);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
/** One round on a slow machine that does other things too. */
const PATIENCE_MS = 2000;

/** The same numbers in each run. */
function randomFrom(seed: number) {
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9) >>> 0;
    return state % limit;
  };
  const word = () => (BigInt(below(0xffff_ffff)) << 32n) | BigInt(below(0xffff_ffff));
  const one = <T>(...values: readonly T[]) => values[below(values.length)] as T;
  return { below, word, one };
}
type Random = ReturnType<typeof randomFrom>;

/** Runs so many rounds, or for as long as was asked for, and tells which one failed or was slow. */
function rounds(count: number, round: (random: Random, number: number) => void): void {
  const end = performance.now() + SECONDS * 1000;
  for (let number = 0; number < count || performance.now() < end; number++) {
    const started = performance.now();
    try {
      round(randomFrom(SEED + number * 7919), number);
    } catch (error) {
      throw new Error(`seed ${SEED}, round ${number}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
    expect(performance.now() - started, `seed ${SEED}, round ${number}`).toBeLessThan(PATIENCE_MS);
  }
}

/** A machine as it should be, in which some registers and bytes are not. */
function spoiled({ below, word, one }: Random): TestImage {
  const image = new TestImage();
  if (below(2) === 0) image.addLdt();
  for (let n = below(80); n > 0; n--) image.bytes(0x1000 + below(0xa000), [below(256)]);
  // Entries that are well formed but lead elsewhere do more harm than noise.
  for (let n = below(8); n > 0; n--) {
    const at = one(0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x7000, 0x8000, 0xa000) + 8 * below(512);
    image.bytes(at, [
      one(1, 3, 7, 0x83, 0xe3),
      one(0x10, 0x20, 0x40, 0),
      below(16),
      0,
      0,
      one(0, 0x8e),
      0,
      one(0, 0x80),
    ]);
  }
  for (const name of Object.keys(image.registers))
    if (below(10) === 0)
      image.registers[name] = one(
        0n,
        word(),
        BigInt(below(0x10000)),
        (1n << 64n) - 1n - BigInt(below(0x200)),
        1n << 63n,
      );
  for (let n = below(3); n > 0; n--) image.others.push(below(2) === 0 ? {} : { cr3: BigInt(below(0x100) * 0x1000) });
  return image;
}

const noSymbols = { label: () => '', symbol: () => undefined };
const REGISTERS: readonly LoadRegister[] = ['cs', 'ss', 'ds', 'es', 'fs', 'gs', 'tr', 'ldtr'];

test('tables, findings and predictions', () => {
  rounds(100, (random) => {
    const image = spoiled(random);
    const machine = image.tables();
    for (const tables of machine.processors)
      expect(TablesViewSchema.omit({ torn: true }).safeParse(tablesView(machine, tables)).error).toBeUndefined();
    const [registers] = image.values();
    if (registers === undefined) throw new Error('the image has a processor');
    // The last bytes of all addresses, as of an edit in a table that ends there.
    const address =
      random.one(TestImage.gdt, TestImage.ldt, TestImage.idt, TestImage.tss, (1n << 64n) - 4n) +
      BigInt(random.below(64));
    const edits = [
      { address: BigInt.asUintN(64, address), bytes: Uint8Array.from({ length: 8 }, () => random.below(256)) },
    ];
    const edited = readTables(processorState(registers), image.read, edits);
    const told = [
      deliver(edited, { vector: random.below(256), source: random.one('exception', 'software', 'external') }),
      ...REGISTERS.map((it) => ({ load: loadSelector(edited, it, random.below(0x10000)), event: it })),
    ];
    for (const it of told)
      expect(PredictionViewSchema.safeParse(predictionView(it, machine.code)).error).toBeUndefined();
  });
});

test('walks and whole address spaces, in every mode of paging', () => {
  rounds(20, (random) => {
    const image = spoiled(random);
    // Some with noise everywhere: tables lead to tables in all directions.
    if (random.below(3) === 0)
      for (let at = 0x1000; at < 0x9000; at += 8)
        image.bytes(at, [random.one(0, 1, 3, 7, 0x87), random.below(256), random.below(16), 0, 0, 0, 0, 0]);
    const memory = { regions: [{ start: 0n, bytes: BigInt(TestImage.ramBytes) }], read: image.read };
    const { cr0 = 0n, cr3 = 0n, cr4 = 0n, efer = 0n } = image.registers;
    const registers = {
      cr0,
      cr3,
      cr4: cr4 ^ random.one(0n, 0x1000n, 0x20n),
      efer: efer ^ random.one(0n, 0x500n, 0x800n),
    };
    for (const linear of [0n, random.word(), TestImage.text, (1n << 64n) - 1n])
      expect(PageWalkSchema.safeParse(pageWalk(registers, memory, linear)).error).toBeUndefined();
    const space = addressSpace(registers, memory, noSymbols);
    expect(AddressSpaceSchema.safeParse(space).error).toBeUndefined();
  });
});

test('interrupt controllers', () => {
  rounds(100, (random) => {
    const { below, word, one } = random;
    const { processors, code } = spoiled(random).tables();
    const vectors = () => Array.from({ length: below(4) }, () => below(256));
    const lapic = (): LocalApic => ({
      lvt: ['LVT0', 'LVT1', 'LVTT', '', 'LVT?'].map((name) => ({ name, raw: below(0x2_0000) })),
      ...{ spurious: below(512), inService: vectors(), requested: vectors() },
      ...{ tpr: below(256), ppr: below(256), ldr: below(256), dfr: below(16) },
    });
    const view = irqView({
      processors: processors.map((tables) => ({ tables, halted: one(true, false), lapic: one(undefined, lapic()) })),
      ioapics: Array.from({ length: below(3) }, () => ({
        pins: Array.from({ length: below(30) }, (_, pin) => ({ pin, raw: word(), pending: one(true, false) })),
        counts: new Map([[below(30), below(1000)]]),
        ...{
          address: one(null, word()),
          firstInterrupt: one(null, below(0xffff_ffff)),
          from: one(null, 'acpi', 'order'),
        },
      })),
      pics: ['pic0', 'pic1', 'pic7'].map((name) => {
        return { name, irr: below(256), imr: below(256), isr: below(256), base: below(256) };
      }),
      functions: Array.from({ length: below(4) }, (_, n) => ({
        ...{ place: `00:0${n}.0`, title: `device ${n}`, line: one(null, below(16)), pinDisabled: one(true, false) },
        msix: one(undefined, {
          ...{ enabled: one(true, false), masked: one(true, false), entries: below(2048) },
          ...{ tableBar: below(8), tableOffset: below(4096), pendingBar: below(8), pendingOffset: below(4096) },
        }),
        messages: Array.from({ length: below(5) }, (_, entry) => {
          const address = one(0n, word(), 0xfee0_0000n | BigInt(below(0x10_0000)));
          return { entry, address, data: below(0xffff_ffff), masked: one(true, false), pending: one(true, false) };
        }),
        known: one('whole', 'table', 'nothing'),
      })),
      ...{ lines: new Map(), code: one(null, code) },
    });
    expect(IrqViewSchema.safeParse(view).error).toBeUndefined();
  });
});
