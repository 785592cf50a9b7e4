//! virtio over PCI by capabilities (§4.1.4).

use super::{Kind, QueueAddresses, Transport};
use crate::Error;
use alloc::boxed::Box;
use core::cell::Cell;
use ring0_abi::MAX_QUEUES;
use ring0_pci::{Address, Registers};

/// Offsets in the common configuration structure (§4.1.4.3).
mod field {
    pub const DEVICE_FEATURE_SELECT: u64 = 0;
    pub const DEVICE_FEATURE: u64 = 4;
    pub const DRIVER_FEATURE_SELECT: u64 = 8;
    pub const DRIVER_FEATURE: u64 = 12;
    pub const DEVICE_STATUS: u64 = 20;
    pub const CONFIG_GENERATION: u64 = 21;
    pub const QUEUE_SELECT: u64 = 22;
    pub const QUEUE_SIZE: u64 = 24;
    pub const QUEUE_VECTOR: u64 = 26;
    pub const QUEUE_ENABLE: u64 = 28;
    pub const QUEUE_NOTIFY_OFFSET: u64 = 30;
    pub const QUEUE_DESCRIPTORS: u64 = 32;
    pub const QUEUE_AVAIL: u64 = 40;
    pub const QUEUE_USED: u64 = 48;
    /// Smallest structure that holds all of the above.
    pub const END: u64 = 56;
}

/// A device behind its virtio capabilities.
pub struct PciModern {
    address: Address,
    device_type: u32,
    common: Box<dyn Registers>,
    notify: Box<dyn Registers>,
    notify_multiplier: u32,
    isr: Box<dyn Registers>,
    config: Option<Box<dyn Registers>>,
    /// Where a write notifies each queue, noted when the queue was enabled: register reads are slow.
    notify_offsets: [Cell<u64>; MAX_QUEUES],
}

/// The structures that the capabilities name, mapped.
pub(super) struct Structures {
    pub common: Box<dyn Registers>,
    pub notify: Box<dyn Registers>,
    pub notify_multiplier: u32,
    pub isr: Box<dyn Registers>,
    pub config: Option<Box<dyn Registers>>,
}

impl PciModern {
    pub(super) fn new(address: Address, device_type: u32, parts: Structures) -> Result<Self, Error> {
        let Structures { common, notify, notify_multiplier, isr, config } = parts;
        if common.len() < field::END {
            return Err(Error::BadCapability { what: "common configuration" });
        }
        let notify_offsets = [const { Cell::new(u64::MAX) }; MAX_QUEUES];
        Ok(PciModern { address, device_type, common, notify, notify_multiplier, isr, config, notify_offsets })
    }

    fn write64(&self, offset: u64, value: u64) {
        self.common.write32(offset, value as u32);
        self.common.write32(offset + 4, (value >> 32) as u32);
    }
}

impl Transport for PciModern {
    fn kind(&self) -> Kind {
        Kind::PciModern
    }

    fn location(&self) -> u64 {
        u64::from(self.address.packed())
    }

    fn device_type(&self) -> u32 {
        self.device_type
    }

    fn is_legacy(&self) -> bool {
        false
    }

    fn offered_features(&self) -> u64 {
        let half = |n: u32| {
            self.common.write32(field::DEVICE_FEATURE_SELECT, n);
            u64::from(self.common.read32(field::DEVICE_FEATURE))
        };
        half(0) | half(1) << 32
    }

    fn accept_features(&self, features: u64) {
        for n in 0..2 {
            self.common.write32(field::DRIVER_FEATURE_SELECT, n);
            self.common.write32(field::DRIVER_FEATURE, (features >> (32 * n)) as u32);
        }
    }

    fn status(&self) -> u32 {
        u32::from(self.common.read8(field::DEVICE_STATUS))
    }

    fn set_status(&self, status: u32) {
        self.common.write8(field::DEVICE_STATUS, status as u8);
    }

    fn queue_size(&self, queue: u16) -> u32 {
        self.common.write16(field::QUEUE_SELECT, queue);
        u32::from(self.common.read16(field::QUEUE_SIZE))
    }

    fn enable_queue(&self, queue: u16, addresses: &QueueAddresses, vector: Option<u16>) -> Result<(), Error> {
        let place = self.notify_offsets.get(usize::from(queue)).ok_or(Error::MissingQueue { queue })?;
        self.common.write16(field::QUEUE_SELECT, queue);
        let offset = u64::from(self.common.read16(field::QUEUE_NOTIFY_OFFSET)) * u64::from(self.notify_multiplier);
        if offset + 2 > self.notify.len() || offset % 2 != 0 {
            return Err(Error::BadCapability { what: "notification" });
        }
        place.set(offset);
        self.common.write16(field::QUEUE_SIZE, addresses.size);
        if let Some(vector) = vector {
            self.common.write16(field::QUEUE_VECTOR, vector);
            // A device that has no room for the mapping answers with NO_VECTOR (§4.1.5.1.2).
            if self.common.read16(field::QUEUE_VECTOR) != vector {
                return Err(Error::QueueRefused { queue, what: "the interrupt vector" });
            }
        }
        self.write64(field::QUEUE_DESCRIPTORS, addresses.descriptors);
        self.write64(field::QUEUE_AVAIL, addresses.avail);
        self.write64(field::QUEUE_USED, addresses.used);
        self.common.write16(field::QUEUE_ENABLE, 1);
        Ok(())
    }

    fn notify(&self, queue: u16) {
        if let Some(offset) = self.notify_offsets.get(usize::from(queue)) {
            self.notify.write16(offset.get(), queue);
        }
    }

    fn take_interrupt(&self) -> u32 {
        u32::from(self.isr.read8(0))
    }

    fn config_generation(&self) -> u32 {
        u32::from(self.common.read8(field::CONFIG_GENERATION))
    }

    fn config8(&self, offset: u64) -> u8 {
        self.config.as_ref().map_or(0, |c| c.read8(offset))
    }

    fn config16(&self, offset: u64) -> u16 {
        self.config.as_ref().map_or(0, |c| c.read16(offset))
    }

    fn config32(&self, offset: u64) -> u32 {
        self.config.as_ref().map_or(0, |c| c.read32(offset))
    }
}
