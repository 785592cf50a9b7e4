//! Base address registers: decoding and sizing (PCI 3.0 §6.2.5.1).

use crate::{Address, ConfigAccess, command};
use core::fmt;

/// One decoded base address register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bar {
    /// I/O ports.
    Io {
        /// First port; 0 where firmware assigned none.
        base: u32,
        /// Ports, a power of two.
        size: u32,
    },
    /// Memory.
    Memory {
        /// Guest-physical address; 0 where firmware assigned none.
        base: u64,
        /// Bytes, a power of two.
        size: u64,
        /// Reads have no side effects.
        prefetchable: bool,
        /// Takes two registers and may lie above 4 GiB.
        wide: bool,
    },
}

impl Bar {
    /// Where it starts.
    pub fn base(&self) -> u64 {
        match *self {
            Bar::Io { base, .. } => u64::from(base),
            Bar::Memory { base, .. } => base,
        }
    }

    /// How much it spans.
    pub fn size(&self) -> u64 {
        match *self {
            Bar::Io { size, .. } => u64::from(size),
            Bar::Memory { size, .. } => size,
        }
    }

    /// Configuration offset of register `index`.
    pub(crate) fn offset(index: usize) -> u16 {
        0x10 + 4 * index as u16
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Bar::Io { base, size } => write!(f, "I/O ports at {base:#06x} [size={size}]"),
            Bar::Memory { base, size, prefetchable, wide } => {
                let width = if wide { 64 } else { 32 };
                let kind = if prefetchable { "prefetchable" } else { "non-prefetchable" };
                write!(f, "Memory at {base:#010x} ({width}-bit, {kind}) [size=")?;
                match size {
                    s if s >= 1 << 30 => write!(f, "{}G]", s >> 30),
                    s if s >= 1 << 20 => write!(f, "{}M]", s >> 20),
                    s if s >= 1 << 10 => write!(f, "{}K]", s >> 10),
                    s => write!(f, "{s}]"),
                }
            }
        }
    }
}

/// Decodes and sizes the first `count` registers. The function decodes nothing meanwhile, so that the probe values hit nobody.
pub(crate) fn read_bars(access: &dyn ConfigAccess, address: Address, count: usize) -> [Option<Bar>; 6] {
    let mut bars = [None; 6];
    let saved = access.read(address, 0x04) & 0xffff;
    access.write(address, 0x04, saved & !u32::from(command::IO | command::MEMORY));
    let mut index = 0;
    while index < count.min(6) {
        let (bar, registers) = read_bar(access, address, index, count);
        bars[index] = bar;
        index += registers;
    }
    access.write(address, 0x04, saved);
    bars
}

/// The register at `index`, and how many registers it takes.
fn read_bar(access: &dyn ConfigAccess, address: Address, index: usize, count: usize) -> (Option<Bar>, usize) {
    let (low, low_mask) = probe(access, address, Bar::offset(index));
    if low_mask == 0 || low_mask == u32::MAX && low == u32::MAX {
        return (None, 1);
    }
    if low & 1 != 0 {
        // The upper 16 bits may be hard-wired to zero (§6.2.5.1), so the size is taken from what can be written.
        let mask = (low_mask & !3) | if low_mask & 0xffff_0000 == 0 { 0xffff_0000 } else { 0 };
        let size = (!mask).wrapping_add(1);
        return ((size.is_power_of_two()).then_some(Bar::Io { base: low & !3, size }), 1);
    }
    let prefetchable = low & 8 != 0;
    let wide = low & 6 == 4;
    if !wide {
        let size = (!(low_mask & !15)).wrapping_add(1);
        let bar = Bar::Memory { base: u64::from(low & !15), size: u64::from(size), prefetchable, wide };
        return (size.is_power_of_two().then_some(bar), 1);
    }
    if index + 1 >= count.min(6) {
        return (None, 1);
    }
    let (high, high_mask) = probe(access, address, Bar::offset(index + 1));
    let mask = u64::from(high_mask) << 32 | u64::from(low_mask & !15);
    let size = (!mask).wrapping_add(1);
    let base = u64::from(high) << 32 | u64::from(low & !15);
    (size.is_power_of_two().then_some(Bar::Memory { base, size, prefetchable, wide }), 2)
}

/// The value of a register and what of it can be set.
fn probe(access: &dyn ConfigAccess, address: Address, offset: u16) -> (u32, u32) {
    let value = access.read(address, offset);
    access.write(address, offset, u32::MAX);
    let mask = access.read(address, offset);
    access.write(address, offset, value);
    (value, mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeConfig, FakeFunction};
    use std::string::ToString;

    fn bars(function: FakeFunction) -> [Option<Bar>; 6] {
        let fake = FakeConfig::default();
        fake.add(function);
        let address = Address { segment: 0, bus: 0, device: 1, function: 0 };
        let bars = read_bars(&fake, address, 6);
        assert_eq!(fake.read(address, 4) & 7, 7, "decoding is on again");
        bars
    }

    fn function() -> FakeFunction {
        FakeFunction::endpoint(1, 0, 0x1af4, 0x1041, 0x0200_0000).with(0x04, 7)
    }

    #[test]
    fn kinds_and_sizes() {
        let found = bars(
            function()
                .with_bar(0, 0xc001, !0x1f)
                .with_bar(1, 0xfebd_1000, !0xfff)
                .with_bar(2, 0, 0)
                .with_bar(4, 0xc, !0x3fff)
                .with_bar(5, 0xe0, u32::MAX),
        );
        assert_eq!(found[0], Some(Bar::Io { base: 0xc000, size: 32 }));
        assert_eq!(found[1], Some(Bar::Memory { base: 0xfebd_1000, size: 4096, prefetchable: false, wide: false }));
        assert_eq!((found[2], found[3]), (None, None));
        let wide = Bar::Memory { base: 0xe0_0000_0000, size: 0x4000, prefetchable: true, wide: true };
        assert_eq!((found[4], found[5]), (Some(wide), None));
        assert_eq!(wide.to_string(), "Memory at 0xe000000000 (64-bit, prefetchable) [size=16K]");
    }

    #[test]
    fn an_io_register_of_16_bits_has_a_sane_size() {
        assert_eq!(bars(function().with_bar(0, 0xc041, 0xffc0))[0], Some(Bar::Io { base: 0xc040, size: 64 }));
    }

    #[test]
    fn impossible_registers_are_none() {
        // A mask with a hole, and a 64-bit register in the last place, where its upper half would be the CardBus pointer.
        let found = bars(function().with_bar(0, 0, 0xff0f_0000).with_bar(5, 4, !0xfff));
        assert_eq!((found[0], found[5]), (None, None));
    }
}
