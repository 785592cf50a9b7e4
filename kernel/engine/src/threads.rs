//! A team of host threads.

use crate::cores::Cores;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::vec::Vec;

type Job = &'static (dyn Fn(usize) + Sync);

struct State {
    job: Mutex<Option<Job>>,
    generation: AtomicUsize,
    running: AtomicUsize,
    over: AtomicBool,
}

/// Threads that wait for jobs; the caller is core 0. Dropping the team ends them.
pub struct Threads {
    state: Arc<State>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// A team of `count` cores, the caller among them.
    pub fn new(count: usize) -> Threads {
        let state = Arc::new(State {
            job: Mutex::new(None),
            generation: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let handles = (1..count.max(1))
            .map(|core| {
                let state = Arc::clone(&state);
                std::thread::spawn(move || work(&state, core))
            })
            .collect();
        Threads { state, handles }
    }
}

fn work(state: &State, core: usize) {
    let mut seen = 0;
    loop {
        let mut spins = 0_u32;
        while state.generation.load(SeqCst) == seen {
            core::hint::spin_loop();
            spins += 1;
            if spins > 20_000 {
                // `run` unparks after it has raised the generation, so a wake-up cannot be lost.
                std::thread::park();
            }
        }
        seen = state.generation.load(SeqCst);
        if state.over.load(SeqCst) {
            return;
        }
        let job = *state.job.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(job) = job {
            job(core);
        }
        state.running.fetch_sub(1, SeqCst);
    }
}

impl Cores for Threads {
    fn count(&self) -> usize {
        self.handles.len() + 1
    }

    fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        // SAFETY: the workers use the job only until they have counted themselves out of `running`, and this call waits for that.
        let job = unsafe { core::mem::transmute::<&(dyn Fn(usize) + Sync), Job>(job) };
        *self.state.job.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(job);
        self.state.running.store(self.handles.len(), SeqCst);
        self.state.generation.fetch_add(1, SeqCst);
        for handle in &self.handles {
            handle.thread().unpark();
        }
        job(0);
        let mut spins = 0_u32;
        while self.state.running.load(SeqCst) > 0 {
            core::hint::spin_loop();
            spins += 1;
            if spins > 20_000 {
                std::thread::yield_now();
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.state.over.store(true, SeqCst);
        self.state.generation.fetch_add(1, SeqCst);
        for handle in self.handles.drain(..) {
            handle.thread().unpark();
            // A worker that panicked has printed why; nothing is left to say.
            let _ = handle.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_core_works_once_per_job() {
        let team = Threads::new(3);
        assert_eq!(team.count(), 3);
        for _ in 0..100 {
            let seen = [const { AtomicUsize::new(0) }; 3];
            team.run(&|core| {
                seen[core].fetch_add(1, SeqCst);
            });
            assert_eq!(seen.map(|n| n.into_inner()), [1; 3]);
        }
    }
}
