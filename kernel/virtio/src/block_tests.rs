use super::*;
use crate::fake::{Disk, FakeDma, FakeTransport, Lie, entry};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

const ALL: u64 = features::BLK_SIZE_MAX
    | features::BLK_SEG_MAX
    | features::BLK_RO
    | features::BLK_BLK_SIZE
    | features::INDIRECT_DESC
    | features::EVENT_IDX
    | features::ANY_LAYOUT;

type FakeBlock = Block<FakeDma, FakeTransport>;

fn start(memory: &FakeDma, device: &FakeTransport) -> Result<FakeBlock, Error> {
    let ticks = AtomicU64::new(0);
    // Every look at the clock is a millisecond.
    Block::new(device.clone(), memory.clone(), entry(), Interrupts::Polled, None, move || ticks.fetch_add(1_000_000, SeqCst))
}

fn disk(size: u32, features: u64, disk: Disk) -> (FakeDma, FakeTransport) {
    let memory = FakeDma::new();
    let device = FakeTransport::new(&memory, 2, size, features, disk);
    (memory, device)
}

fn expect(buffer: &[u8], first: u64) {
    for (n, sector) in buffer.chunks(512).enumerate() {
        assert_eq!(sector, (first as u32 + n as u32).to_le_bytes().repeat(128), "sector {n}");
    }
}

#[test]
fn whole_disk_on_queues_of_every_size_and_transport() {
    for size in [4, 16, 256, 1024] {
        for features in [0, ALL, ALL & !features::INDIRECT_DESC, ALL & !features::EVENT_IDX] {
            for legacy in [false, true] {
                let (memory, device) = disk(size, features, Disk::numbered(9000));
                let device = if legacy { device.legacy() } else { device }.in_reverse();
                let mut block = start(&memory, &device).unwrap();
                assert_eq!((block.info().sectors, &*block.info().serial), (9000, "disk-7"));
                assert_eq!(block.info().read_only, features & features::BLK_RO != 0);
                let mut buffer = vec![0; 9000 * 512];
                let mut last = 0;
                block.read(0, &mut buffer, &mut |done| last = done).unwrap();
                assert_eq!(last, buffer.len());
                expect(&buffer, 0);
                assert_eq!(block.counters().bytes, buffer.len() as u64);
                drop(block);
                assert_eq!(memory.allocations(), 0);
            }
        }
    }
}

#[test]
fn many_requests_are_in_flight_and_few_notifications_sent() {
    let (memory, device) = disk(256, ALL, Disk::numbered(64 * 2048));
    let mut block = start(&memory, &device).unwrap();
    let before = device.notifications();
    let mut buffer = vec![0; 64 << 20];
    block.read(0, &mut buffer, &mut |_| ()).unwrap();
    expect(&buffer[63 << 20..], 63 * 2048);
    assert_eq!(device.notifications() - before, 1, "64 requests of 1 MiB fit the queue at once");
    assert_eq!(block.counters().requests, 64 + 1);
}

#[test]
fn scattered_memory_and_narrow_segments() {
    for limits in [(u32::MAX, 126), (512, 3), (1000, 5), (4096, 1)] {
        let memory = FakeDma::scattered();
        let model = Disk { limits, ..Disk::numbered(700) };
        let device = FakeTransport::new(&memory, 2, 64, ALL, model);
        let mut block = start(&memory, &device).unwrap();
        // Off by half a page, so that sectors do not lie evenly in pages.
        let mut buffer = vec![0; 600 * 512 + 4096];
        let skip = 4096 - buffer.as_ptr() as usize % 4096 + 1536;
        block.read(50, &mut buffer[skip % 4096..][..600 * 512], &mut |_| ()).unwrap();
        expect(&buffer[skip % 4096..][..600 * 512], 50);
    }
}

#[test]
fn small_reads_wrap_the_indices() {
    let (memory, device) = disk(16, ALL, Disk::numbered(64));
    let mut block = start(&memory, &device).unwrap();
    let mut buffer = [0; 512];
    for n in 0..70_000u64 {
        block.read(n % 64, &mut buffer, &mut |_| ()).unwrap();
        assert_eq!(buffer[..4], ((n % 64) as u32).to_le_bytes());
    }
}

