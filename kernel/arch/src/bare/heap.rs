//! The heap for small objects: `talc`, growing by whole 2 MiB pages. Large things take [`super::memory::alloc_region`].

use super::lock::SpinLock;
use super::memory::heap_chunk;
use core::alloc::Layout;
use talc::base::{Talc, binning::Binning};
use talc::source::Source;
use talc::{DefaultBinning, TalcLock, min_first_heap_size};

/// Takes frames when the heap is full.
#[derive(Debug)]
struct FromFrames;

// SAFETY: `acquire` takes memory from the frame allocator, which never allocates, and claims what nobody else has.
unsafe impl Source for FromFrames {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let overhead = min_first_heap_size::<DefaultBinning>() + 4096;
        let bytes = layout.size().checked_add(layout.align()).and_then(|n| n.checked_add(overhead)).ok_or(())?;
        let (start, bytes) = heap_chunk(bytes).ok_or(())?;
        // SAFETY: the chunk is mapped, ours alone, and never taken back.
        unsafe { talc.claim(start, bytes) }.map(|_| ()).ok_or(())
    }
}

#[global_allocator]
static HEAP: TalcLock<SpinLock, FromFrames> = TalcLock::new(FromFrames);

/// Bytes in live objects.
pub(super) fn used() -> u64 {
    HEAP.lock().counters().allocated_bytes as u64
}
