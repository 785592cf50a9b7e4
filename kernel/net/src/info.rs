//! What `ip` and `ss` show.

use crate::{AddressSource, ConnectionId};
use smoltcp::wire::{IpEndpoint, Ipv4Address, Ipv4Cidr};

/// The interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterfaceInfo {
    /// Hardware address.
    pub mac: [u8; 6],
    /// Largest IP packet in bytes.
    pub mtu: usize,
    /// Address and prefix length, once there is one.
    pub address: Option<Ipv4Cidr>,
    /// Default gateway.
    pub gateway: Option<Ipv4Address>,
    /// Where the address came from.
    pub source: AddressSource,
}

/// One socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketInfo {
    /// The connection, if the socket carries one that is still the caller's.
    pub id: Option<ConnectionId>,
    /// TCP state as `ss` names it.
    pub state: &'static str,
    /// Local port.
    pub port: u16,
    /// The other end.
    pub peer: Option<IpEndpoint>,
    /// Bytes received that the caller has not taken yet.
    pub receive_queue: usize,
    /// Bytes sent that the peer has not acknowledged yet.
    pub send_queue: usize,
    /// Bytes that the caller took since the connection was opened.
    pub received: u64,
    /// Bytes that the caller gave since the connection was opened.
    pub sent: u64,
    /// Milliseconds since the connection was opened.
    pub age_ms: u64,
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StackCounters {
    /// Connections opened by peers.
    pub opened: u64,
    /// Connections that ended by reset or timeout rather than by both sides closing.
    pub lost: u64,
    /// Sockets taken back early because too few were left to listen.
    pub reclaimed: u64,
    /// Bytes that callers took.
    pub received: u64,
    /// Bytes that callers gave.
    pub sent: u64,
}
