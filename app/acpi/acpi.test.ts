import { expect, test } from 'vitest';
import { findRootPointer, type ReadPhysical, readTables } from './tables.ts';
import { ioApicsOf, virtioMmioOf } from './wiring.ts';

/** Physical memory with tables in it. */
class Memory {
  readonly #pieces = new Map<number, Uint8Array>();
  readonly asked: [bigint, number][] = [];

  put(at: number, bytes: Uint8Array, checksumAt: number, summed = bytes.length): this {
    bytes[checksumAt] = 0;
    bytes[checksumAt] = -bytes.subarray(0, summed).reduce((sum, byte) => sum + byte, 0) & 0xff;
    this.#pieces.set(at, bytes);
    return this;
  }

  table(at: number, signature: string, body: readonly number[]): this {
    const bytes = Uint8Array.from([...letters(signature), ...word(36 + body.length), ...Array(28).fill(0), ...body]);
    return this.put(at, bytes, 9);
  }

  /** A byte is different, and the checksum is not. */
  spoil(at: number, offset: number, value: number): this {
    const piece = this.#pieces.get(at);
    if (piece !== undefined) piece[offset] = value;
    return this;
  }

  readonly read: ReadPhysical = async (address, bytes) => {
    this.asked.push([address, bytes]);
    if (address % 4n !== 0n || bytes % 4 !== 0 || address + BigInt(bytes) > 0x2_0000_0000n) return undefined;
    const out = new Uint8Array(bytes);
    for (const [at, piece] of this.#pieces)
      for (const [n, byte] of piece.entries()) {
        const to = at + n - Number(address);
        if (to >= 0 && to < bytes) out[to] = byte;
      }
    return out;
  };
}

const letters = (text: string) => [...text].map((letter) => letter.charCodeAt(0));
const word = (value: number) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
const long = (value: number) => [...word(value), 0, 0, 0, 0];

function rootPointer(revision: number, rsdt: number, xsdt: number): Uint8Array {
  const short = [...letters('RSD PTR '), 0, ...Array(6).fill(0), revision, ...word(rsdt)];
  const bytes = Uint8Array.from(revision < 2 ? short : [...short, ...word(36), ...long(xsdt), 0, 0, 0, 0]);
  // The long checksum is over all of it, the short one with it.
  bytes[8] = -bytes.subarray(0, 20).reduce((sum, byte) => sum + byte, 0) & 0xff;
  return bytes;
}

/** QEMU's microvm with two IOAPICs: a processor, both of them, and an override. */
const MADT = [
  ...[...word(0xfee0_0000), ...word(0), ...[0, 8, 0, 0, ...word(1)]],
  ...[1, 12, 0, 0, ...word(0xfec0_0000), ...word(0)],
  ...[1, 12, 1, 0, ...word(0xfec1_0000), ...word(24)],
  ...[2, 10, 0, 0, ...word(2), 0, 0],
];
const IOAPICS = [
  { address: 0xfec0_0000n, firstInterrupt: 0 },
  { address: 0xfec1_0000n, firstInterrupt: 24 },
];
const mmio = (address: number, gsi: number) => [
  ...[0x08, ...letters('_HID'), 0x0d, ...letters('LNRO0005'), 0, ...letters('_CRS'), 0x11, 0x1b],
  ...[0x86, 9, 0, 1, ...word(address), ...word(512), 0x89, 6, 0, 0, 1, ...word(gsi), 0x79, 0],
];
const DSDT = [...mmio(0xfeb0_0000, 24), ...mmio(0xfeb0_0200, 25)];
const FADT = [...word(0), ...word(0x7000), ...Array(92).fill(0), ...long(0)];

const machine = () =>
  new Memory()
    .table(0x3000, 'RSDT', [...word(0x4000), ...word(0x5000), ...word(0x1_0000)])
    .table(0x4000, 'APIC', MADT)
    .table(0x5000, 'FACP', FADT)
    .table(0x7000, 'DSDT', DSDT);

async function namesOf(memory: Memory) {
  const root = await findRootPointer(memory.read);
  return root === undefined ? undefined : [...(await readTables(memory.read, root))].map(([name]) => name);
}

test('from the root pointer to the IOAPICs and the virtio-mmio devices', async () => {
  const memory = machine().put(0xf_5ff0, rootPointer(0, 0x3000, 0), 8);
  const root = await findRootPointer(memory.read);
  expect(root).toEqual({ at: 0x3000n, entryBytes: 4 });
  const tables = await readTables(memory.read, root ?? { at: 0n, entryBytes: 4 });
  expect([...tables.keys()]).toEqual(['APIC', 'FACP', 'DSDT']);
  expect(ioApicsOf(tables.get('APIC') ?? new Uint8Array())).toEqual(IOAPICS);
  expect([...virtioMmioOf(tables.get('DSDT') ?? new Uint8Array())]).toEqual([
    [0xfeb0_0000n, 24],
    [0xfeb0_0200n, 25],
  ]);
});

test('the XSDT of a pointer that has one; the lower half of the BIOS area; a pointer that begins in one piece and ends in the next', async () => {
  const xsdt = machine().table(0x6000, 'XSDT', [...long(0x4000)]);
  const pointer = rootPointer(2, 0x3000, 0x6000);
  expect(await namesOf(xsdt.put(0xe_1ff0, pointer, 32))).toEqual(['APIC']);
  // Its long checksum is wrong: the short part is still good.
  expect(await namesOf(xsdt.spoil(0xe_1ff0, 33, 1))).toEqual(['APIC', 'FACP', 'DSDT']);
});

test('what is damaged is no table, and what is read is bounded', async () => {
  const fresh = () => machine().put(0xf_5ff0, rootPointer(0, 0x3000, 0), 8);
  expect(await namesOf(fresh().spoil(0xf_5ff0, 16, 1))).toBeUndefined();
  expect(await namesOf(fresh().spoil(0x3000, 20, 1))).toEqual([]);
  expect(await namesOf(fresh().spoil(0x4000, 20, 1))).toEqual(['FACP', 'DSDT']);
  const vast = fresh().spoil(0x4000, 7, 0xff);
  expect(await namesOf(vast)).toEqual(['FACP', 'DSDT']);
  expect(Math.max(...vast.asked.map(([, bytes]) => bytes))).toBeLessThanOrEqual(64 << 10);
  const itself = new Memory().table(0x3000, 'RSDT', Array.from({ length: 500 }, () => word(0x3000)).flat());
  expect(await namesOf(itself.put(0xf_0000, rootPointer(0, 0x3000, 0), 8))).toEqual(['RSDT']);
  expect(itself.asked.length).toBeLessThan(200);
});

test('tables of which every byte may be anything', () => {
  const body = (bytes: readonly number[]) => Uint8Array.from([...Array(36).fill(0), ...bytes]);
  expect(ioApicsOf(body([...word(0), ...word(0), 1, 0, 1, 12]))).toEqual([]);
  expect(ioApicsOf(body([...word(0), ...word(0), 1, 40, 0, 0]))).toEqual([]);
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let run = 0; run < 2000; run++) {
    const bytes = body(run % 2 === 0 ? MADT : DSDT);
    for (let n = 0; n < 4; n++) bytes[36 + random(bytes.length - 36)] = random(256);
    const cut = bytes.subarray(0, random(bytes.length + 1));
    for (const { address, firstInterrupt } of ioApicsOf(cut)) expect(Number(address) + firstInterrupt).not.toBeNaN();
    expect(virtioMmioOf(cut).size).toBeLessThanOrEqual(2);
  }
});
