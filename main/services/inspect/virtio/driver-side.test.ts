import { expect, test } from 'vitest';
import type { DriverHints } from '../../../../app/contract/inspect/virtio.ts';
import type { LinearMemory } from '../../../../app/x86/memory.ts';
import { entryOf, hintedSide, readPlace } from './driver-side.ts';

/** Two pages: at 0x1000 what a driver has, its pointer at 0x1010 leads to 0x2000; nothing elsewhere. */
function memory(): LinearMemory {
  const bytes = new Uint8Array(0x2000);
  const view = new DataView(bytes.buffer);
  view.setUint16(0x8, 0x1234, true);
  view.setBigUint64(0x10, 0x2000n, true);
  view.setUint16(0x1018, 16, true);
  const read = (address: bigint, size: number) => {
    const at = Number(address - 0x1000n);
    return at < 0 || at + size > bytes.length ? undefined : bytes.subarray(at, at + size);
  };
  return {
    registers: { cr0: 0n, cr3: 0n, cr4: 0n, efer: 0n },
    read,
    readSome: (at, size) => read(at, size) ?? new Uint8Array(),
  };
}
const symbol = (name: string) => (name === 'vq' ? 0x1000n : `nothing is called ${name}`);

test('a place is a symbol or an address, with an offset, and follows pointers', () => {
  expect(readPlace('vq+8', memory(), symbol)).toBe(0x1234);
  expect(readPlace('0x1008', memory(), symbol)).toBe(0x1234);
  expect(readPlace('vq+0x10->0x18', memory(), symbol)).toBe(16);
  expect(readPlace('nobody', memory(), symbol)).toBe('nobody: nothing is called nobody');
  expect(readPlace('0x9000', memory(), symbol)).toBe('0x9000: 0x9000 is not mapped');
  expect(readPlace('0x9000->8', memory(), symbol)).toBe('0x9000->8: the pointer at 0x9000 is not mapped');
});

test('what a person names becomes the side of the driver, and what is wrong with it is said', () => {
  const side = (hints: Partial<DriverHints>) => {
    const problems: string[] = [];
    const { lastUsed, size } = hintedSide({ queue: 0, ...hints }, memory(), symbol, problems);
    return { lastUsed, size, problems };
  };
  expect(side({ lastUsed: 'vq+8', size: '16' })).toEqual({ lastUsed: 0x1234, size: 16, problems: [] });
  expect(side({ size: 'vq+0x10->0x18' })).toEqual({ lastUsed: null, size: 16, problems: [] });
  expect(side({ lastUsed: 'nobody' })).toMatchObject({ lastUsed: null, problems: [expect.stringContaining('nobody')] });
});

test('an entry of the registry is found by its place, else if it is the only one of its kind', () => {
  const entry = (location: string, deviceClass: 'network' | 'block') => ({ location, deviceClass, queues: [] });
  const registry = (...devices: unknown[]) => ({ version: 1, devices, problems: [] }) as never;
  const [disk, card] = [entry('00:01.0', 'block'), entry('00:02.0', 'network')];
  const device = { id: 'model0', name: 'virtio-blk', type: 2, location: '00:01.0' };
  expect(entryOf(registry(card, disk), device)).toEqual({ entry: disk, number: 1 });
  expect(entryOf(registry(card, disk), { ...device, location: '' })?.number).toBe(1);
  expect(entryOf(registry(disk, disk), { ...device, location: '' })).toBeUndefined();
  expect(entryOf(registry(card, disk), { ...device, location: '00:09.0' })).toBeUndefined();
  expect(entryOf(null, device)).toBeUndefined();
});
