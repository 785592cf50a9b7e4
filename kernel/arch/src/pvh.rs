//! The PVH boot protocol's `hvm_start_info` (Xen `include/public/arch-x86/hvm/start_info.h`), read out of untrusted memory.

use crate::boot::MemoryKind;

/// Memory that can be asked for bytes by physical address.
pub trait PhysicalMemory {
    /// `bytes` bytes at `address`, or `None` where there are none.
    fn read(&self, address: u64, bytes: usize) -> Option<&[u8]>;
}

/// `start_info.magic`: "xEn3" with the high bit of the first byte set.
pub const MAGIC: u32 = 0x336e_c578;
/// Longest command line that is taken, in bytes; more is cut off.
pub const COMMAND_LINE_BYTES: usize = 4096;

/// Offsets in `hvm_start_info`.
mod field {
    pub const MAGIC: usize = 0;
    pub const VERSION: usize = 4;
    pub const CMDLINE: usize = 24;
    pub const RSDP: usize = 32;
    /// Version 1 and later.
    pub const MEMMAP: usize = 40;
    pub const MEMMAP_ENTRIES: usize = 48;
    /// Bytes of version 1.
    pub const SIZE: usize = 56;
    /// Bytes of a memory map entry: address u64, size u64, type u32, reserved u32.
    pub const ENTRY: usize = 24;
}

/// Why the start info is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PvhError {
    /// It lies outside of memory.
    Unreadable,
    /// It does not begin with [`MAGIC`].
    BadMagic(u32),
    /// It is version 0, which has no memory map.
    NoMemoryMap,
}

