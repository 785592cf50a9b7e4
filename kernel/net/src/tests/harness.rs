//! A cable in memory, a client at its other end, and a clock that the test turns.

use crate::{Config, ConnectionId, Event, Ipv4Address, Link, Stack};
use smoltcp::iface::{Config as InterfaceConfig, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Cidr};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::vec;
use std::vec::Vec;

pub const GUEST_MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
pub const CLIENT_MAC: [u8; 6] = [0x52, 0x55, 10, 0, 2, 2];
pub const GUEST: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);
pub const CLIENT: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);
pub const PORT: u16 = 8080;

type Frames = Arc<Mutex<VecDeque<Vec<u8>>>>;

/// One end of a cable. Clones are the same end.
#[derive(Clone, Default)]
pub struct Cable {
    pub incoming: Frames,
    pub outgoing: Frames,
}

impl Cable {
    pub fn other_end(&self) -> Cable {
        Cable { incoming: self.outgoing.clone(), outgoing: self.incoming.clone() }
    }

    /// Hands the owner of this end a frame.
    pub fn deliver(&self, frame: &[u8]) {
        self.incoming.lock().unwrap().push_back(frame.to_vec());
    }

    /// Takes a frame that the owner of this end sent.
    pub fn take(&self) -> Option<Vec<u8>> {
        self.outgoing.lock().unwrap().pop_front()
    }
}

pub struct Frame(Vec<u8>);
pub struct Sender(Frames);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Sender {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.lock().unwrap().push_back(frame);
        result
    }
}

impl Device for Cable {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Sender;

    fn receive(&mut self, _: Instant) -> Option<(Frame, Sender)> {
        let frame = self.incoming.lock().unwrap().pop_front()?;
        Some((Frame(frame), Sender(self.outgoing.clone())))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sender> {
        Some(Sender(self.outgoing.clone()))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

impl Link for Cable {
    fn flush(&mut self) {}
}

/// The machine at the other end, with as many sockets as the test connects.
pub struct Client {
    pub cable: Cable,
    interface: Interface,
    pub sockets: SocketSet<'static>,
    next_port: u16,
}

impl Client {
    pub fn new(cable: Cable) -> Self {
        let mut cable = cable;
        let config = InterfaceConfig::new(EthernetAddress(CLIENT_MAC).into());
        let mut interface = Interface::new(config, &mut cable, Instant::from_millis(0));
        interface.update_ip_addrs(|list| list.push(IpCidr::Ipv4(Ipv4Cidr::new(CLIENT, 24))).unwrap());
        Client { cable, interface, sockets: SocketSet::new(Vec::new()), next_port: 40_000 }
    }

    pub fn connect(&mut self) -> SocketHandle {
        let buffer = || SocketBuffer::new(vec![0; 65_536]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.connect(self.interface.context(), (GUEST, PORT), self.next_port).unwrap();
        self.next_port += 1;
        self.sockets.add(socket)
    }

    pub fn socket(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.sockets.get_mut(handle)
    }

    pub fn poll(&mut self, now_ms: u64) {
        self.interface.poll(Instant::from_millis(now_ms as i64), &mut self.cable, &mut self.sockets);
    }
}

/// Both ends and the time.
pub struct Pair<L: Link> {
    pub stack: Stack<L>,
    pub client: Client,
    pub now_ms: u64,
}

pub fn config() -> Config {
    Config {
        addressing: crate::Addressing::parse("10.0.2.15/24,10.0.2.2").unwrap(),
        sockets: 8,
        ..Config::new(GUEST_MAC, PORT, 7)
    }
}

pub fn pair(config: Config) -> Pair<Cable> {
    let cable = Cable::default();
    Pair { stack: Stack::new(cable.clone(), config, 0), client: Client::new(cable.other_end()), now_ms: 0 }
}

impl<L: Link> Pair<L> {
    /// One millisecond: both ends poll; what happened at the stack's.
    pub fn step(&mut self) -> Vec<Event> {
        self.now_ms += 1;
        self.client.poll(self.now_ms);
        self.stack.poll(self.now_ms);
        let events = std::iter::from_fn(|| self.stack.next_event()).collect();
        self.client.poll(self.now_ms);
        events
    }

    /// Steps until one of the events is `wanted`'s, and returns what it made of it.
    pub fn until<R>(&mut self, limit_ms: u64, mut wanted: impl FnMut(Event) -> Option<R>) -> R {
        let end = self.now_ms + limit_ms;
        while self.now_ms < end {
            if let Some(found) = self.step().into_iter().find_map(&mut wanted) {
                return found;
            }
        }
        panic!("nothing of the kind in {limit_ms} ms");
    }

    /// A connection, open at both ends.
    pub fn connected(&mut self) -> (SocketHandle, ConnectionId) {
        let handle = self.client.connect();
        let id = self.until(100, |event| if let Event::Opened(id, _) = event { Some(id) } else { None });
        self.step();
        assert!(self.client.socket(handle).may_send());
        (handle, id)
    }
}
