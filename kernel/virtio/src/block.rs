//! Block device (§5.2), read side.
//!
//! Data goes straight into the caller's buffer. A transfer of any length is cut into requests of up to [`REQUEST_BYTES`], of
//! which as many are in flight as the queue holds.

use crate::device::Device;
use crate::queue::SplitQueue;
use crate::{Dma, DmaMemory, Error, Interrupts, Mistake, Transport, features};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use request::{Request, TYPE_GET_ID, TYPE_IN, Transfer};
use ring0_abi::DriverEntry;

mod request;

/// A sector, the unit of all positions (§5.2.4), whatever the disk's block size.
pub const SECTOR_BYTES: usize = 512;
/// Most bytes in one request.
const REQUEST_BYTES: usize = 1 << 20;
/// Most data segments in one request.
const REQUEST_SEGMENTS: u16 = 32;
/// Most requests in flight.
const SLOTS: u16 = 64;
/// Header (16 bytes), status byte and slack for one request.
const SLOT_BYTES: usize = 32;
/// Length of the answer to GET_ID (§5.2.6).
const ID_BYTES: usize = 20;
const TIMEOUT_NS: u64 = 30_000_000_000;

/// What the device tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockInfo {
    /// Size in sectors of 512 bytes.
    pub sectors: u64,
    /// Block size that the device prefers, in bytes.
    pub block_bytes: u32,
    /// Whether it refuses writes.
    pub read_only: bool,
    /// Most bytes in a segment.
    pub segment_bytes: u32,
    /// Most data segments in a request that the driver will use.
    pub segments: u16,
    /// Serial number as set by the host; may be empty.
    pub serial: String,
    /// Features agreed on.
    pub features: u64,
}

/// What the driver has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlockCounters {
    /// Requests completed.
    pub requests: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Requests that failed.
    pub errors: u64,
}

/// Names a transfer begun with [`Block::begin_read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// A transfer that has ended; the buffer is the caller's again.
#[derive(Debug)]
pub struct Finished {
    /// Which one.
    pub ticket: Ticket,
    /// Its buffer; its contents are undefined after an error.
    pub buffer: &'static mut [u8],
    /// How it went.
    pub result: Result<(), Error>,
}

/// A block device.
///
/// The order of the fields matters: the device is reset before anything that it may write to is released.
pub struct Block<D: Dma + Clone, T: Transport> {
    device: Device<T>,
    queue: SplitQueue<D>,
    dma: D,
    /// Headers and status bytes, one piece of [`SLOT_BYTES`] per slot.
    headers: DmaMemory,
    /// In turn, as the queue's descriptors.
    free_slots: VecDeque<u16>,
    /// By chain head.
    requests: Vec<Option<Request>>,
    transfers: VecDeque<Transfer>,
    next_ticket: u64,
    clock: Box<dyn Fn() -> u64 + Send>,
    timeout_ns: u64,
    /// Clock at the last completion, or when the device was last idle.
    heard_at: u64,
    failed: Option<Error>,
    info: BlockInfo,
    counters: BlockCounters,
}

impl<D: Dma + Clone, T: Transport> Block<D, T> {
    /// Starts the device behind `transport`. `entry` is its place in the registry; `clock` counts nanoseconds. A driver that shall make a
    /// `mistake` waits for its device for ever, and does not ask for the serial number, so that it hangs where it is used.
    pub fn new(
        transport: T,
        dma: D,
        entry: &'static DriverEntry,
        interrupts: Interrupts,
        mistake: Option<Mistake>,
        clock: impl Fn() -> u64 + Send + 'static,
    ) -> Result<Self, Error> {
        if transport.device_type() != 2 {
            return Err(Error::NotVirtio);
        }
        const WANTED: u64 = features::BLK_SIZE_MAX
            | features::BLK_SEG_MAX
            | features::BLK_RO
            | features::BLK_BLK_SIZE
            | features::ANY_LAYOUT
            | features::INDIRECT_DESC
            | features::EVENT_IDX;
        let mut device = Device::begin(transport, entry, mistake, |_, offered| offered & WANTED)?;
        let started = Self::prepare(&mut device, &dma, interrupts);
        let (queue, headers, info) = started.inspect_err(|_| device.fail())?;
        device.start();
        let slots = queue.size().min(SLOTS);
        let mut block = Block {
            dma,
            headers,
            free_slots: (0..slots).collect(),
            requests: vec![None; usize::from(queue.size())],
            transfers: VecDeque::new(),
            next_ticket: 0,
            heard_at: clock(),
            clock: Box::new(clock),
            timeout_ns: if mistake.is_some() { u64::MAX } else { TIMEOUT_NS },
            failed: None,
            info,
            counters: BlockCounters::default(),
            device,
            queue,
        };
        if mistake.is_none() {
            block.info.serial = block.read_serial()?;
        }
        Ok(block)
    }

