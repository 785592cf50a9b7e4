//! Makes a firmware's memory map trustworthy: sorted, page-aligned, without overlaps or empty entries.

use crate::addr::{PAGE, PHYS_LIMIT, PhysAddr, align_down, align_up};
use crate::boot::{MemoryKind, MemoryRegion};

/// Regions that a map may have before and after normalising. Firmware that has more loses the last ones, which costs memory only.
pub const MAX_REGIONS: usize = 256;

/// An empty place in a table of regions.
pub const EMPTY: MemoryRegion = MemoryRegion { start: PhysAddr(0), bytes: 0, kind: MemoryKind::Reserved };

/// A map under construction, without a heap.
pub struct MapBuilder {
    raw: [MemoryRegion; MAX_REGIONS],
    used: usize,
    /// Regions that found no room.
    pub dropped: usize,
}

impl MapBuilder {
    /// A map of nothing.
    pub const fn new() -> Self {
        MapBuilder { raw: [EMPTY; MAX_REGIONS], used: 0, dropped: 0 }
    }

    /// Adds what the firmware says. Usable memory is rounded inwards to whole pages, everything else outwards; what lies beyond
    /// the direct map ([`PHYS_LIMIT`]) or wraps around is cut off.
    pub fn add(&mut self, start: u64, bytes: u64, kind: MemoryKind) {
        let end = start.saturating_add(bytes).min(PHYS_LIMIT);
        let free = matches!(kind, MemoryKind::Usable | MemoryKind::Reclaimable);
        let (start, end) = if free {
            (align_up(start, PAGE).unwrap_or(PHYS_LIMIT), align_down(end, PAGE))
        } else {
            (align_down(start, PAGE), align_up(end, PAGE).unwrap_or(PHYS_LIMIT))
        };
        if start >= end {
            return;
        }
        // Firmware lists thousands of small neighbours; joining them here keeps the table small.
        if let Some(last) = self.used.checked_sub(1).and_then(|n| self.raw.get_mut(n))
            && last.kind == kind
            && last.end() == start
        {
            last.bytes += end - start;
            return;
        }
        match self.raw.get_mut(self.used) {
            Some(slot) => {
                *slot = MemoryRegion { start: PhysAddr(start), bytes: end - start, kind };
                self.used += 1;
            }
            None => self.dropped += 1,
        }
    }

    /// Writes the normalised map into `out` and returns the regions used. Where regions overlap the later [`MemoryKind`] wins.
    pub fn normalise<'a>(&self, out: &'a mut [MemoryRegion; MAX_REGIONS]) -> &'a [MemoryRegion] {
        let raw = &self.raw[..self.used];
        let mut used = 0usize;
        let mut at = 0u64;
        // The next place at or after `at` that anything covers, and the kind that rules there.
        while let Some(start) = raw.iter().filter(|r| r.end() > at).map(|r| r.start.0.max(at)).min() {
            let Some(kind) = raw.iter().filter(|r| r.start.0 <= start && start < r.end()).map(|r| r.kind).max() else { break };
            // It rules until its own end, or until a stronger one begins.
            let mut end = 0;
            for r in raw {
                if r.start.0 <= start && start < r.end() && r.kind == kind {
                    end = end.max(r.end());
                }
            }
            for r in raw {
                if r.kind > kind && r.start.0 > start {
                    end = end.min(r.start.0);
                }
            }
            at = end;
            let previous = used.checked_sub(1).and_then(|n| out.get_mut(n));
            match previous {
                Some(last) if last.kind == kind && last.end() == start => last.bytes += end - start,
                _ => {
                    let Some(slot) = out.get_mut(used) else { break };
                    *slot = MemoryRegion { start: PhysAddr(start), bytes: end - start, kind };
                    used += 1;
                }
            }
        }
        &out[..used]
    }
}

impl Default for MapBuilder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use MemoryKind::*;
    use std::vec::Vec;

    fn normalised(input: &[(u64, u64, MemoryKind)]) -> Vec<(u64, u64, MemoryKind)> {
        let mut builder = MapBuilder::new();
        for (start, bytes, kind) in input {
            builder.add(*start, *bytes, *kind);
        }
        let mut out = [EMPTY; MAX_REGIONS];
        builder.normalise(&mut out).iter().map(|r| (r.start.0, r.end(), r.kind)).collect()
    }

    #[test]
    fn a_kernel_is_cut_out_of_usable_memory() {
        let map = normalised(&[(0x10_0000, 0x70_0000, Usable), (0x20_0000, 0x10_0000, Kernel), (0, 0x9fc00, Usable)]);
        assert_eq!(
            map,
            [
                (0, 0x9f000, Usable),
                (0x10_0000, 0x20_0000, Usable),
                (0x20_0000, 0x30_0000, Kernel),
                (0x30_0000, 0x80_0000, Usable)
            ]
        );
    }

    #[test]
    fn the_stronger_kind_wins_whatever_the_order() {
        let expected = [(0, 0x1000, Usable), (0x1000, 0x3000, Reserved), (0x3000, 0x5000, AcpiNvs)];
        assert_eq!(normalised(&[(0, 0x5000, Usable), (0x1000, 0x2000, Reserved), (0x2000, 0x3000, AcpiNvs)]), expected);
        assert_eq!(normalised(&[(0x2000, 0x3000, AcpiNvs), (0x1000, 0x2000, Reserved), (0, 0x5000, Usable)]), expected);
    }

    #[test]
    fn neighbours_of_one_kind_become_one() {
        assert_eq!(normalised(&[(0x2000, 0x1000, Usable), (0x1000, 0x1000, Usable), (0, 0x1800, Usable)]), [(0, 0x3000, Usable)]);
    }

    #[test]
    fn hostile_sizes_neither_wrap_nor_panic() {
        assert_eq!(normalised(&[(u64::MAX - 10, 100, Usable), (0x1000, u64::MAX, Reserved)]), [(0x1000, PHYS_LIMIT, Reserved)]);
        assert_eq!(normalised(&[(0x1800, 0x400, Usable), (0x5000, 0, Reserved)]), []);
    }

    #[test]
    fn a_map_that_is_too_long_says_so() {
        let mut builder = MapBuilder::new();
        for i in 0..300 {
            builder.add(i * 0x10000, 0x1000, Usable);
        }
        assert_eq!(builder.dropped, 300 - MAX_REGIONS);
        let mut out = [EMPTY; MAX_REGIONS];
        assert_eq!(builder.normalise(&mut out).len(), MAX_REGIONS);
    }
}
