//! TCP/IP: smoltcp over a network device, with an address by DHCP or a static one, ARP, ICMP echo, and one TCP port on which many
//! connections are served at once.
//!
//! [`Stack`] runs over any [`Link`]; [`VirtioLink`] is the one that the kernel has. Nothing here blocks or keeps time: the caller
//! polls with its clock, takes [`Event`]s, and moves bytes by connection.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod address;
mod config;
mod connection;
mod info;
mod link;
mod stack;
#[cfg(test)]
mod tests;

pub use address::{AddressSource, Addressing, StaticAddress};
pub use config::Config;
pub use connection::{ConnectionId, Event};
pub use info::{InterfaceInfo, SocketInfo, StackCounters};
pub use link::{Link, VirtioLink};
pub use smoltcp::wire::{Ipv4Address, Ipv4Cidr};
pub use stack::Stack;
