use super::*;
use crate::fake::{Disk, FakeDma, FakeTransport, Lie, entry};
use crate::{Block, Error, Interrupts, features};
use core::sync::atomic::Ordering::Relaxed;
use ring0_abi::DriverEntry;
use std::boxed::Box;
use std::vec;

struct Bench {
    device: FakeTransport,
    entry: &'static DriverEntry,
    block: Block<FakeDma, FakeTransport>,
    buffer: &'static mut [u8],
    memory: FakeDma,
}

/// A disk whose driver makes `mistake` and has begun to read; the clock runs ten seconds with every look at it.
fn bench(mistake: Mistake, legacy: bool) -> Bench {
    let memory = FakeDma::new();
    let device = FakeTransport::new(&memory, 2, 256, features::BLK_SEG_MAX | features::EVENT_IDX, Disk::numbered(4000));
    let device = if legacy { device.legacy() } else { device };
    let (entry, seconds) = (entry(), core::sync::atomic::AtomicU64::new(0));
    let clock = move || seconds.fetch_add(10_000_000_000, Relaxed);
    let block = Block::new(device.clone(), memory.clone(), entry, Interrupts::Polled, Some(mistake), clock).unwrap();
    Bench { device, entry, block, buffer: Box::leak(vec![0; 1000 * 512].into_boxed_slice()), memory }
}

/// Reads, and expects that nothing ever comes back. @returns avail index that the driver reached
fn hangs(bench: &mut Bench) -> u16 {
    assert!(bench.block.begin_read(0, core::mem::take(&mut bench.buffer)).is_ok());
    for _ in 0..1000 {
        assert!(bench.block.poll().is_none());
    }
    assert_eq!(bench.block.failure(), None, "a hang that is to be looked at does not time out");
    bench.entry.queues[0].next_avail.load(Relaxed)
}

#[test]
fn names_are_understood_and_explained() {
    for (name, what) in MISTAKES {
        let mistake = Mistake::parse(&name.replace(":N", ":16")).unwrap();
        assert_eq!(mistake.explain(), what);
    }
    for name in ["", "virtq-size", "virtq-size:", "virtq-size:17", "virtq-size:2", "virtq-size:256", "virtq-size:-4", "virtq"] {
        assert_eq!(Mistake::parse(name), None, "{name}");
    }
}

#[test]
fn a_small_queue_hangs_where_the_device_has_its_own_size() {
    let mut bench = bench(Mistake::QueueSize(16), true);
    let available = hangs(&mut bench);
    let queue = &bench.entry.queues[0];
    assert_eq!((queue.size.load(Relaxed), queue.device_size.load(Relaxed)), (16, 256), "the driver's idea, and the device's");
    assert!(available > 0 && bench.device.notifications() > 0, "it published and notified");
    // The avail ring of a queue of 16 is at 0x100; the device looks for one behind 256 descriptors.
    assert_eq!(queue.avail_gpa.load(Relaxed) - queue.desc_gpa.load(Relaxed), 0x100);
    assert_eq!(queue.used_gpa.load(Relaxed) - queue.desc_gpa.load(Relaxed), 0x1000);
    // What the device would write lies within the queue's own memory, whatever size it takes.
    assert!(bench.memory.holds(queue.desc_gpa.load(Relaxed), 0x2000 + 6 + 8 * 256));
}

#[test]
fn a_small_queue_is_no_mistake_where_the_driver_sets_the_size() {
    let mut bench = bench(Mistake::QueueSize(16), false);
    let mut buffer = vec![0; 1000 * 512];
    bench.block.read(0, &mut buffer, &mut |_| ()).unwrap();
    assert_eq!(buffer[999 * 512..][..4], 999u32.to_le_bytes());
}

#[test]
fn without_a_kick_nothing_is_sent_and_nothing_counted() {
    for legacy in [false, true] {
        let mut bench = bench(Mistake::NoKick, legacy);
        assert!(hangs(&mut bench) > 0);
        assert_eq!((bench.device.notifications(), bench.entry.queues[0].notifications.load(Relaxed)), (0, 0));
        bench.device.work(0);
        assert!(bench.block.poll().is_some(), "the kick was all that was missing");
    }
}

#[test]
fn an_interrupt_that_never_comes_leaves_finished_buffers_lying() {
    let mut bench = bench(Mistake::NoInterrupt, false);
    let available = hangs(&mut bench);
    let queue = &bench.entry.queues[0];
    assert_eq!(queue.last_used.load(Relaxed), 0);
    assert_eq!(bench.memory.word::<2>(queue.used_gpa.load(Relaxed) + 2) as u16, available, "the device has finished all");
    assert!(bench.device.interrupts(0) > 0, "and it was asked to interrupt");
}

#[test]
fn a_virtual_address_is_what_the_device_and_the_registry_are_told() {
    let memory = FakeDma::new();
    let device = FakeTransport::new(&memory, 2, 256, 0, Disk::numbered(10));
    device.lie(Some(Lie::Silence));
    let entry = entry();
    let mistake = Some(Mistake::VirtualAddress);
    let _block = Block::new(device.clone(), memory.clone(), entry, Interrupts::Polled, mistake, || 0).unwrap();
    let told = device.addresses(0).unwrap();
    assert_eq!(told.descriptors, entry.queues[0].desc_gpa.load(Relaxed));
    assert!(!memory.holds(told.descriptors, 16), "no such physical address: {:#x}", told.descriptors);
}

#[test]
fn an_honest_driver_gives_up_in_the_end() {
    let memory = FakeDma::new();
    let device = FakeTransport::new(&memory, 2, 256, 0, Disk::numbered(10));
    device.lie(Some(Lie::Silence));
    let seconds = core::sync::atomic::AtomicU64::new(0);
    let clock = move || seconds.fetch_add(10_000_000_000, Relaxed);
    let failed = Block::new(device, memory, entry(), Interrupts::Polled, None, clock).err();
    assert!(matches!(failed, Some(Error::Timeout { .. })), "{failed:?}");
}
