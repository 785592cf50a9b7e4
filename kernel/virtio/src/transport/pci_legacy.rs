//! The legacy registers of a transitional PCI device in BAR 0 (§4.1.4.10).

use super::{Kind, QueueAddresses, Transport};
use crate::{Error, PAGE_BYTES};
use alloc::boxed::Box;
use ring0_pci::{Address, Registers};

mod field {
    pub const DEVICE_FEATURES: u64 = 0;
    pub const DRIVER_FEATURES: u64 = 4;
    pub const QUEUE_PAGE: u64 = 8;
    pub const QUEUE_SIZE: u64 = 12;
    pub const QUEUE_SELECT: u64 = 14;
    pub const QUEUE_NOTIFY: u64 = 16;
    pub const DEVICE_STATUS: u64 = 18;
    pub const ISR: u64 = 19;
    pub const QUEUE_VECTOR: u64 = 22;
    /// Device configuration while MSI-X is off.
    pub const CONFIG: u64 = 20;
    /// … and while it is on, for then two vector registers come first.
    pub const CONFIG_WITH_MSIX: u64 = 24;
}

/// A transitional device driven by its legacy interface.
pub struct PciLegacy {
    address: Address,
    device_type: u32,
    registers: Box<dyn Registers>,
    msix: bool,
}

impl PciLegacy {
    /// Over BAR 0. `msix` says whether MSI-X is switched on, which moves the device configuration; it must stay as it is.
    pub fn new(address: Address, device_type: u32, registers: Box<dyn Registers>, msix: bool) -> Self {
        PciLegacy { address, device_type, registers, msix }
    }

    fn config(&self) -> u64 {
        if self.msix { field::CONFIG_WITH_MSIX } else { field::CONFIG }
    }
}

impl Transport for PciLegacy {
    fn kind(&self) -> Kind {
        Kind::PciLegacy
    }

    fn location(&self) -> u64 {
        u64::from(self.address.packed())
    }

    fn device_type(&self) -> u32 {
        self.device_type
    }

    fn is_legacy(&self) -> bool {
        true
    }

    fn offered_features(&self) -> u64 {
        u64::from(self.registers.read32(field::DEVICE_FEATURES))
    }

    fn accept_features(&self, features: u64) {
        self.registers.write32(field::DRIVER_FEATURES, features as u32);
    }

    fn status(&self) -> u32 {
        u32::from(self.registers.read8(field::DEVICE_STATUS))
    }

    fn set_status(&self, status: u32) {
        self.registers.write8(field::DEVICE_STATUS, status as u8);
    }

    fn queue_size(&self, queue: u16) -> u32 {
        self.registers.write16(field::QUEUE_SELECT, queue);
        u32::from(self.registers.read16(field::QUEUE_SIZE))
    }

    fn enable_queue(&self, queue: u16, addresses: &QueueAddresses, vector: Option<u16>) -> Result<(), Error> {
        let page = u32::try_from(addresses.descriptors / PAGE_BYTES as u64)
            .map_err(|_| Error::QueueRefused { queue, what: "an address above 16 TiB" })?;
        self.registers.write16(field::QUEUE_SELECT, queue);
        if let Some(vector) = vector.filter(|_| self.msix) {
            self.registers.write16(field::QUEUE_VECTOR, vector);
            if self.registers.read16(field::QUEUE_VECTOR) != vector {
                return Err(Error::QueueRefused { queue, what: "the interrupt vector" });
            }
        }
        self.registers.write32(field::QUEUE_PAGE, page);
        Ok(())
    }

    fn notify(&self, queue: u16) {
        self.registers.write16(field::QUEUE_NOTIFY, queue);
    }

    fn take_interrupt(&self) -> u32 {
        u32::from(self.registers.read8(field::ISR))
    }

    fn config_generation(&self) -> u32 {
        0
    }

    fn config8(&self, offset: u64) -> u8 {
        self.registers.read8(self.config() + offset)
    }

    fn config16(&self, offset: u64) -> u16 {
        self.registers.read16(self.config() + offset)
    }

    fn config32(&self, offset: u64) -> u32 {
        self.registers.read32(self.config() + offset)
    }
}
