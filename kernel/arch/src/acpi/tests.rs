extern crate std;
use super::fadt::find_s5;
use super::*;
use core::ops::ControlFlow;
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
