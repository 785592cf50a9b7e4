//! virtio over MMIO: version 2 (§4.2.2) and legacy version 1 (§4.2.4).

use super::{Kind, QueueAddresses, Transport};
use crate::{Error, PAGE_BYTES};
use alloc::boxed::Box;
use ring0_pci::Registers;

mod field {
    pub const MAGIC: u64 = 0x00;
    pub const VERSION: u64 = 0x04;
    pub const DEVICE_ID: u64 = 0x08;
    pub const DEVICE_FEATURES: u64 = 0x10;
    pub const DEVICE_FEATURES_SELECT: u64 = 0x14;
    pub const DRIVER_FEATURES: u64 = 0x20;
    pub const DRIVER_FEATURES_SELECT: u64 = 0x24;
    /// Legacy only.
    pub const GUEST_PAGE_SIZE: u64 = 0x28;
    pub const QUEUE_SELECT: u64 = 0x30;
    pub const QUEUE_SIZE_MAX: u64 = 0x34;
    pub const QUEUE_SIZE: u64 = 0x38;
    /// Legacy only.
    pub const QUEUE_ALIGN: u64 = 0x3c;
    /// Legacy only.
    pub const QUEUE_PAGE: u64 = 0x40;
    pub const QUEUE_READY: u64 = 0x44;
    pub const QUEUE_NOTIFY: u64 = 0x50;
    pub const INTERRUPT_STATUS: u64 = 0x60;
    pub const INTERRUPT_ACK: u64 = 0x64;
    pub const STATUS: u64 = 0x70;
    pub const QUEUE_DESCRIPTORS: u64 = 0x80;
    pub const QUEUE_AVAIL: u64 = 0x90;
    pub const QUEUE_USED: u64 = 0xa0;
    pub const CONFIG_GENERATION: u64 = 0xfc;
    pub const CONFIG: u64 = 0x100;
}

/// The bytes "virt".
const MAGIC: u32 = 0x7472_6976;

/// A device in a virtio-mmio slot.
pub struct Mmio {
    base: u64,
    registers: Box<dyn Registers>,
    legacy: bool,
    device_type: u32,
}

impl Mmio {
    /// Looks into the slot whose registers are mapped as `registers` and lie at physical address `base`. `Ok(None)` for a slot
    /// that no device is plugged into (device id 0, §4.2.2.2).
    pub fn probe(registers: Box<dyn Registers>, base: u64) -> Result<Option<Self>, Error> {
        if registers.len() < field::CONFIG || registers.read32(field::MAGIC) != MAGIC {
            return Err(Error::NotVirtio);
        }
        let legacy = match registers.read32(field::VERSION) {
            1 => true,
            2 => false,
            _ => return Err(Error::NotVirtio),
        };
        let device_type = registers.read32(field::DEVICE_ID);
        if device_type == 0 {
            return Ok(None);
        }
        Ok(Some(Mmio { base, registers, legacy, device_type }))
    }

    fn write64(&self, offset: u64, value: u64) {
        self.registers.write32(offset, value as u32);
        self.registers.write32(offset + 4, (value >> 32) as u32);
    }
}

impl Transport for Mmio {
    fn kind(&self) -> Kind {
        Kind::Mmio
    }

    fn location(&self) -> u64 {
        self.base
    }

    fn device_type(&self) -> u32 {
        self.device_type
    }

    fn is_legacy(&self) -> bool {
        self.legacy
    }

    fn offered_features(&self) -> u64 {
        let half = |n: u32| {
            self.registers.write32(field::DEVICE_FEATURES_SELECT, n);
            u64::from(self.registers.read32(field::DEVICE_FEATURES))
        };
        if self.legacy { half(0) } else { half(0) | half(1) << 32 }
    }

    fn accept_features(&self, features: u64) {
        for n in 0..if self.legacy { 1 } else { 2 } {
            self.registers.write32(field::DRIVER_FEATURES_SELECT, n);
            self.registers.write32(field::DRIVER_FEATURES, (features >> (32 * n)) as u32);
        }
        if self.legacy {
            // Queue addresses count in these pages; the reset has forgotten it (§4.2.4).
            self.registers.write32(field::GUEST_PAGE_SIZE, PAGE_BYTES as u32);
        }
    }

    fn status(&self) -> u32 {
        self.registers.read32(field::STATUS)
    }

    fn set_status(&self, status: u32) {
        self.registers.write32(field::STATUS, status);
    }

    fn queue_size(&self, queue: u16) -> u32 {
        self.registers.write32(field::QUEUE_SELECT, u32::from(queue));
        self.registers.read32(field::QUEUE_SIZE_MAX)
    }

    fn enable_queue(&self, queue: u16, addresses: &QueueAddresses, _vector: Option<u16>) -> Result<(), Error> {
        self.registers.write32(field::QUEUE_SELECT, u32::from(queue));
        self.registers.write32(field::QUEUE_SIZE, u32::from(addresses.size));
        if self.legacy {
            let page = u32::try_from(addresses.descriptors / PAGE_BYTES as u64)
                .map_err(|_| Error::QueueRefused { queue, what: "an address above 16 TiB" })?;
            self.registers.write32(field::QUEUE_ALIGN, PAGE_BYTES as u32);
            self.registers.write32(field::QUEUE_PAGE, page);
        } else {
            self.write64(field::QUEUE_DESCRIPTORS, addresses.descriptors);
            self.write64(field::QUEUE_AVAIL, addresses.avail);
            self.write64(field::QUEUE_USED, addresses.used);
            self.registers.write32(field::QUEUE_READY, 1);
            if self.registers.read32(field::QUEUE_READY) != 1 {
                return Err(Error::QueueRefused { queue, what: "the address" });
            }
        }
        Ok(())
    }

    fn notify(&self, queue: u16) {
        self.registers.write32(field::QUEUE_NOTIFY, u32::from(queue));
    }

    fn take_interrupt(&self) -> u32 {
        let status = self.registers.read32(field::INTERRUPT_STATUS);
        self.registers.write32(field::INTERRUPT_ACK, status);
        status
    }

    fn config_generation(&self) -> u32 {
        if self.legacy { 0 } else { self.registers.read32(field::CONFIG_GENERATION) }
    }

    fn config8(&self, offset: u64) -> u8 {
        self.registers.read8(field::CONFIG + offset)
    }

    fn config16(&self, offset: u64) -> u16 {
        self.registers.read16(field::CONFIG + offset)
    }

    fn config32(&self, offset: u64) -> u32 {
        self.registers.read32(field::CONFIG + offset)
    }
}
