//! What touches the processor.

pub mod apic;
pub mod cpu;
mod entry;
pub mod fault;
mod firmware;
mod heap;
pub mod image;
mod interrupt;
pub mod ksyms;
mod lock;
mod mem;
pub mod memory;
mod peheader;
pub mod port;
pub mod report;
pub mod serial;
mod simd;
mod stack;
pub mod tables;
mod trap;
mod uefi;

pub use cpu::now_ticks;
pub use interrupt::{InterruptCounts, interrupt_counts};
pub use lock::{Mutex, SpinLock};
pub use memory::{MemoryStats, alloc_region, free_region, map_mmio, memory_stats, phys_of};
pub use simd::xcr0;
pub use tables::core_index;
