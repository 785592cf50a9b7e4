import { expect, test } from 'vitest';
import { tablesView } from './tables-view.ts';
import { TestImage } from './test-image.ts';

function ldtView(change: (image: TestImage) => void) {
  const machine = new TestImage().with(change).tables();
  const [first] = machine.processors;
  if (first === undefined) throw new Error('no processor');
  return tablesView(machine, first);
}

test('an LDT is shown by its own selectors, and its users with it', () => {
  const { gdt, ldt } = ldtView((it) => it.addLdt());
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
  const none = ldtView((it) => {
    it.addLdt();
    it.registers.ldt = 3n;
  });
  expect(none.ldt).toBeNull();
  expect(ldtView(() => {}).ldt).toBeNull();
});

test('an LDT that is not mapped, in part or at all, and a limit beyond all selectors', () => {
  const absent = ldtView((it) => {
    it.addLdt();
    it.page(0xa000, 0n);
  });
  expect(absent.ldt).toMatchObject({ limit: '0x17', readableBytes: 0, descriptors: [] });
  const long = ldtView((it) => {
    it.addLdt();
    it.registers['ldt.limit'] = 0xffff_ffffn;
    // A page of descriptors: no more than anybody looks through is listed.
    for (let index = 3; index < 512; index++) it.ldtDescriptor(index, 0x00cf_9300_0000_ffffn);
  });
  expect(long.ldt).toMatchObject({ limit: '0xffffffff', readableBytes: 4096, omitted: 8192 - 256 });
  expect(long.ldt?.descriptors).toHaveLength(256);
});
