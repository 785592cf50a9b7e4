//! ACPI tables, as far as this kernel needs them (ACPI 6.5, chapter 5): which processors and interrupt controllers there are (MADT),
//! where PCI configuration space is (MCFG), how to shut down (FADT and the DSDT's `_S5_`).
//!
//! Everything is read through [`PhysicalMemory`] and believed only where its checksum and its lengths hold.

use crate::pvh::PhysicalMemory;
use core::ops::ControlFlow;

/// Longest table that is read, in bytes: a DSDT of a large server has some hundred KiB.
const MAX_TABLE: usize = 4 << 20;
/// Bytes of the header that all tables but the RSDP have.
const HEADER: usize = 36;

/// Why the tables are not usable. Each names the physical address at which reading failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcpiError {
    /// There is no RSDP here: signature, checksum or revision are wrong.
    NoRsdp(u64),
    /// The RSDT or XSDT is damaged.
    NoRoot(u64),
    /// Nothing can be read here.
    Unreadable(u64),
}

fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

fn sums_to_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) == 0
}

/// A table whose length and checksum are right.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    bytes: &'a [u8],
}

impl<'a> Table<'a> {
    fn read(memory: &'a dyn PhysicalMemory, at: u64) -> Option<Self> {
        let length = u32_at(memory.read(at, HEADER)?, 4)? as usize;
        if !(HEADER..=MAX_TABLE).contains(&length) {
            return None;
        }
        let bytes = memory.read(at, length)?;
        sums_to_zero(bytes).then_some(Table { bytes })
    }

    /// Its four-character name.
    pub fn signature(&self) -> [u8; 4] {
        self.bytes.first_chunk().copied().unwrap_or_default()
    }

    /// All of it, the header included.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// The root of the tables.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    memory: &'a dyn PhysicalMemory,
    root: Table<'a>,
    /// Bytes of an entry of the root table: 4 (RSDT) or 8 (XSDT).
    entry: usize,
}

impl<'a> Tables<'a> {
    /// Follows the RSDP at physical address `at`.
    pub fn from_rsdp(memory: &'a dyn PhysicalMemory, at: u64) -> Result<Self, AcpiError> {
        let rsdp = memory.read(at, 20).ok_or(AcpiError::Unreadable(at))?;
        if !is_rsdp(rsdp) {
            return Err(AcpiError::NoRsdp(at));
        }
        let rsdt = u64::from(u32_at(rsdp, 16).unwrap_or(0));
        if u8_at(rsdp, 15).is_some_and(|revision| revision >= 2)
            && let Some(long) = memory.read(at, 36)
            && sums_to_zero(long)
            && let Some(xsdt) = u64_at(long, 24).filter(|xsdt| *xsdt != 0)
            && let Some(root) = Table::read(memory, xsdt).filter(|t| t.signature() == *b"XSDT")
        {
            return Ok(Tables { memory, root, entry: 8 });
        }
        let root = Table::read(memory, rsdt).filter(|t| t.signature() == *b"RSDT").ok_or(AcpiError::NoRoot(rsdt))?;
        Ok(Tables { memory, root, entry: 4 })
    }

    /// Looks for an RSDP on the 16-byte boundaries of a range, as BIOSes want it (ACPI 6.5, section 5.2.5.1).
    pub fn scan(memory: &'a dyn PhysicalMemory, start: u64, bytes: u64) -> Option<u64> {
        (start..start.saturating_add(bytes)).step_by(16).find(|at| memory.read(*at, 20).is_some_and(is_rsdp))
    }

    /// The tables that can be read, in the root's order. Damaged ones are left out.
    pub fn iter(&self) -> impl Iterator<Item = Table<'a>> + use<'a> {
        let (memory, entry) = (self.memory, self.entry);
        self.root.bytes.get(HEADER..).unwrap_or(&[]).chunks_exact(entry).filter_map(move |bytes| {
            let at = if entry == 8 { u64_at(bytes, 0)? } else { u64::from(u32_at(bytes, 0)?) };
            Table::read(memory, at)
        })
    }

    /// The first table with this name.
    pub fn find(&self, signature: &[u8; 4]) -> Option<Table<'a>> {
        self.iter().find(|t| t.signature() == *signature)
    }

    /// The FADT, with the sleep types of the DSDT that it names.
    pub fn fadt(&self) -> Option<Fadt> {
        let fadt = Fadt::parse(self.find(b"FACP")?.bytes)?;
        Some(Fadt { s5: self.dsdt(&fadt).and_then(|t| find_s5(t.bytes)), ..fadt })
    }

    /// The DSDT: the machine's devices, in byte code.
    pub fn dsdt(&self, fadt: &Fadt) -> Option<Table<'a>> {
        Table::read(self.memory, fadt.dsdt)
    }
}

