import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Result } from '../../base/result.ts';
import {
  BootReportSchema,
  DriverRegistrySchema,
  EpitaphSchema,
  MsrRecordSchema,
  TraceSpansSchema,
} from '../../contract/records.ts';
import {
  decodeBootReport,
  decodeDriverRegistry,
  decodeEpitaph,
  decodeMsrRecord,
  decodeTraceRing,
  msrRecordBytes,
} from './index.ts';

/** Written by the kernel's own host test, kernel/abi/tests/fixtures.rs. */
const folder = fileURLToPath(new URL('../../../test/fixtures/abi/', import.meta.url));
const bytesOf = (name: string) => new Uint8Array(readFileSync(`${folder}${name}.bin`));
const expectedOf = (name: string): unknown => JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8'));

const records = [
  { name: 'boot', decode: (bytes: Uint8Array): Result<unknown> => decodeBootReport(bytes), schema: BootReportSchema },
  { name: 'trace', decode: (bytes: Uint8Array): Result<unknown> => decodeTraceRing(bytes), schema: TraceSpansSchema },
  { name: 'epitaph', decode: (bytes: Uint8Array): Result<unknown> => decodeEpitaph(bytes), schema: EpitaphSchema },
  {
    name: 'drivers',
    decode: (bytes: Uint8Array): Result<unknown> => decodeDriverRegistry(bytes),
    schema: DriverRegistrySchema,
  },
  { name: 'msrs', decode: (bytes: Uint8Array): Result<unknown> => decodeMsrRecord(bytes), schema: MsrRecordSchema },
];

describe.each(records)('$name record', ({ name, decode, schema }) => {
  test('is decoded as the kernel wrote it, and fits the contract', () => {
    const decoded = decode(bytesOf(name));
    expect(decoded).toEqual({ ok: true, value: expectedOf(name) });
    if (decoded.ok) expect(() => schema.parse(decoded.value)).not.toThrow();
  });

  test('no truncation and no flipped byte makes it throw', () => {
    const bytes = bytesOf(name);
    for (let size = 0; size < bytes.length; size += 7) expect(() => decode(bytes.subarray(0, size))).not.toThrow();
    for (let at = 0; at < bytes.length; at++) {
      const broken = bytes.slice();
      broken[at] = 0xff;
      const decoded = decode(broken);
      if (decoded.ok) expect(() => schema.parse(decoded.value)).not.toThrow();
    }
  });

  test('a wrong magic, version or length is refused with its offset', () => {
    for (const [at, offset] of [
      [0, 'offset 0'],
      [8, 'offset 8'],
    ] as const) {
      const broken = bytesOf(name);
      broken[at] = 0x7f;
      const decoded = decode(broken);
      expect(decoded.ok ? '' : decoded.error.why).toContain(offset);
    }
    const short = bytesOf(name);
    short.set([17, 0, 0, 0], 12);
    const decoded = decode(short);
    expect(decoded.ok ? '' : decoded.error.why).toContain('offset 12');
  });
});

test('an overwritten slot of the trace ring is counted, not shown', () => {
  const bytes = bytesOf('trace');
  bytes[48 + 32] = 99;
  const decoded = decodeTraceRing(bytes);
  expect(decoded.ok && { torn: decoded.value.torn, numbers: decoded.value.spans.map((span) => span.number) }).toEqual({
    torn: 2,
    numbers: [0, 2, 3],
  });
});

test('an epitaph that is being written says so', () => {
  const bytes = bytesOf('epitaph');
  bytes[16] = 1;
  const decoded = decodeEpitaph(bytes, (address) => (address === 0xffff_ffff_8020_1234n ? 'kernel::fault' : undefined));
  expect(
    decoded.ok && {
      state: decoded.value.state,
      problems: decoded.value.problems.length,
      first: decoded.value.frames[0],
    },
  ).toEqual({
    state: 'writing',
    problems: 1,
    first: { address: '0xffffffff80201234', symbol: 'kernel::fault' },
  });
});

test('of the model-specific registers only what is in use is wanted, and what does not hold is said', () => {
  const bytes = bytesOf('msrs');
  expect(msrRecordBytes(bytes.subarray(0, 32))).toEqual({ ok: true, value: bytes.length });
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(24, 0xffff_ffff, true);
  expect(msrRecordBytes(bytes.subarray(0, 32))).toEqual({ ok: true, value: 32 + 64 * 1376 });
  // The first core: being written, with more registers than there is room for, of which two are the same.
  view.setUint32(32, 5, true);
  view.setUint32(32 + 8, 57, true);
  view.setUint32(32 + 32 + 24, 0xc000_0080, true);
  // A clock that no processor has.
  view.setBigUint64(16, 1n << 63n, true);
  const decoded = decodeMsrRecord(bytes);
  if (!decoded.ok) throw new Error(decoded.error.why);
  const [first] = decoded.value.cores;
  expect(decoded.value.tscHz).toBeNull();
  expect(first?.readMs).toBeNull();
  expect(first?.registers.map(({ number }) => number)).toEqual(['0xc0000080', '0x277', '0x0']);
  expect(decoded.value.problems.slice(0, 6)).toEqual([
    'tsc_hz is 9223372036854775808, outside of 1 MHz to 20 GHz',
    'core_count is 4294967295, the record holds 64',
    'the record is cut off: 64 cores are said to be in it, 3 are there',
    'core 0: it was being written while it was read: values may be half old',
    'core 0: count is 57, a core has room for 56',
    'core 0: register 0xc0000080 is there more than once; the first counts',
  ]);
  // However many registers are the same, each is said once.
  expect(decoded.value.problems).toHaveLength(7);
});
