//! Physical memory: free extents in a sorted table.
//!
//! There are few, large allocations (weights, KV cache, heap growth, stacks), so a table of free extents with first fit is both
//! the smallest and the fastest thing that does the job. Single frames come from the bottom, regions from the top: page tables
//! stay below 4 GiB, where a starting core in 32-bit mode can reach them, and large extents stay whole.

use crate::addr::{PAGE, PAGE_2M, PhysAddr, align_down, align_up};

/// Free extents that the table holds.
pub const MAX_EXTENTS: usize = 512;

/// What memory is used for; each is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Page tables.
    PageTables,
    /// Stacks of cores.
    Stacks,
    /// The heap for small objects.
    Heap,
    /// Regions for weights, KV cache and DMA.
    Regions,
}

/// Purposes in all.
const PURPOSES: usize = 4;

#[derive(Clone, Copy)]
struct Extent {
    start: u64,
    end: u64,
}

/// Bytes by use; `total` is the sum of all the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameStats {
    /// All memory that was ever given to the allocator.
    pub total: u64,
    /// Free.
    pub free: u64,
    /// Page tables.
    pub page_tables: u64,
    /// Stacks.
    pub stacks: u64,
    /// Heap.
    pub heap: u64,
    /// Regions.
    pub regions: u64,
    /// Lost because the table of free extents was full; zero in practice.
    pub lost: u64,
    /// Largest free extent.
    pub largest_free: u64,
}

/// The allocator. It never touches the memory that it hands out.
pub struct FrameAllocator {
    extents: [Extent; MAX_EXTENTS],
    used: usize,
    total: u64,
    lost: u64,
    by_purpose: [u64; PURPOSES],
}

impl FrameAllocator {
    /// An allocator of nothing.
    pub const fn new() -> Self {
        FrameAllocator {
            extents: [Extent { start: 0, end: 0 }; MAX_EXTENTS],
            used: 0,
            total: 0,
            lost: 0,
            by_purpose: [0; PURPOSES],
        }
    }

    /// Gives the allocator memory that nobody else uses. Rounded inwards to whole pages.
    pub fn add(&mut self, start: PhysAddr, bytes: u64) {
        let end = align_down(start.0.saturating_add(bytes), PAGE);
        let Some(start) = align_up(start.0, PAGE).filter(|s| *s < end) else { return };
        self.total += end - start;
        self.insert(start, end);
    }

    /// One page, from the lowest free extent. Its contents are whatever was there.
    pub fn frame(&mut self, purpose: Purpose) -> Option<PhysAddr> {
        let first = self.extents[..self.used].first_mut()?;
        let at = first.start;
        first.start += PAGE;
        if first.start == first.end {
            self.remove(0);
        }
        self.by_purpose[purpose as usize] += PAGE;
        Some(PhysAddr(at))
    }

    /// Contiguous memory from the highest extent that has room. `bytes` is rounded up with [`region_bytes`], which also says how
    /// the start is aligned. `None` when no extent is large enough.
    pub fn region(&mut self, bytes: u64, purpose: Purpose) -> Option<PhysAddr> {
        let (bytes, align) = region_bytes(bytes)?;
        for n in (0..self.used).rev() {
            let Extent { start, end } = self.extents[n];
            let Some(at) = end.checked_sub(bytes).map(|s| align_down(s, align)).filter(|s| *s >= start) else { continue };
            // A hole in the middle makes two extents of one.
            if at > start && at + bytes < end && self.used == MAX_EXTENTS {
                continue;
            }
            self.remove(n);
            if at > start {
                self.insert(start, at);
            }
            if at + bytes < end {
                self.insert(at + bytes, end);
            }
            self.by_purpose[purpose as usize] += bytes;
            return Some(PhysAddr(at));
        }
        None
    }

    /// Takes back what [`FrameAllocator::region`] gave for the same `bytes`, or pages from [`FrameAllocator::frame`].
    pub fn release(&mut self, start: PhysAddr, bytes: u64, purpose: Purpose) {
        let Some((bytes, _)) = region_bytes(bytes) else { return };
        self.by_purpose[purpose as usize] = self.by_purpose[purpose as usize].saturating_sub(bytes);
        self.insert(start.0, start.0 + bytes);
    }

