//! Block device (§5.2), read side.
//!
//! Data goes straight into the caller's buffer. A transfer of any length is cut into requests of up to [`REQUEST_BYTES`], of
//! which as many are in flight as the queue holds.

use crate::device::Device;
use crate::queue::{Completion, Segment, SplitQueue};
use crate::{Dma, DmaMemory, Error, Interrupts, Mistake, Transport, features};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use ring0_abi::DriverEntry;

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

/// Request types and status bytes (§5.2.6).
const TYPE_IN: u32 = 0;
const TYPE_GET_ID: u32 = 8;
const STATUS_OK: u8 = 0;
const STATUS_IOERR: u8 = 1;
const STATUS_UNSUPP: u8 = 2;
/// What the status byte holds until the device writes it.
const STATUS_UNWRITTEN: u8 = 0xff;

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

/// A transfer under way. The buffer is a raw pointer because the device is writing to it.
struct Transfer {
    ticket: Ticket,
    kind: u32,
    sector: u64,
    pointer: *mut u8,
    bytes: usize,
    issued: usize,
    done: usize,
    in_flight: u16,
    failure: Option<Error>,
}

// SAFETY: the pointer stands for a `&mut [u8]` that the transfer has been lent.
unsafe impl Send for Transfer {}

impl Transfer {
    fn is_over(&self) -> bool {
        self.in_flight == 0 && (self.failure.is_some() || self.issued == self.bytes)
    }
}

/// One request in flight.
#[derive(Clone, Copy)]
struct Request {
    ticket: Ticket,
    slot: u16,
    sector: u64,
    bytes: u32,
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
    free_slots: Vec<u16>,
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
            free_slots: (0..slots).rev().collect(),
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

    /// Issues the next request of transfer `n`. False if there is nothing to issue or no room.
    fn issue(&mut self, n: usize) -> Result<bool, Error> {
        let Some(transfer) = self.transfers.get_mut(n) else { return Ok(false) };
        if transfer.failure.is_some() || transfer.issued == transfer.bytes {
            return Ok(false);
        }
        let Some(&slot) = self.free_slots.last() else { return Ok(false) };
        let mut data = [Segment { phys: 0, len: 0 }; REQUEST_SEGMENTS as usize + 1];
        let left = (transfer.bytes - transfer.issued).min(REQUEST_BYTES);
        // SAFETY: `issued` is below `bytes`, so the pointer stays inside the lent buffer.
        let pointer = unsafe { transfer.pointer.add(transfer.issued) };
        let gathered = gather(&self.dma, pointer, left, &self.info, &mut data);
        let (count, bytes) = match gathered {
            Ok(found) => found,
            Err(error) => {
                transfer.failure = Some(error);
                return Ok(false);
            }
        };
        if !self.queue.has_room(count as u16 + 2) {
            return Ok(false);
        }
        let sector = transfer.sector + (transfer.issued / SECTOR_BYTES) as u64;
        let place = usize::from(slot) * SLOT_BYTES;
        let header = self.headers.pointer.as_ptr().wrapping_add(place);
        // SAFETY: `slot` is below SLOTS, so its piece is inside the headers; it is free, so the device does not look at it.
        unsafe {
            header.cast::<u32>().write_volatile(transfer.kind);
            header.cast::<u32>().add(1).write_volatile(0);
            header.cast::<u64>().add(1).write_volatile(sector);
            header.add(16).write_volatile(STATUS_UNWRITTEN);
        }
        let phys = self.headers.phys + place as u64;
        data[count] = Segment { phys: phys + 16, len: 1 };
        // SAFETY: headers and status live as long as the driver; the data buffer is lent until the transfer is over, which it is
        // not before this request completes or the device has been reset.
        let added = unsafe { self.queue.add(&[Segment { phys, len: 16 }], &data[..=count]) };
        let head = match added {
            Ok(head) => head,
            Err(Error::QueueFull { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        self.free_slots.pop();
        transfer.issued += bytes;
        transfer.in_flight += 1;
        let request = Request { ticket: transfer.ticket, slot, sector, bytes: bytes as u32 };
        if let Some(place) = self.requests.get_mut(usize::from(head)) {
            *place = Some(request);
        }
        Ok(true)
    }

    fn complete(&mut self, completion: Completion) {
        let Some(request) = self.requests.get_mut(usize::from(completion.head)).and_then(Option::take) else { return };
        self.free_slots.push(request.slot);
        let place = usize::from(request.slot) * SLOT_BYTES + 16;
        // SAFETY: inside the headers, see `issue`. Volatile: the device wrote it.
        let status = unsafe { self.headers.pointer.as_ptr().add(place).read_volatile() };
        let Request { sector, bytes, .. } = request;
        let lenient = self.device.transport().is_legacy();
        let outcome = match status {
            STATUS_OK if completion.written <= bytes && !lenient => {
                Err(Error::ShortTransfer { sector, expected: bytes, written: completion.written.saturating_sub(1) })
            }
            STATUS_OK => Ok(()),
            STATUS_IOERR => Err(Error::Io { sector, sectors: bytes / SECTOR_BYTES as u32 }),
            STATUS_UNSUPP => Err(Error::Unsupported { sector }),
            status => Err(Error::BadStatus { status, sector }),
        };
        self.counters.requests += 1;
        self.counters.errors += u64::from(outcome.is_err());
        if let Some(transfer) = self.transfers.iter_mut().find(|t| t.ticket == request.ticket) {
            transfer.in_flight -= 1;
            match outcome {
                Ok(()) => {
                    transfer.done += bytes as usize;
                    self.counters.bytes += if transfer.kind == TYPE_IN { u64::from(bytes) } else { 0 };
                }
                Err(error) => transfer.failure = transfer.failure.or(Some(error)),
            }
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

/// Physical segments for the next request of at most `bytes` at `pointer`: how many, and how many bytes they cover. Whole sectors,
/// unless it is all that is left.
fn gather(
    dma: &impl Dma,
    pointer: *mut u8,
    bytes: usize,
    info: &BlockInfo,
    segments: &mut [Segment],
) -> Result<(usize, usize), Error> {
    let (mut count, mut covered) = (0, 0);
    while covered < bytes && count < usize::from(info.segments) {
        let at = pointer.wrapping_add(covered);
        let not_mapped = Error::NotMapped { address: at as usize };
        let (phys, run) = dma.translate(at, bytes - covered).ok_or(not_mapped)?;
        let run = run.min(bytes - covered).min(info.segment_bytes as usize);
        if run == 0 {
            return Err(not_mapped);
        }
        let len = run as u32;
        match segments[..count].last_mut() {
            // Physical neighbours make one segment.
            Some(last) if last.phys + u64::from(last.len) == phys && last.len <= info.segment_bytes - len => last.len += len,
            _ => {
                segments[count] = Segment { phys, len };
                count += 1;
            }
        }
        covered += run;
    }
    if covered == bytes {
        return Ok((count, covered));
    }
    let mut surplus = covered % SECTOR_BYTES;
    covered -= surplus;
    while surplus > 0 && count > 0 {
        let last = &mut segments[count - 1];
        let cut = surplus.min(last.len as usize);
        last.len -= cut as u32;
        surplus -= cut;
        if last.len == 0 {
            count -= 1;
        }
    }
    // One sector that lies in more pieces than a request may have.
    if covered == 0 { Err(Error::NotMapped { address: pointer as usize }) } else { Ok((count, covered)) }
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
