//! The stack against a smoltcp client, a small DHCP server, and hostile frames, over cables in memory.

mod addresses;
mod connections;
mod harness;
mod hostile;
