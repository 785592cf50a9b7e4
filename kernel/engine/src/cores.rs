//! Where the engine's work is run: on the kernel's cores, on host threads, or on the caller alone.

/// A team of cores that can all work on one job. Core 0 is the caller.
pub trait Cores: Sync {
    /// Cores in the team, at least 1.
    fn count(&self) -> usize;
    /// Runs `job(core)` once on each core, 0 to `count() - 1`, and returns when all have returned. Not reentrant.
    fn run(&self, job: &(dyn Fn(usize) + Sync));
}

/// The caller alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct OneCore;

impl Cores for OneCore {
    fn count(&self) -> usize {
        1
    }
    fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        job(0);
    }
}
