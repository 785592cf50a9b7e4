//! Where exceptions and interrupts enter: 256 stubs that make all frames alike.
//!
//! Exceptions are fatal and are reported. Interrupts return, so all that Rust code might change is saved: general registers here,
//! x87 and vector state by XSAVE (FXSAVE where there is no XSAVE).

use super::{interrupt, report};
use core::arch::global_asm;

/// The stack as the stubs leave it, lowest address first.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Frame {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rbp: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rdx: u64,
    pub rcx: u64,
    pub rbx: u64,
    pub rax: u64,
    pub vector: u64,
    /// Zero where the exception has none.
    pub error_code: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

/// Bytes from one stub to the next.
const STUB_BYTES: u64 = 16;

unsafe extern "C" {
    static ring0_vector_stubs: u8;
}

/// Address of the stub of `vector`.
pub(super) fn stub(vector: u8) -> u64 {
    &raw const ring0_vector_stubs as u64 + u64::from(vector) * STUB_BYTES
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ring0_exception(frame: &Frame) -> ! {
    report::exception(frame)
}

#[unsafe(no_mangle)]
extern "C" fn ring0_interrupt(vector: u64) {
    interrupt::handle(vector as u8);
}

global_asm!(
    r#"
.section .text.traps, "ax", @progbits
.balign 16
.global ring0_vector_stubs
ring0_vector_stubs:
.set vector, 0
.rept 256
    .balign 16
    .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    .else
    push $0
    .endif
    push $vector
    jmp ring0_trap
    .set vector, vector + 1
.endr

.balign 16
ring0_trap:
    cld
    push %rax
    push %rbx
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %rbp
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov 120(%rsp), %rdi         # vector
    mov %rsp, %rbx              # kept by calls
    cmp $32, %rdi
    jae 1f
    mov %rsp, %rdi
    lea 64(%rsp), %rbp          # the saved rbp
    call ring0_exception
    ud2
1:  mov RING0_XSAVE_BYTES(%rip), %ecx
    test %ecx, %ecx
    jz 2f
    sub %rcx, %rsp
    and $-64, %rsp
    xor %eax, %eax              # XSAVE does not write all of its header, XRSTOR checks it
    mov %rax, 512(%rsp)
    mov %rax, 520(%rsp)
    mov %rax, 528(%rsp)
    mov %rax, 536(%rsp)
    mov %rax, 544(%rsp)
    mov %rax, 552(%rsp)
    mov %rax, 560(%rsp)
    mov %rax, 568(%rsp)
    mov $-1, %eax
    mov $-1, %edx
    xsave64 (%rsp)
    call ring0_interrupt
    mov $-1, %eax
    mov $-1, %edx
    xrstor64 (%rsp)
    jmp 3f
2:  sub $512, %rsp
    and $-16, %rsp
    fxsave64 (%rsp)
    call ring0_interrupt
    fxrstor64 (%rsp)
3:  mov %rbx, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rbp
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rbx
    pop %rax
    add $16, %rsp
    iretq
"#,
    options(att_syntax)
);