fn is_rsdp(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RSD PTR ") && bytes.get(..20).is_some_and(sums_to_zero)
}

/// What the MADT lists (ACPI 6.5, section 5.2.12). Unknown entries are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadtEntry {
    /// A processor that may be started.
    Processor {
        /// Its local APIC's id.
        apic_id: u32,
    },
    /// An I/O APIC.
    IoApic {
        /// Physical address of its registers.
        address: u32,
        /// First global interrupt that it serves.
        first_interrupt: u32,
    },
    /// An ISA interrupt that is wired otherwise than one to one.
    Override {
        /// ISA interrupt.
        isa: u8,
        /// Global interrupt.
        interrupt: u32,
        /// Whether it is active low.
        active_low: bool,
        /// Whether it is level-triggered.
        level: bool,
    },
}

/// Calls `each` for the entries of a MADT until it breaks.
pub fn madt_entries(madt: &Table<'_>, mut each: impl FnMut(MadtEntry) -> ControlFlow<()>) {
    let mut rest = madt.bytes.get(44..).unwrap_or(&[]);
    while let Some(&[kind, length]) = rest.first_chunk() {
        let Some((entry, tail)) = rest.split_at_checked(usize::from(length)).filter(|(entry, _)| entry.len() >= 2) else {
            return;
        };
        rest = tail;
        if let Some(entry) = madt_entry(kind, entry)
            && each(entry).is_break()
        {
            return;
        }
    }
}

fn madt_entry(kind: u8, entry: &[u8]) -> Option<MadtEntry> {
    /// Enabled; the firmware wants it used.
    const ENABLED: u32 = 1;
    match kind {
        0 if u32_at(entry, 4)? & ENABLED != 0 => Some(MadtEntry::Processor { apic_id: u32::from(u8_at(entry, 3)?) }),
        1 => Some(MadtEntry::IoApic { address: u32_at(entry, 4)?, first_interrupt: u32_at(entry, 8)? }),
        2 => {
            let flags = u16_at(entry, 8)?;
            Some(MadtEntry::Override {
                isa: u8_at(entry, 3)?,
                interrupt: u32_at(entry, 4)?,
                active_low: flags & 3 == 3,
                level: flags >> 2 & 3 == 3,
            })
        }
        9 if u32_at(entry, 8)? & ENABLED != 0 => Some(MadtEntry::Processor { apic_id: u32_at(entry, 4)? }),
        _ => None,
    }
}

/// A window of memory-mapped PCI configuration space (PCI Firmware Specification 3.3, table 4-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ecam {
    /// Physical address of bus 0's configuration space, even where the window begins later.
    pub base: u64,
    /// PCI segment group.
    pub segment: u16,
    /// First bus.
    pub first_bus: u8,
    /// Last bus.
    pub last_bus: u8,
}

/// The windows that an MCFG lists. Those with an impossible range are left out.
pub fn mcfg_windows(mcfg: Table<'_>) -> impl Iterator<Item = Ecam> {
    mcfg.bytes.get(44..).unwrap_or(&[]).chunks_exact(16).filter_map(|entry| {
        let ecam = Ecam {
            base: u64_at(entry, 0)?,
            segment: u16_at(entry, 8)?,
            first_bus: u8_at(entry, 10)?,
            last_bus: u8_at(entry, 11)?,
        };
        (ecam.base != 0 && ecam.first_bus <= ecam.last_bus).then_some(ecam)
    })
}

/// A register in memory or ports (ACPI 6.5, section 5.2.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Register {
    /// Physical address.
    Memory(u64),
    /// Port.
    Port(u16),
}

impl Register {
    fn parse(bytes: &[u8], at: usize) -> Option<Self> {
        let address = u64_at(bytes, at.checked_add(4)?)?;
        match u8_at(bytes, at)? {
            _ if address == 0 => None,
            0 => Some(Register::Memory(address)),
            1 => u16::try_from(address).ok().map(Register::Port),
            _ => None,
        }
    }
}

/// What the FADT says about power and time (ACPI 6.5, section 5.2.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fadt {
    /// Physical address of the DSDT.
    pub dsdt: u64,
    /// Whether the fixed registers do not exist.
    pub hardware_reduced: bool,
    /// Port of the power management timer, and whether it has 32 bits (else 24).
    pub timer: Option<(u16, bool)>,
    /// Ports of the PM1a and PM1b control registers.
    pub pm1_control: [Option<u16>; 2],
    /// Port and value that turn ACPI mode on, when it is not on.
    pub enable: Option<(u16, u8)>,
    /// Register and value that reset the machine.
    pub reset: Option<(Register, u8)>,
    /// Sleep control register of hardware-reduced machines.
    pub sleep_control: Option<Register>,
    /// Sleep types of the state S5 for PM1a and PM1b, from the DSDT.
    pub s5: Option<[u8; 2]>,
}

