import { expect, test } from 'vitest';
import { lastOfPath, shownName } from './symbol-names.ts';

test.each([
  ['ring0::records::RING0_BOOT_REPORT', 'RING0_BOOT_REPORT'],
  ['u32', 'u32'],
  ['core::option::Option<&ring0_abi::boot::BootReport>', 'Option<&ring0_abi::boot::BootReport>'],
  ['ring0::main::{closure#0}', 'main::{closure#0}'],
  ['<ring0::Log as core::fmt::Write>::write_str', 'write_str'],
])('the name of %s is %s', (path, name) => {
  expect(lastOfPath(path)).toBe(name);
});

test('what a query matches is told apart by name and modules', () => {
  expect(shownName('ring0::records::REPORT', 'rec rep')).toEqual({
    label: 'REPORT',
    detail: 'ring0::records',
    at: [0, 1, 2],
    detailAt: [7, 8, 9],
  });
});

test('a name of whatever length and shape is taken apart at once', () => {
  const started = performance.now();
  for (const piece of ['Shared<[ring0_arch::descriptors::Gate; 256]> ', 'word ', 'a::<', '{x', '::{', '<>:'])
    expect(lastOfPath(`${piece.repeat(400)}:`).length).toBeGreaterThan(0);
  expect(performance.now() - started).toBeLessThan(500);
});
