//! Four-level page tables (Intel SDM Vol. 3, section 4.5), built through a trait that finds the frames.

use crate::addr::{PAGE, PAGE_1G, PAGE_2M, PhysAddr};

/// Entry bits (Intel SDM Vol. 3, tables 4-15 to 4-20).
pub mod bits {
    /// The entry means something.
    pub const PRESENT: u64 = 1;
    /// Writes are allowed.
    pub const WRITE: u64 = 1 << 1;
    /// Write-through.
    pub const WRITE_THROUGH: u64 = 1 << 3;
    /// Cache disabled.
    pub const NO_CACHE: u64 = 1 << 4;
    /// The entry maps 1 GiB or 2 MiB itself.
    pub const LARGE: u64 = 1 << 7;
    /// Kept in the TLB when CR3 changes.
    pub const GLOBAL: u64 = 1 << 8;
    /// Instructions may not be fetched.
    pub const NO_EXECUTE: u64 = 1 << 63;
    /// Where the physical address lies in an entry.
    pub const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
}

/// A table: 512 entries.
pub type Table = [u64; 512];

/// Where tables come from.
pub trait TableMemory {
    /// A frame full of zeros.
    fn allocate(&mut self) -> Option<PhysAddr>;
    /// The table in a frame that [`TableMemory::allocate`] gave.
    fn table(&mut self, frame: PhysAddr) -> &mut Table;
}

/// What may be done with a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read.
    ReadOnly,
    /// Read and write.
    ReadWrite,
    /// Read and execute.
    ReadExecute,
    /// Read and write, past the caches: device registers.
    Device,
    /// Everything. Only as a mistake on purpose.
    WriteExecute,
}

/// Why memory could not be mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapError {
    /// An address or the length is not a multiple of 4096, or wraps around.
    Misaligned,
    /// Something else is mapped at this virtual address.
    Occupied(u64),
    /// No frame is left for a table.
    OutOfFrames,
}

/// What the processor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// CPUID 80000001h EDX bit 26: 1 GiB pages.
    pub gigabyte_pages: bool,
    /// CPUID 80000001h EDX bit 20: execute disable. Without it nothing can be kept from being executed.
    pub no_execute: bool,
}

/// A tree of tables.
pub struct Mapper<M> {
    root: PhysAddr,
    memory: M,
    features: Features,
}

impl<M: TableMemory> Mapper<M> {
    /// An empty tree. `None` when there is no frame for its root.
    pub fn new(mut memory: M, features: Features) -> Option<Self> {
        let root = memory.allocate()?;
        Some(Mapper { root, memory, features })
    }

    /// The tree that `root` is the root of.
    pub fn open(root: PhysAddr, memory: M, features: Features) -> Self {
        Mapper { root, memory, features }
    }

    /// What CR3 takes.
    pub fn root(&self) -> PhysAddr {
        self.root
    }

    /// Maps `bytes` bytes at `virt` to `phys` with the largest pages that alignment, length and processor allow. Mapping a page
    /// again as it is already is no error, so overlapping device windows are allowed; mapping it otherwise is
    /// [`MapError::Occupied`]. On an error the pages before it stay mapped.
    pub fn map(&mut self, virt: u64, phys: PhysAddr, bytes: u64, access: Access) -> Result<(), MapError> {
        let aligned = (virt | phys.0 | bytes).is_multiple_of(PAGE);
        if !aligned || virt.checked_add(bytes).is_none() || phys.0.checked_add(bytes).is_none() {
            return Err(MapError::Misaligned);
        }
        let mut done = 0;
        while done < bytes {
            done += self.map_one(virt + done, phys.0 + done, bytes - done, access)?;
        }
        Ok(())
    }

