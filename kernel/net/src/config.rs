//! How a [`Stack`](crate::Stack) is set up.

use crate::Addressing;

/// Everything that a stack is told at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Hardware address of the device.
    pub mac: [u8; 6],
    /// TCP port to serve; 0 serves none until [`set_port`](crate::Stack::set_port).
    pub port: u16,
    /// Most sockets, and so most connections at once, those that are winding down included. They are made as they are needed;
    /// each takes twice `buffer_bytes` of heap from then on.
    pub sockets: usize,
    /// Bytes of receive buffer and of send buffer per socket.
    pub buffer_bytes: usize,
    /// Where the address comes from.
    pub addressing: Addressing,
    /// Makes initial sequence numbers and DHCP transactions hard to guess; anything that differs from boot to boot.
    pub random_seed: u64,
    /// A peer that answers nothing for so long is taken for dead, in milliseconds. Idle peers are asked three times in that time.
    pub dead_after_ms: u64,
}

impl Config {
    /// Up to 64 sockets with 64 KiB each way, DHCP with QEMU's usual address as the fallback.
    pub fn new(mac: [u8; 6], port: u16, random_seed: u64) -> Self {
        Config {
            mac,
            port,
            sockets: 64,
            buffer_bytes: 64 << 10,
            addressing: Addressing::default(),
            random_seed,
            dead_after_ms: 30_000,
        }
    }
}
