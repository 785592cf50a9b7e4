//! The model-specific registers: what each core read of its own at the end of its bring-up. QEMU tells few of them while the guest
//! runs, and no debugger reads the rest.

use crate::Header;
use core::sync::atomic::{
    AtomicU32, AtomicU64, Ordering,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};

/// Cores that the record holds.
pub const MAX_MSR_CORES: usize = 64;
/// Registers of a core.
pub const MAX_MSRS: usize = 56;

/// One register of one core.
#[repr(C)]
#[derive(Debug)]
pub struct MsrEntry {
    /// Its number, as RDMSR takes it in ECX.
    pub number: AtomicU32,
    /// How often the kernel has written it since the bring-up.
    pub changes: AtomicU32,
    /// What RDMSR gave.
    pub value: AtomicU64,
    /// TSC when it was read.
    pub tsc: AtomicU64,
}

/// One core, by the number that the kernel gives it.
#[repr(C)]
#[derive(Debug)]
pub struct MsrCore {
    /// Odd while the core writes here; it only grows.
    pub sequence: AtomicU32,
    /// APIC id.
    pub apic_id: AtomicU32,
    /// Entries in use; zero for a core that has not come up.
    pub count: AtomicU32,
    /// Registers that found no room.
    pub dropped: AtomicU32,
    /// TSC at the end of the bring-up.
    pub tsc: AtomicU64,
    /// XCR0, which is no MSR, at that time; zero where CR4.OSXSAVE is off (bit 0 is always set where it exists).
    pub xcr0: AtomicU64,
    /// The registers, in the order in which they were read.
    pub entries: [MsrEntry; MAX_MSRS],
}

/// The record. A core writes its own block only, and raises `core_count` when it is whole. A block whose `sequence` is odd, or not
/// the same after it was read, is being written.
#[repr(C)]
#[derive(Debug)]
pub struct MsrRecord {
    /// Magic `R0MSREGS`.
    pub header: Header,
    /// TSC ticks per second; zero until it is measured.
    pub tsc_hz: AtomicU64,
    /// Blocks of `cores` in use, those of cores that have not come up among them.
    pub core_count: AtomicU32,
    /// Zero.
    pub reserved: u32,
    /// The cores.
    pub cores: [MsrCore; MAX_MSR_CORES],
}

impl MsrCore {
    const fn new() -> Self {
        MsrCore {
            sequence: AtomicU32::new(0),
            apic_id: AtomicU32::new(0),
            count: AtomicU32::new(0),
            dropped: AtomicU32::new(0),
            tsc: AtomicU64::new(0),
            xcr0: AtomicU64::new(0),
            entries: [const {
                MsrEntry {
                    number: AtomicU32::new(0),
                    changes: AtomicU32::new(0),
                    value: AtomicU64::new(0),
                    tsc: AtomicU64::new(0),
                }
            }; MAX_MSRS],
        }
    }

    /// Changes the block so that a reader can tell.
    fn write(&self, change: impl FnOnce()) {
        let sequence = self.sequence.load(Relaxed);
        self.sequence.store(sequence.wrapping_add(1), Relaxed);
        fence(Release);
        change();
        self.sequence.store(sequence.wrapping_add(2), Release);
    }

    /// The registers written down so far.
    pub fn entries(&self) -> &[MsrEntry] {
        &self.entries[..(self.count.load(Acquire) as usize).min(MAX_MSRS)]
    }
}

impl MsrRecord {
    /// An empty record.
    pub const fn new() -> Self {
        MsrRecord {
            header: Header::new(*b"R0MSREGS", size_of::<Self>()),
            tsc_hz: AtomicU64::new(0),
            core_count: AtomicU32::new(0),
            reserved: 0,
            cores: [const { MsrCore::new() }; MAX_MSR_CORES],
        }
    }

    /// Writes down the registers of `core`, which calls this itself. A core beyond the record is left out.
    pub fn write(&self, core: usize, apic_id: u32, tsc: u64, xcr0: u64, registers: impl Iterator<Item = (u32, u64)>) {
        let Some(block) = self.cores.get(core) else { return };
        block.write(|| {
            let mut count = 0;
            let mut dropped = 0;
            for (number, value) in registers {
                let Some(entry) = block.entries.get(count as usize) else {
                    dropped += 1;
                    continue;
                };
                entry.number.store(number, Relaxed);
                entry.changes.store(0, Relaxed);
                entry.value.store(value, Relaxed);
                entry.tsc.store(tsc, Relaxed);
                count += 1;
            }
            block.apic_id.store(apic_id, Relaxed);
            block.dropped.store(dropped, Relaxed);
            block.tsc.store(tsc, Relaxed);
            block.xcr0.store(xcr0, Relaxed);
            block.count.store(count, Relaxed);
        });
        self.core_count.fetch_max(core as u32 + 1, Ordering::AcqRel);
    }

    /// Notes that `core`, which calls this itself, has another value in register `number` from now on. Before its bring-up has ended,
    /// and of a register that is not written down, nothing happens.
    pub fn changed(&self, core: usize, number: u32, value: u64, tsc: u64) {
        let Some(block) = self.cores.get(core) else { return };
        let Some(entry) = block.entries().iter().find(|it| it.number.load(Relaxed) == number) else { return };
        block.write(|| {
            entry.changes.fetch_add(1, Relaxed);
            entry.value.store(value, Relaxed);
            entry.tsc.store(tsc, Relaxed);
        });
    }
}

impl Default for MsrRecord {
    fn default() -> Self {
        Self::new()
    }
}
