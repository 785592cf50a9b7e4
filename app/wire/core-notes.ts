/** How QEMU lays out the notes of a core (target/i386/arch_dump.c), by the names of `ProcessorRegisters`; an empty name is left out. */

export const NT_PRSTATUS = 1;
/** `struct QEMUCPUState`: 32-bit version and size, then these, 64 bits each. */
export const QEMU_GENERAL = [
  'rax',
  'rbx',
  'rcx',
  'rdx',
  'rsi',
  'rdi',
  'rsp',
  'rbp',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
  'rip',
  'rfl',
];
/** `struct QEMUCPUSegment`: selector, limit, flags and padding, 32 bits each, and the base. */
export const QEMU_SEGMENTS = ['cs', 'ds', 'es', 'fs', 'gs', 'ss', 'ldt', 'tr', 'gdt', 'idt'];
export const SEGMENT_BYTES = 24;
/** `elf_prstatus` of x86-64: registers from 112 on. */
export const PRSTATUS_AT = 112;
export const PRSTATUS = [
  'r15',
  'r14',
  'r13',
  'r12',
  'rbp',
  'rbx',
  'r11',
  'r10',
  'r9',
  'r8',
  'rax',
  'rcx',
  'rdx',
  'rsi',
  'rdi',
  '',
  'rip',
  'cs',
  'rfl',
  'rsp',
  'ss',
  'fs.base',
  'gs.base',
  'ds',
  'es',
  'fs',
  'gs',
];

export function align4(bytes: number): number {
  return (bytes + 3) & ~3;
}
