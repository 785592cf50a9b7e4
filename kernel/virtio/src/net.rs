//! Network device (§5.1), one receive and one transmit queue, no offloads.
//!
//! Frames are looked at and built in the shared memory itself: no copy here. A frame that has been received stays valid until the
//! next is asked for; then its buffer goes back to the device. Notifications are gathered until [`Net::flush`].

use crate::device::Device;
use crate::queue::{Segment, SplitQueue};
use crate::{Dma, DmaMemory, Error, Interrupts, Mistake, Transport, features};
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use ring0_abi::DriverEntry;

const RECEIVE_QUEUE: u16 = 0;
const TRANSMIT_QUEUE: u16 = 1;
/// virtio_net_hdr (§5.1.6) with num_buffers, as VERSION_1 always has it; the legacy one lacks those two bytes.
const HEADER_BYTES: usize = 12;
const LEGACY_HEADER_BYTES: usize = 10;
/// Destination, source, type.
const ETHERNET_HEADER_BYTES: usize = 14;
const DEFAULT_MTU: u16 = 1500;
/// Range of MTUs that are believed: IPv4's least, and jumbo frames.
const MTU_RANGE: core::ops::RangeInclusive<u16> = 576..=9000;
/// Most buffers per direction.
const BUFFERS: u16 = 256;

/// What the device tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetInfo {
    /// Hardware address: the device's own, or a locally administered one made from its location if it has none.
    pub mac: [u8; 6],
    /// Largest IP packet in bytes.
    pub mtu: u16,
    /// Features agreed on.
    pub features: u64,
}

/// What went through the device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetCounters {
    /// Frames received.
    pub received_frames: u64,
    /// Bytes received, Ethernet headers included.
    pub received_bytes: u64,
    /// Receptions dropped because they were shorter than their header.
    pub receive_errors: u64,
    /// Frames sent.
    pub sent_frames: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Frames that could not be sent.
    pub send_errors: u64,
    /// Times that no transmit buffer was free.
    pub send_stalls: u64,
}

/// Equal buffers in shared memory, numbered.
struct Pool<D: Dma> {
    dma: D,
    memory: DmaMemory,
    /// Bytes per buffer.
    stride: usize,
    header: usize,
    /// Whether header and frame must be segments of their own (legacy without ANY_LAYOUT, §5.1.6.6).
    split: bool,
    /// By chain head, the buffer that is in flight under it.
    owner: Vec<Option<u16>>,
}

impl<D: Dma> Pool<D> {
    fn new(dma: D, count: u16, stride: usize, header: usize, split: bool, queue_size: u16) -> Result<Self, Error> {
        let bytes = usize::from(count) * stride;
        let memory = dma.allocate(bytes).filter(|m| m.bytes >= bytes).ok_or(Error::NoMemory { bytes })?;
        Ok(Pool { dma, memory, stride, header, split, owner: vec![None; usize::from(queue_size)] })
    }

    /// Most bytes of a frame in one buffer.
    fn room(&self) -> usize {
        self.stride - self.header
    }

    /// The segments of a buffer with a frame of `len` bytes.
    fn segments(&self, buffer: u16, len: usize) -> ([Segment; 2], usize) {
        let phys = self.memory.phys + (usize::from(buffer) * self.stride) as u64;
        let frame = Segment { phys: phys + self.header as u64, len: len as u32 };
        if self.split {
            ([Segment { phys, len: self.header as u32 }, frame], 2)
        } else {
            let whole = Segment { phys, len: (self.header + len) as u32 };
            ([whole, whole], 1)
        }
    }

    /// The buffer's bytes, header first.
    ///
    /// # Safety
    /// The device does not hold the buffer.
    unsafe fn bytes(&self, buffer: u16) -> *mut [u8] {
        let start = self.memory.pointer.as_ptr().wrapping_add(usize::from(buffer) * self.stride);
        core::ptr::slice_from_raw_parts_mut(start, self.stride)
    }

    fn set_owner(&mut self, head: u16, buffer: u16) {
        if let Some(place) = self.owner.get_mut(usize::from(head)) {
            *place = Some(buffer);
        }
    }

