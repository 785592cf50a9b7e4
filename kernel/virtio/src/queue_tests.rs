use super::*;
use crate::fake::{FakeDma, entry};
use std::vec::Vec;

fn queue(memory: &FakeDma, size: u16, options: QueueOptions) -> SplitQueue<FakeDma> {
    SplitQueue::new(memory.clone(), 0, size, options, &entry().queues[0]).unwrap()
}

/// The device's side by hand: completes `id` with `length`.
fn complete(memory: &FakeDma, queue: &SplitQueue<FakeDma>, used: &mut u16, id: u32, length: u32) {
    let place = queue.place().used + 4 + 8 * u64::from(*used % queue.size());
    memory.write(place, &id.to_le_bytes());
    memory.write(place + 4, &length.to_le_bytes());
    *used = used.wrapping_add(1);
    memory.write(queue.place().used + 2, &used.to_le_bytes());
}

fn add(queue: &mut SplitQueue<FakeDma>, readable: usize, writable: usize) -> Result<u16, Error> {
    let segment = |n: usize| Segment { phys: 0x1000 * (n as u64 + 1), len: 100 };
    let parts: Vec<_> = (0..readable + writable).map(segment).collect();
    // SAFETY: no device follows these addresses.
    unsafe { queue.add(&parts[..readable], &parts[readable..]) }
}

#[test]
fn parts_lie_as_the_legacy_arrangement_wants() {
    for (size, avail, used, end) in [(16, 256, 4096, 4096 + 134), (256, 4096, 8192, 8192 + 2054), (1024, 16384, 20480, 28678)] {
        let memory = FakeDma::new();
        let queue = queue(&memory, size, QueueOptions::default());
        let place = queue.place();
        assert_eq!((place.avail - place.descriptors, place.used - place.descriptors), (avail, used));
        assert!(queue.memory.bytes >= end);
        assert_eq!(queue.entry.size.load(Relaxed), size);
        drop(queue);
        assert_eq!(memory.allocations(), 0);
    }
}

#[test]
fn indices_wrap_and_descriptors_come_back() {
    for options in [QueueOptions::default(), QueueOptions { event_idx: true, indirect_segments: 4, ..QueueOptions::default() }] {
        let memory = FakeDma::new();
        let mut queue = queue(&memory, 16, options);
        let mut used = 0;
        for n in 0..70_000u32 {
            let a = add(&mut queue, 1, 2).unwrap();
            let b = add(&mut queue, 2, 0).unwrap();
            complete(&memory, &queue, &mut used, u32::from(b), 0);
            complete(&memory, &queue, &mut used, u32::from(a), n % 201);
            assert_eq!(queue.pop(), Ok(Some(Completion { head: b, written: 0 })));
            assert_eq!(queue.pop(), Ok(Some(Completion { head: a, written: n % 201 })));
            assert_eq!(queue.pop(), Ok(None));
        }
        assert_eq!((queue.free, queue.in_flight, used), (16, 0, 140_000u32 as u16));
        assert_eq!(queue.entry.completed.load(Relaxed), 140_000);
        assert_eq!(queue.entry.next_avail.load(Relaxed), used);
    }
}

#[test]
fn descriptors_are_used_in_turn() {
    let memory = FakeDma::new();
    let mut queue = queue(&memory, 8, QueueOptions::default());
    let mut used = 0;
    let mut heads = Vec::new();
    for _ in 0..6 {
        let head = add(&mut queue, 1, 1).unwrap();
        complete(&memory, &queue, &mut used, u32::from(head), 0);
        queue.pop().unwrap();
        heads.push(head);
    }
    // Two descriptors a chain: a chain's own are not written again before all others were.
    assert_eq!(heads, [0, 2, 4, 6, 0, 2]);
    let all: Vec<_> = (0..8).map(|_| add(&mut queue, 1, 0).unwrap()).collect();
    assert_eq!(all, [4, 5, 6, 7, 0, 1, 2, 3]);
    complete(&memory, &queue, &mut used, 6, 0);
    complete(&memory, &queue, &mut used, 3, 0);
    while queue.pop().unwrap().is_some() {}
    assert_eq!([add(&mut queue, 1, 0), add(&mut queue, 1, 0)], [Ok(6), Ok(3)], "the list begins anew after it was empty");
}

#[test]
fn a_full_queue_says_so() {
    let memory = FakeDma::new();
    let mut direct = queue(&memory, 8, QueueOptions::default());
    assert_eq!(add(&mut direct, 1, 2), Ok(0));
    assert_eq!(add(&mut direct, 1, 3), Ok(3));
    assert!(direct.has_room(1) && !direct.has_room(2));
    assert_eq!(add(&mut direct, 1, 1), Err(Error::QueueFull { queue: 0 }));
    assert_eq!(add(&mut direct, 0, 0), Err(Error::BadChain { queue: 0, segments: 0 }));
    assert_eq!(add(&mut direct, 9, 0), Err(Error::BadChain { queue: 0, segments: 9 }));
    assert_eq!(add(&mut direct, 0, 1), Ok(7), "a refused chain takes nothing");

    let mut indirect = queue(&memory, 8, QueueOptions { indirect_segments: 5, ..QueueOptions::default() });
    for head in 0..8 {
        assert_eq!(add(&mut indirect, 1, 4), Ok(head));
    }
    assert_eq!(add(&mut indirect, 1, 4), Err(Error::QueueFull { queue: 0 }));
}

