//! The stack: interface, DHCP, and a pool of sockets on one port.
//!
//! Sockets that carry no connection listen. When fewer than [`RESERVE`] do, those in TIME-WAIT are taken back, then new ones are
//! made up to the configured number, then others that only wind down are taken back. smoltcp has no backlog and would refuse a
//! peer that finds nobody listening; instead its SYN is passed over, so that it tries again (see [`Gate`]).

use crate::connection::{ConnectionId, Event, Phase, Slot, is_connected, state_name};
use crate::link::Gate;
use crate::{AddressSource, Addressing, Config, InterfaceInfo, Link, SocketInfo, StackCounters, StaticAddress};
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use smoltcp::iface::{Config as InterfaceConfig, Interface, PollIngressSingleResult, SocketHandle, SocketSet};
use smoltcp::socket::dhcpv4;
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};

/// Frames taken per poll: a flood must not keep the caller from its other work.
const FRAMES_PER_POLL: usize = 128;
/// Rounds of sending per poll, each of which lets every socket send.
const ROUNDS_PER_POLL: usize = 64;
/// Sockets that should always be listening, as far as the pool reaches.
const RESERVE: usize = 4;
/// How long a connection that the caller closed may take to wind down, and a handshake to complete, in milliseconds.
const PATIENCE_MS: u64 = 10_000;

/// A TCP/IP stack over one device.
pub struct Stack<L: Link> {
    link: Gate<L>,
    interface: Interface,
    sockets: SocketSet<'static>,
    slots: Vec<Slot>,
    dhcp: Option<SocketHandle>,
    config: Config,
    source: AddressSource,
    gateway: Option<Ipv4Address>,
    /// Since when there has been no address.
    unaddressed_ms: Option<u64>,
    now_ms: u64,
    next_id: u64,
    events: VecDeque<Event>,
    counters: StackCounters,
}

impl<L: Link> Stack<L> {
    /// A stack over `link`, at time `now_ms` of the caller's clock.
    pub fn new(link: L, config: Config, now_ms: u64) -> Self {
        let mut link = Gate::new(link);
        let mut interface_config = InterfaceConfig::new(EthernetAddress(config.mac).into());
        interface_config.random_seed = config.random_seed;
        let interface = Interface::new(interface_config, &mut link, instant(now_ms));
        let mut stack = Stack {
            link,
            interface,
            sockets: SocketSet::new(Vec::new()),
            slots: Vec::new(),
            dhcp: None,
            source: AddressSource::None,
            gateway: None,
            unaddressed_ms: Some(now_ms),
            now_ms,
            next_id: 1,
            events: VecDeque::new(),
            counters: StackCounters::default(),
            config,
        };
        match stack.config.addressing {
            Addressing::Static(address) => stack.set_address(address, AddressSource::Static),
            Addressing::Dhcp { .. } => {
                let mut socket = dhcpv4::Socket::new();
                let mut retry = dhcpv4::RetryConfig::default();
                // The defaults of 10 and 5 s would outlast the fallback's patience.
                retry.discover_timeout = Duration::from_secs(1);
                retry.initial_request_timeout = Duration::from_secs(1);
                socket.set_retry_config(retry);
                stack.dhcp = Some(stack.sockets.add(socket));
            }
        }
        stack.keep_listening();
        stack
    }

    /// Moves everything on: receives, answers, sends, notices. `now_ms` never goes back. Then take [`next_event`](Self::next_event)
    /// until there is none. Returns whether anything was received or changed.
    pub fn poll(&mut self, now_ms: u64) -> bool {
        self.now_ms = self.now_ms.max(now_ms);
        let now = instant(self.now_ms);
        let mut busy = false;
        self.interface.poll_maintenance(now);
        for _ in 0..FRAMES_PER_POLL {
            if self.interface.poll_ingress_single(now, &mut self.link, &mut self.sockets) == PollIngressSingleResult::None {
                break;
            }
            busy = true;
            // A burst of connections may come in one round.
            self.keep_listening();
        }
        self.poll_dhcp();
        self.send_pending();
        for n in 0..self.slots.len() {
            self.poll_slot(n);
        }
        self.keep_listening();
        busy || !self.events.is_empty()
    }

