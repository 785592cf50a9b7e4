import { expect, test } from 'vitest';
import { parseRegisters } from './qemu-registers.ts';

/** From QEMU 7.2.22, `info registers -a` with two processors, shortened. */
const TEXT = `
CPU#0
RAX=ffff8000fee00000 RBX=000000008916cf51 RCX=00000000ffffffff RDX=0000000002faef8f
R8 =000000008916cf51 R9 =0000000000000007 R10=ffffffff804bb538 R11=0080000000000000
RIP=ffffffff80236a0a RFL=00000296 [--S-AP-] CPL=0 II=0 A20=1 SMM=0 HLT=1
CS =0008 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
LDT=0000 0000000000000000 0000ffff 00008200 DPL=0 LDT
TR =0018 ffffffff80563100 0000006f 00008900 DPL=0 TSS64-avl
GDT=     ffffffff805630d0 0000002f
IDT=     ffffffff80562080 00000fff
CR0=80010033 CR2=0000000000000000 CR3=0000000000100000 CR4=001406a0
EFER=0000000000000d00
FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001fa0
FPR0=0000000000000000 0000 FPR1=0000000000000000 0000
YMM00=0000000000000000 0000000000000000 0000000000400000 0000000000004000

CPU#1
EAX=00000000 EBX=00000000 ECX=00000000 EDX=00060fb1
EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =f000 ffff0000 0000ffff 00009b00
GDT=     00000000 0000ffff
CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000
`.replaceAll('\n', '\r\n');

test('processors in long mode and at reset', () => {
  const [first, second, ...more] = parseRegisters(TEXT);
  expect(more).toEqual([]);
  expect(first).toMatchObject({ index: 0, halted: true, vectors: 'ymm' });
  expect(second?.vectors).toBeUndefined();
  expect(first?.values).toEqual({
    ...{ rax: '0xffff8000fee00000', rbx: '0x8916cf51', rcx: '0xffffffff', rdx: '0x2faef8f' },
    ...{ r8: '0x8916cf51', r9: '0x7', r10: '0xffffffff804bb538', r11: '0x80000000000000' },
    ...{ rip: '0xffffffff80236a0a', rfl: '0x296' },
    ...{ cs: '0x8', 'cs.base': '0x0', 'cs.limit': '0xffffffff', 'cs.flags': '0xaf9b00' },
    ...{ ldt: '0x0', 'ldt.base': '0x0', 'ldt.limit': '0xffff', 'ldt.flags': '0x8200' },
    ...{ tr: '0x18', 'tr.base': '0xffffffff80563100', 'tr.limit': '0x6f', 'tr.flags': '0x8900' },
    ...{
      'gdt.base': '0xffffffff805630d0',
      'gdt.limit': '0x2f',
      'idt.base': '0xffffffff80562080',
      'idt.limit': '0xfff',
    },
    ...{ cr0: '0x80010033', cr2: '0x0', cr3: '0x100000', cr4: '0x1406a0', efer: '0xd00' },
    ...{ fcw: '0x37f', fsw: '0x0', mxcsr: '0x1fa0' },
  });
  expect(second).toMatchObject({
    index: 1,
    halted: false,
    values: { eip: '0xfff0', cs: '0xf000', 'cs.base': '0xffff0000' },
  });
});

test('text that is something else gives nothing', () => {
  expect(parseRegisters('')).toEqual([]);
  expect(parseRegisters('RAX=0000000000000001')).toEqual([]);
  expect(parseRegisters("CPU#0\nCR3=zz CR4=12345678901234567 CS =1\nunknown command: 'info'")).toEqual([
    { index: 0, values: {}, halted: false },
  ]);
});
