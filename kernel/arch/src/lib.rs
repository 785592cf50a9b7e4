//! Boot entries, processor tables, paging, interrupts, cores, clock.
//!
//! Two halves. The pure modules turn bytes into meaning (or the other way round) and run on any host, where their tests are:
//! [`boot`], [`memmap`], [`pvh`], [`paging`], [`frames`], [`descriptors`], [`exception`], [`acpi`], [`msr`], [`symbols`]. The feature `bare`
//! adds what touches the processor: the entries in assembler, exception handlers, APICs, cores, serial line, power.
//!
//! Interrupts are off in this kernel, except while a core halts with nothing to do. So nothing here is reentrant, no lock
//! disables interrupts, and an interrupt handler has nothing to do but to acknowledge: to be woken was the point.
#![no_std]

#[cfg(all(feature = "bare", not(test)))]
extern crate alloc;

pub mod acpi;
pub mod addr;
pub mod boot;
pub mod descriptors;
pub mod exception;
pub mod frames;
pub mod load_options;
pub mod memmap;
pub mod msr;
pub mod paging;
pub mod pvh;
pub mod symbols;

#[cfg(all(feature = "bare", not(test)))]
mod bare;
#[cfg(all(feature = "bare", not(test)))]
pub use bare::*;

pub use addr::{HHDM_BASE, PhysAddr};
pub use boot::{BootInfo, BootSource, Framebuffer, MemoryKind, MemoryRegion};
