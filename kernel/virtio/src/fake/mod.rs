//! A device that really works its rings, in ordinary memory: the boundary that the drivers' tests are faked at.

mod memory;
mod models;
mod transport;

pub use memory::FakeDma;
pub use models::{Disk, Wire};
pub use transport::{FakeTransport, Lie, Model};

use ring0_abi::DriverEntry;
use std::boxed::Box;

/// A registry entry that lives for ever.
pub fn entry() -> &'static DriverEntry {
    Box::leak(Box::new(DriverEntry::new()))
}
