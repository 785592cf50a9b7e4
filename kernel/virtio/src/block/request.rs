//! Transfers under way, and the requests (§5.2.6) that they are cut into.

use super::{Block, BlockInfo, REQUEST_BYTES, REQUEST_SEGMENTS, SECTOR_BYTES, SLOT_BYTES, Ticket};
use crate::queue::{Completion, Segment};
use crate::{Dma, Error, Transport};

/// Request types and status bytes (§5.2.6).
pub(super) const TYPE_IN: u32 = 0;
pub(super) const TYPE_GET_ID: u32 = 8;
const STATUS_OK: u8 = 0;
const STATUS_IOERR: u8 = 1;
const STATUS_UNSUPP: u8 = 2;
/// What the status byte holds until the device writes it.
const STATUS_UNWRITTEN: u8 = 0xff;

/// A transfer under way. The buffer is a raw pointer because the device is writing to it.
pub(super) struct Transfer {
    pub(super) ticket: Ticket,
    pub(super) kind: u32,
    pub(super) sector: u64,
    pub(super) pointer: *mut u8,
    pub(super) bytes: usize,
    pub(super) issued: usize,
    pub(super) done: usize,
    pub(super) in_flight: u16,
    pub(super) failure: Option<Error>,
}

// SAFETY: the pointer stands for a `&mut [u8]` that the transfer has been lent.
unsafe impl Send for Transfer {}

impl Transfer {
    /// Whether the buffer is the caller's again.
    pub(super) fn is_over(&self) -> bool {
        self.in_flight == 0 && (self.failure.is_some() || self.issued == self.bytes)
    }
}

/// One request in flight.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) ticket: Ticket,
    pub(super) slot: u16,
    pub(super) sector: u64,
    pub(super) bytes: u32,
}

impl<D: Dma + Clone, T: Transport> Block<D, T> {
    /// Issues the next request of transfer `n`. False if there is nothing to issue or no room.
    pub(super) fn issue(&mut self, n: usize) -> Result<bool, Error> {
        let Some(transfer) = self.transfers.get_mut(n) else { return Ok(false) };
        if transfer.failure.is_some() || transfer.issued == transfer.bytes {
            return Ok(false);
        }
        let Some(&slot) = self.free_slots.front() else { return Ok(false) };
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
        self.free_slots.pop_front();
        transfer.issued += bytes;
        transfer.in_flight += 1;
        let request = Request { ticket: transfer.ticket, slot, sector, bytes: bytes as u32 };
        if let Some(place) = self.requests.get_mut(usize::from(head)) {
            *place = Some(request);
        }
        Ok(true)
    }

    /// Takes back the request whose chain the device has returned.
    pub(super) fn complete(&mut self, completion: Completion) {
        let Some(request) = self.requests.get_mut(usize::from(completion.head)).and_then(Option::take) else { return };
        self.free_slots.push_back(request.slot);
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
