//! virtio 1.2: transports, the split queue, and drivers for block and network devices.
//!
//! Layers, each generic over the one below: [`Block`] and [`Net`] → [`SplitQueue`] and [`Device`] (status handshake, feature
//! negotiation) → [`Transport`] (PCI modern, PCI legacy, MMIO) and [`Dma`] (shared memory). Tests put a fake below the last.
//!
//! The device is not trusted. Whatever it may write (used ring, status bytes, received frames, configuration) is bounded before use;
//! what it has no business writing (descriptors, avail ring) is never read back, for the driver keeps its own copy. A device
//! that breaks the rules gets an [`Error`] and a dead queue, never a panic. Drivers poll; interrupts are off unless a caller
//! that wants to sleep turns them on.
//!
//! Section numbers are those of "Virtual I/O Device (VIRTIO) Version 1.2". Rings are little-endian, as x86 is.
#![no_std]
#![warn(missing_docs)]

extern crate alloc;
#[cfg(any(test, feature = "fake"))]
extern crate std;

mod block;
mod device;
mod dma;
mod error;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
pub mod features;
mod mistake;
mod net;
mod queue;
pub mod transport;

pub use block::{Block, BlockCounters, BlockInfo, Finished, SECTOR_BYTES, Ticket};
pub use device::{Device, Interrupts, describe};
pub use dma::{Dma, DmaMemory, PAGE_BYTES};
pub use error::Error;
pub use mistake::{MISTAKES, Mistake};
pub use net::{Net, NetCounters, NetInfo, TxSlot};
pub use queue::{Completion, QueueOptions, QueuePlace, Segment, SplitQueue};
pub use transport::Transport;
