/**
 * A kernel of some hundred bytes that has what ours and Linux have not: an LDT in use, in long mode. It obeys letters that are typed at its
 * serial port, and says after each what came of it.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REGISTERS_FRESH_MS } from '../../main/services/inspect/live-target.ts';
import type { Lab, TestMachine } from './lab.ts';

/** Selectors of it. In the LDT: 64-bit code, data, data of ring 3, a call gate. */
export const LDT_GUEST = { ldtr: 0x18, data: 0x0c, beyond: 0x2c, limit: 0x27 } as const;

const SOURCE = `
.intel_syntax noprefix
.section .note.pvh, "a", @note
  .long 4, 8, 18                # XEN_ELFNOTE_PHYS32_ENTRY
  .asciz "Xen"
  .quad entry
.text
.code32
.globl entry
entry:
  cli
  mov esp, offset stack
  mov dword ptr [pml4], offset pdpt + 3
  mov dword ptr [pdpt], offset directory + 3
  xor ecx, ecx
1:mov eax, ecx                  # 1 GiB as it is, in pages of 2 MiB
  shl eax, 21
  or eax, 0x83
  mov [directory + ecx * 8], eax
  inc ecx
  cmp ecx, 512
  jb 1b
  mov eax, offset pml4
  mov cr3, eax
  mov eax, 0x6a0                # PAE, PGE, OSFXSR, OSXMMEXCPT
  mov cr4, eax
  mov ecx, 0xc0000080
  rdmsr
  or eax, 0x900                 # LME, NXE
  wrmsr
  mov eax, 0x80010033
  mov cr0, eax
  mov eax, offset ldt           # the base goes into the descriptor in three pieces
  mov [gdt + 0x18 + 2], ax
  shr eax, 16
  mov [gdt + 0x18 + 4], al
  mov [gdt + 0x18 + 7], ah
  mov ecx, 32
  mov edi, offset idt
2:mov eax, offset fault
  mov [edi], ax
  mov word ptr [edi + 2], 8
  mov word ptr [edi + 4], 0x8e00
  shr eax, 16
  mov [edi + 6], ax
  add edi, 16
  loop 2b
  lgdt [gdtr]
  lidt [idtr]
  ljmp 8, offset long
.code64
long:
  mov ax, 0x10
  mov ss, ax
  mov ds, ax
  mov es, ax
  mov ax, 0x18
  lldt ax
  mov ax, 0x0c
  mov fs, ax
next:
  mov rsp, offset stack
  lea rsi, [rip + ready]
  call print
3:mov dx, 0x3fd
  in al, dx
  test al, 1
  jz 3b
  mov dx, 0x3f8
  in al, dx
  cmp al, 's'
  je shorter
  cmp al, 'u'
  je spoil
  cmp al, 'l'
  je load
  cmp al, 'n'
  je none
  cmp al, 'd'
  je data
  cmp al, 'b'
  jne 3b
  mov ax, 0x2c
  mov gs, ax
  jmp next
shorter:
  mov word ptr [gdt + 0x18], 0x0f
  jmp next
spoil:
  mov byte ptr [gdt + 0x18 + 13], 1
  jmp next
load:
  mov ax, 0x18
  lldt ax
  jmp next
none:
  xor eax, eax
  lldt ax
  jmp next
data:
  mov ax, 0x0c
  mov gs, ax
  jmp next
fault:
  pop rbx
  lea rsi, [rip + faulted]
  call print
  mov ecx, 4
4:rol bx, 4
  mov al, bl
  and al, 15
  add al, '0'
  cmp al, '9'
  jbe 5f
  add al, 39
5:call put
  loop 4b
  mov al, 10
  call put
  jmp next
print:
  lodsb
  test al, al
  jz 6f
  call put
  jmp print
6:ret
put:
  mov ah, al
  mov dx, 0x3fd
7:in al, dx
  test al, 0x20
  jz 7b
  mov al, ah
  mov dx, 0x3f8
  out dx, al
  ret
ready:   .asciz "ready\\n"
faulted: .asciz "fault "
.data
.balign 16
gdt:
  .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
  .quad 0x0000820000000027, 0
ldt:
  .quad 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff
  .quad 0x00008c0000080000, 0
gdtr: .word 0x27
  .quad gdt
idtr: .word 0x1ff
  .quad idt
.bss
.balign 4096
pml4: .skip 4096
pdpt: .skip 4096
directory: .skip 4096
idt: .skip 4096
.skip 4096
stack:
`;

/** Assembles it into a folder, with the C compiler that the kernel's build needs too, and boots it. */
export async function bootLdtGuest(lab: Lab, folder: string): Promise<TestMachine> {
  const [source, image] = [join(folder, 'ldt.s'), join(folder, 'ldt.elf')];
  writeFileSync(source, SOURCE);
  const options = ['-nostdlib', '-static', '-no-pie', '-Wl,-Ttext=0x200000', '-Wl,--build-id=none'];
  const { status, stderr } = spawnSync('cc', [...options, '-Wl,-e,entry', '-o', image, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc: ${stderr}`);
  const machine = await lab.start({ memoryMiB: 64, elfPath: image });
  await machine.waitForSerial(/ready\n/);
  return machine;
}

/**
 * Types a letter at it, and waits until who looks sees what came of that: registers that were asked for just before are shared for a moment.
 * @returns the error code of the fault that came of it, in four digits, or nothing */
export async function typeAtLdtGuest(machine: TestMachine, letter: 's' | 'u' | 'l' | 'n' | 'd' | 'b'): Promise<string> {
  const from = machine.serial().length;
  machine.machine.writeSerial(Buffer.from(letter));
  const [, code = ''] = await machine.waitForSerial(/^(?:fault (\w{4})\n)?ready\n/, from);
  await new Promise((resolve) => setTimeout(resolve, 2 * REGISTERS_FRESH_MS));
  return code;
}
