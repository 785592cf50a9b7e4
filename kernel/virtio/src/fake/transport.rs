//! The device's half of the rings (§2.7), driven by notifications alone: a kick that is not sent is work that is not done.

use super::FakeDma;
use crate::queue::{INDIRECT, NEXT, WRITE};
use crate::transport::{QueueAddresses, status};
use crate::{Error, Segment, Transport, features};
use ring0_abi::Transport as Kind;
use std::boxed::Box;
use std::sync::{Arc, Mutex};
use std::vec;
use std::vec::Vec;

/// What a device does with the chains of its queues.
pub trait Model: Send {
    /// The device configuration.
    fn config(&self) -> Vec<u8>;
    /// Works one chain: `input` is what the driver wrote, `room` how many bytes may be answered. `None` leaves the chain for later.
    fn work(&mut self, queue: u16, input: Vec<u8>, room: usize, features: u64) -> Option<Vec<u8>>;
}

/// A way to break the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Completes this id instead of the real one.
    UsedId(u32),
    /// Claims so many bytes more than fit.
    ExtraLength(u32),
    /// Claims so many bytes fewer than asked for.
    ShortBy(u32),
    /// Moves the used index this much too far.
    IndexJump(u16),
    /// Never completes anything.
    Silence,
    /// Clears FEATURES_OK.
    RefuseFeatures,
    /// Does not reset.
    NoReset,
}

struct FakeQueue {
    offered: u32,
    addresses: Option<QueueAddresses>,
    last_avail: u16,
    used: u16,
    interrupts: u64,
}

struct State {
    memory: FakeDma,
    device_type: u32,
    legacy: bool,
    offered: u64,
    accepted: u64,
    status: u32,
    queues: Vec<FakeQueue>,
    model: Box<dyn Model>,
    lie: Option<Lie>,
    reverse: bool,
    notifications: u64,
}

/// A device. Clones are the same device: keep one to look behind the driver's back.
#[derive(Clone)]
pub struct FakeTransport(Arc<Mutex<State>>);

impl FakeTransport {
    /// A modern device of this type with two queues of `size` entries. VERSION_1 is added to the features.
    pub fn new(memory: &FakeDma, device_type: u32, size: u32, offered: u64, model: impl Model + 'static) -> Self {
        let queue = || FakeQueue { offered: size, addresses: None, last_avail: 0, used: 0, interrupts: 0 };
        FakeTransport(Arc::new(Mutex::new(State {
            memory: memory.clone(),
            device_type,
            legacy: false,
            offered: offered | features::VERSION_1,
            accepted: 0,
            status: 0,
            queues: vec![queue(), queue()],
            model: Box::new(model),
            lie: None,
            reverse: false,
            notifications: 0,
        })))
    }

    /// The same device with the legacy interface.
    pub fn legacy(self) -> Self {
        let mut state = self.0.lock().unwrap();
        state.legacy = true;
        state.offered &= 0xffff_ffff;
        drop(state);
        self
    }

    /// Takes VERSION_1 back.
    pub fn without_version_1(self) -> Self {
        self.0.lock().unwrap().offered &= !features::VERSION_1;
        self
    }

    /// Completes the chains of one notification last to first.
    pub fn in_reverse(self) -> Self {
        self.0.lock().unwrap().reverse = true;
        self
    }

    /// From here on the device lies, or is honest again.
    pub fn lie(&self, lie: Option<Lie>) {
        self.0.lock().unwrap().lie = lie;
    }

    /// Notifications received.
    pub fn notifications(&self) -> u64 {
        self.0.lock().unwrap().notifications
    }

    /// Interrupts that a queue would have raised.
    pub fn interrupts(&self, queue: u16) -> u64 {
        self.0.lock().unwrap().queues[usize::from(queue)].interrupts
    }

    /// Where the device believes a queue to be.
    pub fn addresses(&self, queue: u16) -> Option<QueueAddresses> {
        self.0.lock().unwrap().queues[usize::from(queue)].addresses
    }

    /// The features that the driver accepted.
    pub fn accepted(&self) -> u64 {
        self.0.lock().unwrap().accepted
    }

