//! One socket of the pool, and the connection that it carries.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::wire::IpEndpoint;

/// Names a connection; never used again after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Something that happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A peer connected.
    Opened(ConnectionId, IpEndpoint),
    /// Bytes wait. Said in every poll until they are taken.
    Readable(ConnectionId),
    /// The peer will send nothing more, and everything it sent has been taken. It may still listen: an answer can be sent.
    PeerClosed(ConnectionId),
    /// It is over: closed by both sides, reset by the peer, or the peer is dead. The id is no longer known.
    Closed(ConnectionId),
}

/// What a socket is doing for us. The TCP state is smoltcp's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Waits for a peer, or is shaking hands with one.
    Listening,
    /// Belongs to the caller.
    Open(ConnectionId),
    /// The caller is done with it; TCP is not yet.
    Closing,
}

/// A socket and its story.
#[derive(Debug)]
pub(crate) struct Slot {
    pub handle: SocketHandle,
    pub phase: Phase,
    /// When the phase began, or, while listening, when a handshake was first seen.
    pub since_ms: u64,
    pub shaking_hands: bool,
    pub told_peer_closed: bool,
    pub received: u64,
    pub sent: u64,
}

impl Slot {
    pub fn new(handle: SocketHandle) -> Self {
        Slot { handle, phase: Phase::Listening, since_ms: 0, shaking_hands: false, told_peer_closed: false, received: 0, sent: 0 }
    }

    pub fn enter(&mut self, phase: Phase, now_ms: u64) {
        self.phase = phase;
        self.since_ms = now_ms;
    }
}

/// Whether a handshake is complete, whatever came after it.
pub(crate) fn is_connected(socket: &Socket<'_>) -> bool {
    !matches!(socket.state(), State::Closed | State::Listen | State::SynSent | State::SynReceived)
}

/// The state as `ss` names it.
pub(crate) fn state_name(state: State) -> &'static str {
    match state {
        State::Closed => "CLOSED",
        State::Listen => "LISTEN",
        State::SynSent => "SYN-SENT",
        State::SynReceived => "SYN-RECV",
        State::Established => "ESTAB",
        State::FinWait1 => "FIN-WAIT-1",
        State::FinWait2 => "FIN-WAIT-2",
        State::CloseWait => "CLOSE-WAIT",
        State::Closing => "CLOSING",
        State::LastAck => "LAST-ACK",
        State::TimeWait => "TIME-WAIT",
    }
}