    /// Maps one page and returns its size.
    fn map_one(&mut self, virt: u64, phys: u64, bytes: u64, access: Access) -> Result<u64, MapError> {
        let fits = |size: u64| (virt | phys).is_multiple_of(size) && bytes >= size;
        let leaf = self.leaf_bits(access);
        let mut table = self.root;
        for level in (1..=4u32).rev() {
            let size = PAGE << (9 * (level - 1));
            let large = match level {
                3 => self.features.gigabyte_pages && fits(PAGE_1G),
                2 => fits(PAGE_2M),
                _ => false,
            };
            let index = index(virt, level);
            let entry = self.memory.table(table)[index];
            if level == 1 || large {
                let new = phys | leaf | if large { bits::LARGE } else { 0 };
                if entry == 0 {
                    self.memory.table(table)[index] = new;
                    return Ok(size);
                }
                // The processor sets accessed (bit 5) and dirty (bit 6) by itself.
                if entry & !0x60 == new {
                    return Ok(size);
                }
                // A table where a large page would fit: go on with smaller pages.
                if level == 1 || entry & bits::LARGE != 0 {
                    return Err(MapError::Occupied(virt));
                }
            }
            table = if entry & bits::PRESENT == 0 {
                let frame = self.memory.allocate().ok_or(MapError::OutOfFrames)?;
                self.memory.table(table)[index] = frame.0 | bits::PRESENT | bits::WRITE;
                frame
            } else if entry & bits::LARGE != 0 {
                // Already covered by a large page: fine when that one says the same.
                let inside = virt & (size - 1);
                let same = entry & !0x60 == (phys.wrapping_sub(inside)) | leaf | bits::LARGE;
                return if same { Ok((size - inside).min(bytes)) } else { Err(MapError::Occupied(virt)) };
            } else {
                PhysAddr(entry & bits::ADDRESS)
            };
        }
        Err(MapError::Occupied(virt))
    }

    /// Takes the root's entry for the 512 GiB around `virt` away; its tables are lost. For the identity map of the boot path.
    pub fn clear_root_entry(&mut self, virt: u64) {
        self.memory.table(self.root)[index(virt, 4)] = 0;
    }

    /// Where `virt` leads, and the bits of the entry that says so. `None` when it leads nowhere.
    pub fn translate(&mut self, virt: u64) -> Option<(PhysAddr, u64)> {
        let mut table = self.root;
        for level in (1..=4u32).rev() {
            let entry = self.memory.table(table)[index(virt, level)];
            if entry & bits::PRESENT == 0 {
                return None;
            }
            if level == 1 || entry & bits::LARGE != 0 {
                let inside = virt & ((PAGE << (9 * (level - 1))) - 1);
                return Some((PhysAddr((entry & bits::ADDRESS) + inside), entry & !bits::ADDRESS));
            }
            table = PhysAddr(entry & bits::ADDRESS);
        }
        None
    }

    fn leaf_bits(&self, access: Access) -> u64 {
        let no_execute = if self.features.no_execute { bits::NO_EXECUTE } else { 0 };
        bits::PRESENT
            | bits::GLOBAL
            | match access {
                Access::ReadOnly => no_execute,
                Access::ReadWrite => bits::WRITE | no_execute,
                Access::ReadExecute => 0,
                Access::WriteExecute => bits::WRITE,
                Access::Device => bits::WRITE | bits::NO_CACHE | bits::WRITE_THROUGH | no_execute,
            }
    }
}

