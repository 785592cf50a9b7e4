//! The section that `ring0-image` fills with symbols.

use super::image;
use crate::symbols::SymbolTable;
use core::arch::global_asm;

/// Bytes reserved. The tool refuses to cut the table off, so this grows with the kernel.
const RESERVED: usize = 384 << 10;

global_asm!(
    r#"
.section .ksyms, "a", @progbits
.balign 16
ring0_ksyms:
    .zero {reserved}
"#,
    reserved = const RESERVED,
    options(att_syntax)
);

unsafe extern "C" {
    static ring0_ksyms: [u8; RESERVED];
}

/// The function that `address` lies in, and how far in.
pub fn lookup(address: u64) -> Option<(&'static str, u64)> {
    if !image::text().contains(&address) {
        return None;
    }
    // SAFETY: the section has that many bytes and nothing ever writes to it.
    let bytes: &'static [u8] = unsafe { &ring0_ksyms };
    SymbolTable::parse(bytes)?.lookup(address - image::all().start)
}
