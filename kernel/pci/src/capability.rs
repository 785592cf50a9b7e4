//! The capability list (PCI 3.0 §6.7) and MSI-X (§6.8.2).

use crate::{Address, Bar, ConfigAccess, Function, Registers};
use alloc::vec::Vec;

/// Capability ids.
pub mod capability_id {
    /// Power management.
    pub const POWER: u8 = 0x01;
    /// Message-signalled interrupts.
    pub const MSI: u8 = 0x05;
    /// Vendor specific; virtio keeps its structures here.
    pub const VENDOR: u8 = 0x09;
    /// PCI Express.
    pub const EXPRESS: u8 = 0x10;
    /// MSI-X.
    pub const MSIX: u8 = 0x11;
}

/// One entry of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capability {
    /// What it is, see [`capability_id`].
    pub id: u8,
    /// Where it starts in configuration space, 0x40–0xfc.
    pub offset: u8,
}

/// Walks the list of a function with header type `layout`. There is room for 48 entries; a list that visits a place twice, or
/// leads into the header, ends there.
pub(crate) fn walk(access: &dyn ConfigAccess, address: Address, layout: u8) -> Vec<Capability> {
    let mut found = Vec::new();
    let has_list = access.read(address, 0x04) & 1 << 20 != 0;
    if !has_list || layout > 1 {
        return found;
    }
    let mut visited = [false; 64];
    let mut offset = access.read(address, 0x34) as u8 & 0xfc;
    while offset >= 0x40 && !core::mem::replace(&mut visited[usize::from(offset / 4)], true) {
        let word = access.read(address, u16::from(offset));
        if word == u32::MAX {
            break;
        }
        found.push(Capability { id: word as u8, offset });
        offset = (word >> 8) as u8 & 0xfc;
    }
    found
}

/// The MSI-X capability of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Msix {
    address: Address,
    offset: u8,
    /// Vectors in the table, 1–2048.
    pub vectors: u16,
    /// BAR that the table is in, 0–5.
    pub table_bar: u8,
    /// Offset of the table in that BAR.
    pub table_offset: u32,
    /// BAR that the pending bits are in, 0–5.
    pub pending_bar: u8,
    /// Offset of the pending bits in that BAR.
    pub pending_offset: u32,
}

impl Msix {
    /// The capability, if the function has one and its table lies inside a memory BAR.
    pub fn find(access: &dyn ConfigAccess, function: &Function) -> Option<Msix> {
        let at = function.capability(capability_id::MSIX)?.offset;
        let word = |n: u8| access.read(function.address, u16::from(at) + u16::from(n));
        let (table, pending) = (word(4), word(8));
        let msix = Msix {
            address: function.address,
            offset: at,
            vectors: ((word(0) >> 16) as u16 & 0x7ff) + 1,
            table_bar: (table & 7) as u8,
            table_offset: table & !7,
            pending_bar: (pending & 7) as u8,
            pending_offset: pending & !7,
        };
        let bar = (*function.bars.get(usize::from(msix.table_bar))?)?;
        let end = u64::from(msix.table_offset) + msix.table_bytes();
        (matches!(bar, Bar::Memory { .. }) && end <= bar.size()).then_some(msix)
    }

    /// Size of the table in bytes: what to map.
    pub fn table_bytes(&self) -> u64 {
        u64::from(self.vectors) * 16
    }

    /// Points table entry `index` at interrupt `vector` of the processor with APIC id `apic_id`, edge-triggered, fixed delivery
    /// (Intel SDM vol. 3 §11.11), and unmasks it. `table` covers the table alone. False if there is no such entry.
    pub fn program(&self, table: &dyn Registers, index: u16, apic_id: u8, vector: u8) -> bool {
        let at = u64::from(index) * 16;
        if index >= self.vectors || at + 16 > table.len() {
            return false;
        }
        table.write32(at + 12, 1);
        table.write32(at, 0xfee0_0000 | u32::from(apic_id) << 12);
        table.write32(at + 4, 0);
        table.write32(at + 8, u32::from(vector));
        table.write32(at + 12, 0);
        true
    }

