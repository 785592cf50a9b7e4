import { expect, test } from 'vitest';
import { type Run, readBits, scanSpace } from './address-space.ts';
import { diffSpaces } from './address-space-diff.ts';
import { addressSpace } from './address-space-view.ts';
import type { GuestMemory } from './memory.ts';
import { type PagingRegisters, type PagingShape, pagingShape, readEntry, toLinear, translate } from './paging.ts';

const LONG: PagingRegisters = { cr0: 0x8001_0033n, cr3: 0x1000n, cr4: 0x6a0n, efer: 0xd00n };
const MODES: Readonly<Record<string, PagingRegisters>> = {
  '4-level': LONG,
  '5-level': { ...LONG, cr4: LONG.cr4 | 0x1000n },
  pae: { ...LONG, efer: 0x800n },
  '32-bit': { ...LONG, cr4: 0x10n, efer: 0n },
};
const NAMES = { label: () => '', symbol: () => undefined };
const RAM = 0x40_0000;

function memory(bytes = new Uint8Array(RAM)): GuestMemory & { readonly view: DataView } {
  return {
    view: new DataView(bytes.buffer),
    regions: [{ start: 0n, bytes: BigInt(bytes.length) }],
    read: (at, size) =>
      at + BigInt(size) <= BigInt(bytes.length) ? bytes.subarray(Number(at), Number(at) + size) : undefined,
  };
}

/** 4-level tables with these entries, as text a person can read: `table index entry`, all hex. */
function tables(text: string) {
  const ram = memory();
  for (const line of text.trim().split('\n')) {
    const [table = '', index = '', entry = ''] = line.trim().split(/\s+/);
    ram.view.setBigUint64(Number.parseInt(table, 16) + 8 * Number.parseInt(index, 16), BigInt(`0x${entry}`), true);
  }
  return ram;
}

