//! A disk and a network cable.

use super::{FakeTransport, Model};
use crate::features;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::vec;
use std::vec::Vec;

/// A disk (§5.2).
pub struct Disk {
    /// Its contents, whole sectors.
    pub bytes: Arc<Vec<u8>>,
    /// Sectors that give an I/O error.
    pub bad: Range<u64>,
    /// Status byte of good requests.
    pub status: u8,
    /// Most bytes per segment, and most segments.
    pub limits: (u32, u32),
    /// Capacity that it claims, if not the true one.
    pub capacity: Option<u64>,
}

impl Disk {
    /// A disk of so many sectors, each filled with its own number, four bytes at a time.
    pub fn numbered(sectors: u64) -> Self {
        let bytes = (0..sectors as u32).flat_map(|n| n.to_le_bytes().repeat(128)).collect();
        Disk { bytes: Arc::new(bytes), bad: 0..0, status: 0, limits: (u32::MAX, 126), capacity: None }
    }
}

impl Model for Disk {
    fn config(&self) -> Vec<u8> {
        let mut config = vec![0; 60];
        config[..8].copy_from_slice(&self.capacity.unwrap_or(self.bytes.len() as u64 / 512).to_le_bytes());
        config[8..12].copy_from_slice(&self.limits.0.to_le_bytes());
        config[12..16].copy_from_slice(&self.limits.1.to_le_bytes());
        config[20..24].copy_from_slice(&4096u32.to_le_bytes());
        config
    }

    fn work(&mut self, queue: u16, input: Vec<u8>, room: usize, _: u64) -> Option<Vec<u8>> {
        assert_eq!((queue, input.len()), (0, 16), "queue and header of a block request");
        let kind = u32::from_le_bytes(input[..4].try_into().unwrap());
        let sector = u64::from_le_bytes(input[8..].try_into().unwrap());
        let data = room - 1;
        if kind == 8 {
            assert_eq!(data, 20);
            return Some([b"disk-7\0\0\0\0\0\0\0\0\0\0\0\0\0\0".as_slice(), &[0]].concat());
        }
        let range = sector..sector + data as u64 / 512;
        let mut answer = match self.bytes.get(range.start as usize * 512..range.end as usize * 512) {
            Some(bytes) => bytes.to_vec(),
            None => vec![0; data],
        };
        let is_bad = range.start < self.bad.end && self.bad.start < range.end;
        answer.push(if is_bad { 1 } else { self.status });
        Some(answer)
    }
}

#[derive(Default)]
struct Frames {
    to_driver: VecDeque<Vec<u8>>,
    from_driver: VecDeque<Vec<u8>>,
}

/// The far end of a network device: what the driver sent, and what it shall receive. Clones are the same cable.
#[derive(Clone, Default)]
pub struct Wire(Arc<Mutex<Frames>>);

impl Wire {
    /// Hands `frame` to the driver behind `device`, as soon as it has a buffer.
    pub fn deliver(&self, device: &FakeTransport, frame: &[u8]) {
        self.0.lock().unwrap().to_driver.push_back(frame.to_vec());
        device.work(0);
    }

    /// The oldest frame that the driver sent.
    pub fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap().from_driver.pop_front()
    }

    /// Frames that wait for a buffer.
    pub fn waiting(&self) -> usize {
        self.0.lock().unwrap().to_driver.len()
    }
}

impl Model for Wire {
    fn config(&self) -> Vec<u8> {
        // MAC, status (link up), max_virtqueue_pairs, MTU.
        vec![0x52, 0x54, 0, 0x12, 0x34, 0x56, 1, 0, 1, 0, 0xdc, 0x05]
    }

    fn work(&mut self, queue: u16, input: Vec<u8>, room: usize, accepted: u64) -> Option<Vec<u8>> {
        let header = if accepted & features::VERSION_1 != 0 { 12 } else { 10 };
        let mut state = self.0.lock().unwrap();
        if queue == 1 {
            assert!(input[..header].iter().all(|&b| b == 0), "no offload was agreed on");
            state.from_driver.push_back(input[header..].to_vec());
            return Some(Vec::new());
        }
        let frame = state.to_driver.pop_front()?;
        let mut answer = vec![0; header];
        answer.extend(frame);
        answer.truncate(room);
        Some(answer)
    }
}
