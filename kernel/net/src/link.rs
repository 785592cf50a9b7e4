//! The device below the stack.

use ring0_virtio::{Dma, Net, Transport, TxSlot};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpPacket};

/// A network device that gathers its notifications.
pub trait Link: Device {
    /// Tells the hardware of all frames sent and buffers given back since the last call. The stack calls it after each round.
    fn flush(&mut self);
}

/// Passes over attempts to connect while nobody listens. To refuse them, as TCP would, makes a client give up; passed over, it tries
/// again after a second.
pub(crate) struct Gate<L> {
    pub inner: L,
    /// The port for which this holds just now.
    pub closed_port: Option<u16>,
}

impl<L> Gate<L> {
    pub fn new(inner: L) -> Self {
        Gate { inner, closed_port: None }
    }
}

/// A frame that may be passed over.
pub(crate) struct Gated<R> {
    inner: R,
    closed_port: Option<u16>,
}

impl<R: RxToken> RxToken for Gated<R> {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, f: F) -> T {
        let closed_port = self.closed_port;
        // An empty frame is one that the stack takes no notice of.
        self.inner.consume(|frame| f(if closed_port.is_some_and(|port| is_syn(frame, port)) { &[] } else { frame }))
    }
}

/// Whether the frame asks to open a TCP connection to `port`.
fn is_syn(frame: &[u8], port: u16) -> bool {
    let tcp = || {
        let ethernet = EthernetFrame::new_checked(frame).ok().filter(|f| f.ethertype() == EthernetProtocol::Ipv4)?;
        let ip = Ipv4Packet::new_checked(ethernet.payload()).ok().filter(|p| p.next_header() == IpProtocol::Tcp)?;
        let tcp = TcpPacket::new_checked(ip.payload()).ok()?;
        Some(tcp.dst_port() == port && tcp.syn() && !tcp.ack())
    };
    tcp().unwrap_or(false)
}

impl<L: Device> Device for Gate<L> {
    type RxToken<'a>
        = Gated<L::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = L::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let closed_port = self.closed_port;
        self.inner.receive(now).map(|(inner, tx)| (Gated { inner, closed_port }, tx))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.inner.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.inner.capabilities()
    }
}

/// A virtio network device. Frames are read and built in the device's own buffers: no copy below the sockets.
pub struct VirtioLink<D: Dma + Clone, T: Transport>(pub Net<D, T>);

impl<D: Dma + Clone, T: Transport> Link for VirtioLink<D, T> {
    fn flush(&mut self) {
        self.0.flush();
    }
}

/// A frame in its receive buffer.
pub struct Received<'a>(&'a [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// A free transmit buffer.
pub struct Sending<'a, D: Dma>(TxSlot<'a, D>);

impl<D: Dma> TxToken for Sending<'_, D> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.0.send(len, f)
    }
}

impl<D: Dma + Clone, T: Transport> Device for VirtioLink<D, T> {
    type RxToken<'a>
        = Received<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Sending<'a, D>
    where
        Self: 'a;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sending<'_, D>)> {
        self.0.receive().map(|(frame, slot)| (Received(frame), Sending(slot)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_, D>> {
        self.0.transmit().map(Sending)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = usize::from(self.0.info().mtu) + 14;
        capabilities
    }
}
