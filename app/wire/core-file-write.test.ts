import { expect, test } from 'vitest';
import { coreProgramHeaders, readCoreHeader, readCoreNotes } from './core-file.ts';
import { coreHead } from './core-file-write.ts';
import { parseRegisters } from './qemu-registers.ts';

const LONG = `CPU#0
RAX=0000000000000001 RBX=ffff800000001000 RCX=0000000000000003 RDX=0000000000000004
RSI=0000000000000005 RDI=0000000000000006 RBP=0000000000000007 RSP=ffff800000002000
R8 =0000000000000008 R9 =0000000000000009 R10=000000000000000a R11=000000000000000b
R12=000000000000000c R13=000000000000000d R14=000000000000000e R15=000000000000000f
RIP=ffffffff80201000 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0
ES =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
CS =0008 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
SS =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
DS =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
FS =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
GS =0010 ffff900000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
LDT=0000 0000000000000000 00000000 00008200 DPL=0 LDT
TR =0028 ffff800000003000 00000067 00008900 DPL=0 TSS64-avl
GDT=     ffff800000004000 0000003f
IDT=     ffff800000005000 00000fff
CR0=80010033 CR2=0000000000001234 CR3=0000000000100000 CR4=000006a0
EFER=0000000000000d00
`;
/** Before protected mode the monitor has names of 32 bits. */
const REAL = `CPU#1
EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000663
ESI=00000000 EDI=00000000 EBP=00000000 ESP=00006f08
EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1
CS =f000 ffff0000 0000ffff 00009b00
CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000
`;

test('what is written is read again: memory by its addresses, and every register of the notes', () => {
  const processors = parseRegisters(LONG + REAL);
  const regions = [
    { start: 0n, bytes: 0xa_0000n },
    { start: 0x10_0000n, bytes: 0x1000n },
    { start: 0x1_0000_0000n, bytes: 0x2000n },
  ];
  const head = coreHead(processors, regions);
  if (head === undefined) throw new Error('too many regions');
  expect(head.length % 4096).toBe(0);
  const place = coreProgramHeaders(head.subarray(0, 64));
  if (!place.ok) throw new Error(place.error.why);
  const table = head.subarray(place.value.offset, place.value.offset + place.value.bytes);
  const header = readCoreHeader(head, table, head.length + 0xa_3000);
  if (!header.ok) throw new Error(header.error.why);
  let offset = BigInt(head.length);
  expect(header.value.segments).toEqual(
    regions.map((it) => {
      offset += it.bytes;
      return { ...it, offset: offset - it.bytes };
    }),
  );
  const [notes] = header.value.notes;
  const read = readCoreNotes(head.subarray(notes?.offset, (notes?.offset ?? 0) + (notes?.bytes ?? 0)), 64);
  // The format says neither EFER nor who was halted.
  expect(read.processors[0]?.values).toMatchObject({ ...processors[0]?.values, efer: '0xd00' });
  expect(read.processors[1]?.values).toMatchObject({
    ...{ rip: '0xfff0', rfl: '0x2', rsp: '0x6f08', rdx: '0x663', cs: '0xf000', 'cs.base': '0xffff0000' },
    cr0: '0x60000010',
  });
});

test('more regions than program headers can count are refused', () => {
  const many = Array.from({ length: 0xfff1 }, (_, n) => ({ start: BigInt(n) * 0x2000n, bytes: 0x1000n }));
  expect(coreHead([], many)).toBeUndefined();
});
