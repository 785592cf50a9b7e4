//! Configuration space by its two doors.

use crate::{PortIo, Registers, Window};
use core::fmt;
use core::ops::RangeInclusive;

/// Where a function sits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// PCI segment group; 0 on most machines.
    pub segment: u16,
    /// Bus, 0–255.
    pub bus: u8,
    /// Device, 0–31.
    pub device: u8,
    /// Function, 0–7.
    pub function: u8,
}

impl Address {
    /// As `segment << 16 | bus << 8 | device << 3 | function`.
    pub fn packed(self) -> u32 {
        u32::from(self.segment) << 16 | u32::from(self.bus) << 8 | u32::from(self.device & 31) << 3 | u32::from(self.function & 7)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segment != 0 {
            write!(f, "{:04x}:", self.segment)?;
        }
        write!(f, "{:02x}:{:02x}.{}", self.bus, self.device, self.function)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads and writes configuration space, one aligned double word at a time.
///
/// Offsets are bytes, rounded down to a multiple of four. What is out of reach reads all ones and is not written.
pub trait ConfigAccess {
    /// The segment that this access leads to.
    fn segment(&self) -> u16;
    /// Buses that it can address; the first is the root bus.
    fn buses(&self) -> RangeInclusive<u8>;
    /// Reads the double word at `offset`.
    fn read(&self, address: Address, offset: u16) -> u32;
    /// Writes the double word at `offset`.
    fn write(&self, address: Address, offset: u16, value: u32);
}

/// Memory-mapped configuration space (PCI Express Base Specification §7.2.2): 1 MiB per bus, 4 KiB per function.
#[derive(Debug)]
pub struct Ecam {
    window: Window,
    segment: u16,
    first_bus: u8,
    last_bus: u8,
}

impl Ecam {
    /// Over a window whose first byte belongs to `first_bus` (in ACPI's MCFG, the base address is that of bus 0: add
    /// `first_bus << 20`). `last_bus` is lowered to what the window holds.
    pub fn new(window: Window, segment: u16, first_bus: u8, last_bus: u8) -> Self {
        let held = (window.len() >> 20).clamp(1, 256) as u16;
        let last = u16::from(first_bus).saturating_add(held - 1).min(u16::from(last_bus.max(first_bus)));
        Ecam { window, segment, first_bus, last_bus: last.min(255) as u8 }
    }

    fn offset(&self, address: Address, offset: u16) -> Option<u64> {
        let bus = address.bus.checked_sub(self.first_bus)?;
        let reachable = address.bus <= self.last_bus && address.segment == self.segment && offset < 4096;
        let place = u64::from(bus) << 20 | u64::from(address.device & 31) << 15 | u64::from(address.function & 7) << 12;
        reachable.then_some(place | u64::from(offset & !3))
    }
}

impl ConfigAccess for Ecam {
    fn segment(&self) -> u16 {
        self.segment
    }

    fn buses(&self) -> RangeInclusive<u8> {
        self.first_bus..=self.last_bus
    }

    fn read(&self, address: Address, offset: u16) -> u32 {
        self.offset(address, offset).map_or(u32::MAX, |at| self.window.read32(at))
    }

    fn write(&self, address: Address, offset: u16, value: u32) {
        if let Some(at) = self.offset(address, offset) {
            self.window.write32(at, value);
        }
    }
}

/// Configuration mechanism 1 (PCI 3.0 §3.2.2.3.2): address in port 0xCF8, data in 0xCFC; 256 bytes per function.
#[derive(Debug)]
pub struct PortAccess<P>(P);

impl<P: PortIo> PortAccess<P> {
    const ADDRESS: u16 = 0xcf8;
    const DATA: u16 = 0xcfc;

    /// Over these ports. Use from one core only: the two ports are one register pair.
    pub fn new(ports: P) -> Self {
        PortAccess(ports)
    }

    /// Whether a host bridge answers at all: the address register keeps its enable bit.
    pub fn is_present(&self) -> bool {
        self.0.write32(Self::ADDRESS, 0x8000_0000);
        self.0.read32(Self::ADDRESS) == 0x8000_0000
    }

    fn select(&self, address: Address, offset: u16) -> bool {
        if address.segment != 0 || offset >= 256 {
            return false;
        }
        self.0.write32(Self::ADDRESS, 0x8000_0000 | address.packed() << 8 | u32::from(offset & 0xfc));
        true
    }
}

impl<P: PortIo> ConfigAccess for PortAccess<P> {
    fn segment(&self) -> u16 {
        0
    }

    fn buses(&self) -> RangeInclusive<u8> {
        0..=255
    }

    fn read(&self, address: Address, offset: u16) -> u32 {
        if self.select(address, offset) { self.0.read32(Self::DATA) } else { u32::MAX }
    }

    fn write(&self, address: Address, offset: u16, value: u32) {
        if self.select(address, offset) {
            self.0.write32(Self::DATA, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::{Cell, RefCell};
    use std::vec;
    use std::vec::Vec;

    const SOME: Address = Address { segment: 0, bus: 1, device: 2, function: 3 };

    #[test]
    fn ecam_finds_the_function_in_its_window() {
        let mut memory = vec![0u32; 2 << 18];
        memory[((1 << 20 | 2 << 15 | 3 << 12) + 0x44) / 4] = 0xabcd;
        // SAFETY: the vector outlives the window and nobody else looks at it meanwhile.
        let window = unsafe { Window::new(memory.as_mut_ptr().cast(), 2 << 20) };
        let ecam = Ecam::new(window, 0, 0, 255);
        assert_eq!(ecam.buses(), 0..=1);
        assert_eq!(ecam.read(SOME, 0x46), 0xabcd);
        assert_eq!(ecam.read(Address { bus: 2, ..SOME }, 0), u32::MAX);
        assert_eq!(ecam.read(Address { segment: 1, ..SOME }, 0), u32::MAX);
        assert_eq!(ecam.read(SOME, 4096), u32::MAX);
        ecam.write(SOME, 0x44, 5);
        assert_eq!(ecam.read(SOME, 0x44), 5);
    }

    /// Remembers what was written and answers with the last address.
    #[derive(Default)]
    struct Recorder {
        writes: RefCell<Vec<(u16, u32)>>,
        address: Cell<u32>,
    }

    impl PortIo for &Recorder {
        fn read8(&self, _: u16) -> u8 {
            0xff
        }
        fn read16(&self, _: u16) -> u16 {
            0xffff
        }
        fn read32(&self, _: u16) -> u32 {
            self.address.get()
        }
        fn write8(&self, _: u16, _: u8) {}
        fn write16(&self, _: u16, _: u16) {}
        fn write32(&self, port: u16, value: u32) {
            if port == 0xcf8 {
                self.address.set(value);
            }
            self.writes.borrow_mut().push((port, value));
        }
    }

    #[test]
    fn ports_are_addressed_as_mechanism_one_says() {
        let recorder = Recorder::default();
        let access = PortAccess::new(&recorder);
        assert!(access.is_present());
        assert_eq!(access.read(SOME, 0x12), 0x8001_1310);
        access.write(SOME, 0x10, 9);
        assert_eq!(recorder.writes.borrow()[2..], [(0xcf8, 0x8001_1310), (0xcfc, 9)]);
        assert_eq!(access.read(SOME, 256), u32::MAX);
    }
}
