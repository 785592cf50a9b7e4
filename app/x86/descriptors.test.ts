import { expect, test } from 'vitest';
import {
  type Descriptor,
  decodeDescriptors,
  decodeGates,
  decodeTss,
  descriptorTypeName,
  tableBytes,
} from './descriptors.ts';

function table(...raws: bigint[]): Uint8Array {
  const bytes = new Uint8Array(raws.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [n, raw] of raws.entries()) view.setBigUint64(n * 8, raw, true);
  return bytes;
}

const line = (it: Descriptor) =>
  `${it.index} ${descriptorTypeName(it)} dpl ${it.dpl}${it.present ? '' : ' absent'}${'base' in it ? ` base ${it.base.toString(16)} limit ${it.limit.toString(16)}` : ''}`;

test('our own GDT, and one of Linux', () => {
  const bytes = table(0n, 0x00af_9b00_0000_ffffn, 0x00cf_9300_0000_ffffn, 0x5500_8966_7788_006fn, 0x1122_3344n);
  expect(decodeDescriptors(bytes, true).map(line)).toEqual([
    '0 null dpl 0 absent',
    '1 code64 execute/read dpl 0 base 0 limit ffffffff',
    '2 data read/write dpl 0 base 0 limit ffffffff',
    '3 TSS64 available dpl 0 base 1122334455667788 limit 6f',
    '4 upper half dpl 0 absent',
  ]);
  // __USER32_CS, __USER_DS, __USER_CS of Linux.
  const user = table(0x00cf_fb00_0000_ffffn, 0x00cf_f300_0000_ffffn, 0x00af_fb00_0000_ffffn);
  expect(decodeDescriptors(user, true).map(line)).toEqual([
    '0 code32 execute/read dpl 3 base 0 limit ffffffff',
    '1 data read/write dpl 3 base 0 limit ffffffff',
    '2 code64 execute/read dpl 3 base 0 limit ffffffff',
  ]);
});

test('call gates, LDTs, and types that mean nothing in IA-32e mode', () => {
  const call = 0xffff_ec00_0008_1234n;
  const all = decodeDescriptors(
    table(call, 0x1234_5678n, 0x0000_8200_1000_0fffn, 0n, 0x0000_8500_0000_0000n, 0x0000_8300_0000_0000n),
    true,
  );
  expect(all.map(line)).toEqual([
    '0 call gate dpl 3',
    '1 upper half dpl 0 absent',
    '2 LDT dpl 0 base 1000 limit fff',
    '3 upper half dpl 0 absent',
    '4 reserved type 5 dpl 0',
    '5 reserved type 3 dpl 0',
  ]);
  // Gates that belong into the IDT have names of their own wherever they stand.
  const gates = [5n, 6n, 14n, 15n].map((type) => (0x80n | type) << 40n);
  expect(decodeDescriptors(table(...gates), true).map(descriptorTypeName)).toEqual([
    ...['reserved type 5', 'reserved type 6', 'interrupt gate', 'trap gate'],
  ]);
  expect(decodeDescriptors(table(...gates), false).map(descriptorTypeName)).toEqual([
    ...['task gate', 'interrupt 16 gate', 'interrupt gate', 'trap gate'],
  ]);
  expect(all[0]).toMatchObject({ selector: 8, offset: 0x1234_5678_ffff_1234n });
  expect(decodeDescriptors(table(0x0000_8b00_1000_0067n, 0n), false).map(line)).toEqual([
    '0 TSS32 busy dpl 0 base 1000 limit 67',
    '1 null dpl 0 absent',
  ]);
});

test('a descriptor of 16 bytes of which the table has 8 keeps its name, and says what is missing', () => {
  const systems = [0x89n, 0x8bn, 0x82n, 0x8cn].map((rights) => (rights << 40n) | 0x67n);
  const last = (it: bigint, ...more: [boolean, number?]) =>
    decodeDescriptors(table(0n, it), ...more).map(descriptorTypeName)[1];
  expect(systems.map((it) => last(it, true))).toEqual([
    'TSS64 available, upper half beyond the limit',
    'TSS64 busy, upper half beyond the limit',
    'LDT, upper half beyond the limit',
    'call gate, upper half beyond the limit',
  ]);
  // 15 bytes are not enough; of a table that goes on, the rest is not in memory.
  expect(systems.map((it) => last(it, true, 23))[0]).toBe('TSS64 available, upper half beyond the limit');
  expect(systems.map((it) => last(it, true, 24))[0]).toBe('TSS64 available, upper half not readable');
  // Whole, or of legacy mode, where they have 8 bytes.
  expect(decodeDescriptors(table(systems[1] ?? 0n, 0n), true).map(descriptorTypeName)[0]).toBe('TSS64 busy');
  expect(systems.map((it) => last(it, false))).toEqual(['TSS32 available', 'TSS32 busy', 'LDT', 'call gate']);
});

test('a system descriptor that is not present owns its second half, and no descriptor that works', () => {
  const absent = 0x5500_0966_7788_006fn;
  expect(decodeDescriptors(table(absent, 0x1122_3344n, 0n), true).map(line)).toEqual([
    '0 TSS64 available dpl 0 absent base 1122334455667788 limit 6f',
    '1 upper half dpl 0 absent',
    '2 null dpl 0 absent',
  ]);
  const [first, code] = decodeDescriptors(table(absent, 0x00af_9b00_0000_ffffn), true);
  expect(code && line(code)).toBe('1 code64 execute/read dpl 0 base 0 limit ffffffff');
  // LTR reads all 16 bytes before it looks at P.
  expect(first).toMatchObject({ upper: 0x00af_9b00_0000_ffffn, cut: null });
  // One that is present is loaded with whatever stands behind it.
  const present = absent | (1n << 47n);
  expect(decodeDescriptors(table(present, 0x00af_9b00_0000_ffffn), true).map(({ kind }) => kind)).toEqual([
    ...['tss', 'upper'],
  ]);
});

test('gates of both forms', () => {
  const long = table(0x8020_8e04_0008_1234n, 0xffff_ffffn, 0n, 0n);
  expect(decodeGates(long, true)).toMatchObject([
    { vector: 0, selector: 8, offset: 0xffff_ffff_8020_1234n, ist: 4, type: 14, dpl: 0, present: true, empty: false },
    { vector: 1, present: false, empty: true },
  ]);
  expect(decodeGates(table(0x0010_ef00_0008_1234n), false)).toMatchObject([
    { offset: 0x10_1234n, type: 15, dpl: 3, ist: 0 },
  ]);
});

test('a TSS, whole and cut', () => {
  const bytes = new Uint8Array(104);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(4, 0x1000n, true);
  view.setBigUint64(36, 0x2000n, true);
  view.setBigUint64(84, 0x8000n, true);
  view.setUint16(102, 104, true);
  expect(decodeTss(bytes)).toEqual({ rsp: [0x1000n, 0n, 0n], ist: [0x2000n, 0n, 0n, 0n, 0n, 0n, 0x8000n], ioMap: 104 });
  expect(decodeTss(bytes.subarray(0, 50))).toMatchObject({
    ist: [0x2000n, null, null, null, null, null, null],
    ioMap: null,
  });
});

test('limits are bounded, whatever they say', () => {
  expect([0n, 0x27n, 0xffffn, 0xffff_ffffn].map(tableBytes)).toEqual([1, 40, 65536, 65536]);
  expect(decodeDescriptors(new Uint8Array(65536).fill(0xff), true)).toHaveLength(8192);
  expect(decodeGates(new Uint8Array(65536).fill(0xff), true)).toHaveLength(256);
});