    /// Works a queue without having been notified, as a device does that has something to deliver.
    pub fn work(&self, queue: u16) {
        self.0.lock().unwrap().work(queue);
    }
}

/// A chain as the device reads it.
struct Chain {
    head: u16,
    input: Vec<u8>,
    writable: Vec<Segment>,
}

impl State {
    fn work(&mut self, queue: u16) {
        let index = usize::from(queue);
        let running = self.status & status::DRIVER_OK != 0 && self.lie != Some(Lie::Silence);
        let Some(addresses) = self.queues[index].addresses.filter(|_| running) else { return };
        let mut done = Vec::new();
        while self.queues[index].last_avail != self.memory.word::<2>(addresses.avail + 2) as u16 {
            let slot = u64::from(self.queues[index].last_avail % addresses.size);
            let head = self.memory.word::<2>(addresses.avail + 4 + 2 * slot) as u16;
            let chain = self.read_chain(&addresses, head);
            let room = chain.writable.iter().map(|s| s.len as usize).sum();
            let Some(answer) = self.model.work(queue, chain.input, room, self.accepted) else { break };
            self.queues[index].last_avail = self.queues[index].last_avail.wrapping_add(1);
            self.write_answer(&chain.writable, &answer);
            done.push((chain.head, answer.len() as u32, room as u32));
        }
        if self.accepted & features::EVENT_IDX != 0 {
            let last = self.queues[index].last_avail;
            self.memory.write(addresses.used + 4 + 8 * u64::from(addresses.size), &last.to_le_bytes());
        }
        if self.reverse {
            done.reverse();
        }
        let before = self.queues[index].used;
        for (head, written, room) in done {
            self.complete(index, &addresses, head, written, room);
        }
        self.interrupt(index, &addresses, before);
    }

    /// Follows a chain, checking what §2.7.4.2 and §2.7.5.3.1 demand of a driver.
    fn read_chain(&self, addresses: &QueueAddresses, head: u16) -> Chain {
        let mut chain = Chain { head, input: Vec::new(), writable: Vec::new() };
        let (mut table, mut size, mut at) = (addresses.descriptors, u64::from(addresses.size), u64::from(head));
        for _ in 0..=addresses.size.max(1024) {
            assert!(at < size, "descriptor {at} of {size}");
            let place = table + 16 * at;
            let (phys, len) = (self.memory.word::<8>(place), self.memory.word::<4>(place + 8) as u32);
            let (flags, next) = (self.memory.word::<2>(place + 12) as u16, self.memory.word::<2>(place + 14));
            if flags & INDIRECT != 0 {
                assert!(self.accepted & features::INDIRECT_DESC != 0 && flags == INDIRECT && table == addresses.descriptors);
                (table, size, at) = (phys, u64::from(len) / 16, 0);
                continue;
            }
            if flags & WRITE != 0 {
                chain.writable.push(Segment { phys, len });
            } else {
                assert!(chain.writable.is_empty(), "a readable descriptor after a writable one");
                let start = chain.input.len();
                chain.input.resize(start + len as usize, 0);
                self.memory.read(phys, &mut chain.input[start..]);
            }
            if flags & NEXT == 0 {
                return chain;
            }
            at = next;
        }
        panic!("the chain at {head} is a loop");
    }

    fn write_answer(&self, writable: &[Segment], answer: &[u8]) {
        let mut left = answer;
        for segment in writable {
            let (now, rest) = left.split_at(left.len().min(segment.len as usize));
            self.memory.write(segment.phys, now);
            left = rest;
        }
        assert!(left.is_empty(), "the model answered more than there is room for");
    }

    fn complete(&mut self, index: usize, addresses: &QueueAddresses, head: u16, written: u32, room: u32) {
        let (mut id, mut length, mut step) = (u32::from(head), written, 1);
        match self.lie {
            Some(Lie::UsedId(lie)) => id = lie,
            Some(Lie::ExtraLength(extra)) => length = room + extra,
            Some(Lie::ShortBy(less)) => length -= less,
            Some(Lie::IndexJump(jump)) => step += jump,
            _ => (),
        }
        let queue = &mut self.queues[index];
        let place = addresses.used + 4 + 8 * u64::from(queue.used % addresses.size);
        queue.used = queue.used.wrapping_add(step);
        self.memory.write(place, &id.to_le_bytes());
        self.memory.write(place + 4, &length.to_le_bytes());
        self.memory.write(addresses.used + 2, &queue.used.to_le_bytes());
    }

