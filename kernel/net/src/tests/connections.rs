//! TCP against a real client.

use super::harness::{CLIENT, Client, GUEST_MAC, Pair, config, pair};
use crate::{Config, ConnectionId, Event, Link, Stack, VirtioLink};
use ring0_virtio::fake::{FakeDma, FakeTransport, Wire, entry};
use ring0_virtio::{Interrupts, Net};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State;
use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

/// Bytes that tell their connection and place.
fn pattern(n: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| (i / 251 + i + n * 31) as u8).collect()
}

/// Gives back whatever comes, on every connection, and closes when the peer does.
#[derive(Default)]
struct Echo(BTreeMap<ConnectionId, Vec<u8>>);

impl Echo {
    fn serve<L: Link>(&mut self, stack: &mut Stack<L>, events: Vec<Event>) {
        let mut buffer = [0; 4096];
        let mut ended = Vec::new();
        for event in events {
            match event {
                Event::Opened(id, _) => drop(self.0.insert(id, Vec::new())),
                Event::Readable(id) => {
                    let waiting = self.0.get_mut(&id).unwrap();
                    while waiting.len() < 100_000 {
                        let count = stack.recv(id, &mut buffer);
                        if count == 0 {
                            break;
                        }
                        waiting.extend(&buffer[..count]);
                    }
                }
                Event::PeerClosed(id) => ended.push(id),
                Event::Closed(id) => drop(self.0.remove(&id)),
            }
        }
        for (id, waiting) in &mut self.0 {
            let count = stack.send(*id, waiting);
            waiting.drain(..count);
        }
        for id in ended {
            stack.close(id);
            self.0.remove(&id);
        }
    }
}

/// Sends `len` bytes on each of `count` connections at once and expects them back.
fn echo_on_many<L: Link>(pair: &mut Pair<L>, count: usize, len: usize) {
    let mut echo = Echo::default();
    let mut flows: Vec<(SocketHandle, usize, Vec<u8>)> = (0..count).map(|_| (pair.client.connect(), 0, Vec::new())).collect();
    for _ in 0..20_000 {
        let events = pair.step();
        echo.serve(&mut pair.stack, events);
        for (n, (handle, sent, back)) in flows.iter_mut().enumerate() {
            let socket = pair.client.socket(*handle);
            if socket.can_send() && *sent < len {
                *sent += socket.send_slice(&pattern(n, len)[*sent..]).unwrap();
            }
            while socket.can_recv() {
                socket.recv(|bytes| (bytes.len(), back.extend_from_slice(bytes))).unwrap();
            }
        }
        if flows.iter().all(|(_, _, back)| back.len() == len) {
            break;
        }
    }
    for (n, (_, sent, back)) in flows.iter().enumerate() {
        assert_eq!(*sent, len);
        assert!(*back == pattern(n, len), "connection {n}: {} of {len} bytes came back, or other ones", back.len());
    }
}

#[test]
fn several_connections_at_once() {
    let mut pair = pair(config());
    echo_on_many(&mut pair, 8, 300_000);
    assert_eq!(pair.stack.counters().opened, 8);
    assert_eq!(pair.stack.counters().sent, 8 * 300_000);
}

/// The cable's client end, plugged into a virtio device model.
fn pump(wire: &Wire, device: &FakeTransport, client: &Client) {
    while let Some(frame) = wire.take() {
        client.cable.deliver(&frame);
    }
    while let Some(frame) = client.cable.take() {
        wire.deliver(device, &frame);
    }
}

