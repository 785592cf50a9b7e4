//! Memory that a device reads and writes.

use core::ptr::NonNull;

/// Granularity of [`Dma::allocate`], and the page that legacy queue addresses count in.
pub const PAGE_BYTES: usize = 4096;

/// A piece of shared memory: page-aligned and physically contiguous.
#[derive(Debug)]
pub struct DmaMemory {
    /// Where the processor sees it.
    pub pointer: NonNull<u8>,
    /// Where the device sees it.
    pub phys: u64,
    /// Bytes, a multiple of [`PAGE_BYTES`].
    pub bytes: usize,
}

// SAFETY: it is an owned piece of memory; who holds the value may touch it from any core.
unsafe impl Send for DmaMemory {}

/// Where shared memory comes from, and where ordinary memory lies physically.
///
/// # Safety
/// `allocate` returns memory that is zeroed, aligned to [`PAGE_BYTES`], physically contiguous at `phys`, mapped for reading and
/// writing, and used by nobody else until it is given back. `translate` tells the truth.
pub unsafe trait Dma {
    /// At least `bytes` of shared memory, or `None` when there is no room.
    fn allocate(&self, bytes: usize) -> Option<DmaMemory>;

    /// Takes memory back.
    ///
    /// # Safety
    /// It came from `allocate` of this very allocator, and neither a device nor the driver touches it any more;
    /// it is given back once.
    unsafe fn release(&self, memory: &DmaMemory);

    /// The physical address of `pointer`, and how many of the `bytes` from there on lie contiguously (at least one). `None` if the
    /// pointer is not mapped.
    fn translate(&self, pointer: *const u8, bytes: usize) -> Option<(u64, usize)>;
}
