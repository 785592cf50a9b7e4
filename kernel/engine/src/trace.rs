//! Spans of one pass.

use core::arch::x86_64::_rdtsc;
use ring0_abi::{Operation, SpanRecord, TraceRing};

/// Layer of a span that belongs to none.
pub(crate) const NO_LAYER: u16 = u16::MAX;

/// Processor time stamp.
#[inline]
pub(crate) fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has RDTSC; the kernel leaves CR4.TSD clear.
    unsafe { _rdtsc() }
}

/// Writes the spans of one core in one pass; costs a branch where nothing is recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tracer<'a> {
    pub(crate) ring: Option<&'a TraceRing>,
    pub(crate) pass: u32,
    pub(crate) position: u32,
    pub(crate) core: u8,
}

impl Tracer<'_> {
    /// Now, where it matters.
    #[inline]
    pub(crate) fn start(&self) -> u64 {
        if self.ring.is_some() { ticks() } else { 0 }
    }

    /// Records what began at `start`, and returns now, where the next span begins.
    #[inline]
    pub(crate) fn span(&self, operation: Operation, layer: u16, start: u64) -> u64 {
        let Some(ring) = self.ring else { return 0 };
        let end = ticks();
        ring.push(&SpanRecord { token: self.pass, position: self.position, layer, operation, core: self.core, start, end });
        end
    }
}
