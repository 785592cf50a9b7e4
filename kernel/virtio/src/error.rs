//! What can go wrong between a driver and its device.

use core::fmt;

/// Why an operation failed. Those about a queue leave it dead: the device has lost the driver's trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Error {
    /// Nothing there that this driver knows: wrong vendor, magic, version or device type.
    NotVirtio,
    /// A structure that the transport needs is missing or lies outside its BAR.
    BadCapability { what: &'static str },
    /// The device's registers could not be mapped.
    CannotMap { phys: u64, bytes: u64 },
    /// The status register did not return to zero after a reset (§4.1.4.3.1).
    ResetTimeout { status: u32 },
    /// A device without a legacy interface does not offer VERSION_1 (§6.1).
    MissingVersion1 { offered: u64 },
    /// FEATURES_OK did not stay set (§3.1.1 step 6).
    FeaturesRefused { offered: u64, accepted: u64 },
    /// The device reports no such queue.
    MissingQueue { queue: u16 },
    /// A queue size that is not a power of two between `least` and 32768 (§2.7).
    BadQueueSize { queue: u16, size: u32, least: u16 },
    /// The device did not take the queue's address or interrupt vector.
    QueueRefused { queue: u16, what: &'static str },
    /// No shared memory of this size.
    NoMemory { bytes: usize },
    /// A value in the device's configuration with which no driver could work.
    BadConfig { field: &'static str, value: u64 },
    /// No free descriptors; take completions and try again.
    QueueFull { queue: u16 },
    /// A chain of no segments, or of more than fit the queue.
    BadChain { queue: u16, segments: usize },
    /// The used index moved by more than what is in flight.
    UsedIndexJump { queue: u16, from: u16, to: u16, in_flight: u16 },
    /// A used element names a descriptor that the queue does not have.
    UsedIdOutOfRange { queue: u16, id: u32, size: u16 },
    /// A used element names a chain that is not in flight.
    UsedIdNotInFlight { queue: u16, id: u16 },
    /// A used element claims more bytes than the chain has room for.
    UsedLengthTooBig { queue: u16, id: u16, length: u32, room: u32 },
    /// Memory that has no physical address.
    NotMapped { address: usize },
    /// A buffer that is not a whole number of sectors.
    NotWholeSectors { bytes: usize },
    /// Sectors beyond the end of the disk.
    BeyondEnd { sector: u64, sectors: u64, capacity: u64 },
    /// The device reported an I/O error (VIRTIO_BLK_S_IOERR, §5.2.6).
    Io { sector: u64, sectors: u32 },
    /// The device does not know the request (VIRTIO_BLK_S_UNSUPP, §5.2.6).
    Unsupported { sector: u64 },
    /// A status byte that the specification does not define.
    BadStatus { status: u8, sector: u64 },
    /// The device wrote fewer bytes than it was asked for.
    ShortTransfer { sector: u64, expected: u32, written: u32 },
    /// Nothing completed for this long.
    Timeout { sector: u64, milliseconds: u64 },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Error::*;
        match *self {
            NotVirtio => write!(f, "no virtio device that this driver knows"),
            BadCapability { what } => write!(f, "virtio {what} structure missing or outside its BAR"),
            CannotMap { phys, bytes } => write!(f, "cannot map {bytes} bytes of device registers at {phys:#x}"),
            ResetTimeout { status } => write!(f, "device does not reset: status stays {status:#x}"),
            MissingVersion1 { offered } => write!(f, "device without legacy interface lacks VERSION_1 (offers {offered:#x})"),
            FeaturesRefused { offered, accepted } => {
                write!(f, "device cleared FEATURES_OK: it offers {offered:#x}, the driver accepted {accepted:#x}; ")?;
                write!(f, "it may insist on a feature such as ACCESS_PLATFORM (iommu_platform=off helps)")
            }
            MissingQueue { queue } => write!(f, "device has no queue {queue}"),
            BadQueueSize { queue, size, least } => {
                write!(f, "queue {queue} has impossible size {size}: not a power of two in {least}..=32768")
            }
            QueueRefused { queue, what } => write!(f, "device refused {what} of queue {queue}"),
            NoMemory { bytes } => write!(f, "no {bytes} bytes of contiguous memory for the device"),
            BadConfig { field, value } => write!(f, "device configuration field {field} is {value:#x}, which cannot be"),
            QueueFull { queue } => write!(f, "queue {queue} is full"),
            BadChain { queue, segments } => write!(f, "a chain of {segments} segments does not fit queue {queue}"),
            UsedIndexJump { queue, from, to, in_flight } => {
                write!(f, "queue {queue}: used index went from {from} to {to} with {in_flight} chains in flight")
            }
            UsedIdOutOfRange { queue, id, size } => write!(f, "queue {queue}: used id {id} in a queue of {size}"),
            UsedIdNotInFlight { queue, id } => write!(f, "queue {queue}: used id {id} is not in flight"),
            UsedLengthTooBig { queue, id, length, room } => {
                write!(f, "queue {queue}: used id {id} claims {length} bytes written where {room} fit")
            }
            NotMapped { address } => write!(f, "buffer at {address:#x} has no physical address"),
            NotWholeSectors { bytes } => write!(f, "{bytes} bytes are not a whole number of 512-byte sectors"),
            BeyondEnd { sector, sectors, capacity } => {
                write!(f, "{sectors} sectors at {sector} reach beyond the disk's {capacity} sectors")
            }
            Io { sector, sectors } => write!(f, "disk reports an I/O error in {sectors} sectors at {sector}"),
            Unsupported { sector } => write!(f, "disk does not support the request at sector {sector}"),
            BadStatus { status, sector } => write!(f, "disk answered with unknown status {status:#x} at sector {sector}"),
            ShortTransfer { sector, expected, written } => {
                write!(f, "disk wrote {written} of {expected} bytes at sector {sector}")
            }
            Timeout { sector, milliseconds } => {
                write!(f, "disk did not answer for {milliseconds} ms; oldest request is for sector {sector}")
            }
        }
    }
}

impl core::error::Error for Error {}
