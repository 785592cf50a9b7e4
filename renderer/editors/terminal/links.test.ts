import { expect, test } from 'vitest';
import { findLinks, resolveFile } from './links.ts';

test('places and addresses in a line of a panic', () => {
  const line = 'ring0: PANIC at ring0/src/main.rs:120:9, rip 0xffffffff80201234';
  expect(findLinks(line).map((link) => [link.kind, line.slice(link.start, link.end)])).toEqual([
    ['place', 'ring0/src/main.rs:120:9'],
    ['address', '0xffffffff80201234'],
  ]);
  expect(findLinks('at /a/b/x.rs:7')[0]).toMatchObject({ file: '/a/b/x.rs', line: 7, column: 1 });
});

test('an address of an outer frame is where a call returns to', () => {
  const isReturn = (line: string) => findLinks(line).map((link) => link.kind === 'address' && link.isReturn);
  expect(isReturn('ring0:   #12 0xffffffff80226a29 ring0::main+0x89')).toEqual([true]);
  expect(isReturn('ring0:   #0 0xffffffff80226a29 ring0::main+0x89')).toEqual([false]);
  expect(isReturn('rip 0xffffffff80226a29')).toEqual([false]);
});

test('times, hosts and user addresses are no links', () => {
  for (const text of ['12:30:01', 'http://127.0.0.1:8080', '0x00007fff12345678', 'x'.repeat(3000)]) {
    expect(findLinks(text)).toEqual([]);
  }
});

test('the file that is meant', () => {
  const paths = ['kernel/ring0/src/main.rs', 'kernel/abi/src/lib.rs', 'kernel/arch/src/lib.rs'];
  expect(resolveFile('ring0/src/main.rs', paths)).toBe('kernel/ring0/src/main.rs');
  expect(resolveFile('src/lib.rs', paths)).toBeNull();
  expect(resolveFile('/home/me/x/kernel/abi/src/lib.rs', paths)).toBe('kernel/abi/src/lib.rs');
});