/// The start info, its pointers not yet followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartInfo {
    /// Physical address of the command line, NUL-terminated; zero for none.
    pub command_line: u64,
    /// Physical address of the RSDP; zero for none.
    pub rsdp: u64,
    /// Physical address of the memory map.
    pub memory_map: u64,
    /// Its entries.
    pub memory_map_entries: u32,
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..offset + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    bytes.get(offset..offset + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

impl StartInfo {
    /// Reads the structure at physical address `at`.
    pub fn parse(memory: &dyn PhysicalMemory, at: u64) -> Result<Self, PvhError> {
        let bytes = memory.read(at, field::SIZE).ok_or(PvhError::Unreadable)?;
        match u32_at(bytes, field::MAGIC) {
            MAGIC => {}
            other => return Err(PvhError::BadMagic(other)),
        }
        if u32_at(bytes, field::VERSION) == 0 {
            return Err(PvhError::NoMemoryMap);
        }
        Ok(StartInfo {
            command_line: u64_at(bytes, field::CMDLINE),
            rsdp: u64_at(bytes, field::RSDP),
            memory_map: u64_at(bytes, field::MEMMAP),
            memory_map_entries: u32_at(bytes, field::MEMMAP_ENTRIES),
        })
    }

    /// Calls `each(start, bytes, kind)` for the entries of the memory map, in the map's own order; ends at the first entry that
    /// cannot be read.
    pub fn memory(&self, memory: &dyn PhysicalMemory, mut each: impl FnMut(u64, u64, MemoryKind)) {
        for n in 0..u64::from(self.memory_map_entries) {
            let at = n.checked_mul(field::ENTRY as u64).and_then(|o| o.checked_add(self.memory_map));
            let Some(entry) = at.and_then(|at| memory.read(at, field::ENTRY)) else { return };
            // E820 types (ACPI 6.5 table 15.4).
            let kind = match u32_at(entry, 16) {
                1 => MemoryKind::Usable,
                3 => MemoryKind::AcpiReclaimable,
                4 => MemoryKind::AcpiNvs,
                _ => MemoryKind::Reserved,
            };
            each(u64_at(entry, 0), u64_at(entry, 8), kind);
        }
    }

    /// Copies the command line into `out` and returns its length; zero where there is none.
    pub fn copy_command_line(&self, memory: &dyn PhysicalMemory, out: &mut [u8; COMMAND_LINE_BYTES]) -> usize {
        if self.command_line == 0 {
            return 0;
        }
        for (n, slot) in out.iter_mut().enumerate() {
            match self.command_line.checked_add(n as u64).and_then(|at| memory.read(at, 1)) {
                Some(&[byte]) if byte != 0 => *slot = byte,
                _ => return n,
            }
        }
        COMMAND_LINE_BYTES
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::{vec, vec::Vec};

    /// Memory that begins at 0x1000.
    struct Fake(Vec<u8>);
    impl PhysicalMemory for Fake {
        fn read(&self, address: u64, bytes: usize) -> Option<&[u8]> {
            let start = usize::try_from(address).ok()?.checked_sub(0x1000)?;
            self.0.get(start..start.checked_add(bytes)?)
        }
    }

    fn fake() -> Fake {
        let mut m = vec![0u8; 0x400];
        m[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        m[4] = 1;
        m[24..32].copy_from_slice(&0x1100u64.to_le_bytes());
        m[32..40].copy_from_slice(&0xf5a40u64.to_le_bytes());
        m[40..48].copy_from_slice(&0x1200u64.to_le_bytes());
        m[48..52].copy_from_slice(&3u32.to_le_bytes());
        m[0x100..0x107].copy_from_slice(b"serve=8");
        for (n, (start, bytes, kind)) in [(0u64, 0x9fc00u64, 1u32), (0x9fc00, 0x400, 2), (1 << 32, 1 << 30, 1)].iter().enumerate()
        {
            let at = 0x200 + n * 24;
            m[at..at + 8].copy_from_slice(&start.to_le_bytes());
            m[at + 8..at + 16].copy_from_slice(&bytes.to_le_bytes());
            m[at + 16..at + 20].copy_from_slice(&kind.to_le_bytes());
        }
        Fake(m)
    }

    #[test]
    fn reads_what_qemu_writes() {
        let memory = fake();
        let info = StartInfo::parse(&memory, 0x1000).unwrap();
        assert_eq!(info.rsdp, 0xf5a40);
        let mut map = vec![];
        info.memory(&memory, |s, b, k| map.push((s, b, k)));
        assert_eq!(
            map,
            [(0, 0x9fc00, MemoryKind::Usable), (0x9fc00, 0x400, MemoryKind::Reserved), (1 << 32, 1 << 30, MemoryKind::Usable)]
        );
        let mut line = [0; COMMAND_LINE_BYTES];
        let n = info.copy_command_line(&memory, &mut line);
        assert_eq!(&line[..n], b"serve=8");
    }

    #[test]
    fn refuses_what_is_not_start_info() {
        let mut memory = fake();
        assert_eq!(StartInfo::parse(&memory, 0x900), Err(PvhError::Unreadable));
        assert_eq!(StartInfo::parse(&memory, 0x13f0), Err(PvhError::Unreadable));
        memory.0[4] = 0;
        assert_eq!(StartInfo::parse(&memory, 0x1000), Err(PvhError::NoMemoryMap));
        memory.0[0] = 0;
        assert_eq!(StartInfo::parse(&memory, 0x1000), Err(PvhError::BadMagic(0x336e_c500)));
    }

    #[test]
    fn pointers_out_of_memory_end_the_reading() {
        let mut memory = fake();
        memory.0[48..52].copy_from_slice(&u32::MAX.to_le_bytes());
        let info = StartInfo::parse(&memory, 0x1000).unwrap();
        let mut entries = 0;
        info.memory(&memory, |_, _, _| entries += 1);
        assert_eq!(entries, (0x400 - 0x200) / 24);
        let wild = StartInfo { command_line: u64::MAX, memory_map: u64::MAX - 3, ..info };
        wild.memory(&memory, |_, _, _| panic!("an entry out of nowhere"));
        assert_eq!(wild.copy_command_line(&memory, &mut [0; COMMAND_LINE_BYTES]), 0);
    }
}
