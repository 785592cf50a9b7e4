//! Feature bits by name (§5.1.3, §5.2.3, §6).

/// Net: device computes checksums of frames that it is given.
pub const NET_CSUM: u64 = 1 << 0;
/// Net: device tells the MTU.
pub const NET_MTU: u64 = 1 << 3;
/// Net: device has a MAC address.
pub const NET_MAC: u64 = 1 << 5;
/// Net: device tells the link's status.
pub const NET_STATUS: u64 = 1 << 16;
/// Block: largest segment is told.
pub const BLK_SIZE_MAX: u64 = 1 << 1;
/// Block: most segments per request are told.
pub const BLK_SEG_MAX: u64 = 1 << 2;
/// Block: disk is read-only.
pub const BLK_RO: u64 = 1 << 5;
/// Block: block size is told.
pub const BLK_BLK_SIZE: u64 = 1 << 6;
/// Descriptors in any arrangement (legacy interface, §6.3).
pub const ANY_LAYOUT: u64 = 1 << 27;
/// Indirect descriptors (§2.7.5.3).
pub const INDIRECT_DESC: u64 = 1 << 28;
/// used_event and avail_event (§2.7.10).
pub const EVENT_IDX: u64 = 1 << 29;
/// Conforms to version 1.
pub const VERSION_1: u64 = 1 << 32;
/// Device addresses go through an IOMMU or are otherwise special.
pub const ACCESS_PLATFORM: u64 = 1 << 33;

/// Bits whose meaning depends on the device type: all but 24–40 (§2.2).
const NET: &[(u32, &str)] = &[
    (0, "CSUM"),
    (1, "GUEST_CSUM"),
    (2, "CTRL_GUEST_OFFLOADS"),
    (3, "MTU"),
    (5, "MAC"),
    (6, "GSO"),
    (7, "GUEST_TSO4"),
    (8, "GUEST_TSO6"),
    (9, "GUEST_ECN"),
    (10, "GUEST_UFO"),
    (11, "HOST_TSO4"),
    (12, "HOST_TSO6"),
    (13, "HOST_ECN"),
    (14, "HOST_UFO"),
    (15, "MRG_RXBUF"),
    (16, "STATUS"),
    (17, "CTRL_VQ"),
    (18, "CTRL_RX"),
    (19, "CTRL_VLAN"),
    (20, "CTRL_RX_EXTRA"),
    (21, "GUEST_ANNOUNCE"),
    (22, "MQ"),
    (23, "CTRL_MAC_ADDR"),
    (56, "HOST_USO"),
    (57, "HASH_REPORT"),
    (59, "GUEST_HDRLEN"),
    (60, "RSS"),
    (61, "RSC_EXT"),
    (62, "STANDBY"),
    (63, "SPEED_DUPLEX"),
];

const BLOCK: &[(u32, &str)] = &[
    (0, "BARRIER"),
    (1, "SIZE_MAX"),
    (2, "SEG_MAX"),
    (4, "GEOMETRY"),
    (5, "RO"),
    (6, "BLK_SIZE"),
    (7, "SCSI"),
    (9, "FLUSH"),
    (10, "TOPOLOGY"),
    (11, "CONFIG_WCE"),
    (12, "MQ"),
    (13, "DISCARD"),
    (14, "WRITE_ZEROES"),
    (15, "LIFETIME"),
    (16, "SECURE_ERASE"),
];

const COMMON: &[(u32, &str)] = &[
    (24, "NOTIFY_ON_EMPTY"),
    (27, "ANY_LAYOUT"),
    (28, "INDIRECT_DESC"),
    (29, "EVENT_IDX"),
    (30, "BAD_FEATURE"),
    (32, "VERSION_1"),
    (33, "ACCESS_PLATFORM"),
    (34, "RING_PACKED"),
    (35, "IN_ORDER"),
    (36, "ORDER_PLATFORM"),
    (37, "SR_IOV"),
    (38, "NOTIFICATION_DATA"),
    (39, "NOTIF_CONFIG_DATA"),
    (40, "RING_RESET"),
];

/// Names of the set bits, lowest first; `class` is the virtio device type (1 network, 2 block). A bit without a name gives its
/// number alone.
pub fn names(class: u32, features: u64) -> impl Iterator<Item = (u32, Option<&'static str>)> {
    let own = match class {
        1 => NET,
        2 => BLOCK,
        _ => &[],
    };
    (0..64).filter(move |bit| features >> bit & 1 != 0).map(move |bit| {
        let named = |table: &'static [(u32, &'static str)]| table.iter().find(|(b, _)| *b == bit).map(|(_, name)| *name);
        (bit, named(COMMON).or_else(|| named(own)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn names_depend_on_the_class() {
        let bits = NET_MAC | VERSION_1 | 1 << 50;
        let net: Vec<_> = names(1, bits).collect();
        assert_eq!(net, [(5, Some("MAC")), (32, Some("VERSION_1")), (50, None)]);
        assert_eq!(names(2, bits).next(), Some((5, Some("RO"))));
    }
}
