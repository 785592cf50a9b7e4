//! A barrier that spins: between the steps of a pass the cores wait some microseconds at most.

use core::hint::spin_loop;
use core::sync::atomic::{
    AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

/// Reusable; each round is a generation, so a core that runs ahead into the next round cannot be mistaken for one of this.
#[derive(Debug, Default)]
pub(crate) struct Barrier {
    arrived: AtomicUsize,
    generation: AtomicUsize,
}

impl Barrier {
    /// Returns when `parties` cores are here; what each did before is then visible to all.
    #[inline]
    pub(crate) fn wait(&self, parties: usize) {
        if parties <= 1 {
            return;
        }
        let generation = self.generation.load(Relaxed);
        if self.arrived.fetch_add(1, AcqRel) + 1 == parties {
            self.arrived.store(0, Relaxed);
            self.generation.store(generation.wrapping_add(1), Release);
            return;
        }
        #[cfg(any(test, feature = "std"))]
        let mut spins = 0_u32;
        while self.generation.load(Acquire) == generation {
            spin_loop();
            // A host gives a thread's processor to others now and then: let it be the one that we wait for.
            #[cfg(any(test, feature = "std"))]
            {
                spins += 1;
                if spins > 2_000 {
                    std::thread::yield_now();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_passes_early() {
        let (barrier, count) = (Barrier::default(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for round in 1..=200 {
                        count.fetch_add(1, Relaxed);
                        barrier.wait(3);
                        assert!(count.load(Relaxed) >= 3 * round);
                        barrier.wait(3);
                        assert!(count.load(Relaxed) <= 3 * (round + 1));
                    }
                });
            }
        });
        assert_eq!(count.load(Relaxed), 600);
    }
}