    /// Lets the sockets send what they hold, and tells the device. [`poll`](Self::poll) does it as well; after a round of
    /// [`send`](Self::send) it saves waiting for the next poll.
    pub fn send_pending(&mut self) {
        let now = instant(self.now_ms);
        for _ in 0..ROUNDS_PER_POLL {
            if self.interface.poll_egress(now, &mut self.link, &mut self.sockets) == smoltcp::iface::PollResult::None {
                break;
            }
        }
        self.link.inner.flush();
    }

    /// The oldest thing that happened in the last polls.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Milliseconds until there is something to do even if no frame arrives; `None` if only a frame can change anything. 0 means
    /// poll at once.
    pub fn next_poll_delay(&mut self, now_ms: u64) -> Option<u64> {
        if !self.events.is_empty() {
            return Some(0);
        }
        let now = instant(now_ms);
        let sockets = self.interface.poll_delay(now, &self.sockets).map(|d| d.total_millis());
        let own = self.deadlines().map(|at| at.saturating_sub(now_ms)).min();
        sockets.into_iter().chain(own).min()
    }

    /// Times at which this layer, rather than smoltcp, has something to do.
    fn deadlines(&self) -> impl Iterator<Item = u64> {
        let fallback = match (self.config.addressing, self.unaddressed_ms) {
            (Addressing::Dhcp { patience_ms, .. }, Some(since)) => Some(since + patience_ms),
            _ => None,
        };
        let waiting = |slot: &&Slot| slot.phase == Phase::Closing || slot.shaking_hands;
        fallback.into_iter().chain(self.slots.iter().filter(waiting).map(|slot| slot.since_ms + PATIENCE_MS))
    }

    /// Takes received bytes; how many, 0 if there are none or the connection is not known.
    pub fn recv(&mut self, id: ConnectionId, into: &mut [u8]) -> usize {
        let Some(n) = self.find(id) else { return 0 };
        let slot = &mut self.slots[n];
        let count = self.sockets.get_mut::<Socket>(slot.handle).recv_slice(into).unwrap_or(0);
        slot.received += count as u64;
        self.counters.received += count as u64;
        count
    }

    /// Gives bytes to send; how many were taken, 0 if the buffer is full or the connection is not known or closed.
    pub fn send(&mut self, id: ConnectionId, bytes: &[u8]) -> usize {
        let Some(n) = self.find(id) else { return 0 };
        let slot = &mut self.slots[n];
        let count = self.sockets.get_mut::<Socket>(slot.handle).send_slice(bytes).unwrap_or(0);
        slot.sent += count as u64;
        self.counters.sent += count as u64;
        count
    }

    /// Bytes that [`send`](Self::send) would take now.
    pub fn send_room(&self, id: ConnectionId) -> usize {
        let Some(n) = self.find(id) else { return 0 };
        let socket = self.sockets.get::<Socket>(self.slots[n].handle);
        if socket.may_send() { socket.send_capacity() - socket.send_queue() } else { 0 }
    }

    /// Closes the connection after what was given has been sent. The id is no longer known; there are no more events about it.
    pub fn close(&mut self, id: ConnectionId) {
        if let Some(n) = self.find(id) {
            self.sockets.get_mut::<Socket>(self.slots[n].handle).close();
            self.slots[n].enter(Phase::Closing, self.now_ms);
        }
    }

    /// Resets the connection at once. The id is no longer known; there are no more events about it.
    pub fn abort(&mut self, id: ConnectionId) {
        if let Some(n) = self.find(id) {
            self.sockets.get_mut::<Socket>(self.slots[n].handle).abort();
            self.slots[n].enter(Phase::Closing, self.now_ms);
        }
    }

    /// The device below.
    pub fn link(&self) -> &L {
        &self.link.inner
    }

    /// The device below, to turn its interrupts on and off.
    pub fn link_mut(&mut self) -> &mut L {
        &mut self.link.inner
    }

    /// Serves `port` from now on; 0 takes no new connections. Those that are open stay.
    pub fn set_port(&mut self, port: u16) {
        self.config.port = port;
        for n in 0..self.slots.len() {
            if self.slots[n].phase == Phase::Listening {
                self.listen(n);
            }
        }
        self.keep_listening();
    }

    /// The port that is served; 0 if none is.
    pub fn port(&self) -> u16 {
        self.config.port
    }

