//! ACPI tables, as far as this kernel needs them (ACPI 6.5, chapter 5): which processors and interrupt controllers there are (MADT),
//! where PCI configuration space is (MCFG), how to shut down (FADT and the DSDT's `_S5_`).
//!
//! Everything is read through [`PhysicalMemory`] and believed only where its checksum and its lengths hold.

use crate::pvh::PhysicalMemory;

mod devices;
mod fadt;
mod madt;

pub use devices::{Ecam, VirtioMmio, mcfg_windows, virtio_mmio};
pub use fadt::{Fadt, Register};
pub use madt::{MadtEntry, madt_entries};

/// Longest table that is read, in bytes: a DSDT of a large server has some hundred KiB.
const MAX_TABLE: usize = 4 << 20;
/// Bytes of the header that all tables but the RSDP have.
const HEADER: usize = 36;

/// Why the tables are not usable. Each names the physical address at which reading failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcpiError {
    /// There is no RSDP here: signature, checksum or revision are wrong.
    NoRsdp(u64),
    /// The RSDT or XSDT is damaged.
    NoRoot(u64),
    /// Nothing can be read here.
    Unreadable(u64),
}

fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

fn sums_to_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) == 0
}

/// A table whose length and checksum are right.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    bytes: &'a [u8],
}

impl<'a> Table<'a> {
    fn read(memory: &'a dyn PhysicalMemory, at: u64) -> Option<Self> {
        let length = u32_at(memory.read(at, HEADER)?, 4)? as usize;
        if !(HEADER..=MAX_TABLE).contains(&length) {
            return None;
        }
        let bytes = memory.read(at, length)?;
        sums_to_zero(bytes).then_some(Table { bytes })
    }

    /// Its four-character name.
    pub fn signature(&self) -> [u8; 4] {
        self.bytes.first_chunk().copied().unwrap_or_default()
    }

    /// All of it, the header included.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// The root of the tables.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    memory: &'a dyn PhysicalMemory,
    root: Table<'a>,
    /// Bytes of an entry of the root table: 4 (RSDT) or 8 (XSDT).
    entry: usize,
}

impl<'a> Tables<'a> {
    /// Follows the RSDP at physical address `at`.
    pub fn from_rsdp(memory: &'a dyn PhysicalMemory, at: u64) -> Result<Self, AcpiError> {
        let rsdp = memory.read(at, 20).ok_or(AcpiError::Unreadable(at))?;
        if !is_rsdp(rsdp) {
            return Err(AcpiError::NoRsdp(at));
        }
        let rsdt = u64::from(u32_at(rsdp, 16).unwrap_or(0));
        if u8_at(rsdp, 15).is_some_and(|revision| revision >= 2)
            && let Some(long) = memory.read(at, 36)
            && sums_to_zero(long)
            && let Some(xsdt) = u64_at(long, 24).filter(|xsdt| *xsdt != 0)
            && let Some(root) = Table::read(memory, xsdt).filter(|t| t.signature() == *b"XSDT")
        {
            return Ok(Tables { memory, root, entry: 8 });
        }
        let root = Table::read(memory, rsdt).filter(|t| t.signature() == *b"RSDT").ok_or(AcpiError::NoRoot(rsdt))?;
        Ok(Tables { memory, root, entry: 4 })
    }

    /// Looks for an RSDP on the 16-byte boundaries of a range, as BIOSes want it (ACPI 6.5, section 5.2.5.1).
    pub fn scan(memory: &'a dyn PhysicalMemory, start: u64, bytes: u64) -> Option<u64> {
        (start..start.saturating_add(bytes)).step_by(16).find(|at| memory.read(*at, 20).is_some_and(is_rsdp))
    }

    /// The tables that can be read, in the root's order. Damaged ones are left out.
    pub fn iter(&self) -> impl Iterator<Item = Table<'a>> + use<'a> {
        let (memory, entry) = (self.memory, self.entry);
        self.root.bytes.get(HEADER..).unwrap_or(&[]).chunks_exact(entry).filter_map(move |bytes| {
            let at = if entry == 8 { u64_at(bytes, 0)? } else { u64::from(u32_at(bytes, 0)?) };
            Table::read(memory, at)
        })
    }

    /// The first table with this name.
    pub fn find(&self, signature: &[u8; 4]) -> Option<Table<'a>> {
        self.iter().find(|t| t.signature() == *signature)
    }

    /// The FADT, with the sleep types of the DSDT that it names.
    pub fn fadt(&self) -> Option<Fadt> {
        let fadt = Fadt::parse(self.find(b"FACP")?.bytes)?;
        Some(Fadt { s5: self.dsdt(&fadt).and_then(|t| fadt::find_s5(t.bytes)), ..fadt })
    }

    /// The DSDT: the machine's devices, in byte code.
    pub fn dsdt(&self, fadt: &Fadt) -> Option<Table<'a>> {
        Table::read(self.memory, fadt.dsdt)
    }
}

fn is_rsdp(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RSD PTR ") && bytes.get(..20).is_some_and(sums_to_zero)
}

#[cfg(test)]
mod tests;
