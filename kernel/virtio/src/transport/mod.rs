//! How a device is reached: one trait, three transports, and the search for devices.

mod command_line;
mod mmio;
mod pci_legacy;
mod pci_modern;
mod probe;

pub use command_line::{MmioDevice, mmio_devices};
pub use mmio::Mmio;
pub use pci_legacy::PciLegacy;
pub use pci_modern::PciModern;
pub use probe::{Map, device_type, from_pci, legacy_from_pci};

use crate::Error;
use alloc::boxed::Box;
use ring0_abi::Transport as Kind;

/// Bits of the device status (§2.1).
pub mod status {
    /// The driver has seen the device.
    pub const ACKNOWLEDGE: u32 = 1;
    /// The driver knows how to drive it.
    pub const DRIVER: u32 = 2;
    /// The driver is ready.
    pub const DRIVER_OK: u32 = 4;
    /// Features are settled.
    pub const FEATURES_OK: u32 = 8;
    /// The device wants a reset.
    pub const NEEDS_RESET: u32 = 64;
    /// The driver gave up.
    pub const FAILED: u32 = 128;
}

/// Where the three parts of a queue lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueAddresses {
    /// Entries.
    pub size: u16,
    /// Physical address of the descriptor table; page-aligned.
    pub descriptors: u64,
    /// … of the avail ring.
    pub avail: u64,
    /// … of the used ring; page-aligned, as legacy transports need it.
    pub used: u64,
}

/// Registers of a device, whatever they are made of.
pub trait Transport: Send {
    /// Which transport this is.
    fn kind(&self) -> Kind;
    /// Packed PCI address, or MMIO base (see `DriverEntry::location`).
    fn location(&self) -> u64;
    /// virtio device type (§5): 1 network, 2 block.
    fn device_type(&self) -> u32;
    /// Whether the legacy interface is used: no FEATURES_OK, 32 feature bits, native endianness (§2.2.3).
    fn is_legacy(&self) -> bool;
    /// Features that the device offers.
    fn offered_features(&self) -> u64;
    /// Tells the device which features the driver accepts.
    fn accept_features(&self, features: u64);
    /// The device status.
    fn status(&self) -> u32;
    /// Writes the device status; 0 resets.
    fn set_status(&self, status: u32);
    /// Most entries that the queue may have, 0 if there is no such queue. Over legacy PCI this is the size itself.
    fn queue_size(&self, queue: u16) -> u32;
    /// Hands a queue to the device. `vector` is an entry of the MSI-X table, for a transport that has one switched on.
    fn enable_queue(&self, queue: u16, addresses: &QueueAddresses, vector: Option<u16>) -> Result<(), Error>;
    /// Tells the device that the avail ring of `queue` has grown.
    fn notify(&self, queue: u16);
    /// Reads and acknowledges the interrupt status (§4.1.4.5, §4.2.2): bit 0 queue, bit 1 configuration.
    fn take_interrupt(&self) -> u32;
    /// Changes whenever the device configuration does; constant where there is none.
    fn config_generation(&self) -> u32;
    /// One byte of the device configuration.
    fn config8(&self, offset: u64) -> u8;
    /// Two bytes of it.
    fn config16(&self, offset: u64) -> u16;
    /// Four bytes of it.
    fn config32(&self, offset: u64) -> u32;

    /// Eight bytes of it, read again while the generation changes in between (§2.5.1), four times at most.
    fn config64(&self, offset: u64) -> u64 {
        let mut value = 0;
        for _ in 0..4 {
            let before = self.config_generation();
            value = u64::from(self.config32(offset)) | u64::from(self.config32(offset + 4)) << 32;
            if before == self.config_generation() {
                break;
            }
        }
        value
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn kind(&self) -> Kind {
        (**self).kind()
    }
    fn location(&self) -> u64 {
        (**self).location()
    }
    fn device_type(&self) -> u32 {
        (**self).device_type()
    }
    fn is_legacy(&self) -> bool {
        (**self).is_legacy()
    }
    fn offered_features(&self) -> u64 {
        (**self).offered_features()
    }
    fn accept_features(&self, features: u64) {
        (**self).accept_features(features)
    }
    fn status(&self) -> u32 {
        (**self).status()
    }
    fn set_status(&self, status: u32) {
        (**self).set_status(status)
    }
    fn queue_size(&self, queue: u16) -> u32 {
        (**self).queue_size(queue)
    }
    fn enable_queue(&self, queue: u16, addresses: &QueueAddresses, vector: Option<u16>) -> Result<(), Error> {
        (**self).enable_queue(queue, addresses, vector)
    }
    fn notify(&self, queue: u16) {
        (**self).notify(queue)
    }
    fn take_interrupt(&self) -> u32 {
        (**self).take_interrupt()
    }
    fn config_generation(&self) -> u32 {
        (**self).config_generation()
    }
    fn config8(&self, offset: u64) -> u8 {
        (**self).config8(offset)
    }
    fn config16(&self, offset: u64) -> u16 {
        (**self).config16(offset)
    }
    fn config32(&self, offset: u64) -> u32 {
        (**self).config32(offset)
    }
}
