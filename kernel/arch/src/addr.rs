//! Physical addresses and where they appear in the kernel's address space.

use core::fmt;

/// Bytes of the smallest page.
pub const PAGE: u64 = 4096;
/// Bytes of a page that one page-directory entry maps.
pub const PAGE_2M: u64 = 2 << 20;
/// Bytes of a page that one page-directory-pointer entry maps.
pub const PAGE_1G: u64 = 1 << 30;

/// Where the higher-half direct map begins: physical address `p` is at `HHDM_BASE + p`.
pub const HHDM_BASE: u64 = 0xffff_8000_0000_0000;
/// Where the image is linked; its load address is `IMAGE_BASE - KERNEL_OFFSET` unless UEFI put it elsewhere.
pub const IMAGE_BASE: u64 = 0xffff_ffff_8020_0000;
/// Difference between link and load address under PVH.
pub const KERNEL_OFFSET: u64 = 0xffff_ffff_8000_0000;
/// Where the stacks of the cores are mapped, each behind a guard page.
pub const STACKS_BASE: u64 = 0xffff_ff00_0000_0000;
/// Widest physical address that the four-level direct map can hold, exclusive: 46 bits.
pub const PHYS_LIMIT: u64 = 1 << 46;

/// A physical address, never dereferenced as it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct PhysAddr(pub u64);

impl PhysAddr {
    /// Its place in the direct map. Meaningful for addresses below [`PHYS_LIMIT`] only; what lies there is for the caller to know.
    pub const fn hhdm(self) -> u64 {
        HHDM_BASE.wrapping_add(self.0)
    }
}

impl fmt::Debug for PhysAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// `value` rounded down to a multiple of `align`, a power of two.
pub const fn align_down(value: u64, align: u64) -> u64 {
    value & !(align - 1)
}

/// `value` rounded up to a multiple of `align`, a power of two; `None` when that does not fit.
pub const fn align_up(value: u64, align: u64) -> Option<u64> {
    match value.checked_add(align - 1) {
        Some(sum) => Some(align_down(sum, align)),
        None => None,
    }
}
