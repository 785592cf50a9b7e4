//! Finding every function: from the root bus through all bridges.

use crate::{Address, ConfigAccess, Function};
use alloc::vec::Vec;

/// Most functions that are reported: a configuration space that answers everywhere would name 65,536.
pub const MAX_FUNCTIONS: usize = 1024;

/// Every function that answers, in depth-first order: a bridge is followed by what is behind it.
///
/// Each bus is scanned once, and only behind the bridge that names it first, so a loop of bridges ends. A bridge without bus
/// numbers hides what is behind it: see [`assign_buses`](crate::assign_buses).
pub fn enumerate(access: &dyn ConfigAccess) -> Vec<Function> {
    let mut scan = Scan { access, visited: [false; 256], found: Vec::new() };
    scan.bus(*access.buses().start());
    scan.found
}

struct Scan<'a> {
    access: &'a dyn ConfigAccess,
    visited: [bool; 256],
    found: Vec<Function>,
}

impl Scan<'_> {
    /// Recursion is bounded by `visited`: at most 256 buses, and a secondary bus must be above its bridge's bus.
    fn bus(&mut self, bus: u8) {
        if core::mem::replace(&mut self.visited[usize::from(bus)], true) {
            return;
        }
        for device in 0..32 {
            let first = Address { segment: self.access.segment(), bus, device, function: 0 };
            // Function 0 must exist where any other does; bit 7 of the header type says whether others may (§6.2.1).
            let Some(functions) = function_count(self.access, first) else { continue };
            for function in 0..functions {
                if self.found.len() >= MAX_FUNCTIONS {
                    return;
                }
                let Some(entry) = Function::read(self.access, Address { function, ..first }) else { continue };
                let behind = entry.bridge.map(|b| b.secondary);
                self.found.push(entry);
                if let Some(next) = behind.filter(|&next| next > bus && self.access.buses().contains(&next)) {
                    self.bus(next);
                }
            }
        }
    }
}

/// How many function numbers to look at; `None` if function 0 does not answer.
pub(crate) fn function_count(access: &dyn ConfigAccess, first: Address) -> Option<u8> {
    let vendor = access.read(first, 0x00) as u16;
    if vendor == 0xffff || vendor == 0 {
        return None;
    }
    Some(if access.read(first, 0x0c) & 1 << 23 != 0 { 8 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeConfig, FakeFunction};
    use core::ops::RangeInclusive;
    use std::string::{String, ToString};

    fn addresses(access: &dyn ConfigAccess) -> String {
        enumerate(access).iter().map(|f| f.address.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn bridges_are_followed() {
        let fake = FakeConfig::default();
        fake.add(FakeFunction::endpoint(0, 0, 0x8086, 0x29c0, 0x0600_0000));
        let outer = fake.add(FakeFunction::bridge(3, 0, 0, 1, 2));
        let inner = fake.add(FakeFunction::bridge(0, 0, 1, 2, 2).behind(outer));
        fake.add(FakeFunction::endpoint(7, 0, 0x1af4, 0x1042, 0x0100_0000).behind(inner));
        fake.add(FakeFunction::endpoint(31, 0, 0x8086, 0x2918, 0x0601_0000).with(0x0c, 1 << 23));
        fake.add(FakeFunction::endpoint(31, 2, 0x8086, 0x2922, 0x0106_0100));
        assert_eq!(addresses(&fake), "00:00.0 00:03.0 01:00.0 02:07.0 00:1f.0 00:1f.2");
        let lines: Vec<String> = enumerate(&fake).iter().map(|f| f.to_string()).collect();
        assert_eq!(lines[3], "02:07.0 SCSI storage controller: Red Hat, Inc. Virtio 1.0 block device [1af4:1042]");
        assert_eq!(lines[1], "00:03.0 PCI bridge: Red Hat, Inc. QEMU PCIe Root port [1b36:000c] bus 01-02");
    }

    #[test]
    fn functions_of_a_single_function_device_are_not_invented() {
        let fake = FakeConfig::default();
        fake.add(FakeFunction::endpoint(1, 0, 0x1af4, 0x1042, 0x0100_0000));
        fake.add(FakeFunction::endpoint(1, 1, 0x1af4, 0x1042, 0x0100_0000));
        assert_eq!(addresses(&fake), "00:01.0");
    }

    #[test]
    fn a_loop_of_bridges_ends() {
        let fake = FakeConfig::default();
        let a = fake.add(FakeFunction::bridge(1, 0, 0, 1, 255));
        let b = fake.add(FakeFunction::bridge(0, 0, 1, 2, 255).behind(a));
        fake.add(FakeFunction::bridge(0, 0, 2, 1, 255).behind(b));
        fake.add(FakeFunction::bridge(2, 0, 0, 1, 255));
        assert_eq!(addresses(&fake), "00:01.0 01:00.0 02:00.0 00:02.0");
    }

    /// Answers every address with a bridge to the next bus, all of them multi-function.
    struct Endless;

    impl ConfigAccess for Endless {
        fn segment(&self) -> u16 {
            0
        }
        fn buses(&self) -> RangeInclusive<u8> {
            0..=255
        }
        fn read(&self, address: Address, offset: u16) -> u32 {
            match offset {
                0x0c => 0x81 << 16,
                0x18 => u32::from(address.bus.wrapping_add(1)) << 8 | 0xff << 16,
                _ => 0x0010_1234,
            }
        }
        fn write(&self, _: Address, _: u16, _: u32) {}
    }

    #[test]
    fn a_space_that_answers_everywhere_is_cut_off() {
        assert_eq!(enumerate(&Endless).len(), MAX_FUNCTIONS);
    }
}
