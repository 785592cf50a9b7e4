//! Doing firmware's work where there is none: bus numbers for bridges and addresses for BARs.
//!
//! SeaBIOS and OVMF do both. A machine whose firmware does not (QEMU's microvm with `pcie=on`, under qboot) leaves every
//! register zero. Both functions here change nothing on a machine that is already configured.

use crate::{Address, Bar, BridgeBuses, ConfigAccess, Function, enumerate::function_count};
use core::fmt;
use core::ops::Range;

/// Address ranges that the host bridge forwards to PCI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostWindows {
    /// I/O ports.
    pub io: Range<u32>,
    /// Memory below 4 GiB.
    pub memory: Range<u64>,
    /// Memory above 4 GiB, for large 64-bit BARs on the root bus; empty where there is none.
    pub memory_above: Range<u64>,
}

/// A BAR for which no room was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssignError {
    /// Whose BAR.
    pub address: Address,
    /// Its size in bytes or ports.
    pub size: u64,
}

impl fmt::Display for AssignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PCI {}: no room in the host windows for a BAR of {:#x} bytes", self.address, self.size)
    }
}

/// Numbers the buses behind all bridges, depth first, if no bridge on the root bus has a number yet. Returns whether it did.
pub fn assign_buses(access: &dyn ConfigAccess) -> bool {
    let root = *access.buses().start();
    let mut bridges = 0;
    for_each(access, root, &mut |function| {
        if let Some(b) = function.bridge {
            bridges += if b.secondary == 0 { 1 } else { 1 << 16 };
        }
    });
    if bridges == 0 || bridges >= 1 << 16 {
        return false;
    }
    number_buses(access, root, *access.buses().end(), root);
    true
}

/// Numbers what is behind the bridges on `bus`, and returns the highest number given. `taken` is the highest so far.
fn number_buses(access: &dyn ConfigAccess, bus: u8, last: u8, mut taken: u8) -> u8 {
    for_each(access, bus, &mut |function| {
        if function.bridge.is_none() || taken >= last {
            return;
        }
        let secondary = taken + 1;
        // Everything is behind this bridge while what is there is being numbered.
        set_buses(access, function.address, BridgeBuses { primary: bus, secondary, subordinate: last });
        taken = number_buses(access, secondary, last, secondary);
        set_buses(access, function.address, BridgeBuses { primary: bus, secondary, subordinate: taken });
    });
    taken
}

fn set_buses(access: &dyn ConfigAccess, address: Address, buses: BridgeBuses) {
    let latency = access.read(address, 0x18) & 0xff00_0000;
    let numbers = u32::from_le_bytes([buses.primary, buses.secondary, buses.subordinate, 0]);
    access.write(address, 0x18, latency | numbers);
}

fn for_each(access: &dyn ConfigAccess, bus: u8, visit: &mut dyn FnMut(&Function)) {
    for device in 0..32 {
        let first = Address { segment: access.segment(), bus, device, function: 0 };
        for function in 0..function_count(access, first).unwrap_or(0) {
            if let Some(function) = Function::read(access, Address { function, ..first }) {
                visit(&function);
            }
        }
    }
}

/// Gives every BAR an address and every bridge its windows, if no function has one yet. Returns whether it did. Enumerate again
/// afterwards. What does not fit is left at zero and reported; the rest is still assigned.
pub fn assign_bars(access: &dyn ConfigAccess, windows: &HostWindows) -> Result<bool, AssignError> {
    let functions = crate::enumerate(access);
    let bars = || functions.iter().flat_map(|f| f.bars.iter().flatten());
    if bars().next().is_none() || bars().any(|bar| bar.base() != 0) {
        return Ok(false);
    }
    let mut room = Room {
        io: Cursor { next: u64::from(windows.io.start), end: u64::from(windows.io.end) },
        memory: Cursor { next: windows.memory.start, end: windows.memory.end },
        above: Cursor { next: windows.memory_above.start, end: windows.memory_above.end },
        failure: None,
    };
    room.place(access, &functions, *access.buses().start(), 0);
    room.failure.map_or(Ok(true), Err)
}

