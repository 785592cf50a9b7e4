//! Between TCP and the API: opens, feeds, drains and closes connections.

use crate::backend::Machine;
use crate::clock::now_ns;
use crate::devices::{KernelDma, NetworkCard};
use crate::log;
use alloc::{boxed::Box, collections::BTreeMap, vec, vec::Vec};
use ring0_arch::now_ticks;
use ring0_net::{AddressSource, Addressing, Config, ConnectionId, Event, Stack, VirtioLink};
use ring0_server::{ConnId, Server};
use ring0_shell::Options;
use ring0_virtio::Transport;

/// Bytes moved from a socket in one go.
const PIECE: usize = 16 << 10;

/// A connection as both sides know it.
#[derive(Debug)]
struct Link {
    server: ConnId,
    /// Received from the socket, and not yet taken by the server.
    backlog: Vec<u8>,
    /// The peer sends nothing more; said to the server once the backlog is gone.
    peer_closed: bool,
    told: bool,
}

/// The network stack, and who is connected.
pub struct Network {
    stack: Stack<VirtioLink<KernelDma, Box<dyn Transport>>>,
    links: BTreeMap<ConnectionId, Link>,
    source: AddressSource,
    piece: Vec<u8>,
}

impl Network {
    /// Starts the stack on the first network card, if there is one.
    pub fn new(card: Option<NetworkCard>, options: &Options) -> Option<Self> {
        let Some(card) = card else {
            log!("no network card: the API cannot be served");
            return None;
        };
        let mut config = Config::new(card.info().mac, options.serve.port().unwrap_or(0), now_ticks());
        if let Some(ip) = &options.ip {
            match Addressing::parse(ip) {
                Some(addressing) => config.addressing = addressing,
                None => log!("ip={ip}: not ADDRESS/PREFIX[,GATEWAY] such as 10.0.2.15/24,10.0.2.2; using DHCP"),
            }
        }
        let stack = Stack::new(VirtioLink(card), config, now_ms());
        Some(Network { stack, links: BTreeMap::new(), source: AddressSource::None, piece: vec![0; PIECE] })
    }

    /// The stack, for commands that show it.
    pub fn stack(&self) -> &Stack<VirtioLink<KernelDma, Box<dyn Transport>>> {
        &self.stack
    }

    /// Serves `port`; `None` takes no new connections.
    pub fn serve(&mut self, port: Option<u16>) {
        self.stack.set_port(port.unwrap_or(0));
        self.announce();
    }

    /// Moves everything that can be moved now. Returns whether anything was.
    pub fn poll(&mut self, server: &mut Server<Machine>) -> bool {
        let mut worked = self.stack.poll(now_ms());
        if self.stack.interface_info().source != self.source {
            self.announce();
        }
        while let Some(event) = self.stack.next_event() {
            match event {
                Event::Opened(id, _) => {
                    let link = Link { server: server.open(now_ns()), backlog: Vec::new(), peer_closed: false, told: false };
                    self.links.insert(id, link);
                }
                Event::Readable(_) => {}
                Event::PeerClosed(id) => {
                    if let Some(link) = self.links.get_mut(&id) {
                        link.peer_closed = true;
                    }
                }
                Event::Closed(id) => {
                    if let Some(link) = self.links.remove(&id) {
                        server.close(link.server);
                    }
                }
            }
        }
        let ids: Vec<ConnectionId> = self.links.keys().copied().collect();
        for id in ids {
            worked |= self.receive(id, server) | self.send(id, server);
        }
        if worked {
            self.stack.send_pending();
        }
        worked
    }

    /// From the socket to the server. What the server does not take stays here, and the rest in the socket, whose window then closes.
    fn receive(&mut self, id: ConnectionId, server: &mut Server<Machine>) -> bool {
        let Some(link) = self.links.get_mut(&id) else { return false };
        let mut worked = false;
        loop {
            if !link.backlog.is_empty() {
                let taken = server.receive(link.server, &link.backlog);
                link.backlog.drain(..taken.min(link.backlog.len()));
                worked |= taken > 0;
                if !link.backlog.is_empty() {
                    return worked;
                }
            }
            let count = self.stack.recv(id, &mut self.piece);
            if count == 0 {
                break;
            }
            worked = true;
            let taken = server.receive(link.server, &self.piece[..count]).min(count);
            link.backlog.extend_from_slice(&self.piece[taken..count]);
        }
        if link.peer_closed && !link.told {
            link.told = true;
            server.peer_closed(link.server);
            worked = true;
        }
        worked
    }

    /// From the server to the socket, and the end of the connection.
    fn send(&mut self, id: ConnectionId, server: &mut Server<Machine>) -> bool {
        let Some(link) = self.links.get(&id) else { return false };
        let mut worked = false;
        loop {
            let count = self.stack.send(id, server.output(link.server));
            if count == 0 {
                break;
            }
            server.consume(link.server, count);
            worked = true;
        }
        if server.output(link.server).is_empty() && server.wants_close(link.server) {
            self.stack.close(id);
            server.close(link.server);
            self.links.remove(&id);
            worked = true;
        }
        worked
    }

    /// Says where the API can be reached, whenever that changes.
    fn announce(&mut self) {
        let info = self.stack.interface_info();
        self.source = info.source;
        match (info.address, self.stack.port()) {
            (None, _) => log!("no network address"),
            (Some(address), 0) => log!("address {address} ({}); serving nothing", info.source),
            (Some(address), port) => {
                log!("address {address} ({})", info.source);
                log!("serving http on {}:{port}", address.address());
            }
        }
    }

    /// Nanoseconds until the stack has something to do even if nothing arrives.
    pub fn next_poll_ns(&mut self) -> u64 {
        self.stack.next_poll_delay(now_ms()).map_or(u64::MAX, |ms| ms.saturating_mul(1_000_000))
    }

    /// Asks the card to interrupt. True when something has arrived meanwhile: do not sleep.
    pub fn enable_interrupts(&mut self) -> bool {
        let card = &mut self.stack.link_mut().0;
        // A line that is still raised raises no further interrupt.
        card.take_interrupt();
        card.enable_interrupts()
    }

    /// Back to polling.
    pub fn suppress_interrupts(&mut self) {
        self.stack.link_mut().0.suppress_interrupts();
    }
}

fn now_ms() -> u64 {
    now_ns() / 1_000_000
}
