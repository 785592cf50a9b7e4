import { expect, test } from 'vitest';
import { behindAbsent } from './lint/test-mistakes.ts';
import { tablesView } from './tables-view.ts';
import { TestImage } from './test-image.ts';

function viewOf(change: (image: TestImage) => void) {
  const machine = new TestImage().with(change).tables();
  const [first] = machine.processors;
  if (first === undefined) throw new Error('no processor');
  return tablesView(machine, first);
}

test('an LDT is shown by its own selectors, and its users with it', () => {
  const { gdt, ldt } = viewOf((it) => it.addLdt());
  expect(ldt).toMatchObject({ selector: '0x28', base: '0xffffffff8000a000', limit: '0x17', readableBytes: 24 });
  expect(ldt?.descriptors.map(({ selector, type, users }) => [selector, type, users])).toEqual([
    ['0x4', 'code64 execute/read', []],
    ['0xc', 'data read/write', ['FS']],
    ['0x14', 'code64 execute/read', []],
  ]);
  expect(gdt.descriptors.find(({ index }) => index === 5)).toMatchObject({ type: 'LDT', users: ['LDTR'] });
  expect(gdt.descriptors.find(({ index }) => index === 1)?.users).toEqual(['CS']);
});

test('no LDT is none, whatever LDTR holds beside its selector', () => {
  const none = viewOf((it) => {
    it.addLdt();
    it.registers.ldt = 3n;
  });
  expect(none.ldt).toBeNull();
  expect(viewOf(() => {}).ldt).toBeNull();
});

test('an LDT that is not mapped, in part or at all, and a limit beyond all selectors', () => {
  const absent = viewOf((it) => {
    it.addLdt();
    it.page(0xa000, 0n);
  });
  expect(absent.ldt).toMatchObject({ limit: '0x17', readableBytes: 0, descriptors: [] });
  const long = viewOf((it) => {
    it.addLdt();
    it.registers['ldt.limit'] = 0xffff_ffffn;
    // A page of descriptors: no more than anybody looks through is listed.
    for (let index = 3; index < 512; index++) it.ldtDescriptor(index, 0x00cf_9300_0000_ffffn);
  });
  expect(long.ldt).toMatchObject({ limit: '0xffffffff', readableBytes: 4096, omitted: 8192 - 256 });
  expect(long.ldt?.descriptors).toHaveLength(256);
});

test('a TSS that is cut off, and a descriptor behind one that is not present, are rows of their own', () => {
  const rows = (change: (image: TestImage) => void) =>
    viewOf(change)
      .gdt.descriptors.slice(3)
      .map(({ selector, kind, type, present, bytes }) => [selector, kind, type, present, bytes.length]);
  expect(rows((it) => Object.assign(it.registers, { 'gdt.limit': 0x1fn }))).toEqual([
    ['0x18', 'tss', 'TSS64 busy, upper half beyond the limit', true, 16],
  ]);
  const whole = [
    ['0x18', 'tss', 'TSS64 busy', true, 32],
    ['0x20', 'upper', 'upper half', false, 16],
  ];
  expect(rows((it) => behindAbsent(it, 0x00af_9b00_0000_ffffn))).toEqual([
    ...whole,
    ['0x28', 'tss', 'TSS64 available', false, 16],
    ['0x30', 'segment', 'code64 execute/read', true, 16],
  ]);
  expect(rows((it) => behindAbsent(it, 0xffff_ffffn))).toEqual([
    ...whole,
    ['0x28', 'tss', 'TSS64 available', false, 32],
    ['0x30', 'upper', 'upper half', false, 16],
  ]);
});