const shapeOf = (registers: PagingRegisters) => pagingShape(registers) as PagingShape;
/** A xorshift generator: the same numbers in each run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
const text = (runs: readonly Run[]) =>
  runs.map(
    (it) =>
      `${it.at.toString(16)}+${it.pages.toString(16)} ${it.frame.toString(16)}${it.repeat ? '*' : ''} ${it.flags}`,
  );

test('the fast reading of an entry and the exact one agree', () => {
  const next = random(7);
  for (const registers of Object.values(MODES)) {
    const shape = shapeOf(registers);
    for (let n = 0; n < 20_000; n++) {
      const level = 1 + (next() % shape.levels);
      // Most entries would be reserved by their high bits.
      const high = shape.entryBytes === 4 ? 0 : n % 4 === 0 ? next() : next() & 0x8000_0fff;
      const low = (next() | 1) >>> 0;
      const exact = readEntry(shape, level, (BigInt(high >>> 0) << 32n) | BigInt(low));
      const fast = readBits(shape, level, low, high >>> 0);
      const frame = exact.kind === 'table' ? exact.table >> 12n : exact.kind === 'page' ? exact.page >> 12n : undefined;
      expect([fast.kind, 'frame' in fast ? BigInt(fast.frame) : undefined]).toEqual([exact.kind, frame]);
    }
  }
});

test('neighbours that are mapped alike are one range, others are not', () => {
  const ram = tables(`1000 0 2007
    2000 0 3007
    3000 0 0000000000200083
    3000 1 0000000000400083
    3000 2 4003
    4000 0 600003
    4000 1 601003
    4000 2 602001
    4000 4 8000000000603003
    4000 5 a00003
    4000 6 a00003
    4000 7 a00003`);
  const { runs, truncated } = scanSpace(shapeOf(LONG), ram);
  expect(text(runs)).toEqual(['0+400 200 5', '400+2 600 5', '402+1 602 4', '404+1 603 1', '405+3 a00* 5']);
  expect(truncated).toBe('');
});

test('every mapped page is in one range, and that leads to where a walk leads', () => {
  for (const [name, registers] of Object.entries(MODES)) {
    const next = random(99);
    const ram = memory();
    const shape = shapeOf(registers);
    // A few tables that point at each other and at pages, all of it within 1 MiB.
    for (let n = 0; n < 1500; n++) {
      const table = 0x1000 + 0x1000 * (next() % 12);
      const entry = (0x1000 + 0x1000 * (next() % 250)) | (next() & 0x97) | 1;
      const at = table + shape.entryBytes * (next() % (shape.entryBytes === 8 ? 512 : 1024));
      if (shape.entryBytes === 8) ram.view.setBigUint64(at, BigInt(entry), true);
      else ram.view.setUint32(at, entry, true);
    }
    for (let n = 0; n < 4; n++) ram.view.setBigUint64(0x1000 + 8 * n, BigInt(0x2001 + 0x1000 * n), true);
    const { runs, truncated } = scanSpace(shape, ram, { runsPerRootEntry: 1e6, runs: 1e6, tables: 1e6, work: 1e7 });
    expect([name, truncated, runs.length > 10]).toEqual([name, '', true]);
    for (const run of runs.slice(0, 2000)) {
      const page = next() % Math.min(run.pages, 2 ** 31);
      const linear = toLinear(shape, BigInt(run.at + page) << 12n);
      const walk = translate(registers, (at, size) => ram.read(at, size), linear);
      const size = 2 ** (run.shift - 12);
      const frame = run.repeat ? run.frame + (page % size) : run.frame + page;
      expect(walk).toMatchObject({
        kind: 'mapped',
        physical: BigInt(frame) << 12n,
        pageBytes: 1n << BigInt(run.shift),
        writable: (run.flags & 1) !== 0,
        user: (run.flags & 2) !== 0,
        executable: (run.flags & 4) !== 0,
      });
    }
    // And what lies between two ranges is not mapped.
    for (let n = 1; n < Math.min(runs.length, 500); n++) {
      const end = (runs[n - 1]?.at ?? 0) + (runs[n - 1]?.pages ?? 0);
      if (end === runs[n]?.at) continue;
      expect(translate(registers, (at, size) => ram.read(at, size), toLinear(shape, BigInt(end) << 12n)).kind).not.toBe(
        'mapped',
      );
    }
  }
});

test('tables that lead to themselves end, and are named', () => {
  const ram = tables(`1000 1fe 1003
    1000 0 2003
    2000 0 83`);
  const { runs, oddities } = scanSpace(shapeOf(LONG), ram);
  expect(oddities).toMatchObject([{ kind: 'self-map', level: 4, address: 0x1000n }]);
  expect(runs.length).toBeLessThan(20);
  // Every entry of every table leads to the one table.
  const mad = memory();
  for (let n = 0; n < 512; n++) mad.view.setBigUint64(0x1000 + 8 * n, 0x1007n, true);
  const all = scanSpace(shapeOf(LONG), mad);
  expect(text(all.runs)).toEqual([`0+${(2 ** 36).toString(16)} 1* 7`]);
  expect(all.tables).toBe(4);
});

test('random memory as page tables: bounded, and never a throw', () => {
  const next = random(3);
  for (let round = 0; round < 40; round++) {
    const ram = memory(new Uint8Array(0x10_0000));
    for (let at = 0; at < 0x10_0000; at += 4)
      ram.view.setUint32(at, at % 8 === 4 && round % 2 === 0 ? next() & 0x800f_ffff : next() & 0xf_ffff, true);
    for (const registers of Object.values(MODES)) {
      const cr3 = BigInt((next() % 0x100) * 0x1000);
      const space = scanSpace(shapeOf({ ...registers, cr3 }), ram, {
        runsPerRootEntry: 300,
        runs: 1000,
        tables: 2000,
        work: 400_000,
      });
      expect(space.runs.length).toBeLessThanOrEqual(1000);
      for (let n = 1; n < space.runs.length; n++) {
        const [a, b] = [space.runs[n - 1], space.runs[n]];
        expect((a?.at ?? 0) + (a?.pages ?? 0)).toBeLessThanOrEqual(b?.at ?? 0);
      }
    }
  }
});

test('findings: written and executed, user, aliases, direct map with a hole, guard', () => {
  const ram = tables(`1000 0 2007
    2000 0 3007
    3000 0 0000000000000083
    3000 1 8000000000200083
    1000 1 5007
    5000 0 6007
    6000 0 7007
    7000 0 8000000000200007
    7000 1 8000000000201003
    7000 3 8000000000203003
    7000 4 202001`);
  const space = addressSpace(LONG, ram, NAMES);
  const found = space.findings.map(({ kind, start }) => `${kind} ${start}`);
  expect(found).toContain('w-and-x 0x0');
  expect(found).toContain('user 0x8000000000');
  expect(found).toContain('guard 0x8000002000');
  // Those that the identity map alone makes are none.
  expect(found.filter((it) => it.startsWith('alias'))).toEqual(['alias 0x8000004000']);
  expect(space.findings.find(({ kind, severity }) => kind === 'alias' && severity === 'warning')?.text).toContain(
    'written at one place',
  );
  expect(space.findings.find(({ kind }) => kind === 'direct-map')?.text).toBe('The identity map reaches all of RAM.');
  ram.view.setBigUint64(0x3008, 0n, true);
  expect(addressSpace(LONG, ram, NAMES).findings.find(({ kind }) => kind === 'direct-map-hole')).toMatchObject({
    start: '0x200000',
    bytes: '0x200000',
  });
});

test('without paging everything is where it is', () => {
  const space = addressSpace({ ...LONG, cr0: 0x11n }, memory(), NAMES);
  expect(space.ranges).toMatchObject([{ start: '0x0', bytes: '0x100000000', target: '0x0', ram: false }]);
});

test('two moments: added, removed, moved, other rights', () => {
  const at = (entries: string) =>
    addressSpace(LONG, tables(`1000 0 2007\n2000 0 3007\n3000 0 4007\n${entries}`), NAMES).ranges;
  const before = at('4000 0 100003\n4000 1 101003\n4000 2 102003\n4000 8 108003');
  const after = at('4000 0 100003\n4000 1 101001\n4000 2 202003\n4000 9 109003');
  expect(diffSpaces(before, before)).toEqual([]);
  expect(diffSpaces(before, after).map(({ kind, start, bytes }) => `${kind} ${start} ${bytes}`)).toEqual([
    'rights 0x1000 0x1000',
    'moved 0x2000 0x1000',
    'removed 0x8000 0x1000',
    'added 0x9000 0x1000',
  ]);
});
