//! Stacks behind guard pages.

use super::image;
use crate::addr::{PAGE, STACKS_BASE};
use crate::descriptors::Ist;
use core::cell::UnsafeCell;

/// Bytes of the first core's stack: the shell and the loader run on it.
pub const MAIN_BYTES: usize = 512 << 10;
/// Bytes of an interrupt stack. Reporting an exception formats text on it.
pub const IST_BYTES: usize = 16 << 10;
/// Interrupt stacks of a core.
pub const IST_COUNT: usize = Ist::Other as usize;

/// A stack, and below it a page that will not be mapped: overflow faults instead of overwriting.
#[repr(C, align(4096))]
pub struct GuardedStack<const BYTES: usize> {
    guard: UnsafeCell<[u8; PAGE as usize]>,
    stack: UnsafeCell<[u8; BYTES]>,
}

// SAFETY: the bytes are never reached through Rust references; a stack belongs to the core that runs on it.
unsafe impl<const BYTES: usize> Sync for GuardedStack<BYTES> {}

impl<const BYTES: usize> GuardedStack<BYTES> {
    const fn new() -> Self {
        GuardedStack { guard: UnsafeCell::new([0; PAGE as usize]), stack: UnsafeCell::new([0; BYTES]) }
    }

    /// Address of the guard page.
    pub fn guard(&self) -> u64 {
        self.guard.get() as u64
    }

    /// The lowest address of the stack, right above its guard page.
    pub fn start(&self) -> u64 {
        self.stack.get() as u64
    }

    /// Where the stack begins, growing downwards.
    pub fn top(&self) -> u64 {
        self.stack.get() as u64 + BYTES as u64
    }
}

/// The first core's stack.
pub static MAIN: GuardedStack<MAIN_BYTES> = GuardedStack::new();
/// The first core's interrupt stacks, IST1 to IST7.
pub static ISTS: [GuardedStack<IST_BYTES>; IST_COUNT] = [const { GuardedStack::new() }; IST_COUNT];

/// Whether `address` lies in a guard page: of the first core's stacks by place, of the others' because nothing else is left unmapped
/// where stacks are.
pub(super) fn is_guard(address: u64) -> bool {
    let first = core::iter::once(MAIN.guard()).chain(ISTS.iter().map(GuardedStack::guard));
    (STACKS_BASE..image::all().start).contains(&address)
        || first.into_iter().any(|guard| (guard..guard + PAGE).contains(&address))
}
