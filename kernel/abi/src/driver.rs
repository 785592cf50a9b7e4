//! The driver registry: each driver's own idea of its device and queues, kept up to date while it runs. Held against what the
//! device believes, it names the cause of a hang.

use crate::{AtomicText, Header};
use core::sync::atomic::{
    AtomicU16, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// Devices that the registry holds.
pub const MAX_DEVICES: usize = 8;
/// Queues per device.
pub const MAX_QUEUES: usize = 4;

/// How the device is reached.
#[repr(u16)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Empty entry.
    None = 0,
    /// virtio 1.x over PCI capabilities (virtio 1.2 §4.1).
    PciModern = 1,
    /// Legacy registers of a transitional device in BAR 0 (virtio 1.2 §4.1.4.8).
    PciLegacy = 2,
    /// virtio over MMIO (virtio 1.2 §4.2).
    Mmio = 3,
}

/// virtio device types (virtio 1.2 §5).
#[repr(u16)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum DeviceClass {
    None = 0,
    Network = 1,
    Block = 2,
}

/// Layout of a queue's rings (virtio 1.2 §2.7, §2.8).
#[repr(u16)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum QueueLayout {
    Split = 0,
    Packed = 1,
}

/// One queue as its driver sees it, 64 bytes.
#[repr(C)]
#[derive(Debug)]
pub struct QueueEntry {
    /// Queue index on the device.
    pub index: AtomicU16,
    /// Entries that the driver uses; zero in an empty entry.
    pub size: AtomicU16,
    /// Entries that the device offered.
    pub device_size: AtomicU16,
    /// A [`QueueLayout`].
    pub layout: AtomicU16,
    /// Guest-physical address of the descriptor table.
    pub desc_gpa: AtomicU64,
    /// … of the avail ring.
    pub avail_gpa: AtomicU64,
    /// … of the used ring.
    pub used_gpa: AtomicU64,
    /// Next avail index that the driver will publish.
    pub next_avail: AtomicU16,
    /// Used index up to which the driver has taken buffers back.
    pub last_used: AtomicU16,
    /// Descriptors that the driver holds free.
    pub free_descriptors: AtomicU16,
    /// Interrupt vector that the driver expects; 0 where it polls.
    pub vector: AtomicU16,
    /// Notifications sent (kicks).
    pub notifications: AtomicU64,
    /// Buffers completed.
    pub completed: AtomicU64,
    /// Zero.
    pub reserved: [u32; 2],
}

/// One device.
#[repr(C)]
#[derive(Debug)]
pub struct DriverEntry {
    /// Driver's name, such as `virtio-blk0`.
    pub name: AtomicText<16>,
    /// A [`Transport`].
    pub transport: AtomicU16,
    /// A [`DeviceClass`].
    pub class: AtomicU16,
    /// Device status that the driver wrote last (virtio 1.2 §2.1).
    pub status: AtomicU32,
    /// PCI: segment << 16 | bus << 8 | device << 3 | function. MMIO: base address.
    pub location: AtomicU64,
    /// Features that the device offers.
    pub features_offered: AtomicU64,
    /// Features that the driver accepted.
    pub features_accepted: AtomicU64,
    /// Queues in use.
    pub queue_count: AtomicU32,
    /// Zero.
    pub reserved: u32,
    /// The queues.
    pub queues: [QueueEntry; MAX_QUEUES],
}

/// The record. `count` is raised after an entry is whole.
#[repr(C)]
#[derive(Debug)]
pub struct DriverRegistry {
    /// Magic `R0DRIVER`.
    pub header: Header,
    /// Entries of `devices` in use.
    pub count: AtomicU32,
    /// Zero.
    pub reserved: u32,
    /// The devices.
    pub devices: [DriverEntry; MAX_DEVICES],
}

impl QueueEntry {
    const fn new() -> Self {
        QueueEntry {
            index: AtomicU16::new(0),
            size: AtomicU16::new(0),
            device_size: AtomicU16::new(0),
            layout: AtomicU16::new(0),
            desc_gpa: AtomicU64::new(0),
            avail_gpa: AtomicU64::new(0),
            used_gpa: AtomicU64::new(0),
            next_avail: AtomicU16::new(0),
            last_used: AtomicU16::new(0),
            free_descriptors: AtomicU16::new(0),
            vector: AtomicU16::new(0),
            notifications: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            reserved: [0; 2],
        }
    }
}

impl DriverEntry {
    /// An entry that describes nothing.
    pub const fn new() -> Self {
        DriverEntry {
            name: AtomicText::new(),
            transport: AtomicU16::new(0),
            class: AtomicU16::new(0),
            status: AtomicU32::new(0),
            location: AtomicU64::new(0),
            features_offered: AtomicU64::new(0),
            features_accepted: AtomicU64::new(0),
            queue_count: AtomicU32::new(0),
            reserved: 0,
            queues: [const { QueueEntry::new() }; MAX_QUEUES],
        }
    }
}

impl Default for DriverEntry {
    fn default() -> Self {
        Self::new()
    }
}

impl DriverRegistry {
    /// An empty registry.
    pub const fn new() -> Self {
        DriverRegistry {
            header: Header::new(*b"R0DRIVER", size_of::<Self>()),
            count: AtomicU32::new(0),
            reserved: 0,
            devices: [const { DriverEntry::new() }; MAX_DEVICES],
        }
    }

    /// The next free entry, filled by `fill` and then counted. Call from one core only. `None` when the registry is full: the
    /// driver then goes on with an entry of its own that nobody reads.
    pub fn register(&self, fill: impl FnOnce(&DriverEntry)) -> Option<&DriverEntry> {
        let n = self.count.load(Relaxed) as usize;
        let entry = self.devices.get(n)?;
        fill(entry);
        self.count.store(n as u32 + 1, Release);
        Some(entry)
    }

    /// The registered devices.
    pub fn devices(&self) -> &[DriverEntry] {
        &self.devices[..(self.count.load(Acquire) as usize).min(MAX_DEVICES)]
    }
}

impl Default for DriverRegistry {
    fn default() -> Self {
        Self::new()
    }
}
