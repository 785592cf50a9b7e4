//! The split virtqueue (§2.7).
//!
//! One allocation holds the three parts in the legacy arrangement (§2.7.2), which every transport accepts: descriptors, avail
//! ring, and the used ring on the next page. The driver's own state is in ordinary memory; of the shared memory it reads back
//! only the used ring and the device's event fields.

use crate::{Dma, DmaMemory, Error, Mistake, PAGE_BYTES};
use alloc::vec::Vec;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{AtomicU16, fence};
use ring0_abi::{QueueEntry, QueueLayout};

/// Descriptor flags (§2.7.5).
pub(crate) const NEXT: u16 = 1;
/// The device writes this buffer.
pub(crate) const WRITE: u16 = 2;
/// The buffer is a table of descriptors.
pub(crate) const INDIRECT: u16 = 4;
/// Avail ring: please no interrupts. Used ring: please no notifications.
const NO_CALL: u16 = 1;
const DESCRIPTOR_BYTES: usize = 16;

/// A piece of physically contiguous memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Physical address.
    pub phys: u64,
    /// Bytes.
    pub len: u32,
}

/// What was negotiated about a queue.
#[derive(Debug, Clone, Copy, Default)]
pub struct QueueOptions {
    /// EVENT_IDX was accepted.
    pub event_idx: bool,
    /// INDIRECT_DESC was accepted: longest chain to be put into a table of its own. 0 uses direct chains only.
    pub indirect_segments: u16,
    /// A used length beyond the buffer is cut down rather than an error.
    pub lenient_length: bool,
    /// Entries that the device offers where the driver does not take them all; 0 where it does.
    pub device_size: u16,
    /// What the driver does wrong because it was asked to.
    pub mistake: Option<Mistake>,
}

/// Physical addresses of a queue's parts.
#[derive(Debug, Clone, Copy)]
pub struct QueuePlace {
    /// Descriptor table.
    pub descriptors: u64,
    /// Avail ring.
    pub avail: u64,
    /// Used ring.
    pub used: u64,
}

/// A chain that the device has given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    /// What [`SplitQueue::add`] returned for it.
    pub head: u16,
    /// Bytes that the device wrote, at most what the chain has room for.
    pub written: u32,
}

/// The driver's copy of one descriptor.
#[derive(Clone, Copy, Default)]
struct Shadow {
    /// Next descriptor of the chain or of the free list.
    next: u16,
    /// On the head of a chain in flight, its length in descriptors; else 0.
    chain: u16,
    /// On the head of a chain in flight, bytes that the device may write.
    room: u32,
}

/// A split virtqueue of the size that the device reported.
pub struct SplitQueue<D: Dma> {
    dma: D,
    index: u16,
    size: u16,
    options: QueueOptions,
    memory: DmaMemory,
    tables: Option<DmaMemory>,
    avail_at: usize,
    used_at: usize,
    shadow: Vec<Shadow>,
    /// First of the free list, which is a queue: what was used last is used again last, so that whoever looks at memory from outside still
    /// finds the last chains whole.
    free_head: u16,
    /// Its last; means nothing while none is free.
    free_tail: u16,
    free: u16,
    in_flight: u16,
    next_avail: u16,
    kicked_at: u16,
    last_used: u16,
    interrupts: bool,
    broken: Option<Error>,
    entry: &'static QueueEntry,
}

impl<D: Dma> SplitQueue<D> {
    /// A queue of `size` entries (a power of two), with interrupts off. `entry` is kept up to date as long as the queue lives.
    pub fn new(dma: D, index: u16, size: u16, options: QueueOptions, entry: &'static QueueEntry) -> Result<Self, Error> {
        if !size.is_power_of_two() || size > 32768 {
            return Err(Error::BadQueueSize { queue: index, size: u32::from(size), least: 1 });
        }
        let n = usize::from(size);
        let avail_at = DESCRIPTOR_BYTES * n;
        let used_at = used_offset(n);
        // Wherever a device of another opinion looks for the parts, it finds this queue's memory and nobody else's.
        let bytes = [n, usize::from(options.device_size)].into_iter().map(|n| used_offset(n) + 6 + 8 * n).max().unwrap_or(0);
        let memory = dma.allocate(bytes).filter(|m| m.bytes >= bytes).ok_or(Error::NoMemory { bytes })?;
        let mut queue = SplitQueue {
            dma,
            index,
            size,
            options,
            memory,
            tables: None,
            avail_at,
            used_at,
            shadow: (0..size).map(|i| Shadow { next: i.wrapping_add(1), ..Shadow::default() }).collect(),
            free_head: 0,
            free_tail: size - 1,
            free: size,
            in_flight: 0,
            next_avail: 0,
            kicked_at: 0,
            last_used: 0,
            interrupts: false,
            broken: None,
            entry,
        };
        if options.indirect_segments > 1 {
            let bytes = n * usize::from(options.indirect_segments) * DESCRIPTOR_BYTES;
            // Without room for the tables, chains are direct: slower, not wrong.
            queue.tables = queue.dma.allocate(bytes).filter(|m| m.bytes >= bytes);
        }
        if options.mistake == Some(Mistake::NoInterrupt) {
            queue.enable_interrupts();
        } else {
            queue.suppress_interrupts();
        }
        queue.register();
        Ok(queue)
    }

