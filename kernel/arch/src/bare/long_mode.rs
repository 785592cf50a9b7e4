//! How a core gets from 32-bit code without paging into long mode: the first one at the PVH entry, the others in their trampoline.

/// Assembler (AT&T) that turns on paging, with the bits of CR0, CR4 and EFER that every core runs with (SDM Vol. 3A §11.8.5). What
/// follows is a far jump into a 64-bit segment. `$load_root` puts the physical address of the top page table into `eax`; `eax`, `ebx`,
/// `ecx`, `edx` and `esi` are lost after it.
macro_rules! enter_long_mode {
    ($load_root:literal) => {
        concat!(
            r#"
    mov %cr4, %eax
    or $0x620, %eax             # OSXMMEXCPT, OSFXSR, PAE
    mov %eax, %cr4
    "#,
            $load_root,
            r#"
    mov %eax, %cr3
    mov $0x80000001, %eax
    cpuid
    mov %edx, %esi
    mov $0xc0000080, %ecx       # EFER
    rdmsr
    or $0x100, %eax             # LME
    bt $20, %esi
    jnc 1f
    or $0x800, %eax             # NXE
1:  wrmsr
    mov %cr0, %eax
    and $0x9ffffff3, %eax       # CD, NW, EM, TS off
    or $0x80010033, %eax        # PG, WP, NE, ET, MP, PE on
    mov %eax, %cr0
"#
        )
    };
}
pub(super) use enter_long_mode;