impl Fadt {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let flags = u32_at(bytes, 112)?;
        let port = |at: usize| u32_at(bytes, at).and_then(|p| u16::try_from(p).ok()).filter(|p| *p != 0);
        // The extended fields win where they name a port (they must agree anyway).
        let extended = |at: usize| match Register::parse(bytes, at) {
            Some(Register::Port(port)) => Some(port),
            _ => None,
        };
        let hardware_reduced = flags & 1 << 20 != 0;
        let dsdt = u64_at(bytes, 140).filter(|d| *d != 0).or(u32_at(bytes, 40).map(u64::from))?;
        let fixed = !hardware_reduced;
        Some(Fadt {
            dsdt,
            hardware_reduced,
            timer: extended(208).or(port(76)).filter(|_| fixed).map(|port| (port, flags & 1 << 8 != 0)),
            pm1_control: [extended(172).or(port(64)).filter(|_| fixed), extended(184).or(port(68)).filter(|_| fixed)],
            enable: port(48).zip(u8_at(bytes, 52)).filter(|(_, value)| *value != 0 && fixed),
            reset: Register::parse(bytes, 116).zip(u8_at(bytes, 128)).filter(|_| flags & 1 << 10 != 0),
            sleep_control: Register::parse(bytes, 244),
            s5: None,
        })
    }
}

/// Finds `Name (_S5_, Package () { a, b, … })` in AML without interpreting it: the bytes `_S5_`, PackageOp, a package length, the number
/// of elements, and integers as constants or byte-prefixed (ACPI 6.5, section 20.2). Every operating system in small reads it so.
fn find_s5(aml: &[u8]) -> Option<[u8; 2]> {
    let at = aml.windows(4).position(|w| w == b"_S5_")?;
    let rest = aml.get(at + 4..)?;
    let &[0x12, lead, ..] = rest else { return None };
    // Package length: the top two bits of the lead byte count the bytes that follow. Then the number of elements.
    let mut rest = rest.get(2 + usize::from(lead >> 6) + 1..)?;
    let mut values = [0; 2];
    for value in &mut values {
        (*value, rest) = match rest {
            [0x00, tail @ ..] => (0, tail),
            [0x01, tail @ ..] => (1, tail),
            [0x0a, value, tail @ ..] => (*value, tail),
            _ => return None,
        };
    }
    Some(values)
}

/// A virtio device behind memory-mapped registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VirtioMmio {
    /// Physical address of its registers.
    pub base: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Global interrupt.
    pub interrupt: u32,
}

