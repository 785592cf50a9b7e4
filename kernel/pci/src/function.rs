//! One PCI function as enumeration found it.

use crate::{Address, Bar, Capability, ConfigAccess, class_name, device_name, vendor_name};
use alloc::vec::Vec;
use core::fmt;

/// Bits of the command register (PCI 3.0 §6.2.2).
pub mod command {
    /// Answers in the I/O space.
    pub const IO: u16 = 1;
    /// Answers in the memory space.
    pub const MEMORY: u16 = 2;
    /// May start transfers of its own: without it no DMA and no MSI.
    pub const BUS_MASTER: u16 = 4;
    /// Does not assert INTx.
    pub const INTERRUPT_DISABLE: u16 = 0x400;
}

/// Bus numbers of a PCI-to-PCI bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BridgeBuses {
    /// Bus that the bridge sits on.
    pub primary: u8,
    /// Bus right behind it; 0 where nobody assigned one.
    pub secondary: u8,
    /// Highest bus behind it.
    pub subordinate: u8,
}

/// What the configuration header of a function says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Where it is.
    pub address: Address,
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
    /// Base class.
    pub class: u8,
    /// Subclass.
    pub subclass: u8,
    /// Programming interface.
    pub interface: u8,
    /// Revision id.
    pub revision: u8,
    /// Subsystem vendor and subsystem id; zeros for a bridge.
    pub subsystem: (u16, u16),
    /// Base address registers, by index; the second half of a 64-bit one is `None`.
    pub bars: [Option<Bar>; 6],
    /// Capabilities in list order, at most 48.
    pub capabilities: Vec<Capability>,
    /// 1–4 for INTA–INTD, 0 for none.
    pub interrupt_pin: u8,
    /// What firmware noted as the interrupt line; 0xff where unknown.
    pub interrupt_line: u8,
    /// Bus numbers, if this is a PCI-to-PCI bridge.
    pub bridge: Option<BridgeBuses>,
}

impl Function {
    /// Reads the function at `address`; `None` where nobody answers.
    pub fn read(access: &dyn ConfigAccess, address: Address) -> Option<Function> {
        let [device, vendor] = halves(access.read(address, 0x00));
        if vendor == 0xffff || vendor == 0 {
            return None;
        }
        let [class, subclass, interface, revision] = access.read(address, 0x08).to_be_bytes();
        let layout = access.read(address, 0x0c).to_be_bytes()[1] & 0x7f;
        let bar_count = match layout {
            0 => 6,
            1 => 2,
            _ => 0,
        };
        let [subsystem, subsystem_vendor] = if layout == 0 { halves(access.read(address, 0x2c)) } else { [0, 0] };
        let [_, _, interrupt_pin, interrupt_line] = access.read(address, 0x3c).to_be_bytes();
        let bridge = (layout == 1).then(|| {
            let [_, subordinate, secondary, primary] = access.read(address, 0x18).to_be_bytes();
            BridgeBuses { primary, secondary, subordinate }
        });
        Some(Function {
            address,
            vendor,
            device,
            class,
            subclass,
            interface,
            revision,
            subsystem: (subsystem_vendor, subsystem),
            bars: crate::bar::read_bars(access, address, bar_count),
            capabilities: crate::capability::walk(access, address, layout),
            interrupt_pin,
            interrupt_line,
            bridge,
        })
    }

    /// Sets and clears bits of the command register. The status half of the double word is written as zeros, which leaves its
    /// write-one-to-clear bits alone.
    pub fn set_command(&self, access: &dyn ConfigAccess, set: u16, clear: u16) {
        let value = access.read(self.address, 0x04) as u16;
        access.write(self.address, 0x04, u32::from(value & !clear | set));
    }

    /// Lets the device answer at its BARs and reach memory.
    pub fn enable(&self, access: &dyn ConfigAccess) {
        self.set_command(access, command::IO | command::MEMORY | command::BUS_MASTER, 0);
    }

    /// Lets the device answer at its BARs, and keeps it from memory.
    pub fn enable_without_bus_mastering(&self, access: &dyn ConfigAccess) {
        self.set_command(access, command::IO | command::MEMORY, command::BUS_MASTER);
    }

    /// The first capability with this id, and with it its place in configuration space.
    pub fn capability(&self, id: u8) -> Option<Capability> {
        self.capabilities.iter().copied().find(|c| c.id == id)
    }
}

/// One line as `lspci` writes it.
impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.address, class_name(self.class, self.subclass))?;
        match (vendor_name(self.vendor), device_name(self.vendor, self.device)) {
            (Some(vendor), Some(device)) => write!(f, "{vendor} {device}")?,
            (Some(vendor), None) => write!(f, "{vendor} device {:04x}", self.device)?,
            (None, _) => write!(f, "vendor {:04x} device {:04x}", self.vendor, self.device)?,
        }
        write!(f, " [{:04x}:{:04x}]", self.vendor, self.device)?;
        if self.revision != 0 {
            write!(f, " (rev {:02x})", self.revision)?;
        }
        if let Some(b) = self.bridge {
            write!(f, " bus {:02x}-{:02x}", b.secondary, b.subordinate)?;
        }
        Ok(())
    }
}

fn halves(word: u32) -> [u16; 2] {
    [(word >> 16) as u16, word as u16]
}
