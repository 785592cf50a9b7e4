//! The device below the stack.

use ring0_virtio::{Dma, Net, Transport, TxSlot};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

/// A network device that gathers its notifications.
pub trait Link: Device {
    /// Tells the hardware of all frames sent and buffers given back since the last call. The stack calls it after each round.
    fn flush(&mut self);
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
