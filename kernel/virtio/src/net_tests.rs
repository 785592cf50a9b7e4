use super::*;
use crate::fake::{FakeDma, FakeTransport, Lie, Wire, entry};

const ALL: u64 = features::NET_MAC
    | features::NET_MTU
    | features::NET_STATUS
    | features::NET_CSUM
    | features::INDIRECT_DESC
    | features::EVENT_IDX
    | features::ANY_LAYOUT;

type FakeNet = Net<FakeDma, FakeTransport>;

fn start(size: u32, features: u64, legacy: bool) -> (FakeDma, FakeTransport, Wire, FakeNet) {
    let (memory, wire) = (FakeDma::new(), Wire::default());
    let device = FakeTransport::new(&memory, 1, size, features, wire.clone());
    let device = if legacy { device.legacy() } else { device };
    let net = Net::new(device.clone(), memory.clone(), entry(), Interrupts::Polled, None).unwrap();
    (memory, device, wire, net)
}

/// A frame whose bytes can be told from any other's.
fn frame(n: usize) -> Vec<u8> {
    (0..14 + n % 1487).map(|i| (i * 7 + n) as u8).collect()
}

#[test]
fn frames_go_both_ways_for_longer_than_the_indices_last() {
    for (size, features, legacy) in [(16, ALL, false), (256, ALL, true), (1024, 0, false), (16, 0, true)] {
        let (memory, device, wire, mut net) = start(size, features, legacy);
        for n in 0..70_000 {
            wire.deliver(&device, &frame(n));
            let (received, slot) = net.receive().unwrap();
            assert_eq!(received, frame(n));
            slot.send(received.len(), |out| out.copy_from_slice(&frame(n)));
            net.flush();
            assert_eq!(wire.take(), Some(frame(n)));
        }
        assert!(net.receive().is_none());
        let counters = net.counters();
        assert_eq!((counters.received_frames, counters.sent_frames), (70_000, 70_000));
        assert_eq!((counters.received_bytes, counters.receive_errors, counters.send_errors), (counters.sent_bytes, 0, 0));
        drop(net);
        assert_eq!(memory.allocations(), 0);
    }
}

#[test]
fn what_the_device_tells() {
    let (_, device, _, net) = start(256, ALL, false);
    assert_eq!((net.info().mac, net.info().mtu), ([0x52, 0x54, 0, 0x12, 0x34, 0x56], 1500));
    assert!(net.link_is_up());
    assert_eq!(device.accepted() & features::NET_CSUM, 0, "no offload is asked for");
    let (_, _, _, net) = start(256, 0, false);
    assert_eq!(net.info().mac[0] & 3, 2, "a locally administered address of our own");
}

#[test]
fn a_burst_waits_for_buffers_and_none_is_lost() {
    for legacy in [false, true] {
        // Without ANY_LAYOUT, a legacy device's buffers take two descriptors each.
        let (_, device, wire, mut net) = start(16, 0, legacy);
        for n in 0..100 {
            wire.deliver(&device, &frame(n));
        }
        assert_eq!(wire.waiting(), if legacy { 92 } else { 84 });
        for n in 0..100 {
            assert_eq!(net.receive().unwrap().0, frame(n));
            net.flush();
        }
        assert_eq!(wire.waiting(), 0);
    }
}

#[test]
fn sending_waits_for_nothing_and_stalls_are_counted() {
    let (_, device, wire, mut net) = start(16, ALL, false);
    device.lie(Some(Lie::Silence));
    for n in 0..16 {
        net.transmit().unwrap().send(60, |out| out.fill(n));
    }
    assert!(net.transmit().is_none());
    wire.deliver(&device, &frame(1));
    assert!(net.receive().is_none(), "a frame that could not be answered waits");
    assert_eq!(net.counters().send_stalls, 2);
    device.lie(None);
    device.work(0);
    device.work(1);
    assert_eq!(net.receive().unwrap().0, frame(1));
    assert_eq!((0..16).map(|_| wire.take().unwrap()[0]).collect::<Vec<_>>(), (0..16).collect::<Vec<_>>());
}

#[test]
fn impossible_frames_are_counted_and_their_buffers_posted_again() {
    let (_, device, wire, mut net) = start(16, ALL, false);
    for _ in 0..100 {
        wire.deliver(&device, &[1, 2, 3]);
        wire.deliver(&device, &vec![9; 5000]);
        // As long as the buffer, no longer.
        assert_eq!(net.receive().unwrap().0.len(), 2048 - HEADER_BYTES);
        net.flush();
    }
    assert_eq!(net.counters().receive_errors, 100);
    let mut big = 0;
    net.transmit().unwrap().send(3000, |out| big = out.len());
    assert_eq!((big, net.counters().send_errors, wire.take()), (3000, 1, None));
    assert_eq!(net.failure(), None);
}

#[test]
fn a_lying_device_ends_the_driver() {
    for lie in [Lie::UsedId(16), Lie::ExtraLength(1), Lie::IndexJump(20)] {
        let (_, device, wire, mut net) = start(16, ALL, false);
        device.lie(Some(lie));
        wire.deliver(&device, &frame(1));
        assert!(net.receive().is_none());
        assert!(net.failure().is_some());
        net.flush();
        assert!(net.transmit().is_none() && net.receive().is_none());
    }
}

#[test]
fn interrupts_come_only_when_asked_for() {
    for features in [ALL, ALL & !features::EVENT_IDX] {
        let (_, device, wire, mut net) = start(16, features, false);
        wire.deliver(&device, &frame(1));
        assert_eq!(device.interrupts(0), 0);
        assert!(net.enable_interrupts(), "a frame is there already");
        while net.receive().is_some() {}
        net.flush();
        assert!(!net.enable_interrupts());
        wire.deliver(&device, &frame(2));
        assert_eq!(device.interrupts(0), 1);
        net.suppress_interrupts();
        assert!(net.receive().is_some());
    }
}