    /// Bytes by use.
    pub fn stats(&self) -> FrameStats {
        let extents = &self.extents[..self.used];
        FrameStats {
            total: self.total,
            free: extents.iter().map(|e| e.end - e.start).sum(),
            page_tables: self.by_purpose[Purpose::PageTables as usize],
            stacks: self.by_purpose[Purpose::Stacks as usize],
            heap: self.by_purpose[Purpose::Heap as usize],
            regions: self.by_purpose[Purpose::Regions as usize],
            lost: self.lost,
            largest_free: extents.iter().map(|e| e.end - e.start).max().unwrap_or(0),
        }
    }

    /// Puts `start..end` into its place, joined with its neighbours.
    fn insert(&mut self, start: u64, end: u64) {
        let n = self.extents[..self.used].partition_point(|e| e.start < start);
        let joins_previous = n > 0 && self.extents[n - 1].end == start;
        let joins_next = n < self.used && self.extents[n].start == end;
        match (joins_previous, joins_next) {
            (true, true) => {
                self.extents[n - 1].end = self.extents[n].end;
                self.remove(n);
            }
            (true, false) => self.extents[n - 1].end = end,
            (false, true) => self.extents[n].start = start,
            (false, false) if self.used < MAX_EXTENTS => {
                self.extents.copy_within(n..self.used, n + 1);
                self.extents[n] = Extent { start, end };
                self.used += 1;
            }
            (false, false) => self.lost += end - start,
        }
    }

    fn remove(&mut self, n: usize) {
        self.extents.copy_within(n + 1..self.used, n);
        self.used -= 1;
    }
}

impl Default for FrameAllocator {
    fn default() -> Self {
        Self::new()
    }
}

/// The size to which a region is rounded up, and its alignment: 2 MiB for both from 2 MiB on, else a page. `None` on overflow.
pub const fn region_bytes(bytes: u64) -> Option<(u64, u64)> {
    let align = if bytes >= PAGE_2M { PAGE_2M } else { PAGE };
    let bytes = if bytes == 0 { 1 } else { bytes };
    match align_up(bytes, align) {
        Some(bytes) => Some((bytes, align)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Purpose::*;

    fn adds_up(frames: &FrameAllocator) {
        let s = frames.stats();
        assert_eq!(s.total, s.free + s.page_tables + s.stacks + s.heap + s.regions + s.lost);
    }

    #[test]
    fn frames_rise_from_the_bottom_and_regions_sink_from_the_top() {
        let mut frames = FrameAllocator::new();
        frames.add(PhysAddr(0x10_0800), 0x70_0000);
        frames.add(PhysAddr(1 << 32), 64 << 20);
        assert_eq!(frames.frame(PageTables), Some(PhysAddr(0x10_1000)));
        assert_eq!(frames.frame(PageTables), Some(PhysAddr(0x10_2000)));
        assert_eq!(frames.region(5 << 20, Regions), Some(PhysAddr((1 << 32) + (58 << 20))));
        assert_eq!(frames.region(5000, Regions), Some(PhysAddr((1 << 32) + (58 << 20) - 8192)));
        // The hole below the small region is not aligned, so a large one goes under it.
        assert_eq!(frames.region(2 << 20, Regions), Some(PhysAddr((1 << 32) + (54 << 20))));
        adds_up(&frames);
        assert_eq!(frames.region(65 << 20, Regions), None);
        assert_eq!(frames.region(u64::MAX, Regions), None);
    }

    #[test]
    fn what_comes_back_joins_its_neighbours() {
        let mut frames = FrameAllocator::new();
        frames.add(PhysAddr(PAGE_2M), 32 << 20);
        let before = frames.stats();
        let a = frames.region(4 << 20, Regions).unwrap();
        let b = frames.region(3 << 20, Heap).unwrap();
        let c = frames.region(100, Stacks).unwrap();
        adds_up(&frames);
        frames.release(b, 3 << 20, Heap);
        frames.release(a, 4 << 20, Regions);
        frames.release(c, 100, Stacks);
        assert_eq!(frames.stats(), before);
        assert_eq!(frames.used, 1);
    }

    #[test]
    fn a_full_table_refuses_to_cut_and_counts_what_it_loses() {
        let mut frames = FrameAllocator::new();
        for n in 0..MAX_EXTENTS as u64 {
            frames.add(PhysAddr(n * 0x4000 + 0x1000), 0x2000);
        }
        frames.add(PhysAddr(0x4000 * 1000), 0x1000);
        assert_eq!(frames.stats().lost, 0x1000);
        adds_up(&frames);
        // Whole extents can still be used up.
        assert!(frames.region(0x2000, Regions).is_some());
        adds_up(&frames);
    }
}