#[test]
fn lies_end_the_queue_and_are_named() {
    type Case = (u32, u32, u16, Error);
    let cases: [Case; 6] = [
        (16, 0, 0, Error::UsedIdOutOfRange { queue: 0, id: 16, size: 16 }),
        (u32::MAX, 0, 0, Error::UsedIdOutOfRange { queue: 0, id: u32::MAX, size: 16 }),
        (1, 0, 0, Error::UsedIdNotInFlight { queue: 0, id: 1 }),
        (9, 0, 0, Error::UsedIdNotInFlight { queue: 0, id: 9 }),
        (0, 201, 0, Error::UsedLengthTooBig { queue: 0, id: 0, length: 201, room: 200 }),
        (0, 0, 7, Error::UsedIndexJump { queue: 0, from: 0, to: 8, in_flight: 1 }),
    ];
    for (id, length, jump, error) in cases {
        let memory = FakeDma::new();
        let mut queue = queue(&memory, 16, QueueOptions::default());
        add(&mut queue, 1, 2).unwrap();
        let mut used = 0;
        complete(&memory, &queue, &mut used, id, length);
        memory.write(queue.place().used + 2, &(used + jump).to_le_bytes());
        assert_eq!(queue.pop(), Err(error));
        assert_eq!((queue.pop(), add(&mut queue, 1, 0)), (Err(error), Err(error)), "an error is final");
    }
}

#[test]
fn what_the_device_scribbles_over_descriptors_does_not_matter() {
    let memory = FakeDma::new();
    let mut queue = queue(&memory, 8, QueueOptions::default());
    let mut used = 0;
    for _ in 0..100 {
        let head = add(&mut queue, 1, 2).unwrap();
        memory.write(queue.place().descriptors, &[0xff; 8 * 16 + 20]);
        memory.write(queue.place().avail + 2, &[0xff; 18]);
        complete(&memory, &queue, &mut used, u32::from(head), 7);
        assert_eq!(queue.pop(), Ok(Some(Completion { head, written: 7 })));
    }
    assert_eq!(queue.free, 8);
}

#[test]
fn legacy_lengths_are_cut_down() {
    let memory = FakeDma::new();
    let mut queue = queue(&memory, 4, QueueOptions { lenient_length: true, ..QueueOptions::default() });
    let head = add(&mut queue, 1, 1).unwrap();
    complete(&memory, &queue, &mut 0, u32::from(head), 5000);
    assert_eq!(queue.pop(), Ok(Some(Completion { head, written: 100 })));
}

#[test]
fn kicks_follow_the_flag_or_the_event() {
    let memory = FakeDma::new();
    let mut plain = queue(&memory, 8, QueueOptions::default());
    assert!(!plain.take_kick(), "nothing new");
    add(&mut plain, 1, 0).unwrap();
    assert!(plain.take_kick() && !plain.take_kick());
    memory.write(plain.place().used, &1u16.to_le_bytes());
    add(&mut plain, 1, 0).unwrap();
    assert!(!plain.take_kick(), "the device asked not to be told");

    let mut event = queue(&memory, 8, QueueOptions { event_idx: true, ..QueueOptions::default() });
    let avail_event = event.place().used + 4 + 8 * 8;
    memory.write(avail_event, &2u16.to_le_bytes());
    for expected in [false, false, true, false] {
        add(&mut event, 1, 0).unwrap();
        assert_eq!(event.take_kick(), expected);
    }
    assert_eq!(event.entry.notifications.load(Relaxed), 1);
}

#[test]
fn enabling_interrupts_notices_what_came_before() {
    for event_idx in [false, true] {
        let memory = FakeDma::new();
        let mut queue = queue(&memory, 8, QueueOptions { event_idx, ..QueueOptions::default() });
        let head = add(&mut queue, 0, 1).unwrap();
        assert_eq!(memory.word::<2>(queue.place().avail), 1);
        assert!(!queue.enable_interrupts());
        assert_eq!(memory.word::<2>(queue.place().avail), 0);
        complete(&memory, &queue, &mut 0, u32::from(head), 0);
        assert!(queue.enable_interrupts(), "the completion that came first is reported");
        queue.pop().unwrap();
        queue.suppress_interrupts();
        assert_eq!(memory.word::<2>(queue.place().avail), 1);
    }
}

#[test]
fn impossible_sizes_and_no_memory() {
    let memory = FakeDma::new();
    let new = |size| SplitQueue::new(memory.clone(), 3, size, QueueOptions::default(), &entry().queues[0]).map(|q| q.size());
    assert_eq!(new(0), Err(Error::BadQueueSize { queue: 3, size: 0, least: 1 }));
    assert_eq!(new(24), Err(Error::BadQueueSize { queue: 3, size: 24, least: 1 }));
    assert_eq!(new(32768), Ok(32768));
    memory.exhaust();
    assert!(matches!(new(8), Err(Error::NoMemory { .. })));
}
