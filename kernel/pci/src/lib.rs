//! PCI: configuration access, enumeration through bridges, BARs, capabilities, MSI-X.
//!
//! [`ConfigAccess`] is the one way to configuration space, by ECAM ([`Ecam`]) or by the ports 0xCF8/0xCFC ([`PortAccess`]).
//! [`enumerate`] walks every bus that a bridge leads to and returns plain [`Function`] values. Device registers are reached
//! through [`Registers`], which a mapped BAR ([`Window`]), a port range ([`PortWindow`]) and a test's fake all are.
//!
//! Configuration space is taken as hostile: bus loops, capability loops, endless bridges and impossible BARs end in a shorter
//! list, never in a hang or a panic. Section numbers are those of the PCI Local Bus Specification 3.0 and of the PCI-to-PCI
//! Bridge Architecture Specification 1.2.
#![no_std]

extern crate alloc;
#[cfg(any(test, feature = "fake"))]
extern crate std;

mod access;
mod assign;
mod bar;
mod capability;
mod enumerate;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod function;
mod names;
mod ports;
mod registers;

pub use access::{Address, ConfigAccess, Ecam, PortAccess};
pub use assign::{AssignError, HostWindows, assign_bars, assign_buses};
pub use bar::Bar;
pub use capability::{Capability, Msix, capability_id};
pub use enumerate::{MAX_FUNCTIONS, enumerate};
pub use function::{BridgeBuses, Function, command};
pub use names::{class_name, device_name, vendor_name};
pub use ports::{PortIo, X86Ports};
pub use registers::{PortWindow, Registers, Window};
