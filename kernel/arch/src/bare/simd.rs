//! Turns on what the processor has: x87, SSE, AVX, AVX-512 (Intel SDM Vol. 1, chapters 13 and 14). In assembler, because Rust code
//! uses SSE registers wherever it likes and must not run before.

use core::arch::global_asm;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Bytes that XSAVE writes for the enabled state; zero where the processor has only FXSAVE. The same on all cores.
#[unsafe(no_mangle)]
static RING0_XSAVE_BYTES: AtomicU32 = AtomicU32::new(0);

/// The state that XCR0 enables; zero without XSAVE.
#[unsafe(no_mangle)]
static RING0_XCR0: AtomicU32 = AtomicU32::new(0);

/// XCR0 as it was set: bit 1 SSE, bit 2 AVX, bits 5 to 7 AVX-512. Zero on a processor without XSAVE.
pub fn xcr0() -> u32 {
    RING0_XCR0.load(Relaxed)
}

global_asm!(
    r#"
.section .text.entry, "ax", @progbits
# Needs a stack. Clobbers rax, rcx, rdx, rsi.
.global ring0_simd_init
ring0_simd_init:
    push %rbx
    mov %cr0, %rax
    and $~0xc, %eax             # EM and TS off
    or $0x22, %eax              # MP and NE on
    mov %rax, %cr0
    mov %cr4, %rsi
    or $0x600, %esi             # OSFXSR, OSXMMEXCPT
    mov %rsi, %cr4
    fninit
    push $0x1f80
    ldmxcsr (%rsp)
    pop %rax
    mov $1, %eax
    xor %ecx, %ecx
    cpuid
    test $(1 << 26), %ecx       # XSAVE
    jz 9f
    or $(1 << 18), %esi         # OSXSAVE
    mov %rsi, %cr4
    mov $0xd, %eax
    xor %ecx, %ecx
    cpuid                       # eax: XCR0 bits that may be set
    and $0xe7, %eax
    test $4, %eax               # no AVX-512 without AVX
    jnz 1f
    and $0x3, %eax
1:  mov %eax, %ecx
    and $0xe0, %ecx
    cmp $0xe0, %ecx             # its three parts come together or not at all
    je 2f
    and $0x7, %eax
2:  mov %eax, RING0_XCR0(%rip)
    xor %edx, %edx
    xor %ecx, %ecx
    xsetbv
    mov $0xd, %eax
    xor %ecx, %ecx
    cpuid                       # ebx: bytes for what is enabled now
    mov %ebx, RING0_XSAVE_BYTES(%rip)
9:  pop %rbx
    ret
"#,
    options(att_syntax)
);
