//! The cores, as the engine wants them.

use ring0_arch::{Team, cores_online};
use ring0_engine::cores::Cores;

struct AllCores;

impl Cores for AllCores {
    fn count(&self) -> usize {
        cores_online()
    }

    fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        Team::new(cores_online()).run(job);
    }
}

/// Every core that runs.
pub fn cores() -> &'static dyn Cores {
    &AllCores
}
