/** Feature bits by name: virtio 1.2 §5.1.3 (network), §5.2.3 (block), §5.3.3 (console), §5.5.3 (balloon), §5.6.3 (SCSI), §6. */

export type FeatureRow = readonly [bit: number, name: string, meaning: string];

/** §6, and §2.2's reserved range 24 to 40; `transport` ones concern how the device is reached, `ring` ones the queues. */
export const COMMON_FEATURES: readonly (readonly [...FeatureRow, kind: 'ring' | 'transport'])[] = [
  [24, 'NOTIFY_ON_EMPTY', 'legacy: interrupt when the device runs out of buffers, even if suppressed', 'ring'],
  [27, 'ANY_LAYOUT', 'legacy: headers need no descriptor of their own', 'ring'],
  [28, 'INDIRECT_DESC', 'a descriptor may point to a table of descriptors', 'ring'],
  [29, 'EVENT_IDX', 'used_event and avail_event say which index is to be signalled', 'ring'],
  [30, 'BAD_FEATURE', 'QEMU: a legacy driver that accepts it did not mask its features', 'transport'],
  [32, 'VERSION_1', 'the device keeps to virtio 1.0 or later', 'transport'],
  [33, 'ACCESS_PLATFORM', 'addresses may need an IOMMU or other translation', 'transport'],
  [34, 'RING_PACKED', 'packed virtqueues', 'ring'],
  [35, 'IN_ORDER', 'buffers are used in the order in which they were made available', 'ring'],
  [36, 'ORDER_PLATFORM', 'memory is ordered as for a real device: barriers are needed', 'transport'],
  [37, 'SR_IOV', 'single root I/O virtualisation', 'transport'],
  [38, 'NOTIFICATION_DATA', 'notifications carry the available index', 'ring'],
  [39, 'NOTIF_CONFIG_DATA', 'notifications carry data that the device supplies', 'transport'],
  [40, 'RING_RESET', 'a single queue can be reset', 'ring'],
];

const NET: readonly FeatureRow[] = [
  [0, 'CSUM', 'device computes checksums of what it is given'],
  [1, 'GUEST_CSUM', 'driver takes packets with partial checksums'],
  [2, 'CTRL_GUEST_OFFLOADS', 'offloads can be changed at run time'],
  [3, 'MTU', 'device tells its largest MTU'],
  [5, 'MAC', 'device has a MAC address'],
  [6, 'GSO', 'legacy: device takes any segmentation offload'],
  [7, 'GUEST_TSO4', 'driver takes TSOv4'],
  [8, 'GUEST_TSO6', 'driver takes TSOv6'],
  [9, 'GUEST_ECN', 'driver takes TSO with ECN'],
  [10, 'GUEST_UFO', 'driver takes UFO'],
  [11, 'HOST_TSO4', 'device takes TSOv4'],
  [12, 'HOST_TSO6', 'device takes TSOv6'],
  [13, 'HOST_ECN', 'device takes TSO with ECN'],
  [14, 'HOST_UFO', 'device takes UFO'],
  [15, 'MRG_RXBUF', 'one packet may span receive buffers'],
  [16, 'STATUS', "device tells the link's status"],
  [17, 'CTRL_VQ', 'there is a control queue'],
  [18, 'CTRL_RX', 'receive modes through the control queue'],
  [19, 'CTRL_VLAN', 'VLAN filter through the control queue'],
  [20, 'CTRL_RX_EXTRA', 'more receive modes'],
  [21, 'GUEST_ANNOUNCE', 'driver announces itself after migration'],
  [22, 'MQ', 'several queue pairs'],
  [23, 'CTRL_MAC_ADDR', 'MAC address through the control queue'],
  [54, 'GUEST_USO4', 'driver takes USOv4'],
  [55, 'GUEST_USO6', 'driver takes USOv6'],
  [56, 'HOST_USO', 'device takes UDP segmentation offload'],
  [57, 'HASH_REPORT', 'device tells a hash of each packet'],
  [59, 'GUEST_HDRLEN', 'driver gives exact header lengths'],
  [60, 'RSS', 'receive side scaling'],
  [61, 'RSC_EXT', 'device tells of coalesced segments'],
  [62, 'STANDBY', 'stands by for a primary device of the same address'],
  [63, 'SPEED_DUPLEX', 'device tells speed and duplex'],
];

const BLOCK: readonly FeatureRow[] = [
  [0, 'BARRIER', 'legacy: request barriers'],
  [1, 'SIZE_MAX', 'largest segment is told'],
  [2, 'SEG_MAX', 'most segments in a request are told'],
  [4, 'GEOMETRY', 'disk geometry is told'],
  [5, 'RO', 'read only'],
  [6, 'BLK_SIZE', 'block size is told'],
  [7, 'SCSI', 'legacy: SCSI packet commands'],
  [9, 'FLUSH', 'cache flush command'],
  [10, 'TOPOLOGY', 'optimal I/O sizes are told'],
  [11, 'CONFIG_WCE', 'write-back can be switched'],
  [12, 'MQ', 'several request queues'],
  [13, 'DISCARD', 'discard command'],
  [14, 'WRITE_ZEROES', 'write zeroes command'],
  [15, 'LIFETIME', 'lifetime information'],
  [16, 'SECURE_ERASE', 'secure erase command'],
  [17, 'ZONED', 'zoned device'],
];

const CONSOLE: readonly FeatureRow[] = [
  [0, 'SIZE', 'size of the console is told'],
  [1, 'MULTIPORT', 'several ports and control queues'],
  [2, 'EMERG_WRITE', 'emergency write in the configuration'],
];

const BALLOON: readonly FeatureRow[] = [
  [0, 'MUST_TELL_HOST', 'host is told before pages are used again'],
  [1, 'STATS_VQ', 'statistics queue'],
  [2, 'DEFLATE_ON_OOM', 'deflates when memory runs out'],
  [3, 'FREE_PAGE_HINT', 'hints of free pages'],
  [4, 'PAGE_POISON', 'guest poisons free pages'],
  [5, 'PAGE_REPORTING', 'free pages are reported'],
];

const SCSI: readonly FeatureRow[] = [
  [0, 'INOUT', 'a request may have both directions'],
  [1, 'HOTPLUG', 'targets come and go'],
  [2, 'CHANGE', 'parameters change'],
  [3, 'T10_PI', 'protection information'],
];

export const DEVICE_FEATURES: Readonly<Record<number, readonly FeatureRow[]>> = {
  1: NET,
  2: BLOCK,
  3: CONSOLE,
  5: BALLOON,
  8: SCSI,
  16: [
    [0, 'VIRGL', '3D by virgl'],
    [1, 'EDID', 'EDID is told'],
    [2, 'RESOURCE_UUID', 'resources have a UUID'],
    [3, 'RESOURCE_BLOB', 'blob resources'],
    [4, 'CONTEXT_INIT', 'several context types'],
  ],
  19: [
    [0, 'STREAM', 'stream sockets'],
    [1, 'SEQPACKET', 'packet sockets'],
  ],
};
