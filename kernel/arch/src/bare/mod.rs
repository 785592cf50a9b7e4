//! What touches the processor.

pub mod cpu;
mod entry;
mod firmware;
mod heap;
pub mod image;
mod lock;
mod mem;
pub mod memory;
pub mod port;
pub mod serial;
mod simd;
mod stack;

pub use cpu::now_ticks;
pub use lock::{Mutex, SpinLock};
pub use memory::{MemoryStats, alloc_region, free_region, map_mmio, memory_stats, phys_of};
pub use simd::xcr0;