struct Cursor {
    next: u64,
    end: u64,
}

impl Cursor {
    /// `size` bytes aligned to `align`, a power of two. Never at address zero, which means "not assigned".
    fn take(&mut self, size: u64, align: u64) -> Option<u64> {
        let start = self.next.max(1).checked_next_multiple_of(align)?;
        let end = start.checked_add(size)?;
        (end <= self.end).then(|| {
            self.next = end;
            start
        })
    }
}

struct Room {
    io: Cursor,
    memory: Cursor,
    above: Cursor,
    failure: Option<AssignError>,
}

/// Granularity of a bridge's memory window and of its I/O window (Bridge 1.2 §3.2.5.6, §3.2.5.8).
const BRIDGE_MEMORY: u64 = 1 << 20;
const BRIDGE_IO: u64 = 1 << 12;

impl Room {
    /// Depth is bounded by the bus numbers: each level's bus is above its parent's.
    fn place(&mut self, access: &dyn ConfigAccess, functions: &[Function], bus: u8, depth: u8) {
        for function in functions.iter().filter(|f| f.address.bus == bus) {
            for (index, bar) in function.bars.iter().enumerate() {
                let Some(bar) = bar else { continue };
                match self.take(bar, depth == 0) {
                    Some(base) => write_bar(access, function.address, index, bar, base),
                    None => self.failure = Some(AssignError { address: function.address, size: bar.size() }),
                }
            }
            if let Some(next) = function.bridge.map(|b| b.secondary).filter(|&next| next > bus) {
                self.behind(access, functions, function.address, next, depth);
            }
        }
    }

    fn take(&mut self, bar: &Bar, on_root: bool) -> Option<u64> {
        match *bar {
            Bar::Io { size, .. } => self.io.take(u64::from(size), u64::from(size)),
            Bar::Memory { size, wide, .. } => self
                .memory
                .take(size, size.max(4096))
                .or_else(|| if wide && on_root { self.above.take(size, size.max(4096)) } else { None }),
        }
    }

    /// Opens the bridge's windows around whatever is placed behind it. All memory goes through the non-prefetchable window.
    fn behind(&mut self, access: &dyn ConfigAccess, functions: &[Function], bridge: Address, bus: u8, depth: u8) {
        let io = self.io.take(0, BRIDGE_IO);
        let memory = self.memory.take(0, BRIDGE_MEMORY);
        self.place(access, functions, bus, depth.saturating_add(1));
        let io_end = self.io.take(0, BRIDGE_IO);
        let memory_end = self.memory.take(0, BRIDGE_MEMORY);
        let (io_base, io_limit) = bounds(io, io_end);
        let status = access.read(bridge, 0x1c) & 0xffff_0000;
        access.write(bridge, 0x1c, status | (io_limit >> 8 & 0xf0) << 8 | io_base >> 8 & 0xf0);
        access.write(bridge, 0x30, io_limit & 0xffff_0000 | io_base >> 16);
        let (base, limit) = bounds(memory, memory_end);
        access.write(bridge, 0x20, (limit >> 16 & 0xfff0) << 16 | base >> 16 & 0xfff0);
        // Base above limit: no prefetchable window.
        access.write(bridge, 0x24, 0x0000_fff0);
        let command = u32::from(crate::command::IO | crate::command::MEMORY | crate::command::BUS_MASTER);
        access.write(bridge, 0x04, access.read(bridge, 0x04) & 0xffff | command);
    }
}

/// First and last address of a window, or base above limit (closed) if it is empty.
fn bounds(start: Option<u64>, end: Option<u64>) -> (u32, u32) {
    match (start, end) {
        (Some(start), Some(end)) if end > start => (start as u32, (end - 1) as u32),
        _ => (0xffff_ffff, 0),
    }
}

