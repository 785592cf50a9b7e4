import { expect, test } from 'vitest';
import { memoryFor } from './memory.ts';

test('a small model leaves the profile alone, a large one raises it in steps of 256 MiB', () => {
  expect([memoryFor(512, 0), memoryFor(512, 4 << 20), memoryFor(512, 1.3e9), memoryFor(4096, 1.3e9)]).toEqual([
    512, 512, 1792, 4096,
  ]);
});