    fn prepare(device: &mut Device<T>, dma: &D, interrupts: Interrupts) -> Result<(SplitQueue<D>, DmaMemory, BlockInfo), Error> {
        let transport = device.transport();
        let mut segment_bytes = u32::MAX;
        if device.has(features::BLK_SIZE_MAX) {
            segment_bytes = transport.config32(8);
            if segment_bytes < SECTOR_BYTES as u32 {
                return Err(Error::BadConfig { field: "size_max", value: u64::from(segment_bytes) });
            }
        }
        // Without SEG_MAX a device promises no more than one (Linux reads §5.2.5 the same way).
        let offered = if device.has(features::BLK_SEG_MAX) { transport.config32(12) } else { 1 };
        let mut segments = offered.clamp(1, u32::from(REQUEST_SEGMENTS)) as u16;
        let block_bytes = if device.has(features::BLK_BLK_SIZE) { transport.config32(20) } else { SECTOR_BYTES as u32 };
        let mut info = BlockInfo {
            sectors: transport.config64(0),
            block_bytes,
            read_only: device.has(features::BLK_RO),
            segment_bytes,
            segments,
            serial: String::new(),
            features: device.features(),
        };
        if info.sectors.checked_mul(SECTOR_BYTES as u64).is_none() {
            return Err(Error::BadConfig { field: "capacity", value: info.sectors });
        }
        // A queue shorter than the longest request shortens the request; three descriptors are the least.
        let queue_size = match device.mistake() {
            Some(Mistake::QueueSize(size)) if transport.is_legacy() => u32::from(size),
            _ => transport.queue_size(0),
        };
        if !device.has(features::INDIRECT_DESC) && queue_size >= 3 {
            segments = segments.min((queue_size - 2).min(u32::from(REQUEST_SEGMENTS)) as u16);
            info.segments = segments;
        }
        let queue = device.queue(dma.clone(), 0, 0, segments + 2, interrupts)?;
        if queue.longest_chain() < segments + 2 {
            return Err(Error::BadQueueSize { queue: 0, size: u32::from(queue.size()), least: 4 });
        }
        let bytes = usize::from(SLOTS) * SLOT_BYTES;
        let headers = dma.allocate(bytes).filter(|m| m.bytes >= bytes).ok_or(Error::NoMemory { bytes })?;
        Ok((queue, headers, info))
    }

    /// What the device told of itself.
    pub fn info(&self) -> &BlockInfo {
        &self.info
    }

    /// What has been done so far.
    pub fn counters(&self) -> BlockCounters {
        self.counters
    }

    /// The device below: status, features, registry entry.
    pub fn device(&self) -> &Device<T> {
        &self.device
    }

    /// The error that ended this driver, if one did. It must be made anew then.
    pub fn failure(&self) -> Option<Error> {
        self.failed
    }

    /// How long nothing may complete before the device counts as stuck; 30 s unless set.
    pub fn set_timeout_ns(&mut self, timeout_ns: u64) {
        self.timeout_ns = timeout_ns;
    }

    /// Reads whole sectors from `sector` on into `buffer`, straight from the device. `progress` is told how many bytes are done
    /// whenever that changes. Transfers begun with [`begin_read`](Self::begin_read) go on meanwhile.
    pub fn read(&mut self, sector: u64, buffer: &mut [u8], progress: &mut dyn FnMut(usize)) -> Result<(), Error> {
        self.check(sector, buffer.len())?;
        self.run(TYPE_IN, sector, buffer, progress)
    }

    /// Begins to read whole sectors and returns at once. [`poll`](Self::poll) gives the buffer back. On an error it is given back
    /// here.
    pub fn begin_read(&mut self, sector: u64, buffer: &'static mut [u8]) -> Result<Ticket, (Error, &'static mut [u8])> {
        match self.check(sector, buffer.len()) {
            Ok(()) => Ok(self.enqueue(TYPE_IN, sector, buffer.as_mut_ptr(), buffer.len())),
            Err(error) => Err((error, buffer)),
        }
    }

    /// Moves all transfers on without waiting, and returns one that has ended.
    pub fn poll(&mut self) -> Option<Finished> {
        self.advance();
        let place = self.transfers.iter().position(Transfer::is_over)?;
        let over = self.transfers.remove(place)?;
        // SAFETY: only `begin_read` leaves transfers behind for `poll`; it was given this very `'static` buffer, and the device
        // is done with it.
        let buffer = unsafe { core::slice::from_raw_parts_mut(over.pointer, over.bytes) };
        Some(Finished { ticket: over.ticket, buffer, result: over.failure.map_or(Ok(()), Err) })
    }