#[test]
fn transfers_can_be_polled_side_by_side() {
    let (memory, device) = disk(16, ALL, Disk::numbered(4096));
    let mut block = start(&memory, &device).unwrap();
    let lend = |sectors: usize| -> &'static mut [u8] { vec![0; sectors * 512].leak() };
    let first = block.begin_read(0, lend(4096)).unwrap();
    let second = block.begin_read(100, lend(1)).unwrap();
    let empty = block.begin_read(4096, lend(0)).unwrap();
    let mut found = Vec::new();
    while found.len() < 3 {
        let Some(finished) = block.poll() else { continue };
        assert_eq!(finished.result, Ok(()));
        expect(finished.buffer, if finished.ticket == second { 100 } else { 0 });
        found.push(finished.ticket);
    }
    found.sort();
    assert_eq!(found, [first, second, empty]);
    assert!(block.poll().is_none());
}

#[test]
fn requests_out_of_bounds_never_reach_the_device() {
    let (memory, device) = disk(16, ALL, Disk::numbered(10));
    let mut block = start(&memory, &device).unwrap();
    let sent = device.notifications();
    let mut read = |sector, bytes: usize| block.read(sector, &mut vec![0; bytes], &mut |_| ());
    assert_eq!(read(0, 100), Err(Error::NotWholeSectors { bytes: 100 }));
    assert_eq!(read(9, 1024), Err(Error::BeyondEnd { sector: 9, sectors: 2, capacity: 10 }));
    assert_eq!(read(u64::MAX, 512), Err(Error::BeyondEnd { sector: u64::MAX, sectors: 1, capacity: 10 }));
    assert_eq!(device.notifications(), sent);
}

#[test]
fn a_bad_sector_is_named_and_the_rest_still_reads() {
    let (memory, device) = disk(16, ALL, Disk { bad: 5000..5001, ..Disk::numbered(9000) });
    let mut block = start(&memory, &device).unwrap();
    let mut buffer = vec![0; 9000 * 512];
    // Requests are of 1 MiB, so the third holds it.
    assert_eq!(block.read(0, &mut buffer, &mut |_| ()), Err(Error::Io { sector: 4096, sectors: 2048 }));
    block.read(6000, &mut buffer[..512], &mut |_| ()).unwrap();
    expect(&buffer[..512], 6000);
    assert_eq!((block.failure(), block.counters().errors), (None, 1));
}

#[test]
fn strange_answers_are_errors() {
    let mut buffer = [0; 512];
    let (memory, device) = disk(16, ALL, Disk { status: 77, ..Disk::numbered(10) });
    let mut block = start(&memory, &device).unwrap();
    assert_eq!(block.read(3, &mut buffer, &mut |_| ()), Err(Error::BadStatus { status: 77, sector: 3 }));

    let (memory, device) = disk(16, ALL, Disk { status: 2, ..Disk::numbered(10) });
    let mut block = start(&memory, &device).unwrap();
    assert_eq!(block.read(3, &mut buffer, &mut |_| ()), Err(Error::Unsupported { sector: 3 }));

    let (memory, device) = disk(16, ALL, Disk::numbered(10));
    let mut block = start(&memory, &device).unwrap();
    device.lie(Some(Lie::ShortBy(13)));
    assert_eq!(block.read(3, &mut buffer, &mut |_| ()), Err(Error::ShortTransfer { sector: 3, expected: 512, written: 499 }));
}