    /// What `ip` shows.
    pub fn interface_info(&self) -> InterfaceInfo {
        InterfaceInfo {
            mac: self.config.mac,
            mtu: self.link.inner.capabilities().ip_mtu(),
            address: self.interface.ip_addrs().iter().map(|IpCidr::Ipv4(cidr)| *cidr).next(),
            gateway: self.gateway,
            source: self.source,
        }
    }

    /// What `ss` shows: every socket that is not just listening, and one line for those that are.
    pub fn socket_info(&self) -> Vec<SocketInfo> {
        let mut listening = false;
        let infos = self.slots.iter().map(|slot| {
            let socket = self.sockets.get::<Socket>(slot.handle);
            SocketInfo {
                id: if let Phase::Open(id) = slot.phase { Some(id) } else { None },
                state: state_name(socket.state()),
                port: self.config.port,
                peer: socket.remote_endpoint(),
                receive_queue: socket.recv_queue(),
                send_queue: socket.send_queue(),
                received: slot.received,
                sent: slot.sent,
                age_ms: if slot.phase == Phase::Listening { 0 } else { self.now_ms.saturating_sub(slot.since_ms) },
            }
        });
        infos.filter(|info| info.peer.is_some() || !core::mem::replace(&mut listening, true)).collect()
    }

    /// What has happened so far.
    pub fn counters(&self) -> StackCounters {
        self.counters
    }

    fn find(&self, id: ConnectionId) -> Option<usize> {
        self.slots.iter().position(|slot| slot.phase == Phase::Open(id))
    }

    fn listen(&mut self, n: usize) {
        let slot = &mut self.slots[n];
        *slot = Slot::new(slot.handle);
        let socket = self.sockets.get_mut::<Socket>(slot.handle);
        socket.abort();
        // It fails only on port 0, which serves nobody.
        let _ = socket.listen(self.config.port);
    }

    fn poll_slot(&mut self, n: usize) {
        let slot = &mut self.slots[n];
        let socket = self.sockets.get::<Socket>(slot.handle);
        // Bytes that still have to go out get more time than a bare goodbye.
        let patience = if slot.phase == Phase::Closing && socket.send_queue() > 0 { 6 * PATIENCE_MS } else { PATIENCE_MS };
        let waited = self.now_ms.saturating_sub(slot.since_ms) >= patience;
        match slot.phase {
            Phase::Listening if is_connected(socket) => {
                let Some(peer) = socket.remote_endpoint() else { return self.listen(n) };
                let id = ConnectionId(self.next_id);
                self.next_id += 1;
                self.counters.opened += 1;
                slot.shaking_hands = false;
                slot.enter(Phase::Open(id), self.now_ms);
                self.events.push_back(Event::Opened(id, peer));
                self.poll_open(n, id);
            }
            Phase::Listening => match socket.state() {
                State::Closed if self.config.port != 0 => self.listen(n),
                State::SynReceived if !slot.shaking_hands => {
                    slot.shaking_hands = true;
                    slot.since_ms = self.now_ms;
                }
                State::SynReceived if waited => self.listen(n),
                State::SynReceived => (),
                _ => slot.shaking_hands = false,
            },
            Phase::Open(id) => self.poll_open(n, id),
            // Closed with an endpoint still has a reset to send.
            Phase::Closing if socket.state() == State::Closed && (socket.remote_endpoint().is_none() || waited) => self.listen(n),
            Phase::Closing if waited && socket.state() != State::TimeWait => {
                self.sockets.get_mut::<Socket>(slot.handle).abort();
                slot.since_ms = self.now_ms;
            }
            Phase::Closing => (),
        }
    }

    fn poll_open(&mut self, n: usize, id: ConnectionId) {
        let slot = &mut self.slots[n];
        let socket = self.sockets.get::<Socket>(slot.handle);
        // What was received can be taken even after the end.
        if socket.can_recv() {
            return self.say_once(Event::Readable(id));
        }
        if socket.state() == State::Closed {
            slot.enter(Phase::Closing, self.now_ms);
            self.counters.lost += 1;
            self.events.push_back(Event::Closed(id));
        } else if !socket.may_recv() && !slot.told_peer_closed {
            slot.told_peer_closed = true;
            self.events.push_back(Event::PeerClosed(id));
        }
    }

    /// A caller that takes no events gets no second copy of one: the queue stays bounded by the number of sockets.
    fn say_once(&mut self, event: Event) {
        if !self.events.contains(&event) {
            self.events.push_back(event);
        }
    }

