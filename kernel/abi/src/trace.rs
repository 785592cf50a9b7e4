//! The trace ring: timed spans of the engine's work.

use crate::Header;
use core::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// Spans that the ring holds; a power of two. 32 bytes each: 1 MiB in all.
pub const SPAN_COUNT: usize = 1 << 15;

/// What the time of a span went into.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operation {
    Embed = 0,
    AttentionNorm = 1,
    Qkv = 2,
    Rope = 3,
    Attention = 4,
    AttentionOutput = 5,
    FfnNorm = 6,
    GateUp = 7,
    Activation = 8,
    Down = 9,
    OutputNorm = 10,
    Logits = 11,
    Sample = 12,
    /// Waiting for the other cores.
    Barrier = 13,
    /// The whole forward pass, on core 0.
    Forward = 14,
}

impl Operation {
    /// All of them, in the order of their numbers.
    pub const ALL: [Operation; 15] = [
        Operation::Embed,
        Operation::AttentionNorm,
        Operation::Qkv,
        Operation::Rope,
        Operation::Attention,
        Operation::AttentionOutput,
        Operation::FfnNorm,
        Operation::GateUp,
        Operation::Activation,
        Operation::Down,
        Operation::OutputNorm,
        Operation::Logits,
        Operation::Sample,
        Operation::Barrier,
        Operation::Forward,
    ];
}

/// One span, as its writer gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanRecord {
    /// Forward passes since boot: all spans of one pass share it.
    pub token: u32,
    /// Position in the sequence of the (first) token of the pass.
    pub position: u32,
    /// Transformer block; `u16::MAX` outside of blocks.
    pub layer: u16,
    /// What was done.
    pub operation: Operation,
    /// Which core did it, 0 being the first.
    pub core: u8,
    /// TSC before.
    pub start: u64,
    /// TSC after.
    pub end: u64,
}

/// One slot of the ring, 32 bytes.
#[repr(C)]
#[derive(Debug)]
pub struct Span {
    /// Low 32 bits of (number of the span + 1), stored last; zero while the slot is being written.
    pub sequence: AtomicU32,
    /// See [`SpanRecord::token`].
    pub token: AtomicU32,
    /// See [`SpanRecord::position`].
    pub position: AtomicU32,
    /// layer | operation << 16 | core << 24.
    pub what: AtomicU32,
    /// TSC before.
    pub start: AtomicU64,
    /// TSC after.
    pub end: AtomicU64,
}

/// The record. Span number `n` (counted from 0) lives in slot `n % capacity` and carries `sequence == (n + 1) as u32`; any other
/// value says that the slot was overwritten or is being written.
#[repr(C)]
#[derive(Debug)]
pub struct TraceRing {
    /// Magic `R0TRACER`.
    pub header: Header,
    /// [`SPAN_COUNT`].
    pub capacity: u32,
    /// Bytes per span: 32.
    pub span_bytes: u32,
    /// Spans begun since boot.
    pub head: AtomicU64,
    /// TSC ticks per second; zero until it is measured.
    pub tsc_hz: AtomicU64,
    /// 1 while spans are recorded.
    pub enabled: AtomicU32,
    /// Zero.
    pub reserved: u32,
    /// The slots.
    pub spans: [Span; SPAN_COUNT],
}

impl TraceRing {
    /// An empty ring that does not record.
    pub const fn new() -> Self {
        TraceRing {
            header: Header::new(*b"R0TRACER", size_of::<Self>()),
            capacity: SPAN_COUNT as u32,
            span_bytes: size_of::<Span>() as u32,
            head: AtomicU64::new(0),
            tsc_hz: AtomicU64::new(0),
            enabled: AtomicU32::new(0),
            reserved: 0,
            spans: [const {
                Span {
                    sequence: AtomicU32::new(0),
                    token: AtomicU32::new(0),
                    position: AtomicU32::new(0),
                    what: AtomicU32::new(0),
                    start: AtomicU64::new(0),
                    end: AtomicU64::new(0),
                }
            }; SPAN_COUNT],
        }
    }

    /// Whether spans are recorded; ask once per pass, not once per span.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Relaxed) != 0
    }

    /// Appends a span; the oldest is overwritten. Any core may call it.
    pub fn push(&self, record: &SpanRecord) {
        let n = self.head.fetch_add(1, Relaxed);
        let slot = &self.spans[n as usize % SPAN_COUNT];
        slot.sequence.store(0, Release);
        slot.token.store(record.token, Relaxed);
        slot.position.store(record.position, Relaxed);
        slot.what.store(u32::from(record.layer) | (record.operation as u32) << 16 | u32::from(record.core) << 24, Relaxed);
        slot.start.store(record.start, Relaxed);
        slot.end.store(record.end, Relaxed);
        slot.sequence.store((n as u32).wrapping_add(1), Release);
    }

    /// Span number `n`, unless it was overwritten or is being written.
    pub fn read(&self, n: u64) -> Option<SpanRecord> {
        let slot = &self.spans[n as usize % SPAN_COUNT];
        if slot.sequence.load(Acquire) != (n as u32).wrapping_add(1) {
            return None;
        }
        let what = slot.what.load(Relaxed);
        let record = SpanRecord {
            token: slot.token.load(Relaxed),
            position: slot.position.load(Relaxed),
            layer: what as u16,
            operation: *Operation::ALL.get((what >> 16 & 0xff) as usize)?,
            core: (what >> 24) as u8,
            start: slot.start.load(Relaxed),
            end: slot.end.load(Relaxed),
        };
        // The slot may have been taken over meanwhile: then its number has changed.
        core::sync::atomic::fence(Acquire);
        (slot.sequence.load(Relaxed) == (n as u32).wrapping_add(1)).then_some(record)
    }

    /// Spans written since boot.
    pub fn written(&self) -> u64 {
        self.head.load(Acquire)
    }
}

impl Default for TraceRing {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_operations() {
        for (n, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, n);
        }
    }

    #[test]
    fn the_ring_forgets_the_oldest() {
        static RING: TraceRing = TraceRing::new();
        let span =
            |n: u32| SpanRecord { token: n, position: n + 1, layer: 3, operation: Operation::Qkv, core: 2, start: 10, end: 20 };
        for n in 0..SPAN_COUNT as u32 + 1 {
            RING.push(&span(n));
        }
        assert_eq!(RING.read(0), None);
        assert_eq!(RING.read(1), Some(span(1)));
        assert_eq!(RING.read(SPAN_COUNT as u64), Some(span(SPAN_COUNT as u32)));
        assert_eq!(RING.read(SPAN_COUNT as u64 + 1), None);
    }
}