    fn take_owner(&mut self, head: u16) -> Option<u16> {
        self.owner.get_mut(usize::from(head)).and_then(Option::take)
    }
}

impl<D: Dma> Drop for Pool<D> {
    fn drop(&mut self) {
        // SAFETY: it came from this allocator; `Net` drops its device, and so resets it, before its pools.
        unsafe { self.dma.release(&self.memory) };
    }
}

struct Receiver<D: Dma> {
    queue: SplitQueue<D>,
    pool: Pool<D>,
    /// The buffer that the caller looks at, and the length of its frame.
    current: Option<(u16, usize)>,
}

impl<D: Dma> Receiver<D> {
    fn post(&mut self, buffer: u16) -> Result<(), Error> {
        let (segments, count) = self.pool.segments(buffer, self.pool.room());
        // SAFETY: the pool outlives the queue's use of it (see `Net`), and the buffer is not looked at until it completes.
        let head = unsafe { self.queue.add(&[], &segments[..count]) }?;
        self.pool.set_owner(head, buffer);
        Ok(())
    }

    fn recycle(&mut self) -> Result<(), Error> {
        match self.current.take() {
            Some((buffer, _)) => self.post(buffer),
            None => Ok(()),
        }
    }

    /// Waits for nothing: makes the next received frame current. Buffers with too short a reception go straight back.
    fn advance(&mut self, counters: &mut NetCounters) -> Result<bool, Error> {
        self.recycle()?;
        while let Some(completion) = self.queue.pop()? {
            let Some(buffer) = self.pool.take_owner(completion.head) else { continue };
            let written = (completion.written as usize).min(self.pool.stride);
            match written.checked_sub(self.pool.header) {
                Some(len) if len >= ETHERNET_HEADER_BYTES => {
                    self.current = Some((buffer, len));
                    counters.received_frames += 1;
                    counters.received_bytes += len as u64;
                    return Ok(true);
                }
                _ => {
                    counters.receive_errors += 1;
                    self.post(buffer)?;
                }
            }
        }
        Ok(false)
    }

    fn frame(&self) -> &[u8] {
        let Some((buffer, len)) = self.current else { return &[] };
        // SAFETY: the current buffer is the driver's, and stays so while `self` is borrowed.
        let bytes = unsafe { &*self.pool.bytes(buffer) };
        bytes.get(self.pool.header..self.pool.header + len).unwrap_or_default()
    }
}

struct Sender<D: Dma> {
    queue: SplitQueue<D>,
    pool: Pool<D>,
    /// In turn, as the queue's descriptors.
    free: VecDeque<u16>,
    failure: Option<Error>,
    counters: NetCounters,
}

impl<D: Dma> Sender<D> {
    fn reclaim(&mut self) -> Result<(), Error> {
        while let Some(completion) = self.queue.pop()? {
            if let Some(buffer) = self.pool.take_owner(completion.head) {
                self.free.push_back(buffer);
            }
        }
        Ok(())
    }
}

/// A free transmit buffer.
pub struct TxSlot<'a, D: Dma>(&'a mut Sender<D>);

impl<D: Dma> TxSlot<'_, D> {
    /// Sends the frame of `len` bytes that `build` writes, its Ethernet header included. The bytes that `build` gets are left over
    /// from an earlier frame. A frame too long for the buffer is built, dropped and counted.
    pub fn send<R>(self, len: usize, build: impl FnOnce(&mut [u8]) -> R) -> R {
        let sender = self.0;
        let fits = len <= sender.pool.room();
        let Some(buffer) = (if fits { sender.free.pop_front() } else { None }) else {
            sender.counters.send_errors += 1;
            return build(&mut vec![0; len]);
        };
        // SAFETY: the buffer was free, so the device does not hold it.
        let bytes = unsafe { &mut *sender.pool.bytes(buffer) };
        let (header, frame) = bytes.split_at_mut(sender.pool.header);
        // No offload is asked for, so the header is all zeros (§5.1.6.2).
        header.fill(0);
        let result = build(&mut frame[..len]);
        let (segments, count) = sender.pool.segments(buffer, len);
        // SAFETY: the pool outlives the queue's use of it (see `Net`), and the buffer is not touched until it completes.
        match unsafe { sender.queue.add(&segments[..count], &[]) } {
            Ok(head) => {
                sender.pool.set_owner(head, buffer);
                sender.counters.sent_frames += 1;
                sender.counters.sent_bytes += len as u64;
            }
            Err(error) => {
                sender.free.push_front(buffer);
                sender.counters.send_errors += 1;
                sender.failure.get_or_insert(error);
            }
        }
        result
    }
}