    /// Masks table entry `index`, or lets it through. False if there is no such entry.
    pub fn set_masked(&self, table: &dyn Registers, index: u16, masked: bool) -> bool {
        let at = u64::from(index) * 16;
        let exists = index < self.vectors && at + 16 <= table.len();
        if exists {
            table.write32(at + 12, u32::from(masked));
        }
        exists
    }

    /// Turns MSI-X on or off for the whole function. While it is on, the function does not use INTx.
    pub fn set_enabled(&self, access: &dyn ConfigAccess, enabled: bool) {
        let word = access.read(self.address, u16::from(self.offset));
        let control = if enabled { word & !(1 << 30) | 1 << 31 } else { word & !(1 << 31) };
        access.write(self.address, u16::from(self.offset), control);
    }

    /// Whether MSI-X is on.
    pub fn is_enabled(&self, access: &dyn ConfigAccess) -> bool {
        access.read(self.address, u16::from(self.offset)) & 1 << 31 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeConfig, FakeFunction};
    use crate::{Window, enumerate};
    use std::vec;

    fn with_list() -> FakeFunction {
        FakeFunction::endpoint(2, 0, 0x1af4, 0x1042, 0x0100_0000)
            .with(0x04, 1 << 20)
            .with(0x34, 0x98)
            .with(0x98, 0x8003_0000 | 0x40 << 8 | 0x11)
            .with(0x9c, 0x0000_0001)
            .with(0xa0, 0x0000_0801)
            .with(0x40, 0x0010_5009)
            .with(0x50, 0x0000_0005)
    }

    #[test]
    fn the_list_is_followed_in_order() {
        let fake = FakeConfig::default();
        fake.add(with_list().with_bar(1, 0xfebd_0000, !0xfff));
        let function = &enumerate(&fake)[0];
        let ids: vec::Vec<u8> = function.capabilities.iter().map(|c| c.id).collect();
        assert_eq!(ids, [0x11, 0x09, 0x05]);

        let msix = Msix::find(&fake, function).unwrap();
        assert_eq!((msix.vectors, msix.table_bar, msix.table_offset, msix.pending_offset), (4, 1, 0, 0x800));
        assert!(msix.is_enabled(&fake));
        msix.set_enabled(&fake, false);
        assert!(!msix.is_enabled(&fake));
        let mut memory = [0u32; 16];
        // SAFETY: the array outlives the window and nobody else looks at it meanwhile.
        let table = unsafe { Window::new(memory.as_mut_ptr().cast(), msix.table_bytes()) };
        assert!(msix.program(&table, 3, 2, 0x51));
        assert!(!msix.program(&table, 4, 2, 0x51));
        assert!(msix.set_masked(&table, 3, true) && !msix.set_masked(&table, 4, true));
        assert_eq!(memory[12..], [0xfee0_2000, 0, 0x51, 1]);
        assert!(msix.set_masked(&table, 3, false));
        assert_eq!(memory[12..], [0xfee0_2000, 0, 0x51, 0]);
    }

    #[test]
    fn a_loop_and_a_pointer_into_the_header_end_the_list() {
        for next in [0x98u32, 0x40, 0x10] {
            let fake = FakeConfig::default();
            fake.add(with_list().with(0x40, next << 8 | 0x09));
            assert_eq!(enumerate(&fake)[0].capabilities.len(), 2);
        }
    }

    #[test]
    fn a_table_outside_its_bar_is_refused() {
        for table in [0x0000_0fc1 & !7 | 1, 7, 3] {
            let fake = FakeConfig::default();
            fake.add(with_list().with(0x9c, table).with_bar(1, 0xfebd_0000, !0x7ff));
            assert_eq!(Msix::find(&fake, &enumerate(&fake)[0]), None);
        }
    }
}
