import { expect, test } from 'vitest';
import { parameterCount, transferWords } from './model-view.ts';

test('parameters as model cards count them', () => {
  expect([812, 260_032, 1_716_960, 134_515_008, 1_235_814_432].map(parameterCount)).toEqual([
    '812',
    '260 K',
    '1.7 M',
    '135 M',
    '1.24 B',
  ]);
});

test('how far a transfer is', () => {
  const progress = { message: 'downloading', done: 12.34e6, total: 145e6, unit: 'bytes' as const };
  expect(transferWords(progress, 100)).toBe('downloading: 12.3 of 145.0 MB, 8%');
  expect(transferWords({ ...progress, total: null }, 12_000)).toBe('downloading: 12.3 MB, 12 s');
});
