use super::super::Mmio;
use super::*;
use ring0_pci::enumerate;
use ring0_pci::fake::{FakeConfig, FakeFunction};
use std::sync::{Arc, Mutex};
use std::vec;
use std::vec::Vec;

/// Registers that remember what was written; every map gets fresh ones.
#[derive(Clone)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn get(&self, offset: u64, bytes: usize) -> u32 {
        let memory = self.0.lock().unwrap();
        (0..bytes).rev().fold(0, |value, n| value << 8 | u32::from(memory.get(offset as usize + n).copied().unwrap_or(0xff)))
    }

    fn set(&self, offset: u64, bytes: &[u8]) {
        if let Some(place) = self.0.lock().unwrap().get_mut(offset as usize..offset as usize + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
}

impl Registers for Memory {
    fn len(&self) -> u64 {
        self.0.lock().unwrap().len() as u64
    }
    fn read8(&self, offset: u64) -> u8 {
        self.get(offset, 1) as u8
    }
    fn read16(&self, offset: u64) -> u16 {
        self.get(offset, 2) as u16
    }
    fn read32(&self, offset: u64) -> u32 {
        self.get(offset, 4)
    }
    fn write8(&self, offset: u64, value: u8) {
        self.set(offset, &[value]);
    }
    fn write16(&self, offset: u64, value: u16) {
        self.set(offset, &value.to_le_bytes());
    }
    fn write32(&self, offset: u64, value: u32) {
        self.set(offset, &value.to_le_bytes());
    }
}

#[derive(Default)]
struct Mapped(Vec<(u64, u64, Memory)>);

impl Map for Mapped {
    fn memory(&mut self, phys: u64, bytes: u64) -> Option<Box<dyn Registers>> {
        let memory = Memory(Arc::new(Mutex::new(vec![0; bytes as usize])));
        self.0.push((phys, bytes, memory.clone()));
        Some(Box::new(memory))
    }

    fn ports(&mut self, base: u16, count: u16) -> Option<Box<dyn Registers>> {
        self.memory(u64::from(base), u64::from(count))
    }
}

/// A block device as QEMU lays it out: four structures in a 16 KiB BAR 4, and the legacy registers in BAR 0.
fn device(id: u16) -> FakeFunction {
    let capability = |f: FakeFunction, at: usize, next: u32, kind: u32, offset: u32, length: u32| {
        f.with(at, kind << 24 | 20 << 16 | next << 8 | 0x09).with(at + 4, 4).with(at + 8, offset).with(at + 12, length)
    };
    let mut function = FakeFunction::endpoint(1, 0, 0x1af4, id, 0x0100_0000)
        .with(0x04, 1 << 20)
        .with(0x2c, 2 << 16 | 0x1af4)
        .with(0x34, 0x40)
        .with_bar(0, 0xc001, !0x7f)
        .with_bar(4, 0xfebf_800c, !0x3fff)
        .with_bar(5, 0, u32::MAX);
    function = capability(function, 0x40, 0x54, 1, 0x0000, 0x38);
    function = capability(function, 0x54, 0x68, 3, 0x1000, 4);
    function = capability(function, 0x68, 0x7c, 4, 0x2000, 0x1000);
    capability(function, 0x7c, 0, 2, 0x3000, 0x1000).with(0x8c, 4)
}

fn probe(function: FakeFunction) -> (Result<Box<dyn Transport>, Error>, Mapped) {
    let fake = FakeConfig::default();
    fake.add(function);
    let mut mapped = Mapped::default();
    let found = from_pci(&fake, &enumerate(&fake)[0], &mut mapped);
    assert!(found.is_err() || fake.read(enumerate(&fake)[0].address, 4) & 7 == 7, "decoding and bus mastering are on");
    (found, mapped)
}

#[test]
fn capabilities_are_preferred_to_legacy_registers() {
    for id in [0x1001, 0x1042] {
        let (transport, mapped) = probe(device(id));
        let transport = transport.unwrap();
        assert_eq!((transport.device_type(), transport.is_legacy(), transport.location()), (2, false, 8));
        let places: Vec<_> = mapped.0.iter().map(|(phys, bytes, _)| (*phys, *bytes)).collect();
        assert_eq!(places, [(0xfebf_8000, 0x38), (0xfebf_b000, 0x1000), (0xfebf_9000, 4), (0xfebf_a000, 0x1000)]);

        // A queue whose notification is at offset 3 × multiplier 4.
        let (common, notify) = (&mapped.0[0].2, &mapped.0[1].2);
        common.write16(30, 3);
        let addresses =
            super::super::QueueAddresses { size: 64, descriptors: 0x1_2345_6000, avail: 0x1_2345_7000, used: 0x1_2345_8000 };
        transport.enable_queue(1, &addresses, Some(5)).unwrap();
        assert_eq!((common.read16(22), common.read16(24), common.read16(26), common.read16(28)), (1, 64, 5, 1));
        assert_eq!((common.read32(32), common.read32(36), common.read32(48)), (0x2345_6000, 1, 0x2345_8000));
        transport.notify(1);
        assert_eq!(notify.read16(12), 1);
        common.write16(30, 0x400);
        assert_eq!(transport.enable_queue(1, &addresses, None), Err(Error::BadCapability { what: "notification" }));
        assert_eq!(transport.enable_queue(9, &addresses, None), Err(Error::MissingQueue { queue: 9 }));
    }
}

#[test]
fn a_transitional_device_without_capabilities_is_legacy() {
    let (transport, mapped) = probe(device(0x1001).with(0x34, 0));
    let transport = transport.unwrap();
    assert!(transport.is_legacy());
    assert_eq!((mapped.0[0].0, mapped.0[0].1), (0xc000, 128));
    let registers = &mapped.0[0].2;
    let addresses = super::super::QueueAddresses { size: 256, descriptors: 0x1234_5000, avail: 0, used: 0 };
    transport.enable_queue(0, &addresses, None).unwrap();
    assert_eq!(registers.read32(8), 0x1_2345);
    registers.write8(20, 0x52);
    assert_eq!(transport.config8(0), 0x52);
    let high = super::super::QueueAddresses { descriptors: 1 << 44, ..addresses };
    assert!(matches!(transport.enable_queue(0, &high, None), Err(Error::QueueRefused { .. })));
}

#[test]
fn the_legacy_interface_can_be_asked_for() {
    let fake = FakeConfig::default();
    fake.add(device(0x1001));
    let function = &enumerate(&fake)[0];
    assert!(!from_pci(&fake, function, &mut Mapped::default()).unwrap().is_legacy());
    assert!(legacy_from_pci(&fake, function, &mut Mapped::default()).unwrap().is_legacy());
    let modern = FakeConfig::default();
    modern.add(device(0x1042).with_bar(0, 0, 0));
    let refused = legacy_from_pci(&modern, &enumerate(&modern)[0], &mut Mapped::default()).map(|_| ());
    assert_eq!(refused, Err(Error::BadCapability { what: "legacy register" }));
}

#[test]
fn structures_outside_their_bar_are_refused() {
    let common = Err(Error::BadCapability { what: "common configuration" });
    let outcome = |function| probe(function).0.map(|_| ());
    for (at, value) in
        [(0x48, 0x4000), (0x48, 0xffff_fff0), (0x48, 2), (0x4c, 0x4001), (0x4c, 0), (0x44, 1), (0x44, 0), (0x44, 7), (0x4c, 0x34)]
    {
        assert_eq!(outcome(device(0x1042).with(at, value)), common, "{at:#x} {value:#x}");
    }
    assert_eq!(outcome(device(0x1042).with_bar(4, 0xc, !0x3fff)), common, "no address");
    assert_eq!(outcome(device(0x1042).with(0x34, 0)), common, "modern only, without capabilities");
    assert_eq!(outcome(device(0x1042).with(0x54, 9 << 8)), Err(Error::BadCapability { what: "notification" }));
    assert_eq!(outcome(device(0x1001).with(0x34, 0).with_bar(0, 0, 0)), Err(Error::BadCapability { what: "legacy register" }));
    assert_eq!(outcome(FakeFunction::endpoint(1, 0, 0x8086, 0x1042, 0)), Err(Error::NotVirtio));
}

#[test]
fn mmio_slots() {
    let slot = |words: &[(u64, u32)], bytes: usize| {
        let memory = Memory(Arc::new(Mutex::new(vec![0; bytes])));
        words.iter().for_each(|(offset, value)| memory.write32(*offset, *value));
        Mmio::probe(Box::new(memory), 0xfeb0_0e00).map(|found| found.map(|m| (m.device_type(), m.is_legacy())))
    };
    let magic = (0, 0x7472_6976);
    assert_eq!(slot(&[magic, (4, 2), (8, 2)], 512), Ok(Some((2, false))));
    assert_eq!(slot(&[magic, (4, 1), (8, 1)], 512), Ok(Some((1, true))));
    assert_eq!(slot(&[magic, (4, 2)], 512), Ok(None));
    for words in [vec![(4, 2), (8, 2)], vec![magic, (4, 3), (8, 2)], vec![magic, (8, 2)]] {
        assert_eq!(slot(&words, 512), Err(Error::NotVirtio));
    }
    assert_eq!(slot(&[magic, (4, 2), (8, 2)], 64), Err(Error::NotVirtio));
}
