//! Where the kernel image lies, in the linker script's words.

use crate::addr::{IMAGE_BASE, KERNEL_OFFSET, PhysAddr};
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

unsafe extern "C" {
    static __image_start: u8;
    static __text_end: u8;
    static __rodata_end: u8;
    static __image_end: u8;
}

/// Physical address of the image's first byte. UEFI changes it before anything reads it.
static LOADED_AT: AtomicU64 = AtomicU64::new(IMAGE_BASE - KERNEL_OFFSET);

/// Code, the PE header before it included.
pub fn text() -> Range<u64> {
    &raw const __image_start as u64..&raw const __text_end as u64
}

/// Constants and the symbol table.
pub fn rodata() -> Range<u64> {
    &raw const __text_end as u64..&raw const __rodata_end as u64
}

/// Variables, zero-filled ones included.
pub fn data() -> Range<u64> {
    &raw const __rodata_end as u64..&raw const __image_end as u64
}

/// The whole image.
pub fn all() -> Range<u64> {
    text().start..data().end
}

/// Physical address of a place in the image.
pub fn phys(virt: u64) -> PhysAddr {
    PhysAddr(virt - all().start + LOADED_AT.load(Relaxed))
}

/// Says where the firmware put the image.
pub fn set_load_address(at: PhysAddr) {
    LOADED_AT.store(at.0, Relaxed);
}