    fn check(&self, sector: u64, bytes: usize) -> Result<(), Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if !bytes.is_multiple_of(SECTOR_BYTES) {
            return Err(Error::NotWholeSectors { bytes });
        }
        let sectors = (bytes / SECTOR_BYTES) as u64;
        match sector.checked_add(sectors) {
            Some(end) if end <= self.info.sectors => Ok(()),
            _ => Err(Error::BeyondEnd { sector, sectors, capacity: self.info.sectors }),
        }
    }

    /// The serial number; empty if the device has none.
    fn read_serial(&mut self) -> Result<String, Error> {
        // On the heap: a stack need not have a physical address.
        let mut id = vec![0; ID_BYTES];
        match self.run(TYPE_GET_ID, 0, &mut id, &mut |_| ()) {
            Ok(()) => (),
            Err(Error::Unsupported { .. } | Error::Io { .. } | Error::ShortTransfer { .. }) => return Ok(String::new()),
            Err(error) => return Err(error),
        }
        let text = id.split(|&b| b == 0).next().unwrap_or_default();
        Ok(text.iter().map(|&b| if b.is_ascii_graphic() || b == b' ' { char::from(b) } else { '?' }).collect())
    }

    /// A transfer from beginning to end.
    fn run(&mut self, kind: u32, sector: u64, buffer: &mut [u8], progress: &mut dyn FnMut(usize)) -> Result<(), Error> {
        let ticket = self.enqueue(kind, sector, buffer.as_mut_ptr(), buffer.len());
        let mut told = 0;
        loop {
            self.advance();
            let Some(place) = self.transfers.iter().position(|t| t.ticket == ticket) else { return Ok(()) };
            let transfer = &self.transfers[place];
            if transfer.is_over() {
                let failure = transfer.failure;
                let done = transfer.done;
                self.transfers.remove(place);
                if failure.is_none() && done != told {
                    progress(done);
                }
                return failure.map_or(Ok(()), Err);
            }
            // Not before the end: a panic in the caller's closure must not leave the buffer lent. It cannot unwind in the kernel.
            if transfer.done != told {
                told = transfer.done;
                progress(told);
            }
            core::hint::spin_loop();
        }
    }

    fn enqueue(&mut self, kind: u32, sector: u64, pointer: *mut u8, bytes: usize) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        if self.transfers.iter().all(|t| t.in_flight == 0) {
            self.heard_at = (self.clock)();
        }
        let failure = None;
        self.transfers.push_back(Transfer { ticket, kind, sector, pointer, bytes, issued: 0, done: 0, in_flight: 0, failure });
        ticket
    }

    /// Takes completions, issues what there is room for, and watches the clock.
    fn advance(&mut self) {
        if self.failed.is_some() {
            return;
        }
        if let Err(error) = self.try_advance() {
            self.give_up(error);
        }
    }

    fn try_advance(&mut self) -> Result<(), Error> {
        let mut heard = false;
        while let Some(completion) = self.queue.pop()? {
            self.complete(completion);
            heard = true;
        }
        for n in 0..self.transfers.len() {
            while self.issue(n)? {}
        }
        self.device.kick(&mut self.queue);
        if heard || self.queue.in_flight() == 0 {
            self.heard_at = (self.clock)();
        } else if (self.clock)().saturating_sub(self.heard_at) > self.timeout_ns {
            let sector = self.requests.iter().flatten().map(|r| r.sector).min().unwrap_or(0);
            return Err(Error::Timeout { sector, milliseconds: self.timeout_ns / 1_000_000 });
        }
        Ok(())
    }

    /// Ends the driver: resets the device, so that it lets go of every buffer, and fails every transfer.
    fn give_up(&mut self, error: Error) {
        // A device that ignores a reset may go on writing; nothing more can be done about it from here.
        let _ = self.device.reset();
        self.device.fail();
        self.failed = Some(error);
        for transfer in &mut self.transfers {
            transfer.in_flight = 0;
            transfer.failure.get_or_insert(error);
        }
    }
}

impl<D: Dma + Clone, T: Transport> Drop for Block<D, T> {
    fn drop(&mut self) {
        // Before the headers go: the device lets go of everything.
        let _ = self.device.reset();
        // SAFETY: they came from this allocator, and the device has been reset.
        unsafe { self.dma.release(&self.headers) };
    }
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
