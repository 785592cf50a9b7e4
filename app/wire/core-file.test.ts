import { expect, test } from 'vitest';
import { coreProgramHeaders, readCoreHeader, readCoreNotes } from './core-file.ts';

/** A 64-bit core with one note segment at 0x200 and two pieces of memory. */
function core(): Uint8Array {
  const bytes = new Uint8Array(0x1000);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 4, true);
  view.setUint16(18, 62, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 3, true);
  const segment = (n: number, type: number, offset: number, start: bigint, size: bigint) => {
    const at = 64 + 56 * n;
    view.setUint32(at, type, true);
    view.setBigUint64(at + 8, BigInt(offset), true);
    view.setBigUint64(at + 24, start, true);
    view.setBigUint64(at + 32, size, true);
  };
  segment(0, 4, 0x200, 0n, 0x1d0n);
  segment(1, 1, 0x800, 0x1_0000_0000n, 0x400n);
  segment(2, 1, 0x400, 0n, 0x400n);
  // A note QEMU of 440 bytes: rip, CS with its L bit, CR0 and CR4 as in long mode.
  view.setUint32(0x200, 5, true);
  view.setUint32(0x204, 440, true);
  bytes.set(new TextEncoder().encode('QEMU\0'), 0x20c);
  const state = 0x214;
  view.setBigUint64(state + 8 + 16 * 8, 0xffff_ffff_8020_1000n, true);
  view.setUint32(state + 152, 8, true);
  view.setUint32(state + 160, 0x00a0_9b00, true);
  view.setBigUint64(state + 392, 0x8001_0033n, true);
  view.setBigUint64(state + 392 + 24, 0x10_0000n, true);
  view.setBigUint64(state + 392 + 32, 0x6a0n, true);
  return bytes;
}

function open(bytes: Uint8Array) {
  const place = coreProgramHeaders(bytes.subarray(0, 64));
  if (!place.ok) return place;
  const { offset, bytes: size } = place.value;
  const header = readCoreHeader(bytes, bytes.subarray(offset, offset + size), bytes.length);
  if (!header.ok) return header;
  const notes = header.value.notes.map((it) => bytes.subarray(it.offset, it.offset + it.bytes));
  return { ok: true as const, value: { ...header.value, ...readCoreNotes(Buffer.concat(notes), header.value.bits) } };
}

test('memory in order of its addresses, and processors as QEMU has them', () => {
  const opened = open(core());
  if (!opened.ok) throw new Error(opened.error.why);
  expect(opened.value.segments).toEqual([
    { start: 0n, bytes: 0x400n, offset: 0x400n },
    { start: 0x1_0000_0000n, bytes: 0x400n, offset: 0x800n },
  ]);
  expect(opened.value.processors).toMatchObject([
    {
      index: 0,
      values: { rip: '0xffffffff80201000', cs: '0x8', 'cs.flags': '0xa09b00', cr3: '0x100000', efer: '0xd00' },
    },
  ]);
  expect(opened.value.lacks[0]).toContain('EFER is not recorded');
});

test('what is no core says why', () => {
  const why = (change: (view: DataView) => void) => {
    const bytes = core();
    change(new DataView(bytes.buffer));
    const opened = open(bytes);
    return opened.ok ? '' : opened.error.why;
  };
  expect(why((view) => view.setUint8(1, 0))).toContain('does not begin');
  expect(why((view) => view.setUint16(16, 2, true))).toContain('type 2, not a core');
  expect(why((view) => view.setUint16(18, 40, true))).toContain('machine 40');
  expect(why((view) => view.setBigUint64(64 + 56 + 32, 0x10_0000n, true))).toContain('cut off');
  expect(open(new Uint8Array(10))).toMatchObject({ ok: false, error: { code: 'bad-dump' } });
});

test('damaged cores are refused or read, and never throw', () => {
  let state = 11;
  const next = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 8;
  };
  for (let round = 0; round < 5000; round++) {
    const bytes = core();
    for (let n = 0; n < 6; n++) bytes[next() % 0x300] = next() & 0xff;
    const opened = open(bytes.subarray(0, round % 3 === 0 ? next() % bytes.length : bytes.length));
    if (!opened.ok) expect(opened.error.why).not.toBe('');
  }
});