    fn interrupt(&mut self, index: usize, addresses: &QueueAddresses, before: u16) {
        let now = self.queues[index].used;
        let wanted = if self.accepted & features::EVENT_IDX != 0 {
            let event = self.memory.word::<2>(addresses.avail + 4 + 2 * u64::from(addresses.size)) as u16;
            now.wrapping_sub(event).wrapping_sub(1) < now.wrapping_sub(before)
        } else {
            now != before && self.memory.word::<2>(addresses.avail) & 1 == 0
        };
        self.queues[index].interrupts += u64::from(wanted);
    }
}

impl Transport for FakeTransport {
    fn kind(&self) -> Kind {
        if self.is_legacy() { Kind::PciLegacy } else { Kind::PciModern }
    }

    fn location(&self) -> u64 {
        0x18
    }

    fn device_type(&self) -> u32 {
        self.0.lock().unwrap().device_type
    }

    fn is_legacy(&self) -> bool {
        self.0.lock().unwrap().legacy
    }

    fn offered_features(&self) -> u64 {
        self.0.lock().unwrap().offered
    }

    fn accept_features(&self, features: u64) {
        let mut state = self.0.lock().unwrap();
        assert_eq!(features & !state.offered, 0, "the driver accepted what was not offered");
        state.accepted = features;
    }

    fn status(&self) -> u32 {
        self.0.lock().unwrap().status
    }

    fn set_status(&self, value: u32) {
        let mut state = self.0.lock().unwrap();
        if value == 0 {
            if state.lie == Some(Lie::NoReset) {
                return;
            }
            for queue in &mut state.queues {
                *queue = FakeQueue { offered: queue.offered, addresses: None, last_avail: 0, used: 0, interrupts: 0 };
            }
        }
        let refused = state.lie == Some(Lie::RefuseFeatures);
        state.status = if refused { value & !status::FEATURES_OK } else { value };
    }

    fn queue_size(&self, queue: u16) -> u32 {
        self.0.lock().unwrap().queues.get(usize::from(queue)).map_or(0, |q| q.offered)
    }

    fn enable_queue(&self, queue: u16, addresses: &QueueAddresses, _: Option<u16>) -> Result<(), Error> {
        let mut state = self.0.lock().unwrap();
        let legacy = state.legacy;
        let place = &mut state.queues[usize::from(queue)];
        assert!(!legacy || u32::from(addresses.size) == place.offered, "a legacy queue has the device's size");
        assert!(addresses.descriptors.is_multiple_of(4096) && addresses.used.is_multiple_of(4096));
        place.addresses = Some(*addresses);
        if legacy {
            // Only the address of the first part is told; the others lie where the device's own size puts them (§2.7.2).
            let avail = addresses.descriptors + 16 * u64::from(place.offered);
            let used = (avail + 6 + 2 * u64::from(place.offered)).next_multiple_of(4096);
            place.addresses = Some(QueueAddresses { avail, used, ..*addresses });
        }
        Ok(())
    }

    fn notify(&self, queue: u16) {
        let mut state = self.0.lock().unwrap();
        state.notifications += 1;
        state.work(queue);
    }

    fn take_interrupt(&self) -> u32 {
        0
    }

    fn config_generation(&self) -> u32 {
        0
    }

    fn config8(&self, offset: u64) -> u8 {
        self.0.lock().unwrap().model.config().get(offset as usize).copied().unwrap_or(0xff)
    }

    fn config16(&self, offset: u64) -> u16 {
        u16::from_le_bytes([self.config8(offset), self.config8(offset + 1)])
    }

    fn config32(&self, offset: u64) -> u32 {
        u32::from(self.config16(offset)) | u32::from(self.config16(offset + 2)) << 16
    }
}
