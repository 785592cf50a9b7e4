//! Where the machine's address comes from.

use core::fmt;
use smoltcp::wire::{Ipv4Address, Ipv4Cidr};

/// A fixed address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticAddress {
    /// Address and prefix length.
    pub cidr: Ipv4Cidr,
    /// Default gateway.
    pub gateway: Option<Ipv4Address>,
}

impl StaticAddress {
    /// What QEMU's user network gives its first guest.
    pub const QEMU: StaticAddress =
        StaticAddress { cidr: Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24), gateway: Some(Ipv4Address::new(10, 0, 2, 2)) };
}

/// How to come by an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// Ask by DHCP; without an answer for `patience_ms` use `fallback`, and go on asking.
    Dhcp {
        /// Address until a lease comes.
        fallback: StaticAddress,
        /// Milliseconds to wait for a lease.
        patience_ms: u64,
    },
    /// Always this one.
    Static(StaticAddress),
}

impl Default for Addressing {
    fn default() -> Self {
        Addressing::Dhcp { fallback: StaticAddress::QEMU, patience_ms: 3000 }
    }
}

impl Addressing {
    /// Reads the command line's `ip=` value: `dhcp`, or `10.0.2.15/24` with an optional `,10.0.2.2` for the gateway. Without a
    /// prefix length, 24 is taken. `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "dhcp" {
            return Some(Addressing::default());
        }
        let (address, gateway) = match text.split_once(',') {
            Some((address, gateway)) => (address, Some(gateway.parse().ok()?)),
            None => (text, None),
        };
        let (address, prefix) = address.split_once('/').unwrap_or((address, "24"));
        let (address, prefix): (Ipv4Address, u8) = (address.parse().ok()?, prefix.parse().ok()?);
        let usable = prefix <= 32 && !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast();
        usable.then(|| Addressing::Static(StaticAddress { cidr: Ipv4Cidr::new(address, prefix), gateway }))
    }
}

/// Where the present address came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressSource {
    /// There is none yet.
    None,
    /// A lease from this server.
    Dhcp(Ipv4Address),
    /// No DHCP server answered.
    Fallback,
    /// The command line.
    Static,
}

impl fmt::Display for AddressSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressSource::None => f.write_str("none"),
            AddressSource::Dhcp(server) => write!(f, "dhcp from {server}"),
            AddressSource::Fallback => f.write_str("static fallback, no DHCP answer"),
            AddressSource::Static => f.write_str("static"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_words() {
        assert_eq!(Addressing::parse("dhcp"), Some(Addressing::default()));
        assert_eq!(Addressing::parse("10.0.2.15/24,10.0.2.2"), Some(Addressing::Static(StaticAddress::QEMU)));
        let Some(Addressing::Static(bare)) = Addressing::parse("192.168.1.9") else { panic!("a bare address is one") };
        assert_eq!((bare.cidr.prefix_len(), bare.gateway), (24, None));
        for bad in ["", "on", "10.0.2", "10.0.2.15/33", "10.0.2.15/24,", "10.0.2.15,x", "0.0.0.0/0", "224.0.0.1", "10.0.2.256"] {
            assert_eq!(Addressing::parse(bad), None, "{bad}");
        }
    }
}