/// A network device.
///
/// The order of the fields matters: the device is reset before anything that it may write to is released.
pub struct Net<D: Dma + Clone, T: Transport> {
    device: Device<T>,
    receiver: Receiver<D>,
    sender: Sender<D>,
    info: NetInfo,
    counters: NetCounters,
}

impl<D: Dma + Clone, T: Transport> Net<D, T> {
    /// Starts the device behind `transport`. `entry` is its place in the registry; `interrupts` is about the receive queue; `mistake` is
    /// what the driver shall do wrong, if anything.
    pub fn new(
        transport: T,
        dma: D,
        entry: &'static DriverEntry,
        interrupts: Interrupts,
        mistake: Option<Mistake>,
    ) -> Result<Self, Error> {
        if transport.device_type() != 1 {
            return Err(Error::NotVirtio);
        }
        let mut device = Device::begin(transport, entry, mistake, |transport, offered| {
            const WANTED: u64 =
                features::NET_MAC | features::NET_STATUS | features::ANY_LAYOUT | features::INDIRECT_DESC | features::EVENT_IDX;
            // An MTU that cannot be is not agreed to, as §5.1.4.2 wants it.
            let mtu = if offered & features::NET_MTU != 0 && MTU_RANGE.contains(&transport.config16(10)) {
                features::NET_MTU
            } else {
                0
            };
            offered & WANTED | mtu
        })?;
        match Self::prepare(&mut device, &dma, interrupts) {
            Ok((receiver, sender, info)) => {
                device.start();
                let mut net = Net { device, receiver, sender, info, counters: NetCounters::default() };
                net.device.kick(&mut net.receiver.queue);
                Ok(net)
            }
            Err(error) => {
                device.fail();
                Err(error)
            }
        }
    }

    #[allow(clippy::type_complexity)]
    fn prepare(device: &mut Device<T>, dma: &D, interrupts: Interrupts) -> Result<(Receiver<D>, Sender<D>, NetInfo), Error> {
        let info = Self::read_info(device);
        let legacy = device.transport().is_legacy();
        let header = if legacy { LEGACY_HEADER_BYTES } else { HEADER_BYTES };
        let split = legacy && !device.has(features::ANY_LAYOUT);
        let stride = (header + ETHERNET_HEADER_BYTES + usize::from(info.mtu)).next_multiple_of(2048);
        let pool = |queue: &SplitQueue<D>| {
            let most = if split { queue.size() / 2 } else { queue.size() };
            let count = most.min(BUFFERS);
            Ok::<_, Error>((count, Pool::new(dma.clone(), count, stride, header, split, queue.size())?))
        };
        let queue = device.queue(dma.clone(), RECEIVE_QUEUE, 0, 2, interrupts)?;
        let (count, buffers) = pool(&queue)?;
        let mut receiver = Receiver { queue, pool: buffers, current: None };
        for buffer in 0..count {
            receiver.post(buffer)?;
        }
        let queue = device.queue(dma.clone(), TRANSMIT_QUEUE, 1, 2, Interrupts::Polled)?;
        let (count, pool) = pool(&queue)?;
        let free = (0..count).collect();
        Ok((receiver, Sender { queue, pool, free, failure: None, counters: NetCounters::default() }, info))
    }