fn write_bar(access: &dyn ConfigAccess, address: Address, index: usize, bar: &Bar, base: u64) {
    access.write(address, Bar::offset(index), base as u32);
    if matches!(bar, Bar::Memory { wide: true, .. }) {
        access.write(address, Bar::offset(index + 1), (base >> 32) as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enumerate;
    use crate::fake::{FakeConfig, FakeFunction};
    use std::vec::Vec;

    /// Two endpoints, one of them behind two bridges, nothing configured.
    fn bare() -> FakeConfig {
        let fake = FakeConfig::default();
        fake.add(
            FakeFunction::endpoint(1, 0, 0x1af4, 0x1041, 0x0200_0000).with_bar(0, 1, !0x1f).with_bar(4, 0xc, !0x3fff).with_bar(
                5,
                0,
                u32::MAX,
            ),
        );
        let outer = fake.add(FakeFunction::bridge(2, 0, 0, 0, 0));
        let inner = fake.add(FakeFunction::bridge(0, 0, 0, 0, 0).behind(outer));
        fake.add(FakeFunction::endpoint(0, 0, 0x1af4, 0x1042, 0x0100_0000).with_bar(1, 0, !0xfff).behind(inner));
        fake.add(FakeFunction::bridge(3, 0, 0, 0, 0));
        fake
    }

    const WINDOWS: HostWindows =
        HostWindows { io: 0xc000..0x1_0000, memory: 0xc000_0000..0xc100_0000, memory_above: 0x80_0000_0000..0xc0_0000_0000 };

    #[test]
    fn a_bare_machine_becomes_reachable() {
        let fake = bare();
        assert_eq!(enumerate(&fake).len(), 3);
        assert!(assign_buses(&fake));
        assert!(!assign_buses(&fake), "the second time there is nothing to do");
        let buses: Vec<_> =
            enumerate(&fake).iter().filter_map(|f| f.bridge).map(|b| (b.primary, b.secondary, b.subordinate)).collect();
        assert_eq!(buses, [(0, 1, 2), (1, 2, 2), (0, 3, 3)]);

        assert_eq!(assign_bars(&fake, &WINDOWS), Ok(true));
        assert_eq!(assign_bars(&fake, &WINDOWS), Ok(false), "the second time there is nothing to do");
        let functions = enumerate(&fake);
        let bases: Vec<u64> = functions.iter().flat_map(|f| f.bars.iter().flatten()).map(Bar::base).collect();
        assert_eq!(bases, [0xc000, 0xc000_0000, 0xc010_0000]);
        // Both bridges on the way forward exactly the one megabyte; the empty one forwards nothing.
        let windows: Vec<u32> = functions.iter().filter(|f| f.bridge.is_some()).map(|f| fake.read(f.address, 0x20)).collect();
        assert_eq!(windows, [0xc010_c010, 0xc010_c010, 0x0000_fff0]);
    }

    #[test]
    fn a_bar_that_does_not_fit_is_named() {
        let fake = bare();
        let size = 1u32 << 30;
        fake.add(FakeFunction::endpoint(5, 0, 0x10de, 0x1234, 0x0300_0000).with_bar(0, 0, !(size - 1)));
        let error = assign_bars(&fake, &WINDOWS).unwrap_err();
        assert_eq!((error.address.device, error.size), (5, 1 << 30));
        assert_ne!(enumerate(&fake)[0].bars[0].unwrap().base(), 0, "the others are assigned all the same");
    }

    #[test]
    fn a_large_wide_bar_goes_above_4_gib() {
        let fake = FakeConfig::default();
        fake.add(FakeFunction::endpoint(1, 0, 0x10de, 1, 0).with_bar(0, 0xc, !0x3fff_ffff).with_bar(1, 0, u32::MAX));
        assert_eq!(assign_bars(&fake, &WINDOWS), Ok(true));
        assert_eq!(enumerate(&fake)[0].bars[0].unwrap().base(), 0x80_0000_0000);
    }
}
