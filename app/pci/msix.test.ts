import { expect, test } from 'vitest';
import { CONFIGURATION_BYTES, capabilities, commandOf, memoryBar } from './config-space.ts';
import { messageOf, msiOf, msixBytes, msixEntries, msixOf } from './msix.ts';

const bytes = (words: readonly number[]) => new Uint8Array(Uint32Array.from(words).buffer);

test('MSI-X of a configuration space that nobody wrote: any bytes are decoded, and lists in circles end', () => {
  let seed = 11;
  const word = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed;
  };
  for (let run = 0; run < 3000; run++) {
    const words = Array.from({ length: run % 65 }, word);
    // Half of them have a list of capabilities that is likely to be walked.
    if (run % 2 === 0 && words.length > 13) words[13] = 0x40 + (word() % 0x30) * 4;
    const space = bytes(words).subarray(0, CONFIGURATION_BYTES - (run % 3));
    const msix = msixOf(space);
    if (msix !== undefined) {
      expect(msix.entries).toBeGreaterThan(0);
      expect(msix.entries).toBeLessThanOrEqual(2048);
      expect(msix.tableBar).toBeLessThan(8);
      expect(msix.tableOffset % 8).toBe(0);
      expect(msixBytes(msix).table).toBeLessThanOrEqual(1024);
    }
    expect(capabilities(space).length).toBeLessThanOrEqual(48);
    msiOf(space);
    commandOf(space);
    for (let bar = 0; bar < 8; bar++) memoryBar(space, bar);
    expect(msixEntries(space, space)).toHaveLength(Math.floor(space.length / 16));
  }
  const circle = bytes(Object.assign(Array(64).fill(0), { 13: 0x40, 16: 0x4009 }));
  expect([capabilities(circle).length, msixOf(circle)]).toEqual([48, undefined]);
});

test('BARs: 32 and 64 bits wide, of ports, without an address, and the last one', () => {
  const space = bytes([0, 0, 0, 0, 0xfebf_d000, 0xc001, 0xfe00_000c, 2, 0, 0xfeb0_0004]);
  expect([0, 1, 2, 4, 5, 6].map((bar) => memoryBar(space, bar))).toEqual([
    ...[0xfebf_d000n, undefined, 0x2_fe00_0000n, undefined],
    // A wide one has no second half there.
    ...[0xfeb0_0000n, undefined],
  ]);
});

test('messages: plain MSI of both widths, and what an address means', () => {
  const msi = (control: number, rest: readonly number[]) =>
    bytes([...Array(13).fill(0), 0x40, 0, 0, 5 | (control << 16), ...rest]);
  expect(msiOf(msi(0, [0xfee0_1000, 0x41]))).toBeUndefined();
  expect(msiOf(msi(1, [0xfee0_1000, 0x41]))).toMatchObject({ address: 0xfee0_1000n, data: 0x41 });
  expect(msiOf(msi(0x81, [0xfee0_1000, 1, 0x42]))).toMatchObject({ address: 0x1_fee0_1000n, data: 0x42 });
  expect(messageOf({ address: 0xfee0_3004n, data: 0x4041 })).toEqual({ vector: 0x41, destination: 3 });
  expect(messageOf({ address: 0x1_fee0_1000n, data: 0x41 })).toBeUndefined();
});
