//! Frames that no honest machine sends: nothing may panic, and honest ones must still be served.

use super::harness::{CLIENT, CLIENT_MAC, GUEST, GUEST_MAC, PORT, config, pair};
use crate::{Config, Event, Ipv4Address};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::*;
use std::vec;
use std::vec::Vec;

pub fn ethernet_frame(ethertype: EthernetProtocol, payload: &[u8]) -> Vec<u8> {
    let repr = EthernetRepr { src_addr: EthernetAddress(CLIENT_MAC), dst_addr: EthernetAddress(GUEST_MAC), ethertype };
    let mut bytes = vec![0; repr.buffer_len()];
    repr.emit(&mut EthernetFrame::new_unchecked(&mut bytes));
    bytes.extend(payload);
    bytes
}

pub fn ipv4_frame(source: Ipv4Address, next_header: IpProtocol, payload: &[u8]) -> Vec<u8> {
    let repr = Ipv4Repr { src_addr: source, dst_addr: GUEST, next_header, payload_len: payload.len(), hop_limit: 64 };
    let mut bytes = vec![0; repr.buffer_len()];
    repr.emit(&mut Ipv4Packet::new_unchecked(&mut bytes), &ChecksumCapabilities::default());
    bytes.extend(payload);
    ethernet_frame(EthernetProtocol::Ipv4, &bytes)
}

/// xorshift64*: seeded, so that a failure can be repeated.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n
    }
}

/// Makes the checksums of a frame right again, as far as its lengths allow, so that what was changed is looked at.
fn repair(frame: &mut [u8]) {
    let Some(ip) = frame.get_mut(14..).filter(|ip| ip.len() >= 20) else { return };
    let header = usize::from(ip[0] & 15) * 4;
    if header < 20 || header > ip.len() {
        return;
    }
    ip[10..12].fill(0);
    let sum = !checksum::data(&ip[..header]);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let (protocol, source, destination) = (ip[9], Ipv4Address::from([ip[12], ip[13], ip[14], ip[15]]), GUEST);
    let Some(payload) = ip.get_mut(header..total) else { return };
    match (protocol, payload.len()) {
        (6, 20..) => {
            payload[16..18].fill(0);
            let pseudo = checksum::pseudo_header(&source.into(), &destination.into(), IpProtocol::Tcp, payload.len() as u32);
            let sum = !checksum::combine(&[pseudo, checksum::data(payload)]);
            payload[16..18].copy_from_slice(&sum.to_be_bytes());
        }
        (1, 8..) => {
            payload[2..4].fill(0);
            let sum = !checksum::data(payload);
            payload[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        (17, 8..) => payload[6..8].fill(0),
        _ => (),
    }
}

#[test]
fn the_packet_that_killed_the_seed() {
    // IHL 15 in a packet of 24 bytes, and every other length that lies.
    let mut pair = pair(config());
    let (_, id) = pair.connected();
    for first in 0..=255u8 {
        for total in [0u16, 19, 20, 24, 60, 1500, 65535] {
            for length in [0usize, 1, 13, 14, 15, 20, 33, 34, 38, 54, 60] {
                let mut frame = ipv4_frame(CLIENT, IpProtocol::Tcp, &[0xff; 26]);
                frame[14] = first;
                frame[16..18].copy_from_slice(&total.to_be_bytes());
                repair(&mut frame);
                frame.truncate(length);
                pair.stack.link().deliver(&frame);
            }
        }
        pair.stack.poll(pair.now_ms);
    }
    assert_eq!(pair.stack.send(id, b"alive"), 5);
}

#[test]
fn two_hundred_thousand_mangled_frames() {
    let mut pair = pair(Config { addressing: crate::Addressing::default(), ..config() });
    // Long enough for the fallback address.
    for _ in 0..3100 {
        pair.step();
    }
    // What an honest client says is what gets mangled.
    let mut corpus: Vec<Vec<u8>> = Vec::new();
    let (handle, _) = pair.connected();
    pair.client.socket(handle).send_slice(&[7; 3000]).unwrap();
    pair.client.connect();
    pair.client.poll(pair.now_ms + 1);
    let spoken: Vec<_> = pair.client.cable.outgoing.lock().unwrap().iter().cloned().collect();
    assert!(spoken.len() >= 3);
    corpus.extend(spoken);
    corpus.push(ipv4_frame(CLIENT, IpProtocol::Icmp, &[8, 0, 0, 0, 1, 2, 3, 4, 5, 6]));
    corpus.push(ipv4_frame(CLIENT, IpProtocol::Udp, &[vec![0, 67, 0, 68, 1, 44, 0, 0, 2, 1, 6, 0], vec![0; 288]].concat()));
    corpus.push(ethernet_frame(
        EthernetProtocol::Arp,
        &[0, 1, 8, 0, 6, 4, 0, 1, 2, 2, 2, 2, 2, 2, 10, 0, 2, 2, 0, 0, 0, 0, 0, 0, 10, 0, 2, 15],
    ));

    let mut random = Random(0x5eed);
    for round in 0..200_000 {
        let mut frame = corpus[random.below(corpus.len())].clone();
        for _ in 0..random.below(6) {
            let place = random.below(frame.len());
            frame[place] = random.next() as u8;
        }
        match random.below(8) {
            0 => frame.truncate(random.below(frame.len() + 1)),
            1 => frame.extend((0..random.below(64)).map(|n| n as u8)),
            2 => frame.iter_mut().skip(14).for_each(|byte| *byte = random.next() as u8),
            _ => (),
        }
        repair(&mut frame);
        pair.stack.link().deliver(&frame);
        if round % 16 == 0 {
            pair.now_ms += 1;
            pair.stack.poll(pair.now_ms);
            let mut buffer = [0; 4096];
            while let Some(event) = pair.stack.next_event() {
                match event {
                    Event::Readable(id) => while pair.stack.recv(id, &mut buffer) > 0 {},
                    Event::PeerClosed(id) => pair.stack.close(id),
                    Event::Opened(id, _) => drop(pair.stack.send(id, b"hello")),
                    Event::Closed(_) => (),
                }
            }
            pair.stack.link().outgoing.lock().unwrap().clear();
        }
    }

    // Once the noise stops, sockets that it took come back and an honest client is served.
    pair.client = super::harness::Client::new(pair.stack.link().other_end());
    for _ in 0..75_000 {
        pair.now_ms += 1;
        pair.stack.poll(pair.now_ms);
        while let Some(event) = pair.stack.next_event() {
            if let Event::Readable(id) | Event::PeerClosed(id) = event {
                pair.stack.abort(id);
            }
        }
        pair.stack.link().outgoing.lock().unwrap().clear();
    }
    assert_eq!(pair.stack.interface_info().address.map(|cidr| cidr.address()), Some(GUEST));
    assert_eq!(pair.stack.port(), PORT);
    pair.connected();
}
