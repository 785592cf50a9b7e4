//! The PVH entry: 32-bit code, paging off, `ebx` pointing to the start info (Xen `docs/misc/pvh.pandoc`).
//!
//! It runs at the load address while the image is linked for the higher half, so it names symbols minus [`KERNEL_OFFSET`]. Its page
//! tables are built by the assembler, not at run time: the first 4 GiB in 2 MiB pages, seen at zero, at [`HHDM_BASE`] and (the
//! first GiB) at [`KERNEL_OFFSET`]. They allow everything and are replaced as soon as Rust runs.

use super::long_mode::enter_long_mode;
use super::stack;
use crate::addr::{HHDM_BASE, KERNEL_OFFSET};
use core::arch::global_asm;
use core::sync::atomic::AtomicU64;

/// TSC at the entry, written by either entry path. Not zero, so that it lies in `.data`.
#[unsafe(no_mangle)]
pub static RING0_ENTRY_TSC: AtomicU64 = AtomicU64::new(1);

const _: () = assert!(HHDM_BASE >> 39 & 511 == 256 && KERNEL_OFFSET >> 39 & 511 == 511 && KERNEL_OFFSET >> 30 & 511 == 510);

global_asm!(
    r#"
.section .note.pvh, "a", @note
.balign 4
    .long 4, 8, 18              # name bytes, value bytes, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad ring0_pvh_entry + {down}

.section .text.entry, "ax", @progbits
.code32
.global ring0_pvh_entry
ring0_pvh_entry:
    cli
    cld
    rdtsc
    mov %eax, RING0_ENTRY_TSC + {down}
    mov %edx, RING0_ENTRY_TSC + 4 + {down}
    mov %ebx, %ebp
    lgdt ring0_boot_gdt_pointer + {down}
"#,
    enter_long_mode!("mov $(ring0_boot_pml4 + {down}), %eax"),
    r#"
    ljmp $8, $(2f + {down})
.code64
2:  mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    movabs $3f, %rax
    jmp *%rax
3:  movabs $({main} + {main_size}), %rsp
    mov %ebp, %ebx              # start info, kept where calls keep it
    xor %ebp, %ebp              # backtraces end here
    call ring0_simd_init
    mov %rbx, %rdi
    call ring0_pvh_main
    ud2

.section .data.boot, "aw", @progbits
.balign 8
ring0_boot_gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
ring0_boot_gdt_pointer:
    .word 23
    .quad ring0_boot_gdt + {down}

.balign 4096
.global ring0_boot_pml4
ring0_boot_pml4:
    .quad ring0_boot_pdpt_low + 3 + {down}
    .fill 255, 8, 0
    .quad ring0_boot_pdpt_low + 3 + {down}
    .fill 254, 8, 0
    .quad ring0_boot_pdpt_high + 3 + {down}
ring0_boot_pdpt_low:
    .quad ring0_boot_pd + 3 + {down}
    .quad ring0_boot_pd + 0x1003 + {down}
    .quad ring0_boot_pd + 0x2003 + {down}
    .quad ring0_boot_pd + 0x3003 + {down}
    .fill 508, 8, 0
ring0_boot_pdpt_high:
    .fill 510, 8, 0
    .quad ring0_boot_pd + 3 + {down}
    .quad 0
ring0_boot_pd:
    .set page, 0
    .rept 2048
    .quad page * 0x200000 + 0x83
    .set page, page + 1
    .endr
"#,
    // Two's complement: adding this takes KERNEL_OFFSET away.
    down = const KERNEL_OFFSET.wrapping_neg(),
    main = sym stack::MAIN,
    main_size = const size_of::<stack::GuardedStack<{ stack::MAIN_BYTES }>>(),
    options(att_syntax)
);
