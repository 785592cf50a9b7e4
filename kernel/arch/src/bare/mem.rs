//! The functions that compiled code calls for copying, filling and comparing memory.
//!
//! Copies go in 64-bit words: QEMU's emulator runs `rep movsb` ten times slower and vector moves twice as slow as a plain loop
//! of them, and real processors are at full speed from a few hundred bytes on with `rep movsq`.

use core::arch::global_asm;

global_asm!(
    r#"
.section .text.memory, "ax", @progbits
.global memcpy
.type memcpy, @function
memcpy:
    mov %rdi, %rax
    cmp $16, %rdx
    jb 5f
    cmp $768, %rdx
    jae 7f
1:  cmp $32, %rdx
    jb 3f
2:  mov (%rsi), %rcx
    mov 8(%rsi), %r8
    mov 16(%rsi), %r9
    mov 24(%rsi), %r10
    mov %rcx, (%rdi)
    mov %r8, 8(%rdi)
    mov %r9, 16(%rdi)
    mov %r10, 24(%rdi)
    add $32, %rsi
    add $32, %rdi
    sub $32, %rdx
    cmp $32, %rdx
    jae 2b
3:  cmp $8, %rdx
    jb 4f
    mov (%rsi), %rcx
    mov %rcx, (%rdi)
    add $8, %rsi
    add $8, %rdi
    sub $8, %rdx
    jmp 3b
4:  test %rdx, %rdx
    jz 6f
    # At least 16 bytes were there: the last word may overlap what is done. Safe for memcpy, whose ranges do not overlap.
    mov -8(%rsi,%rdx), %rcx
    mov %rcx, -8(%rdi,%rdx)
6:  ret
5:  test $8, %dl
    jz 51f
    mov (%rsi), %rcx
    mov -8(%rsi,%rdx), %r8
    mov %rcx, (%rdi)
    mov %r8, -8(%rdi,%rdx)
    ret
51: test $4, %dl
    jz 52f
    mov (%rsi), %ecx
    mov -4(%rsi,%rdx), %r8d
    mov %ecx, (%rdi)
    mov %r8d, -4(%rdi,%rdx)
    ret
52: test %rdx, %rdx
    jz 6b
    movzbl (%rsi), %ecx
    movzbl -1(%rsi,%rdx), %r8d
    mov %cl, (%rdi)
    mov %r8b, -1(%rdi,%rdx)
    cmp $3, %rdx
    jne 6b
    movzbl 1(%rsi), %ecx
    mov %cl, 1(%rdi)
    ret
7:  mov %rdx, %rcx
    shr $3, %rcx
    rep movsq
    and $7, %edx
    jnz 4b
    ret
.size memcpy, . - memcpy

.global memmove
.type memmove, @function
memmove:
    mov %rdi, %rax
    mov %rdi, %rcx
    sub %rsi, %rcx
    # Going up is right unless the destination begins inside of the source; but the overlapping tails of memcpy are not.
    cmp %rdx, %rcx
    jb 3f
    cmp $8, %rdx
    jb 2f
1:  mov (%rsi), %rcx
    mov %rcx, (%rdi)
    add $8, %rsi
    add $8, %rdi
    sub $8, %rdx
    cmp $8, %rdx
    jae 1b
2:  test %rdx, %rdx
    jz 9f
    movzbl (%rsi), %ecx
    mov %cl, (%rdi)
    inc %rsi
    inc %rdi
    dec %rdx
    jmp 2b
3:  cmp $8, %rdx
    jb 5f
4:  mov -8(%rsi,%rdx), %rcx
    mov %rcx, -8(%rdi,%rdx)
    sub $8, %rdx
    cmp $8, %rdx
    jae 4b
5:  test %rdx, %rdx
    jz 9f
    movzbl -1(%rsi,%rdx), %ecx
    mov %cl, -1(%rdi,%rdx)
    dec %rdx
    jmp 5b
9:  ret
.size memmove, . - memmove

.global memset
.type memset, @function
memset:
    mov %rdi, %r9
    movzbl %sil, %eax
    movabs $0x0101010101010101, %rcx
    imul %rcx, %rax
    cmp $8, %rdx
    jb 2f
    # The last word first; then whole words from the beginning.
    mov %rax, -8(%rdi,%rdx)
    mov %rdx, %rcx
    shr $3, %rcx
    cmp $32, %rcx
    ja 1f
3:  mov %rax, (%rdi)
    add $8, %rdi
    dec %rcx
    jnz 3b
    mov %r9, %rax
    ret
1:  rep stosq
    mov %r9, %rax
    ret
2:  test %rdx, %rdx
    jz 4f
    mov %al, -1(%rdi,%rdx)
    dec %rdx
    jmp 2b
4:  mov %r9, %rax
    ret
.size memset, . - memset

.global bcmp
.global memcmp
.type bcmp, @function
.type memcmp, @function
bcmp:
memcmp:
    cmp $8, %rdx
    jb 2f
1:  mov (%rdi), %rax
    mov (%rsi), %rcx
    cmp %rcx, %rax
    jne 3f
    add $8, %rdi
    add $8, %rsi
    sub $8, %rdx
    cmp $8, %rdx
    jae 1b
2:  test %rdx, %rdx
    jz 4f
    movzbl (%rdi), %eax
    movzbl (%rsi), %ecx
    inc %rdi
    inc %rsi
    dec %rdx
    sub %ecx, %eax
    jz 2b
    ret
3:  bswap %rax
    bswap %rcx
    cmp %rcx, %rax
    sbb %eax, %eax
    or $1, %eax
    ret
4:  xor %eax, %eax
    ret
.size memcmp, . - memcmp
.size bcmp, . - bcmp

.global strlen
.type strlen, @function
strlen:
    xor %eax, %eax
1:  cmpb $0, (%rdi,%rax)
    je 2f
    inc %rax
    jmp 1b
2:  ret
.size strlen, . - strlen
"#,
    options(att_syntax)
);