/// The index of `virt` in a table of `level`, 4 being the root.
fn index(virt: u64, level: u32) -> usize {
    (virt >> (12 + 9 * (level - 1)) & 511) as usize
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::{boxed::Box, vec::Vec};

    /// Frames at 0x1000, 0x2000, ...
    struct Fake(Vec<Box<Table>>, usize);
    impl TableMemory for Fake {
        fn allocate(&mut self) -> Option<PhysAddr> {
            (self.0.len() < self.1).then(|| {
                self.0.push(Box::new([0; 512]));
                PhysAddr(self.0.len() as u64 * PAGE)
            })
        }
        fn table(&mut self, frame: PhysAddr) -> &mut Table {
            &mut self.0[(frame.0 / PAGE) as usize - 1]
        }
    }

    const ALL: Features = Features { gigabyte_pages: true, no_execute: true };
    const HHDM: u64 = crate::addr::HHDM_BASE;

    fn mapper(features: Features) -> Mapper<Fake> {
        Mapper::new(Fake(Vec::new(), 100), features).unwrap()
    }

    #[test]
    fn the_largest_page_that_fits_is_taken() {
        let mut m = mapper(ALL);
        m.map(HHDM, PhysAddr(0), 3 * PAGE_1G + PAGE_2M + PAGE, Access::ReadWrite).unwrap();
        // Root, one table of 1 GiB entries, one of 2 MiB, one of 4 KiB.
        assert_eq!(m.memory.0.len(), 4);
        assert_eq!(m.translate(HHDM + PAGE_1G + 5).unwrap().0, PhysAddr(PAGE_1G + 5));
        assert_eq!(m.translate(HHDM + 3 * PAGE_1G + PAGE_2M + 0xfff).unwrap().0, PhysAddr(3 * PAGE_1G + PAGE_2M + 0xfff));
        assert_eq!(m.translate(HHDM + 3 * PAGE_1G + PAGE_2M + PAGE), None);
        let mut small = mapper(Features { gigabyte_pages: false, ..ALL });
        small.map(HHDM, PhysAddr(0), 3 * PAGE_1G, Access::ReadWrite).unwrap();
        assert_eq!(small.memory.0.len(), 5);
    }

    #[test]
    fn misaligned_physical_addresses_get_small_pages() {
        let mut m = mapper(ALL);
        m.map(crate::addr::IMAGE_BASE, PhysAddr(0x7654_3000), PAGE_2M, Access::ReadExecute).unwrap();
        assert_eq!(m.translate(crate::addr::IMAGE_BASE + 0x1234).unwrap(), (PhysAddr(0x7654_4234), bits::PRESENT | bits::GLOBAL));
    }

    #[test]
    fn access_becomes_bits() {
        let mut m = mapper(ALL);
        for (n, (access, expected)) in [
            (Access::ReadOnly, bits::NO_EXECUTE),
            (Access::ReadWrite, bits::WRITE | bits::NO_EXECUTE),
            (Access::ReadExecute, 0),
            (Access::WriteExecute, bits::WRITE),
            (Access::Device, bits::WRITE | bits::NO_CACHE | bits::WRITE_THROUGH | bits::NO_EXECUTE),
        ]
        .into_iter()
        .enumerate()
        {
            let virt = n as u64 * PAGE;
            m.map(virt, PhysAddr(virt), PAGE, access).unwrap();
            assert_eq!(m.translate(virt).unwrap().1, expected | bits::PRESENT | bits::GLOBAL);
        }
        let mut old = mapper(Features { no_execute: false, ..ALL });
        old.map(0, PhysAddr(0), PAGE, Access::ReadOnly).unwrap();
        assert_eq!(old.translate(0).unwrap().1 & bits::NO_EXECUTE, 0);
    }

    #[test]
    fn mapping_again_is_fine_and_mapping_otherwise_is_not() {
        let mut m = mapper(ALL);
        m.map(HHDM, PhysAddr(0), 2 * PAGE_2M, Access::Device).unwrap();
        m.map(HHDM, PhysAddr(0), 2 * PAGE_2M, Access::Device).unwrap();
        m.map(HHDM + PAGE, PhysAddr(PAGE), PAGE, Access::Device).unwrap();
        assert_eq!(m.map(HHDM, PhysAddr(0), PAGE_2M, Access::ReadWrite), Err(MapError::Occupied(HHDM)));
        assert_eq!(m.map(HHDM + PAGE, PhysAddr(PAGE), PAGE, Access::ReadWrite), Err(MapError::Occupied(HHDM + PAGE)));
        // A small page first, then a large range over it.
        m.map(HHDM + PAGE_1G, PhysAddr(PAGE_1G), PAGE, Access::Device).unwrap();
        m.map(HHDM + PAGE_1G, PhysAddr(PAGE_1G), PAGE_2M, Access::Device).unwrap();
        assert_eq!(m.translate(HHDM + PAGE_1G + PAGE_2M - 1).unwrap().0, PhysAddr(PAGE_1G + PAGE_2M - 1));
    }

    #[test]
    fn wrong_arguments_and_no_memory_are_errors() {
        let mut m = mapper(ALL);
        assert_eq!(m.map(1, PhysAddr(0), PAGE, Access::ReadOnly), Err(MapError::Misaligned));
        assert_eq!(m.map(!0xfff, PhysAddr(0), PAGE, Access::ReadOnly), Err(MapError::Misaligned));
        let mut tiny = Mapper::new(Fake(Vec::new(), 3), ALL).unwrap();
        assert_eq!(tiny.map(0, PhysAddr(0), PAGE, Access::ReadOnly), Err(MapError::OutOfFrames));
    }

    #[test]
    fn the_identity_map_can_be_taken_away() {
        let mut m = mapper(ALL);
        m.map(0x8000, PhysAddr(0x8000), PAGE, Access::ReadExecute).unwrap();
        m.map(HHDM, PhysAddr(0), PAGE_2M, Access::ReadWrite).unwrap();
        m.clear_root_entry(0x8000);
        assert_eq!(m.translate(0x8000), None);
        assert!(m.translate(HHDM).is_some());
    }
}
