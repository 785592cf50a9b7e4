//! Where devices are: PCI configuration space in memory, and virtio devices without PCI.

use super::{Table, u8_at, u16_at, u32_at, u64_at};

/// A window of memory-mapped PCI configuration space (PCI Firmware Specification 3.3, table 4-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ecam {
    /// Physical address of bus 0's configuration space, even where the window begins later.
    pub base: u64,
    /// PCI segment group.
    pub segment: u16,
    /// First bus.
    pub first_bus: u8,
    /// Last bus.
    pub last_bus: u8,
}

/// The windows that an MCFG lists. Those with an impossible range are left out.
pub fn mcfg_windows(mcfg: Table<'_>) -> impl Iterator<Item = Ecam> {
    mcfg.bytes.get(44..).unwrap_or(&[]).chunks_exact(16).filter_map(|entry| {
        let ecam = Ecam {
            base: u64_at(entry, 0)?,
            segment: u16_at(entry, 8)?,
            first_bus: u8_at(entry, 10)?,
            last_bus: u8_at(entry, 11)?,
        };
        (ecam.base != 0 && ecam.first_bus <= ecam.last_bus).then_some(ecam)
    })
}

/// A virtio device behind memory-mapped registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VirtioMmio {
    /// Physical address of its registers.
    pub base: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Global interrupt.
    pub interrupt: u32,
}

/// The virtio-mmio devices of a DSDT, found like [`Fadt::s5`] without interpreting it: after each hardware id `LNRO0005`, and before
/// the next, a 32-bit fixed memory descriptor and an extended interrupt descriptor with one interrupt (ACPI 6.5, sections 6.4.3.4 and
/// 6.4.3.6). QEMU's microvm names its devices only so, unless ACPI is off.
pub fn virtio_mmio(dsdt: Table<'_>) -> impl Iterator<Item = VirtioMmio> {
    const ID: &[u8] = b"LNRO0005";
    /// Bytes after the id in which the descriptors are: QEMU needs 50.
    const REACH: usize = 128;
    let aml = dsdt.bytes;
    let starts = aml.windows(ID.len()).enumerate().filter(|(_, w)| *w == ID).map(|(at, _)| at + ID.len());
    starts.filter_map(move |start| {
        let rest = aml.get(start..)?;
        let rest = &rest[..rest.len().min(REACH)];
        let rest = rest.windows(ID.len()).position(|w| w == ID).map_or(rest, |next| &rest[..next]);
        let memory = rest.windows(12).find(|w| w.starts_with(&[0x86, 9, 0]))?;
        let interrupt = rest.windows(9).find(|w| w.starts_with(&[0x89, 6, 0]) && w[4] == 1)?;
        Some(VirtioMmio {
            base: u64::from(u32_at(memory, 4)?),
            bytes: u64::from(u32_at(memory, 8)?),
            interrupt: u32_at(interrupt, 5)?,
        })
    })
}
