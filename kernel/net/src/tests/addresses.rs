//! ARP, ping, DHCP and its fallback.

use super::harness::{CLIENT, CLIENT_MAC, Cable, GUEST, GUEST_MAC, PORT, config, pair};
use super::hostile::{ethernet_frame, ipv4_frame};
use crate::{AddressSource, Config, Ipv4Address, Stack};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::*;
use std::vec;
use std::vec::Vec;

#[test]
fn arp_is_answered() {
    let cable = Cable::default();
    let mut stack = Stack::new(cable.clone(), config(), 0);
    for (target, answered) in [(GUEST, true), (Ipv4Address::new(10, 0, 2, 16), false)] {
        let request = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: EthernetAddress(CLIENT_MAC),
            source_protocol_addr: CLIENT,
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: target,
        };
        let mut bytes = vec![0; request.buffer_len()];
        request.emit(&mut ArpPacket::new_unchecked(&mut bytes));
        cable.deliver(&ethernet_frame(EthernetProtocol::Arp, &bytes));
        stack.poll(1);
        let reply = cable.take().map(|frame| {
            let packet = ArpPacket::new_checked(&frame[14..]).unwrap();
            (packet.operation(), packet.source_hardware_addr().to_vec())
        });
        assert_eq!(reply, answered.then(|| (ArpOperation::Reply, GUEST_MAC.to_vec())));
    }
}

#[test]
fn ping_is_answered() {
    let mut pair = pair(config());
    // A connection, so that each end knows the other's hardware address.
    pair.connected();
    let echo = Icmpv4Repr::EchoRequest { ident: 0x22b, seq_no: 3, data: b"are you there?" };
    let mut bytes = vec![0; echo.buffer_len()];
    echo.emit(&mut Icmpv4Packet::new_unchecked(&mut bytes), &ChecksumCapabilities::default());
    pair.stack.link().deliver(&ipv4_frame(CLIENT, IpProtocol::Icmp, &bytes));
    pair.stack.poll(pair.now_ms + 1);
    let frame = pair.stack.link().take().unwrap();
    let packet = Icmpv4Packet::new_checked(&frame[34..]).unwrap();
    let reply = Icmpv4Repr::parse(&packet, &ChecksumCapabilities::default()).unwrap();
    assert_eq!(reply, Icmpv4Repr::EchoReply { ident: 0x22b, seq_no: 3, data: b"are you there?" });
}

/// The DHCP message in a frame, if it is one, answered as slirp does.
fn dhcp_answer(frame: &[u8], lease: Ipv4Address) -> Option<Vec<u8>> {
    let ethernet = EthernetFrame::new_checked(frame).ok().filter(|f| f.ethertype() == EthernetProtocol::Ipv4)?;
    let ip = Ipv4Packet::new_checked(ethernet.payload()).ok().filter(|p| p.next_header() == IpProtocol::Udp)?;
    let udp = UdpPacket::new_checked(ip.payload()).ok().filter(|u| u.dst_port() == 67)?;
    let packet = DhcpPacket::new_checked(udp.payload()).ok()?;
    let asked = DhcpRepr::parse(&packet).ok()?;
    let message_type = match asked.message_type {
        DhcpMessageType::Discover => DhcpMessageType::Offer,
        DhcpMessageType::Request => DhcpMessageType::Ack,
        _ => return None,
    };
    let answer = DhcpRepr {
        message_type,
        your_ip: lease,
        server_ip: CLIENT,
        router: Some(CLIENT),
        subnet_mask: Some(Ipv4Address::new(255, 255, 255, 0)),
        server_identifier: Some(CLIENT),
        lease_duration: Some(86_400),
        requested_ip: None,
        client_identifier: None,
        parameter_request_list: None,
        max_size: None,
        ..asked
    };
    let udp = UdpRepr { src_port: 67, dst_port: 68 };
    let mut bytes = vec![0; udp.header_len() + answer.buffer_len()];
    udp.emit(
        &mut UdpPacket::new_unchecked(&mut bytes),
        &CLIENT.into(),
        &GUEST.into(),
        answer.buffer_len(),
        |payload| answer.emit(&mut DhcpPacket::new_unchecked(payload)).unwrap(),
        &ChecksumCapabilities::ignored(),
    );
    // The checksum is left out, as UDP over IPv4 allows: the address that it covers is not the stack's yet.
    bytes[6..8].fill(0);
    let mut frame = ipv4_frame(CLIENT, IpProtocol::Udp, &bytes);
    frame[30..34].copy_from_slice(&lease.octets());
    let mut ip = Ipv4Packet::new_unchecked(&mut frame[14..]);
    ip.fill_checksum();
    Some(frame)
}

fn dhcp_config() -> Config {
    Config { sockets: 2, ..Config::new(GUEST_MAC, PORT, 7) }
}

#[test]
fn a_lease_is_taken() {
    let cable = Cable::default();
    let mut stack = Stack::new(cable.clone(), dhcp_config(), 0);
    let lease = Ipv4Address::new(10, 0, 2, 42);
    for now_ms in 0..20 {
        stack.poll(now_ms);
        while let Some(frame) = cable.take() {
            dhcp_answer(&frame, lease).into_iter().for_each(|answer| cable.deliver(&answer));
        }
    }
    let info = stack.interface_info();
    assert_eq!(info.address, Some(Ipv4Cidr::new(lease, 24)));
    assert_eq!((info.gateway, info.source), (Some(CLIENT), AddressSource::Dhcp(CLIENT)));
}

#[test]
fn without_a_server_there_is_the_fallback_and_a_late_lease_replaces_it() {
    let cable = Cable::default();
    let mut stack = Stack::new(cable.clone(), dhcp_config(), 1000);
    let mut asked = 0;
    for now_ms in 1000..3999 {
        stack.poll(now_ms);
        assert_eq!(stack.interface_info().address, None);
        assert!(stack.next_poll_delay(now_ms).is_some());
        asked += std::iter::from_fn(|| cable.take()).filter(|frame| dhcp_answer(frame, GUEST).is_some()).count();
    }
    assert!(asked >= 2, "it asks again");
    stack.poll(4000);
    let info = stack.interface_info();
    assert_eq!((info.address, info.gateway), (Some(Ipv4Cidr::new(GUEST, 24)), Some(CLIENT)));
    assert_eq!(info.source, AddressSource::Fallback);
    let lease = Ipv4Address::new(10, 0, 2, 99);
    for now_ms in 4001..8000 {
        stack.poll(now_ms);
        while let Some(frame) = cable.take() {
            dhcp_answer(&frame, lease).into_iter().for_each(|answer| cable.deliver(&answer));
        }
    }
    assert_eq!(stack.interface_info().address, Some(Ipv4Cidr::new(lease, 24)));
}
