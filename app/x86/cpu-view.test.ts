import { expect, test } from 'vitest';
import { cpuView, type ProcessorDump } from './cpu-view.ts';

const SELECTORS = { cs: '0x8', ss: '0x10', ds: '0x10', es: '0x10', fs: '0x10', gs: '0x10', ldt: '0x0', tr: '0x18' };

/** A processor of ours as QEMU 7.2 shows it; data segments differ in their names only. Every look makes its own. */
function shown(rip: string): ProcessorDump {
  const segments = Object.entries(SELECTORS).flatMap(([name, selector]) => [
    [name, selector],
    [`${name}.base`, name === 'gs' ? '0xffffffff80580100' : '0x0'],
    [`${name}.limit`, '0xffffffff'],
    [`${name}.flags`, name === 'cs' ? '0xaf9b00' : '0xcf9300'],
  ]);
  return {
    ...{ index: 0, halted: false, vectors: 'ymm' },
    values: {
      ...Object.fromEntries(segments),
      ...{ rip, rsp: '0xffffffff8057a240', rfl: '0x246', efer: '0xd00' },
      ...{ cr0: '0x80010033', cr3: '0x100000', cr4: '0x1406a0' },
      ...{
        'gdt.base': '0xffffffff80580110',
        'gdt.limit': '0x27',
        'idt.base': '0xffffffff8057f0c0',
        'idt.limit': '0xfff',
      },
    },
  };
}
const look = (rip: string) => cpuView([shown(rip)], () => null, { why: 'no kernel has written them down' });

test('segments that are alike keep their names', () => {
  const [processor] = look('0xffffffff80200000').processors;
  expect(processor?.segments.map((it) => [it.name, it.selector])).toEqual(Object.entries(SELECTORS));
  expect(processor?.segments[5]?.base).toBe('0xffffffff80580100');
});

test('what may be taken amiss has a note: the TSS whose copy stays available, and the LDT that is none', () => {
  const notes = (change: Record<string, string>) => {
    const it = shown('0xffffffff80200000');
    const changed = { ...it, values: { ...it.values, 'ldt.flags': '0x8200', 'tr.flags': '0x8900', ...change } };
    const [processor] = cpuView([changed], () => null, { why: 'no kernel has written them down' }).processors;
    return processor?.segments.flatMap(({ name, type, note }) => (note === null ? [] : [`${name} ${type}: ${note}`]));
  };
  const [ldt, tr] = [/^ldt LDT: LDTR is null: no LDT/, /^tr TSS64 available: the copy in QEMU's TR/].map((it) =>
    expect.stringMatching(it),
  );
  expect(notes({})).toEqual([ldt, tr]);
  // As KVM has it, and before any LTR.
  expect(notes({ 'tr.flags': '0x8b00' })).toEqual([ldt]);
  const none = expect.stringMatching(/^tr TSS64 busy: TR is null: no TSS is loaded/);
  expect(notes({ tr: '0x0', 'tr.flags': '0x8b00' })).toEqual([ldt, none]);
  expect(notes({ ldt: '0x28' })).toEqual([tr]);
});

test('processors differ in SS only where each has one: in a handler it is null', () => {
  const differences = (...selectors: string[]) =>
    cpuView(
      selectors.map((ss, index) => {
        const it = shown('0xffffffff80200000');
        return { ...it, index, values: { ...it.values, ss, cr0: '0x80010033' } };
      }),
      () => null,
      { why: 'no kernel has written them down' },
    ).differences;
  expect(differences('0x10', '0x0', '0x10')).toEqual([]);
  expect(differences('0x10', '0x0', '0x18')).toEqual([
    {
      name: 'ss',
      values: [
        { processor: 0, value: '0x10' },
        { processor: 2, value: '0x18' },
      ],
    },
  ]);
});

test('what is as it was is the same object at the next look, and what moved is not', () => {
  const [before] = look('0xffffffff80200000').processors;
  const [after] = look('0xffffffff80200010').processors;
  const [one, other] = [before, after].map((it) => it?.registers.find(({ name }) => name === 'cr0'));
  expect(one).toBeDefined();
  expect(one).toBe(other);
  expect(before?.segments[0]).toBe(after?.segments[0]);
  expect([before, after].map((it) => it?.general.find(({ name }) => name === 'rip')?.value)).toEqual([
    '0xffffffff80200000',
    '0xffffffff80200010',
  ]);
});