    fn register(&self) {
        let place = self.place();
        self.entry.index.store(self.index, Relaxed);
        let offered = if self.options.device_size == 0 { self.size } else { self.options.device_size };
        self.entry.device_size.store(offered, Relaxed);
        self.entry.layout.store(QueueLayout::Split as u16, Relaxed);
        self.entry.desc_gpa.store(place.descriptors, Relaxed);
        self.entry.avail_gpa.store(place.avail, Relaxed);
        self.entry.used_gpa.store(place.used, Relaxed);
        self.entry.next_avail.store(0, Relaxed);
        self.entry.last_used.store(0, Relaxed);
        self.entry.free_descriptors.store(self.free, Relaxed);
        self.entry.size.store(self.size, Release);
    }

    /// Where the device finds the parts.
    pub fn place(&self) -> QueuePlace {
        let phys = match self.options.mistake {
            Some(Mistake::VirtualAddress) => self.memory.pointer.as_ptr() as u64,
            _ => self.memory.phys,
        };
        QueuePlace { descriptors: phys, avail: phys + self.avail_at as u64, used: phys + self.used_at as u64 }
    }

    /// The queue's number on the device.
    pub fn index(&self) -> u16 {
        self.index
    }

    /// Entries.
    pub fn size(&self) -> u16 {
        self.size
    }

    /// Chains that the device holds.
    pub fn in_flight(&self) -> u16 {
        self.in_flight
    }

    /// Longest chain that one [`add`](Self::add) can take when the queue is empty.
    pub fn longest_chain(&self) -> u16 {
        if self.tables.is_some() { self.options.indirect_segments.max(self.size) } else { self.size }
    }

    /// Whether a chain of so many segments would find room now.
    pub fn has_room(&self, segments: u16) -> bool {
        self.broken.is_none() && self.free >= if self.fits_table(usize::from(segments)) { 1 } else { segments }
    }

    fn fits_table(&self, segments: usize) -> bool {
        self.tables.is_some() && segments > 1 && segments <= usize::from(self.options.indirect_segments)
    }

