//! What ACPI says about this machine, read once.

use super::memory::map_firmware;
use crate::acpi::{AcpiError, Ecam, Fadt, MadtEntry, Tables, VirtioMmio, madt_entries, mcfg_windows, virtio_mmio};
use crate::addr::PhysAddr;
use crate::boot::{BootInfo, BootSource};
use crate::pvh::PhysicalMemory;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::ops::ControlFlow;
use core::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Release},
};

/// An I/O APIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoApic {
    /// Its registers.
    pub address: PhysAddr,
    /// First global interrupt that it serves.
    pub first_interrupt: u32,
}

/// An ISA interrupt that is not wired one to one, active high, edge-triggered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IsaOverride {
    /// ISA interrupt.
    pub isa: u8,
    /// Global interrupt.
    pub interrupt: u32,
    /// Whether it is active low.
    pub active_low: bool,
    /// Whether it is level-triggered.
    pub level: bool,
}

/// The machine.
#[derive(Debug, Clone, Default)]
pub struct Platform {
    /// APIC ids of all processors that may be started, the first one included, in the firmware's order.
    pub processors: Vec<u32>,
    /// I/O APICs.
    pub io_apics: Vec<IoApic>,
    /// Exceptions to the ISA wiring.
    pub overrides: Vec<IsaOverride>,
    /// PCI configuration windows; empty on machines without PCI Express.
    pub ecam: Vec<Ecam>,
    /// virtio devices that only the firmware's byte code names.
    pub virtio_mmio: Vec<VirtioMmio>,
    /// Power and timer registers.
    pub fadt: Option<Fadt>,
}

struct Global(UnsafeCell<Platform>);
// SAFETY: written by the first core before `KNOWN` is set, only read afterwards.
unsafe impl Sync for Global {}

static PLATFORM: Global = Global(UnsafeCell::new(Platform {
    processors: Vec::new(),
    io_apics: Vec::new(),
    overrides: Vec::new(),
    ecam: Vec::new(),
    virtio_mmio: Vec::new(),
    fadt: None,
}));
static KNOWN: AtomicBool = AtomicBool::new(false);
static NOTHING: Platform = Platform {
    processors: Vec::new(),
    io_apics: Vec::new(),
    overrides: Vec::new(),
    ecam: Vec::new(),
    virtio_mmio: Vec::new(),
    fadt: None,
};

/// What [`init`] found; a machine of nothing before.
pub fn acpi_info() -> &'static Platform {
    if KNOWN.load(Acquire) {
        // SAFETY: see `Global`.
        unsafe { &*PLATFORM.0.get() }
    } else {
        &NOTHING
    }
}

/// Reads the tables. Called once, by the first core, when the heap works. A machine without any still works, with one core and no PCI
/// Express; the error says what was wrong.
pub fn init(boot: &BootInfo) -> Result<&'static Platform, AcpiError> {
    let (platform, result) = Platform::read(boot);
    if !KNOWN.load(Acquire) {
        // SAFETY: see `Global`.
        unsafe { *PLATFORM.0.get() = platform };
        KNOWN.store(true, Release);
    }
    result.map(|()| acpi_info())
}

/// Firmware tables, wherever they are.
struct FirmwareMemory;

impl PhysicalMemory for FirmwareMemory {
    fn read(&self, address: u64, bytes: usize) -> Option<&[u8]> {
        let start = map_firmware(PhysAddr(address), bytes as u64)?;
        // SAFETY: `map_firmware` made all of the range readable, and firmware tables do not change.
        Some(unsafe { core::slice::from_raw_parts(start, bytes) })
    }
}

/// Where BIOSes leave the root pointer (ACPI 6.5, section 5.2.5.1).
const BIOS_AREA: (u64, u64) = (0xe_0000, 0x2_0000);

impl Platform {
    fn read(boot: &BootInfo) -> (Platform, Result<(), AcpiError>) {
        let memory: &'static FirmwareMemory = &FirmwareMemory;
        let mut platform = Platform::default();
        let found = match boot.rsdp {
            Some(rsdp) => Some(rsdp.0),
            None if boot.source == BootSource::Pvh => Tables::scan(memory, BIOS_AREA.0, BIOS_AREA.1),
            None => None,
        };
        let tables = match found.ok_or(AcpiError::NoRsdp(0)).and_then(|at| Tables::from_rsdp(memory, at)) {
            Ok(tables) => tables,
            Err(error) => {
                // Such as QEMU's microvm without ACPI: its I/O APIC is where every PC has the first one (MultiProcessor
                // Specification 1.4, section 3.6.5). Where there is none, routing to it reaches nobody.
                platform.io_apics.push(IoApic { address: PhysAddr(0xfec0_0000), first_interrupt: 0 });
                return (platform, Err(error));
            }
        };
        if let Some(madt) = tables.find(b"APIC") {
            madt_entries(&madt, |entry| {
                match entry {
                    // A processor may be listed both by its old and its new kind of id.
                    MadtEntry::Processor { apic_id } if platform.processors.contains(&apic_id) => {}
                    MadtEntry::Processor { apic_id } => platform.processors.push(apic_id),
                    MadtEntry::IoApic { address, first_interrupt } => {
                        platform.io_apics.push(IoApic { address: PhysAddr(u64::from(address)), first_interrupt });
                    }
                    MadtEntry::Override { isa, interrupt, active_low, level } => {
                        platform.overrides.push(IsaOverride { isa, interrupt, active_low, level });
                    }
                }
                ControlFlow::Continue(())
            });
        }
        platform.ecam = tables.find(b"MCFG").map(|t| mcfg_windows(t).collect()).unwrap_or_default();
        platform.fadt = tables.fadt();
        let dsdt = platform.fadt.as_ref().and_then(|fadt| tables.dsdt(fadt));
        platform.virtio_mmio = dsdt.map(|dsdt| virtio_mmio(dsdt).collect()).unwrap_or_default();
        (platform, Ok(()))
    }
}