#[test]
fn through_the_virtio_driver() {
    use ring0_virtio::features;
    let (memory, wire) = (FakeDma::new(), Wire::default());
    let offered = features::NET_MAC | features::NET_MTU | features::EVENT_IDX | features::INDIRECT_DESC;
    let device = FakeTransport::new(&memory, 1, 16, offered, wire.clone());
    let net = Net::new(device.clone(), memory, entry(), Interrupts::Polled, None).unwrap();
    let mut stack = Stack::new(VirtioLink(net), config(), 0);
    let mut client = Client::new(Default::default());
    let handle = client.connect();
    let (mut echo, mut sent, mut back) = (Echo::default(), 0, Vec::new());
    let data = pattern(3, 500_000);
    for now_ms in 1..20_000 {
        client.poll(now_ms);
        pump(&wire, &device, &client);
        stack.poll(now_ms);
        let events = std::iter::from_fn(|| stack.next_event()).collect();
        echo.serve(&mut stack, events);
        stack.send_pending();
        pump(&wire, &device, &client);
        let socket = client.socket(handle);
        if socket.can_send() && sent < data.len() {
            sent += socket.send_slice(&data[sent..]).unwrap();
        }
        while socket.can_recv() {
            socket.recv(|bytes| (bytes.len(), back.extend_from_slice(bytes))).unwrap();
        }
        if back.len() == data.len() {
            break;
        }
    }
    assert!(back == data, "{} bytes came back", back.len());
    assert_eq!(stack.link().0.failure(), None);
}

#[test]
fn a_peer_that_stops_sending_can_still_be_answered() {
    let mut pair = pair(config());
    let (handle, id) = pair.connected();
    pair.client.socket(handle).send_slice(b"last words").unwrap();
    pair.client.socket(handle).close();
    pair.until(50, |event| (event == Event::Readable(id)).then_some(()));
    let mut buffer = [0; 64];
    assert_eq!(pair.stack.recv(id, &mut buffer), 10);
    pair.until(50, |event| (event == Event::PeerClosed(id)).then_some(()));
    assert!((0..50).all(|_| pair.step().is_empty()), "it is said once");
    assert_eq!(pair.stack.send(id, b"answer"), 6);
    pair.stack.close(id);
    for _ in 0..50 {
        assert!(pair.step().is_empty());
    }
    assert_eq!(pair.client.socket(handle).recv_slice(&mut buffer), Ok(6));
    assert!(!pair.client.socket(handle).may_recv());
    assert_eq!(pair.stack.counters().lost, 0);
    assert_eq!(pair.stack.send(id, b"x"), 0, "the id is no longer known");
    assert_eq!(pair.stack.socket_info().len(), 1, "all sockets listen again");
}

#[test]
fn a_reset_and_a_dead_peer_are_noticed() {
    let mut pair = pair(config());
    let (handle, id) = pair.connected();
    pair.client.socket(handle).abort();
    pair.until(50, |event| (event == Event::Closed(id)).then_some(()));

    let (_, idle) = pair.connected();
    let (_, sending) = pair.connected();
    pair.stack.send(sending, &[1; 5000]);
    // The client is gone without a word.
    pair.client = Client::new(Default::default());
    let mut gone = Vec::new();
    for _ in 0..45_000 {
        gone.extend(pair.step());
        pair.stack.link().take();
    }
    gone.sort_by_key(|event| if let Event::Closed(id) = event { id.0 } else { 0 });
    assert_eq!(gone, [Event::Closed(idle), Event::Closed(sending)]);
    assert_eq!(pair.stack.counters().lost, 3);
}

#[test]
fn an_idle_peer_that_lives_is_kept() {
    let mut pair = pair(Config { dead_after_ms: 3000, ..config() });
    let (handle, id) = pair.connected();
    for _ in 0..20_000 {
        assert!(pair.step().is_empty());
    }
    pair.client.socket(handle).send_slice(b"still here").unwrap();
    pair.until(50, |event| (event == Event::Readable(id)).then_some(()));
}

#[test]
fn abort_resets_the_peer() {
    let mut pair = pair(config());
    let (handle, id) = pair.connected();
    pair.stack.abort(id);
    for _ in 0..10 {
        pair.step();
    }
    assert_eq!(pair.client.socket(handle).state(), State::Closed);
    assert_eq!(pair.stack.socket_info().len(), 1);
}

#[test]
fn sockets_that_wind_down_do_not_block_newcomers() {
    let mut pair = pair(config());
    // The server closes first, so each of its sockets would sit in TIME-WAIT for ten seconds.
    for n in 0..100u8 {
        let (handle, id) = pair.connected();
        pair.stack.send(id, &[n]);
        pair.stack.close(id);
        for _ in 0..5 {
            pair.step();
        }
        let mut buffer = [0; 8];
        assert_eq!(pair.client.socket(handle).recv_slice(&mut buffer), Ok(1));
        assert_eq!(buffer[0], n);
        pair.client.socket(handle).close();
        for _ in 0..5 {
            pair.step();
        }
    }
    assert!(pair.stack.counters().reclaimed >= 90);
}