/// The virtio-mmio devices of a DSDT, found like [`Fadt::s5`] without interpreting it: after each hardware id `LNRO0005`, and before
/// the next, a 32-bit fixed memory descriptor and an extended interrupt descriptor with one interrupt (ACPI 6.5, sections 6.4.3.4 and
/// 6.4.3.6). QEMU's microvm names its devices only so, unless ACPI is off.
pub fn virtio_mmio(dsdt: Table<'_>) -> impl Iterator<Item = VirtioMmio> {
    const ID: &[u8] = b"LNRO0005";
    /// Bytes after the id in which the descriptors are: QEMU needs 50.
    const REACH: usize = 128;
    let aml = dsdt.bytes;
    let starts = aml.windows(ID.len()).enumerate().filter(|(_, w)| *w == ID).map(|(at, _)| at + ID.len());
    starts.filter_map(move |start| {
        let rest = aml.get(start..)?;
        let rest = &rest[..rest.len().min(REACH)];
        let rest = rest.windows(ID.len()).position(|w| w == ID).map_or(rest, |next| &rest[..next]);
        let memory = rest.windows(12).find(|w| w.starts_with(&[0x86, 9, 0]))?;
        let interrupt = rest.windows(9).find(|w| w.starts_with(&[0x89, 6, 0]) && w[4] == 1)?;
        Some(VirtioMmio {
            base: u64::from(u32_at(memory, 4)?),
            bytes: u64::from(u32_at(memory, 8)?),
            interrupt: u32_at(interrupt, 5)?,
        })
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::{vec, vec::Vec};

    struct Fake(Vec<u8>);
    impl PhysicalMemory for Fake {
        fn read(&self, address: u64, bytes: usize) -> Option<&[u8]> {
            let start = usize::try_from(address).ok()?;
            self.0.get(start..start.checked_add(bytes)?)
        }
    }

    impl Fake {
        fn put(&mut self, at: usize, bytes: &[u8]) {
            self.0[at..at + bytes.len()].copy_from_slice(bytes);
        }
        /// Writes a table with a right header around `body`.
        fn table(&mut self, at: usize, signature: &[u8; 4], body: &[u8]) {
            let mut bytes = vec![0; HEADER];
            bytes[..4].copy_from_slice(signature);
            bytes[4..8].copy_from_slice(&((HEADER + body.len()) as u32).to_le_bytes());
            bytes.extend(body);
            bytes[9] = bytes.iter().fold(0u8, |s, b| s.wrapping_sub(*b));
            self.put(at, &bytes);
        }
    }

    fn rsdp(revision: u8, rsdt: u32, xsdt: u64) -> Vec<u8> {
        let mut r = vec![0; 36];
        r[..8].copy_from_slice(b"RSD PTR ");
        r[15] = revision;
        r[16..20].copy_from_slice(&rsdt.to_le_bytes());
        r[8] = r[..20].iter().fold(0u8, |s, b| s.wrapping_sub(*b));
        r[20] = 36;
        r[24..32].copy_from_slice(&xsdt.to_le_bytes());
        r[32] = r.iter().fold(0u8, |s, b| s.wrapping_sub(*b));
        r
    }

    /// MADT body: two processors (one disabled), an x2APIC one, an I/O APIC, an override, an unknown entry.
    fn madt() -> Vec<u8> {
        let mut body = vec![0; 8];
        body.extend([0, 8, 0, 3, 1, 0, 0, 0]);
        body.extend([0, 8, 1, 4, 0, 0, 0, 0]);
        body.extend([9, 16, 0, 0, 0x2c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        body.extend([1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0]);
        body.extend([0x7f, 3, 0]);
        body.extend([2, 10, 0, 9, 9, 0, 0, 0, 0xf, 0]);
        body
    }

    fn machine() -> Fake {
        let mut m = Fake(vec![0; 0x8000]);
        m.put(0x1010, &rsdp(2, 0x2000, 0x2100));
        m.table(0x2000, b"RSDT", &[0x3000u32.to_le_bytes(), 0x4000u32.to_le_bytes()].concat());
        m.table(0x2100, b"XSDT", &[0x3000u64, 0x9_0000_0000, 0x4000, 0x5000].map(u64::to_le_bytes).concat());
        m.table(0x3000, b"APIC", &madt());
        let mut fadt = vec![0; 276 - HEADER];
        fadt[40 - HEADER..44 - HEADER].copy_from_slice(&0x6000u32.to_le_bytes());
        fadt[64 - HEADER..68 - HEADER].copy_from_slice(&0x604u32.to_le_bytes());
        fadt[76 - HEADER..80 - HEADER].copy_from_slice(&0x608u32.to_le_bytes());
        fadt[112 - HEADER..116 - HEADER].copy_from_slice(&(1u32 << 10).to_le_bytes());
        fadt[116 - HEADER] = 1;
        fadt[120 - HEADER..128 - HEADER].copy_from_slice(&0xcf9u64.to_le_bytes());
        fadt[128 - HEADER] = 0xf;
        m.table(0x4000, b"FACP", &fadt);
        let mut mcfg = vec![0; 8];
        mcfg.extend(0xb000_0000u64.to_le_bytes());
        mcfg.extend([0, 0, 0, 255, 0, 0, 0, 0]);
        mcfg.extend(0xc000_0000u64.to_le_bytes());
        mcfg.extend([0, 0, 5, 4, 0, 0, 0, 0]);
        m.table(0x5000, b"MCFG", &mcfg);
        m.table(0x6000, b"DSDT", b"\x5b\x80xx\x08_S5_\x12\x06\x04\x0a\x05\x01\x00\x00");
        m
    }

    #[test]
    fn a_whole_machine() {
        let memory = machine();
        assert_eq!(Tables::scan(&memory, 0x1000, 0x100), Some(0x1010));
        let tables = Tables::from_rsdp(&memory, 0x1010).unwrap();
        let mut entries = vec![];
        madt_entries(&tables.find(b"APIC").unwrap(), |e| {
            entries.push(e);
            ControlFlow::Continue(())
        });
        assert_eq!(
            entries,
            [
                MadtEntry::Processor { apic_id: 3 },
                MadtEntry::Processor { apic_id: 0x12c },
                MadtEntry::IoApic { address: 0xfec0_0000, first_interrupt: 0 },
                MadtEntry::Override { isa: 9, interrupt: 9, active_low: true, level: true },
            ]
        );
        let windows: Vec<_> = mcfg_windows(tables.find(b"MCFG").unwrap()).collect();
        assert_eq!(windows, [Ecam { base: 0xb000_0000, segment: 0, first_bus: 0, last_bus: 255 }]);
        let fadt = tables.fadt().unwrap();
        assert_eq!(fadt.s5, Some([5, 1]));
        assert_eq!(fadt.pm1_control, [Some(0x604), None]);
        assert_eq!(fadt.timer, Some((0x608, false)));
        assert_eq!(fadt.reset, Some((Register::Port(0xcf9), 0xf)));
        assert_eq!(fadt.sleep_control, None);
    }

    #[test]
    fn the_old_root_serves_where_the_new_one_is_damaged() {
        let mut memory = machine();
        memory.0[0x2100 + 40] ^= 1;
        let tables = Tables::from_rsdp(&memory, 0x1010).unwrap();
        assert_eq!(tables.iter().count(), 2);
        memory.0[0x2000 + 40] ^= 1;
        assert!(matches!(Tables::from_rsdp(&memory, 0x1010), Err(AcpiError::NoRoot(0x2000))));
    }

    #[test]
    fn damaged_tables_are_left_out() {
        let mut memory = machine();
        memory.0[0x3000 + 50] ^= 0xff;
        memory.put(0x4004, &u32::MAX.to_le_bytes());
        let tables = Tables::from_rsdp(&memory, 0x1010).unwrap();
        assert!(tables.find(b"APIC").is_none());
        assert!(tables.fadt().is_none());
        assert!(tables.find(b"MCFG").is_some());
        assert!(matches!(Tables::from_rsdp(&memory, 0x1000), Err(AcpiError::NoRsdp(0x1000))));
        assert!(matches!(Tables::from_rsdp(&memory, u64::MAX - 5), Err(AcpiError::Unreadable(_))));
    }

    #[test]
    fn entries_that_lie_about_their_length_end_the_list() {
        for length in [0, 1, 200] {
            let mut memory = Fake(vec![0; 0x100]);
            memory.table(0, b"APIC", &[&[0; 8][..], &[0, length, 0, 1, 1, 0, 0, 0]].concat());
            let table = Table::read(&memory, 0).unwrap();
            madt_entries(&table, |e| panic!("an entry of length {length}: {e:?}"));
        }
        let mut memory = Fake(vec![0; 0x100]);
        memory.table(0, b"APIC", &[&[0; 8][..], &[1, 4, 0, 0]].concat());
        madt_entries(&Table::read(&memory, 0).unwrap(), |e| panic!("a cut-off entry: {e:?}"));
    }

    #[test]
    fn sleep_types_need_the_package_around_them() {
        assert_eq!(find_s5(b"_S5_\x12\x06\x04\x00\x00\x00\x00"), Some([0, 0]));
        assert_eq!(find_s5(b"_S5_\x12\x47\x00\x04\x0a\x07\x0a\x07"), Some([7, 7]));
        assert_eq!(find_s5(b"_S5_\x12\x06"), None);
        assert_eq!(find_s5(b"_S5_\x11\x06\x04\x00\x00"), None);
        assert_eq!(find_s5(b"_S5"), None);
    }

    #[test]
    fn virtio_devices_of_a_microvm() {
        // As QEMU writes it: _HID, _UID, _CRS with a buffer of two descriptors.
        let device = |base: u32, interrupt: u8| {
            let mut aml = b"\x08_HID\x0dLNRO0005\0\x08_UID\x0a\x17\x08_CRS\x11\x1a\x0a\x17\x86\x09\x00\x01".to_vec();
            aml.extend(base.to_le_bytes());
            aml.extend(0x200u32.to_le_bytes());
            aml.extend([0x89, 6, 0, 1, 1, interrupt, 0, 0, 0, 0x79, 0]);
            aml
        };
        let mut memory = Fake(vec![0; 0x200]);
        // The second has no interrupt of its own, and must not be given the third's.
        let cut = &device(0xfeb0_2a00, 1)[..46];
        memory.table(0, b"DSDT", &[&device(0xfeb0_2e00, 47)[..], cut, &device(0xfeb0_2c00, 46)].concat());
        let found: Vec<_> = virtio_mmio(Table::read(&memory, 0).unwrap()).collect();
        assert_eq!(
            found,
            [
                VirtioMmio { base: 0xfeb0_2e00, bytes: 0x200, interrupt: 47 },
                VirtioMmio { base: 0xfeb0_2c00, bytes: 0x200, interrupt: 46 },
            ]
        );
    }
}
