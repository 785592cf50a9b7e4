//! The boot report: one entry per phase, stamped with the TSC.

use crate::{AtomicText, Header};
use core::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// Phases a report can hold; later ones are counted in `phases_dropped` only.
pub const MAX_PHASES: usize = 32;

/// How the kernel was entered.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootSource {
    /// Nobody has said yet.
    Unknown = 0,
    /// PVH: 32-bit entry from a hypervisor (QEMU `-kernel`).
    Pvh = 1,
    /// UEFI: the image is the program that the firmware started.
    Uefi = 2,
}

/// One phase. `end` is zero while the phase runs.
#[repr(C)]
#[derive(Debug)]
pub struct Phase {
    /// What was done, such as `paging` or `model load`.
    pub name: AtomicText<24>,
    /// TSC when it began.
    pub start: AtomicU64,
    /// TSC when it ended; zero while it runs.
    pub end: AtomicU64,
}

/// The record. `phase_count` is raised after a phase's name and start are in place, so a reader that takes the count first
/// never sees half a phase.
#[repr(C)]
#[derive(Debug)]
pub struct BootReport {
    /// Magic `R0BOOTRP`.
    pub header: Header,
    /// TSC ticks per second; zero until it is measured.
    pub tsc_hz: AtomicU64,
    /// TSC at the first instruction of our own.
    pub entry_tsc: AtomicU64,
    /// A [`BootSource`].
    pub source: AtomicU32,
    /// Processors that the firmware's tables list.
    pub cores_found: AtomicU32,
    /// Processors that run, the first one included.
    pub cores_online: AtomicU32,
    /// Entries of `phases` in use.
    pub phase_count: AtomicU32,
    /// Usable memory in bytes.
    pub memory_bytes: AtomicU64,
    /// TSC when the first token of the first request was ready; zero before.
    pub first_token_tsc: AtomicU64,
    /// Instruction set that the engine chose.
    pub engine: AtomicText<16>,
    /// `general.name` of the loaded model.
    pub model: AtomicText<64>,
    /// Phases that found no room.
    pub phases_dropped: AtomicU32,
    /// Zero.
    pub reserved: u32,
    /// The phases, in the order in which they began.
    pub phases: [Phase; MAX_PHASES],
}

impl BootReport {
    /// An empty report.
    pub const fn new() -> Self {
        BootReport {
            header: Header::new(*b"R0BOOTRP", size_of::<Self>()),
            tsc_hz: AtomicU64::new(0),
            entry_tsc: AtomicU64::new(0),
            source: AtomicU32::new(BootSource::Unknown as u32),
            cores_found: AtomicU32::new(0),
            cores_online: AtomicU32::new(0),
            phase_count: AtomicU32::new(0),
            memory_bytes: AtomicU64::new(0),
            first_token_tsc: AtomicU64::new(0),
            engine: AtomicText::new(),
            model: AtomicText::new(),
            phases_dropped: AtomicU32::new(0),
            reserved: 0,
            phases: [const { Phase { name: AtomicText::new(), start: AtomicU64::new(0), end: AtomicU64::new(0) } }; MAX_PHASES],
        }
    }

    /// Begins a phase at TSC `now`. Call from one core only. Returns the phase's number for [`BootReport::end`].
    pub fn begin(&self, name: &str, now: u64) -> Option<usize> {
        let n = self.phase_count.load(Relaxed) as usize;
        let Some(phase) = self.phases.get(n) else {
            self.phases_dropped.fetch_add(1, Relaxed);
            return None;
        };
        phase.name.set(name);
        phase.start.store(now, Relaxed);
        phase.end.store(0, Relaxed);
        self.phase_count.store(n as u32 + 1, Release);
        Some(n)
    }

    /// Ends a phase at TSC `now`.
    pub fn end(&self, phase: Option<usize>, now: u64) {
        if let Some(phase) = phase.and_then(|n| self.phases.get(n)) {
            phase.end.store(now, Release);
        }
    }

    /// Phases begun so far.
    pub fn phases(&self) -> &[Phase] {
        &self.phases[..(self.phase_count.load(Acquire) as usize).min(MAX_PHASES)]
    }
}

impl Default for BootReport {
    fn default() -> Self {
        Self::new()
    }
}
