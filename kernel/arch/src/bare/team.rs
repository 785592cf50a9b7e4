//! All cores on one job.
//!
//! The first core publishes a job, works on it like the others, and waits until all are done. A worker without a job looks out for one for
//! a short while and then halts, so that an idle kernel costs its host nothing; it is woken by an interrupt.

use super::{apic, clock, cpu, interrupt, now_ticks, smp};
use core::cell::UnsafeCell;
use core::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
};
use smp::MAX_CORES;

/// What all cores run; each gets its number.
type Job = dyn Fn(usize) + Sync;

struct Slot(UnsafeCell<Option<*const Job>>);
// SAFETY: written by the first core before it raises `ROUND`, read by workers after they saw it raised, and not written again before
// all of them said that they are done.
unsafe impl Sync for Slot {}

static JOB: Slot = Slot(UnsafeCell::new(None));
/// Number of the round, times 256, plus the cores that take part in it. One word, so that both change at once.
static ROUND: AtomicU64 = AtomicU64::new(0);
static DONE: AtomicU32 = AtomicU32::new(0);
/// By core: it halts, or is about to.
static HALTED: [AtomicBool; MAX_CORES] = [const { AtomicBool::new(false) }; MAX_CORES];
/// Whether a round runs.
static BUSY: AtomicBool = AtomicBool::new(false);

const _: () = assert!(MAX_CORES < 256);

/// Nanoseconds for which a core looks out before it halts: longer than the pause between two tokens.
const LOOK_OUT_NS: u64 = 200_000;

/// A number of cores, the first one among them. Only the first core may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Team {
    cores: usize,
}

impl Team {
    /// At most `wanted` cores, at least one, at most those that run.
    pub fn new(wanted: usize) -> Self {
        Team { cores: wanted.clamp(1, smp::cores_online()) }
    }

    /// Cores in the team.
    pub fn count(&self) -> usize {
        self.cores
    }

    /// Runs `job(core)` once on each core, 0 to `count() - 1`, and returns when all have returned. Panics when called from within a job or
    /// from another core than the first: the workers would wait for themselves.
    pub fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        assert!(super::core_index() == 0, "only the first core gives work");
        if self.cores == 1 {
            return job(0);
        }
        assert!(!BUSY.swap(true, Acquire), "a job may not start another");
        // SAFETY: no round runs, so no worker looks at the slot. The lifetime is forgotten, but the job outlives the round, which ends
        // before this function does.
        unsafe { *JOB.0.get() = Some(core::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), *const Job>(job)) };
        DONE.store(0, Relaxed);
        let round = ROUND.load(Relaxed) / 256 + 1;
        ROUND.store(round * 256 + self.cores as u64, SeqCst);
        for core in 1..self.cores {
            wake(core);
        }
        job(0);
        let expected = self.cores as u32 - 1;
        wait(0, || DONE.load(SeqCst) == expected);
        BUSY.store(false, Release);
    }
}

/// Wakes a core that halts.
fn wake(core: usize) {
    if HALTED[core].load(SeqCst)
        && let Some(id) = smp::apic_id(core)
    {
        apic::send(id, interrupt::WAKE);
    }
}

/// Waits until `ready`: first looking out, then halting. Whoever makes it ready calls [`wake`] afterwards. That no wake-up is lost
/// follows from the order: here `HALTED` is set before `ready` is asked a last time, there `ready` becomes true before `HALTED` is
/// looked at, and an interrupt that comes before the halt ends it at once.
fn wait(core: usize, ready: impl Fn() -> bool) {
    let end = now_ticks().saturating_add(clock::ticks(LOOK_OUT_NS));
    while now_ticks() < end {
        if ready() {
            return;
        }
        core::hint::spin_loop();
    }
    while !ready() {
        HALTED[core].store(true, SeqCst);
        if !ready() {
            cpu::wait_for_interrupt();
        }
        HALTED[core].store(false, SeqCst);
    }
}

/// What the other cores do, for ever.
pub(super) fn work(core: usize) -> ! {
    let mut seen = 0;
    loop {
        wait(core, || ROUND.load(SeqCst) != seen);
        let round = ROUND.load(SeqCst);
        seen = round;
        let cores = (round % 256) as usize;
        if core >= cores {
            continue;
        }
        // SAFETY: this core takes part in the round, so the job is in place and lives until this core says that it is done.
        if let Some(job) = unsafe { *JOB.0.get() } {
            // SAFETY: as above.
            unsafe { (*job)(core) };
        }
        if DONE.fetch_add(1, SeqCst) + 2 == cores as u32 {
            wake(0);
        }
    }
}