    fn read_info(device: &Device<T>) -> NetInfo {
        let transport = device.transport();
        let mac = if device.has(features::NET_MAC) {
            core::array::from_fn(|i| transport.config8(i as u64))
        } else {
            let [a, b, c, d, ..] = transport.location().to_le_bytes();
            [0x02, 0x00, d, c, b, a]
        };
        let mtu = if device.has(features::NET_MTU) { transport.config16(10) } else { DEFAULT_MTU };
        // Read once more, the device may have changed its mind.
        let mtu = if MTU_RANGE.contains(&mtu) { mtu } else { DEFAULT_MTU };
        NetInfo { mac, mtu, features: device.features() }
    }

    /// What the device told of itself.
    pub fn info(&self) -> NetInfo {
        self.info
    }

    /// What went through so far.
    pub fn counters(&self) -> NetCounters {
        let sent = self.sender.counters;
        NetCounters { sent_frames: sent.sent_frames, sent_bytes: sent.sent_bytes, send_errors: sent.send_errors, ..self.counters }
    }

    /// Whether the link is up; true for a device that does not tell (§5.1.4).
    pub fn link_is_up(&self) -> bool {
        !self.device.has(features::NET_STATUS) || self.device.transport().config16(6) & 1 != 0
    }

    /// The device below: status, features, registry entry.
    pub fn device(&self) -> &Device<T> {
        &self.device
    }

    /// The error that ended this driver, if one did: it neither receives nor sends any more.
    pub fn failure(&self) -> Option<Error> {
        self.sender.failure
    }

    /// The next received frame, and a buffer to answer it with. `None` if nothing came, or if no transmit buffer is free: a frame
    /// that cannot be answered waits.
    pub fn receive(&mut self) -> Option<(&[u8], TxSlot<'_, D>)> {
        if !self.make_room() {
            return None;
        }
        match self.receiver.advance(&mut self.counters) {
            Ok(true) => Some((self.receiver.frame(), TxSlot(&mut self.sender))),
            Ok(false) => None,
            Err(error) => {
                self.give_up(error);
                None
            }
        }
    }

    /// A transmit buffer, if one is free.
    pub fn transmit(&mut self) -> Option<TxSlot<'_, D>> {
        if self.make_room() { Some(TxSlot(&mut self.sender)) } else { None }
    }

    /// Whether a transmit buffer is free, after taking sent ones back and, if need be, telling the device of what waits.
    fn make_room(&mut self) -> bool {
        if self.sender.failure.is_some() {
            return false;
        }
        if self.sender.free.is_empty() {
            self.device.kick(&mut self.sender.queue);
            if let Err(error) = self.sender.reclaim() {
                self.give_up(error);
                return false;
            }
        }
        let free = !self.sender.free.is_empty();
        self.counters.send_stalls += u64::from(!free);
        free
    }

    /// Gives the last frame's buffer back, takes sent buffers back, and tells the device of all that is new. Call it after each
    /// round of receiving and sending.
    pub fn flush(&mut self) {
        if self.sender.failure.is_some() {
            return;
        }
        if let Err(error) = self.receiver.recycle().and_then(|()| self.sender.reclaim()) {
            return self.give_up(error);
        }
        self.device.kick(&mut self.receiver.queue);
        self.device.kick(&mut self.sender.queue);
    }

    /// Asks for an interrupt with the next received frame. True if one came meanwhile: then receive instead of sleeping.
    pub fn enable_interrupts(&mut self) -> bool {
        self.receiver.queue.enable_interrupts()
    }

    /// Back to polling.
    pub fn suppress_interrupts(&mut self) {
        self.receiver.queue.suppress_interrupts();
    }

    /// Acknowledges a line interrupt (INTx or MMIO). Not needed with MSI-X.
    pub fn take_interrupt(&mut self) -> u32 {
        self.device.transport().take_interrupt()
    }

    /// Ends the driver: the device is reset, so that it lets go of every buffer.
    fn give_up(&mut self, error: Error) {
        // A device that ignores a reset may go on writing; nothing more can be done about it from here.
        let _ = self.device.reset();
        self.device.fail();
        self.sender.failure.get_or_insert(error);
    }
}

#[cfg(test)]
#[path = "net_tests.rs"]
mod tests;
