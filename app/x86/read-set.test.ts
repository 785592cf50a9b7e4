import { describe, expect, test } from 'vitest';
import { movingPart } from './lint/index.ts';
import type { GuestMemory } from './memory.ts';
import { ReadSet } from './read-set.ts';
import { tablesView } from './tables-view.ts';
import { TestImage } from './test-image.ts';

/** 64 KiB of RAM at 1 MiB. */
class Ram implements GuestMemory {
  readonly bytes = new Uint8Array(64 << 10);
  readonly regions = [{ start: 0x10_0000n, bytes: BigInt(64 << 10) }];
  reads = 0;

  read(address: bigint, size: number): Uint8Array | undefined {
    const at = Number(address - 0x10_0000n);
    if (address < 0x10_0000n || at + size > this.bytes.length) return undefined;
    this.reads += 1;
    return this.bytes.slice(at, at + size);
  }
}

describe('what a decoder has read', () => {
  test('stands while its bytes do, whatever happens beside them', () => {
    const ram = new Ram();
    const set = new ReadSet(ram);
    ram.bytes.set([1, 2, 3, 4], 0x1008);
    expect(set.read(0x10_1008n, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
    // Over the end of a page, and twice the same.
    expect(set.read(0x10_2ffen, 4)).toEqual(new Uint8Array(4));
    expect(set.read(0x10_2ffen, 4)).toEqual(new Uint8Array(4));
    expect(set.standsIn(ram)).toBe(true);
    ram.bytes[0x100c] = 9;
    ram.bytes[0x3002] = 9;
    expect(set.standsIn(ram)).toBe(true);
    ram.bytes[0x3001] = 9;
    expect(set.standsIn(ram)).toBe(false);
    ram.bytes[0x3001] = 0;
    ram.bytes[0x100b] = 9;
    expect(set.standsIn(ram)).toBe(false);
  });

  test('is of one moment, a page read once', () => {
    const ram = new Ram();
    const set = new ReadSet(ram);
    expect(set.read(0x10_0000n, 8)?.[0]).toBe(0);
    ram.bytes[0] = 7;
    expect([set.read(0x10_0000n, 8)?.[0], ram.reads]).toEqual([0, 1]);
    expect(set.standsIn(ram)).toBe(false);
  });

  test('what is no RAM stays none', () => {
    const ram = new Ram();
    const set = new ReadSet(ram);
    expect([set.read(0xf_fffcn, 8), set.read(0x11_0000n, 1), set.read(-8n, 8)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([set.standsIn(ram), set.isWhole]).toEqual([true, true]);
  });

  test('what is read after a comparison counts too', () => {
    const ram = new Ram();
    const set = new ReadSet(ram);
    set.read(0x10_0000n, 8);
    expect(set.standsIn(ram)).toBe(true);
    set.read(0x10_5000n, 8);
    ram.bytes[0x5003] = 1;
    expect(set.standsIn(ram)).toBe(false);
  });

  test('is bounded: what is beyond is read, and said not to be noted', () => {
    const endless: GuestMemory = { regions: [], read: (_address, size) => new Uint8Array(size).fill(5) };
    const set = new ReadSet(endless);
    for (let page = 0n; page < 5000n; page++) expect(set.read(page << 12n, 1)?.[0]).toBe(5);
    expect([set.isWhole, set.standsIn(endless)]).toEqual([false, true]);
  });
});

test('registers that move change nothing of the tables unless the key says so', () => {
  // Anywhere, within 16 KiB of the GDT, and in another half of the address space.
  const places = [
    0x1000n,
    TestImage.stack(0) + 0xf00n,
    TestImage.gdt - 0x1000n,
    TestImage.gdt + 0x2000n,
    TestImage.ldt + 0x3000n,
    TestImage.text,
  ];
  const seen = new Map<string, string>();
  for (const rsp of places) {
    for (const rip of [...places, 0xffff_8000_0000_0000n]) {
      for (const rfl of [0x2n, 0x246n]) {
        const image = new TestImage();
        image.addLdt();
        Object.assign(image.registers, { rsp, rip, rfl });
        // Tables that are in no symbol may lie on the stack, and half an address may be meant to be a handler's.
        image.symbols = image.symbols.filter(({ name }) => !/GDT|IDT/.test(name));
        image.gate(33, { offset: TestImage.text & 0xffff_ffffn });
        const machine = image.tables();
        const [first] = machine.processors;
        if (first === undefined) throw new Error('no processor');
        const key = movingPart(first.processor, machine.code);
        const view = JSON.stringify(tablesView(machine, first));
        expect(seen.get(key) ?? view).toBe(view);
        seen.set(key, view);
      }
    }
  }
  // The key tells apart what must be told apart, and little more.
  expect(new Set(seen.values()).size).toBeGreaterThan(1);
  expect(seen.size).toBeLessThan(20);
});