#[test]
fn a_burst_beyond_the_pool_waits_its_turn() {
    let mut pair = pair(config());
    for _ in 0..20 {
        pair.client.connect();
    }
    let mut open = Vec::new();
    let mut served = 0;
    for _ in 0..30_000 {
        for event in pair.step() {
            if let Event::Opened(id, _) = event {
                open.push(id);
                served += 1;
            }
        }
        assert!(open.len() <= 8, "as many as there are sockets");
        // Long enough for all to have asked at least once.
        if pair.now_ms > 3000 && pair.now_ms.is_multiple_of(200) {
            open.pop().into_iter().for_each(|id| pair.stack.abort(id));
        }
    }
    assert_eq!(served, 20, "nobody was refused");
}

#[test]
fn handshakes_that_never_end_give_their_socket_back() {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{IpAddress, TcpControl, TcpRepr, TcpSeqNumber};
    let mut pair = pair(config());
    pair.connected();
    for port in 1..=7u16 {
        let tcp = TcpRepr {
            src_port: port,
            dst_port: super::harness::PORT,
            control: TcpControl::Syn,
            seq_number: TcpSeqNumber(1),
            ack_number: None,
            window_len: 1000,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: &[],
        };
        // From a machine that is in the network but answers nothing.
        let source = crate::Ipv4Address::new(10, 0, 2, 77);
        let mut segment = vec![0; tcp.buffer_len()];
        let mut packet = smoltcp::wire::TcpPacket::new_unchecked(&mut segment);
        tcp.emit(
            &mut packet,
            &IpAddress::Ipv4(source),
            &IpAddress::Ipv4(super::harness::GUEST),
            &ChecksumCapabilities::default(),
        );
        let frame = super::hostile::ipv4_frame(source, smoltcp::wire::IpProtocol::Tcp, &segment);
        pair.stack.link().deliver(&frame);
        pair.step();
    }
    let states = |pair: &Pair<_>| pair.stack.socket_info().iter().filter(|s| s.state == "SYN-RECV").count();
    assert_eq!(states(&pair), 7);
    for _ in 0..11_000 {
        pair.step();
    }
    assert_eq!(states(&pair), 0);
    pair.connected();
}

#[test]
fn the_port_can_be_closed_and_moved() {
    let mut pair = pair(config());
    let (handle, id) = pair.connected();
    pair.stack.set_port(0);
    let refused = pair.client.connect();
    for _ in 0..20 {
        pair.step();
    }
    assert_eq!(pair.client.socket(refused).state(), State::Closed);
    pair.client.socket(handle).send_slice(b"open all the same").unwrap();
    pair.until(50, |event| (event == Event::Readable(id)).then_some(()));
    pair.stack.abort(id);
    pair.stack.set_port(super::harness::PORT);
    pair.connected();
}

#[test]
fn what_ss_shows() {
    let mut pair = pair(config());
    let (handle, id) = pair.connected();
    pair.client.socket(handle).send_slice(b"12345").unwrap();
    pair.until(50, |event| (event == Event::Readable(id)).then_some(()));
    let infos = pair.stack.socket_info();
    assert_eq!(infos.len(), 2);
    let open = infos.iter().find(|info| info.id == Some(id)).unwrap();
    assert_eq!((open.state, open.receive_queue, open.peer.unwrap().addr), ("ESTAB", 5, CLIENT.into()));
    assert_eq!(infos.iter().find(|info| info.id.is_none()).unwrap().state, "LISTEN");
    assert_eq!(pair.stack.interface_info().mac, GUEST_MAC);
}

#[test]
fn an_idle_stack_may_sleep() {
    let mut pair = pair(config());
    pair.step();
    assert_eq!(pair.stack.next_poll_delay(pair.now_ms), None);
    pair.connected();
    let delay = pair.stack.next_poll_delay(pair.now_ms).unwrap();
    assert!((1..=10_000).contains(&delay), "keep-alive is due in {delay} ms");
}