    /// Sees to it that sockets are left to listen, as far as the pool reaches, and closes the gate where it does not.
    fn keep_listening(&mut self) {
        if self.config.port == 0 {
            self.link.closed_port = None;
            return;
        }
        let states = self.slots.iter().map(|slot| self.sockets.get::<Socket>(slot.handle).state());
        let listening = states.filter(|state| *state == State::Listen).count();
        let mut made = listening;
        while made < RESERVE && self.make_listener() {
            made += 1;
        }
        self.link.closed_port = (made == 0).then_some(self.config.port);
    }

    /// One more socket that listens; false if there is none to be had.
    fn make_listener(&mut self) -> bool {
        if let Some(n) = self.oldest_in(|state| state == State::TimeWait) {
            self.counters.reclaimed += 1;
            self.listen(n);
        } else if self.slots.len() < self.config.sockets {
            self.slots.push(Slot::new(self.sockets.add(new_socket(&self.config))));
            self.listen(self.slots.len() - 1);
        } else if let Some(n) = self.oldest_in(|state| matches!(state, State::FinWait2 | State::Closed)) {
            self.counters.reclaimed += 1;
            self.listen(n);
        } else {
            return false;
        }
        true
    }

    /// The socket that the caller has been done with for longest, of those in a state that `may_go`.
    fn oldest_in(&self, may_go: impl Fn(State) -> bool) -> Option<usize> {
        let state = |slot: &Slot| self.sockets.get::<Socket>(slot.handle).state();
        let candidates = (0..self.slots.len()).filter(|&n| {
            let slot = &self.slots[n];
            slot.phase == Phase::Closing && may_go(state(slot))
        });
        candidates.min_by_key(|&n| self.slots[n].since_ms)
    }

    fn poll_dhcp(&mut self) {
        let Some(handle) = self.dhcp else { return };
        // The lease is copied out, for it borrows the socket.
        let news = match self.sockets.get_mut::<dhcpv4::Socket>(handle).poll() {
            Some(dhcpv4::Event::Configured(lease)) => Some(Some((lease.address, lease.router, lease.server.address))),
            Some(dhcpv4::Event::Deconfigured) => Some(None),
            None => None,
        };
        match news {
            Some(Some((cidr, gateway, server))) => {
                self.set_address(StaticAddress { cidr, gateway }, AddressSource::Dhcp(server));
            }
            // Said at the start as well, when there is nothing to lose.
            Some(None) if matches!(self.source, AddressSource::Dhcp(_)) => {
                self.interface.update_ip_addrs(|addresses| addresses.clear());
                self.interface.routes_mut().remove_default_ipv4_route();
                (self.source, self.gateway) = (AddressSource::None, None);
                self.unaddressed_ms = Some(self.now_ms);
            }
            _ => (),
        }
        if let (Addressing::Dhcp { fallback, patience_ms }, Some(since)) = (self.config.addressing, self.unaddressed_ms)
            && self.now_ms.saturating_sub(since) >= patience_ms
        {
            self.set_address(fallback, AddressSource::Fallback);
        }
    }

    fn set_address(&mut self, address: StaticAddress, source: AddressSource) {
        self.interface.update_ip_addrs(|addresses| {
            addresses.clear();
            // There is room: the list holds two.
            let _ = addresses.push(IpCidr::Ipv4(address.cidr));
        });
        self.interface.routes_mut().remove_default_ipv4_route();
        if let Some(gateway) = address.gateway {
            // There is room: the table holds two, and only this one is ever in it.
            let _ = self.interface.routes_mut().add_default_ipv4_route(gateway);
        }
        self.gateway = address.gateway;
        self.source = source;
        self.unaddressed_ms = None;
    }
}

fn new_socket(config: &Config) -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; config.buffer_bytes]);
    let mut socket = Socket::new(buffer(), buffer());
    // A token is small and must not wait for the next.
    socket.set_nagle_enabled(false);
    socket.set_timeout(Some(Duration::from_millis(config.dead_after_ms)));
    socket.set_keep_alive(Some(Duration::from_millis(config.dead_after_ms / 3)));
    socket
}

/// smoltcp counts in signed microseconds; a clock beyond that stands still rather than wrapping.
fn instant(now_ms: u64) -> Instant {
    Instant::from_millis(i64::try_from(now_ms).unwrap_or(i64::MAX).min(i64::MAX / 1000))
}
