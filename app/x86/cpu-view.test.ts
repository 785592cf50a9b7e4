import { expect, test } from 'vitest';
import { parseRegisters } from '../wire/qemu-registers.ts';
import { cpuView } from './cpu-view.ts';

/** As QEMU 7.2 shows a processor of ours; data segments differ in their names only. */
const shown = (rip: string) => `
CPU#0
RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000000 RDX=0000000000000000
RIP=${rip} RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0
ES =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
CS =0008 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
SS =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
DS =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
FS =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
GS =0010 ffffffff80580100 ffffffff 00cf9300 DPL=0 DS   [-WA]
LDT=0000 0000000000000000 0000ffff 00008200 DPL=0 LDT
TR =0018 ffffffff80580140 00000067 00008900 DPL=0 TSS64-avl
GDT=     ffffffff80580110 00000027
IDT=     ffffffff8057f0c0 00000fff
CR0=80010033 CR2=0000000000000000 CR3=0000000000100000 CR4=001406a0
DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000
DR6=00000000ffff0ff0 DR7=0000000000000400
EFER=0000000000000d00
XMM00=0000000000000000 0000000000000000 XMM01=0000000000000000 0000000000000000
`;
const look = (rip: string) =>
  cpuView(parseRegisters(shown(rip)), () => null, { why: 'no kernel has written them down' });

test('segments that are alike keep their names', () => {
  const [processor] = look('ffffffff80200000').processors;
  expect(processor?.segments.map((it) => [it.name, it.selector])).toEqual([
    ['cs', '0x8'],
    ['ss', '0x10'],
    ['ds', '0x10'],
    ['es', '0x10'],
    ['fs', '0x10'],
    ['gs', '0x10'],
    ['ldt', '0x0'],
    ['tr', '0x18'],
  ]);
  expect(processor?.segments[5]?.base).toBe('0xffffffff80580100');
});

test('what is as it was is the same object at the next look, and what moved is not', () => {
  const [before] = look('ffffffff80200000').processors;
  const [after] = look('ffffffff80200010').processors;
  const one = (name: string) => [before, after].map((it) => it?.registers.find((each) => each.name === name));
  expect(one('cr0')[0]).toBe(one('cr0')[1]);
  expect(before?.segments[0]).toBe(after?.segments[0]);
  expect(before?.general.find(({ name }) => name === 'rip')?.value).toBe('0xffffffff80200000');
  expect(after?.general.find(({ name }) => name === 'rip')?.value).toBe('0xffffffff80200010');
});
