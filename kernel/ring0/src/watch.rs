//! Notes when the first token since boot was ready.

use crate::records::RING0_BOOT_REPORT;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;
use ring0_arch::now_ticks;
use ring0_engine::api::{Event, GenerateRequest, Generator, Load, RequestId, SubmitError};

/// A generator that is watched until its first token.
pub struct Watch<G> {
    inner: G,
    seen: bool,
}

impl<G> Watch<G> {
    /// Watches `inner`.
    pub fn new(inner: G) -> Self {
        Watch { inner, seen: RING0_BOOT_REPORT.first_token_tsc.load(Relaxed) != 0 }
    }
}

impl<G: Generator> Generator for Watch<G> {
    fn submit(&mut self, request: GenerateRequest) -> Result<RequestId, SubmitError> {
        self.inner.submit(request)
    }
    fn cancel(&mut self, request: RequestId) {
        self.inner.cancel(request);
    }
    fn step(&mut self, events: &mut Vec<Event>) -> bool {
        let before = events.len();
        let worked = self.inner.step(events);
        if !self.seen && events[before..].iter().any(|e| matches!(e, Event::Token { .. })) {
            self.seen = true;
            RING0_BOOT_REPORT.first_token_tsc.store(now_ticks(), Relaxed);
        }
        worked
    }
    fn load(&self) -> Load {
        self.inner.load()
    }
    fn context_tokens(&self) -> u32 {
        self.inner.context_tokens()
    }
}
