//! A spinning lock. Interrupts are off wherever locks are taken (see the crate's documentation), so it needs no care for them.

use core::sync::atomic::{AtomicBool, Ordering};

/// The lock itself; use [`Mutex`].
#[derive(Debug)]
pub struct SpinLock(AtomicBool);

// SAFETY: `lock` returns only after the flag went from false to true by this core; only `unlock` clears it.
unsafe impl lock_api::RawMutex for SpinLock {
    const INIT: SpinLock = SpinLock(AtomicBool::new(false));
    type GuardMarker = lock_api::GuardSend;

    fn lock(&self) {
        while !self.try_lock() {
            while self.0.load(Ordering::Relaxed) {
                core::hint::spin_loop();
            }
        }
    }

    fn try_lock(&self) -> bool {
        self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    unsafe fn unlock(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// A value that one core at a time may use.
pub type Mutex<T> = lock_api::Mutex<SpinLock, T>;
