import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Result } from '../../base/result.ts';
import { BootReportSchema, DriverRegistrySchema, EpitaphSchema, TraceSpansSchema } from '../../contract/records.ts';
import { decodeBootReport, decodeDriverRegistry, decodeEpitaph, decodeTraceRing } from './index.ts';

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