    /// Makes a chain of what the device reads, then what it writes (§2.7.4.2), available to it, and returns its name. The device
    /// hears of it with the next kick.
    ///
    /// # Safety
    /// Until the chain completes or the device is reset, the memory stays allocated; what the device writes is not touched, and
    /// what it reads is not changed.
    pub unsafe fn add(&mut self, readable: &[Segment], writable: &[Segment]) -> Result<u16, Error> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let total = readable.len() + writable.len();
        let room = writable.iter().try_fold(0u32, |sum, s| sum.checked_add(s.len));
        let bad = Error::BadChain { queue: self.index, segments: total };
        let room = room.filter(|_| total > 0).ok_or(bad)?;
        let in_table = self.fits_table(total);
        let needed = if in_table { 1 } else { u16::try_from(total).map_err(|_| bad)? };
        if needed > self.size {
            return Err(bad);
        }
        if needed > self.free {
            return Err(Error::QueueFull { queue: self.index });
        }
        let segments = readable.iter().map(|s| (s, 0)).chain(writable.iter().map(|s| (s, WRITE)));
        let head = self.free_head;
        if in_table {
            self.fill_table(head, total, segments);
            self.free_head = self.shadow[usize::from(head)].next;
        } else {
            let mut at = head;
            for (n, (segment, flags)) in segments.enumerate() {
                let next = self.shadow[usize::from(at)].next;
                let more = if n + 1 < total { NEXT } else { 0 };
                self.write_descriptor(Part::Ring, usize::from(at), *segment, flags | more, if more != 0 { next } else { 0 });
                at = next;
            }
            self.free_head = at;
        }
        self.free -= needed;
        self.in_flight += 1;
        let shadow = &mut self.shadow[usize::from(head)];
        shadow.chain = needed;
        shadow.room = room;
        self.publish(head);
        Ok(head)
    }

    fn fill_table<'a>(&mut self, head: u16, total: usize, segments: impl Iterator<Item = (&'a Segment, u16)>) {
        let first = usize::from(head) * usize::from(self.options.indirect_segments);
        for (n, (segment, flags)) in segments.enumerate() {
            let more = if n + 1 < total { NEXT } else { 0 };
            self.write_descriptor(Part::Table, first + n, *segment, flags | more, if more != 0 { n as u16 + 1 } else { 0 });
        }
        let phys = self.tables.as_ref().map_or(0, |t| t.phys) + (first * DESCRIPTOR_BYTES) as u64;
        let table = Segment { phys, len: (total * DESCRIPTOR_BYTES) as u32 };
        self.write_descriptor(Part::Ring, usize::from(head), table, INDIRECT, 0);
    }

    /// Puts a head into the avail ring. The release store orders descriptors and ring entry before the index (§2.7.13).
    fn publish(&mut self, head: u16) {
        let place = self.avail_at + 4 + 2 * usize::from(self.next_avail & (self.size - 1));
        self.shared(place).store(head, Relaxed);
        self.next_avail = self.next_avail.wrapping_add(1);
        self.shared(self.avail_at + 2).store(self.next_avail, Release);
        self.entry.next_avail.store(self.next_avail, Relaxed);
        self.entry.free_descriptors.store(self.free, Relaxed);
    }

    /// Whether the device must be notified of what was added since the last call (§2.7.10, §2.7.13.3.1); counted as sent if so.
    pub fn take_kick(&mut self) -> bool {
        let (new, old) = (self.next_avail, self.kicked_at);
        if new == old {
            return false;
        }
        // The index must be visible before the device's wish is read, or both sides could sleep.
        fence(SeqCst);
        self.kicked_at = new;
        let wanted = if self.options.event_idx {
            let event = self.shared(self.used_at + 4 + 8 * usize::from(self.size)).load(Relaxed);
            // vring_need_event (§2.7.10.1): did the index pass the event?
            new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
        } else {
            self.shared(self.used_at).load(Relaxed) & NO_CALL == 0
        };
        if wanted {
            self.entry.notifications.fetch_add(1, Relaxed);
        }
        wanted
    }

    /// The next chain that the device gave back, if any. An error is final: every later call returns it again.
    pub fn pop(&mut self) -> Result<Option<Completion>, Error> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        if self.options.mistake == Some(Mistake::NoInterrupt) {
            return Ok(None);
        }
        // The acquire load orders the index before the used element that it covers.
        let used = self.shared(self.used_at + 2).load(Acquire);
        if used == self.last_used {
            return Ok(None);
        }
        let taken = self.take(used);
        if let Err(error) = taken {
            self.broken = Some(error);
        }
        taken.map(Some)
    }

    fn take(&mut self, used: u16) -> Result<Completion, Error> {
        let queue = self.index;
        if used.wrapping_sub(self.last_used) > self.in_flight {
            return Err(Error::UsedIndexJump { queue, from: self.last_used, to: used, in_flight: self.in_flight });
        }
        let (id, length) = self.used_element(self.last_used & (self.size - 1));
        let head = u16::try_from(id).ok().filter(|&h| h < self.size);
        let head = head.ok_or(Error::UsedIdOutOfRange { queue, id, size: self.size })?;
        let Shadow { chain, room, .. } = self.shadow[usize::from(head)];
        if chain == 0 {
            return Err(Error::UsedIdNotInFlight { queue, id: head });
        }
        if length > room && !self.options.lenient_length {
            return Err(Error::UsedLengthTooBig { queue, id: head, length, room });
        }
        self.recycle(head, chain);
        self.last_used = self.last_used.wrapping_add(1);
        self.in_flight -= 1;
        self.entry.last_used.store(self.last_used, Relaxed);
        self.entry.free_descriptors.store(self.free, Relaxed);
        self.entry.completed.fetch_add(1, Relaxed);
        if !self.interrupts {
            self.push_event_away();
        }
        Ok(Completion { head, written: length.min(room) })
    }

    /// Puts a chain at the end of the free list, by the driver's own links.
    fn recycle(&mut self, head: u16, chain: u16) {
        let mut last = head;
        for _ in 1..chain {
            last = self.shadow[usize::from(last)].next;
        }
        if self.free == 0 {
            self.free_head = head;
        } else {
            self.shadow[usize::from(self.free_tail)].next = head;
        }
        self.free_tail = last;
        self.shadow[usize::from(head)].chain = 0;
        self.free += chain;
    }

    /// Asks the device for no interrupts. With EVENT_IDX that is a hint about a far index, so a rare one may still come.
    pub fn suppress_interrupts(&mut self) {
        self.interrupts = false;
        self.shared(self.avail_at).store(NO_CALL, Relaxed);
        self.push_event_away();
    }

    /// Asks for an interrupt with the next completion. True if something completed meanwhile: then poll instead of sleeping.
    pub fn enable_interrupts(&mut self) -> bool {
        self.interrupts = true;
        self.shared(self.avail_at).store(0, Relaxed);
        if self.options.event_idx {
            self.used_event().store(self.last_used, Relaxed);
        }
        // The wish must be visible before the index is read again, or a completion in between would wake nobody.
        fence(SeqCst);
        self.shared(self.used_at + 2).load(Acquire) != self.last_used
    }

    fn push_event_away(&self) {
        if self.options.event_idx {
            self.used_event().store(self.last_used.wrapping_sub(1), Relaxed);
        }
    }

    fn used_event(&self) -> &AtomicU16 {
        self.shared(self.avail_at + 4 + 2 * usize::from(self.size))
    }

    /// The 16-bit field at `offset` of the queue's memory. Offsets come from `size` alone, never from the device.
    fn shared(&self, offset: usize) -> &AtomicU16 {
        debug_assert!(offset.is_multiple_of(2) && offset + 2 <= self.memory.bytes);
        // SAFETY: `new` sized the memory for every offset that the methods form; it is page-aligned and offsets are even. The
        // device shares it, hence the atomic.
        unsafe { AtomicU16::from_ptr(self.memory.pointer.as_ptr().add(offset).cast()) }
    }

    fn used_element(&self, slot: u16) -> (u32, u32) {
        let offset = self.used_at + 4 + 8 * usize::from(slot);
        // SAFETY: `slot` is below `size`, so the element is inside; it is 4-aligned. Volatile: the device writes it.
        unsafe {
            let element = self.memory.pointer.as_ptr().add(offset).cast::<u32>();
            (element.read_volatile(), element.add(1).read_volatile())
        }
    }

    fn write_descriptor(&self, part: Part, slot: usize, segment: Segment, flags: u16, next: u16) {
        let memory = match (part, &self.tables) {
            (Part::Table, Some(tables)) => tables,
            _ => &self.memory,
        };
        let words = u64::from(segment.len) | u64::from(flags) << 32 | u64::from(next) << 48;
        debug_assert!((slot + 1) * DESCRIPTOR_BYTES <= memory.bytes);
        // SAFETY: the free list holds only numbers below `size`, and `add` keeps table slots below `size * indirect_segments`:
        // the descriptor is inside. The device does not read it before it is published.
        unsafe {
            let at = memory.pointer.as_ptr().add(slot * DESCRIPTOR_BYTES).cast::<u64>();
            at.write_volatile(segment.phys);
            at.add(1).write_volatile(words);
        }
    }
}

/// Where the used ring of a queue of `n` entries lies in the legacy arrangement.
fn used_offset(n: usize) -> usize {
    (DESCRIPTOR_BYTES * n + 6 + 2 * n).next_multiple_of(PAGE_BYTES)
}

enum Part {
    Ring,
    Table,
}

impl<D: Dma> Drop for SplitQueue<D> {
    fn drop(&mut self) {
        self.entry.size.store(0, Relaxed);
        for memory in [Some(&self.memory), self.tables.as_ref()].into_iter().flatten() {
            // SAFETY: it came from this allocator and is never used again; the driver's `Device` has reset the device before its
            // queues are dropped.
            unsafe { self.dma.release(memory) };
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
