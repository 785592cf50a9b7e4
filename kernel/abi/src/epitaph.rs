//! The epitaph: what killed the kernel.

use crate::{AtomicText, Header};
use core::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

/// Return addresses that an epitaph keeps.
pub const MAX_FRAMES: usize = 32;
/// Bytes of its message.
pub const MESSAGE_BYTES: usize = 256;

/// Why the kernel stopped.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It did not.
    None = 0,
    /// A processor exception; `vector` says which.
    Exception = 1,
    /// A Rust panic; `message` says why.
    Panic = 2,
}

/// Processor state at the moment of death. Order of the general registers: rax rbx rcx rdx rsi rdi rbp rsp r8 … r15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct Registers {
    pub general: [u64; 16],
    pub rip: u64,
    pub rflags: u64,
    pub cs: u64,
    pub ss: u64,
    pub cr0: u64,
    pub cr2: u64,
    pub cr3: u64,
    pub cr4: u64,
    pub efer: u64,
}

/// The record. Whole once `state` is 2; the first core to die writes it, later ones leave it alone.
#[repr(C)]
#[derive(Debug)]
pub struct Epitaph {
    /// Magic `R0EPITAP`.
    pub header: Header,
    /// 0 alive, 1 being written, 2 written.
    pub state: AtomicU32,
    /// A [`Cause`].
    pub cause: AtomicU32,
    /// Exception vector, 0–31 (Intel SDM Vol. 3, table 6-1).
    pub vector: AtomicU32,
    /// Core that died.
    pub core: AtomicU32,
    /// Error code, zero where the exception has none.
    pub error_code: AtomicU64,
    /// TSC at death.
    pub tsc: AtomicU64,
    /// The 16 general registers, then rip, rflags, cs, ss, cr0, cr2, cr3, cr4, efer.
    pub registers: [AtomicU64; 25],
    /// Frames in use.
    pub frame_count: AtomicU32,
    /// Bytes of `message` in use.
    pub message_bytes: AtomicU32,
    /// Return addresses, innermost first.
    pub frames: [AtomicU64; MAX_FRAMES],
    /// One line for a person.
    pub message: AtomicText<MESSAGE_BYTES>,
}

impl Epitaph {
    /// A kernel that lives.
    pub const fn new() -> Self {
        Epitaph {
            header: Header::new(*b"R0EPITAP", size_of::<Self>()),
            state: AtomicU32::new(0),
            cause: AtomicU32::new(0),
            vector: AtomicU32::new(0),
            core: AtomicU32::new(0),
            error_code: AtomicU64::new(0),
            tsc: AtomicU64::new(0),
            registers: [const { AtomicU64::new(0) }; 25],
            frame_count: AtomicU32::new(0),
            message_bytes: AtomicU32::new(0),
            frames: [const { AtomicU64::new(0) }; MAX_FRAMES],
            message: AtomicText::new(),
        }
    }

    /// Writes the epitaph, if no other core has begun to. Returns whether this call wrote it.
    #[allow(clippy::too_many_arguments)]
    pub fn write(
        &self,
        cause: Cause,
        vector: u32,
        error_code: u64,
        core: u32,
        tsc: u64,
        registers: &Registers,
        frames: &[u64],
        message: &str,
    ) -> bool {
        if self.state.compare_exchange(0, 1, AcqRel, Acquire).is_err() {
            return false;
        }
        self.cause.store(cause as u32, Relaxed);
        self.vector.store(vector, Relaxed);
        self.core.store(core, Relaxed);
        self.error_code.store(error_code, Relaxed);
        self.tsc.store(tsc, Relaxed);
        let r = registers;
        let rest = [r.rip, r.rflags, r.cs, r.ss, r.cr0, r.cr2, r.cr3, r.cr4, r.efer];
        for (cell, value) in self.registers.iter().zip(r.general.iter().chain(&rest)) {
            cell.store(*value, Relaxed);
        }
        for (cell, frame) in self.frames.iter().zip(frames) {
            cell.store(*frame, Relaxed);
        }
        self.frame_count.store(frames.len().min(MAX_FRAMES) as u32, Relaxed);
        self.message.set(message);
        self.message_bytes.store(message.len().min(MESSAGE_BYTES) as u32, Relaxed);
        self.state.store(2, Release);
        true
    }
}

impl Default for Epitaph {
    fn default() -> Self {
        Self::new()
    }
}
