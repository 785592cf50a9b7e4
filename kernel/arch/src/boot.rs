//! What every entry path hands to the kernel.

use crate::addr::PhysAddr;
pub use ring0_abi::BootSource;

/// What a range of physical memory is for. Where firmware contradicts itself the later kind of this list wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemoryKind {
    /// Free for us.
    Usable,
    /// Free once our own page tables are in place: the firmware's boot services lie there, and its page tables with them.
    Reclaimable,
    /// The kernel image.
    Kernel,
    /// ACPI tables; could be freed after they are read, but is kept for `info` commands.
    AcpiReclaimable,
    /// ACPI's own storage.
    AcpiNvs,
    /// Anything else: devices, firmware, broken cells.
    Reserved,
}

/// A range of physical memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryRegion {
    /// First byte.
    pub start: PhysAddr,
    /// Bytes.
    pub bytes: u64,
    /// What it is for.
    pub kind: MemoryKind,
}

impl MemoryRegion {
    /// First byte after it; saturates for a hostile map.
    pub const fn end(&self) -> u64 {
        self.start.0.saturating_add(self.bytes)
    }
}

/// A linear framebuffer that the firmware set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framebuffer {
    /// First byte.
    pub start: PhysAddr,
    /// Bytes.
    pub bytes: u64,
    /// Pixels per line that are seen.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// Pixels from one line to the next, 32 bits each.
    pub stride: u32,
    /// Whether a pixel's lowest byte is blue (else red).
    pub blue_first: bool,
}

/// The same for both entries.
#[derive(Debug, Clone, Copy)]
pub struct BootInfo {
    /// Sorted, without overlaps, page-aligned (see [`crate::memmap::normalise`]).
    pub memory: &'static [MemoryRegion],
    /// ACPI root pointer, when the boot protocol names one.
    pub rsdp: Option<PhysAddr>,
    /// Command line, without a program name. What is not UTF-8 is left out.
    pub command_line: &'static str,
    /// Framebuffer, when the firmware has one.
    pub framebuffer: Option<Framebuffer>,
    /// Which entry was taken.
    pub source: BootSource,
    /// TSC at the first instruction of our own.
    pub entry_tsc: u64,
    /// Where the image was loaded.
    pub image_phys: PhysAddr,
    /// Bytes of the image, zero-filled part included.
    pub image_bytes: u64,
}