#[test]
fn a_lying_device_ends_the_driver_but_not_the_kernel() {
    let lies = [Lie::UsedId(99), Lie::UsedId(15), Lie::ExtraLength(1), Lie::IndexJump(5), Lie::Silence];
    for lie in lies {
        let (memory, device) = disk(16, ALL, Disk::numbered(100));
        let mut block = start(&memory, &device).unwrap();
        device.lie(Some(lie));
        let mut buffer = [0; 1024];
        let error = block.read(7, &mut buffer, &mut |_| ()).unwrap_err();
        if lie == Lie::Silence {
            assert_eq!(error, Error::Timeout { sector: 7, milliseconds: 30_000 });
        }
        device.lie(None);
        assert_eq!((block.read(7, &mut buffer, &mut |_| ()), block.failure()), (Err(error), Some(error)));
        drop(block);
        // The device itself is fine once a new driver resets it.
        start(&memory, &device).unwrap().read(7, &mut buffer, &mut |_| ()).unwrap();
    }
}

#[test]
fn a_lent_buffer_comes_back_from_a_stuck_device() {
    let (memory, device) = disk(16, ALL, Disk::numbered(100));
    let mut block = start(&memory, &device).unwrap();
    block.set_timeout_ns(5_000_000);
    device.lie(Some(Lie::Silence));
    let ticket = block.begin_read(7, vec![0; 512].leak()).unwrap();
    let finished = std::iter::repeat_with(|| block.poll()).take(100).flatten().next().unwrap();
    assert_eq!((finished.ticket, finished.result), (ticket, Err(Error::Timeout { sector: 7, milliseconds: 5 })));
}

#[test]
fn devices_that_cannot_be_driven_are_refused() {
    let refused = |device: FakeTransport, memory: FakeDma| start(&memory, &device).err();
    let (memory, device) = disk(16, ALL, Disk::numbered(10));
    device.lie(Some(Lie::RefuseFeatures));
    assert!(matches!(refused(device, memory), Some(Error::FeaturesRefused { .. })));
    let (memory, device) = disk(16, ALL, Disk::numbered(10));
    assert!(matches!(refused(device.without_version_1(), memory), Some(Error::MissingVersion1 { .. })));
    for size in [0, 1, 2, 3, 24, 65536] {
        let (memory, device) = disk(size, 0, Disk::numbered(10));
        assert!(matches!(refused(device, memory), Some(Error::BadQueueSize { .. } | Error::MissingQueue { .. })), "{size}");
    }
    let (memory, device) = disk(16, ALL, Disk { capacity: Some(1 << 60), ..Disk::numbered(10) });
    assert_eq!(refused(device, memory), Some(Error::BadConfig { field: "capacity", value: 1 << 60 }));
    let (memory, device) = disk(16, ALL, Disk { limits: (1, 1), ..Disk::numbered(10) });
    assert_eq!(refused(device, memory), Some(Error::BadConfig { field: "size_max", value: 1 }));
    let memory = FakeDma::new();
    let device = FakeTransport::new(&memory, 1, 16, ALL, Disk::numbered(10));
    assert_eq!(refused(device, memory), Some(Error::NotVirtio));
}

#[test]
fn the_registry_follows() {
    use core::sync::atomic::Ordering::Relaxed;
    let (memory, device) = disk(256, ALL, Disk::numbered(10));
    let entry = entry();
    crate::describe(entry, "virtio-blk0", &device);
    let mut block = Block::new(device.clone(), memory.clone(), entry, Interrupts::Polled, None, || 0).unwrap();
    block.read(0, &mut [0; 512], &mut |_| ()).unwrap();
    let queue = &entry.queues[0];
    assert_eq!(&entry.name.bytes()[..11], b"virtio-blk0");
    assert_eq!((entry.status.load(Relaxed), entry.queue_count.load(Relaxed), entry.class.load(Relaxed)), (15, 1, 2));
    assert_eq!(entry.features_accepted.load(Relaxed), device.accepted());
    assert_eq!((queue.size.load(Relaxed), queue.next_avail.load(Relaxed), queue.last_used.load(Relaxed)), (256, 2, 2));
    assert_eq!((queue.notifications.load(Relaxed), queue.completed.load(Relaxed)), (device.notifications(), 2));
    assert_eq!(queue.free_descriptors.load(Relaxed), 256);
    drop(block);
    assert_eq!((entry.status.load(Relaxed), queue.size.load(Relaxed)), (0, 0));
}
