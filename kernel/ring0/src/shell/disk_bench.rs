//! `blk-bench`: reads every disk at the same time, and tells how fast each was. Meanwhile all their queues are in motion, which is what
//! whoever looks at queues from outside wants to see.

use crate::clock::now_ns;
use crate::devices::Disk;
use crate::kernel::Kernel;
use crate::units::bytes;
use alloc::vec::Vec;
use ring0_arch::{alloc_region, free_region, println};
use ring0_virtio::{Error, SECTOR_BYTES};

/// Seconds without a number.
const SECONDS: u64 = 5;
/// Nobody waits for longer.
const MOST_SECONDS: u64 = 3600;
/// Reads a second that may be asked for.
const MOST_READS: u64 = 1_000_000;
/// Bytes of one read.
const READ_BYTES: usize = 64 << 10;
/// Reads that a disk has at once.
const DEPTH: usize = 8;

/// Reading that goes on.
pub struct Reading {
    began_ns: u64,
    until_ns: u64,
    /// Reads that each disk is given in a second; `None`: as many as it takes.
    rate: Option<u64>,
    /// As the kernel's disks.
    lanes: Vec<Lane>,
}

/// One disk's.
#[derive(Default)]
struct Lane {
    sector: u64,
    /// Buffers that no device has.
    free: Vec<&'static mut [u8]>,
    in_flight: usize,
    reads: u64,
    bytes: u64,
    failure: Option<Error>,
}

impl Lane {
    /// Buffers for a disk, fewer where memory is short; none for one that holds nothing.
    fn for_disk(disk: &Disk) -> Self {
        let sectors = usize::try_from(disk.info().sectors).unwrap_or(usize::MAX);
        let size = READ_BYTES.min(sectors.saturating_mul(SECTOR_BYTES));
        let buffers = if size == 0 { 0 } else { DEPTH };
        Lane { free: (0..buffers).map_while(|_| alloc_region(size)).collect(), ..Lane::default() }
    }

    /// `allowed`: reads that may have been begun by now.
    fn turn(&mut self, disk: &mut Disk, allowed: u64) {
        while let Some(finished) = disk.poll() {
            self.in_flight = self.in_flight.saturating_sub(1);
            match finished.result {
                Ok(()) => {
                    self.reads += 1;
                    self.bytes += finished.buffer.len() as u64;
                }
                Err(error) => self.failure = self.failure.or(Some(error)),
            }
            self.free.push(finished.buffer);
        }
        while self.failure.is_none() && self.reads + (self.in_flight as u64) < allowed {
            let Some(buffer) = self.free.pop() else { break };
            let sectors = (buffer.len() / SECTOR_BYTES) as u64;
            if self.sector.saturating_add(sectors) > disk.info().sectors {
                self.sector = 0;
            }
            match disk.begin_read(self.sector, buffer) {
                Ok(()) => {
                    self.sector += sectors;
                    self.in_flight += 1;
                }
                Err((error, buffer)) => {
                    self.failure = Some(error);
                    self.free.push(buffer);
                }
            }
        }
    }
}

impl Reading {
    /// Begins no more reads; those that are on their way end.
    pub fn cancel(&mut self) {
        self.until_ns = now_ns().min(self.until_ns);
    }

    /// Takes what has come and asks for more. Returns whether it is over.
    pub fn poll(&mut self, kernel: &mut Kernel) -> bool {
        let now = now_ns();
        let stop = now >= self.until_ns;
        // By microseconds: nanoseconds of an hour times a rate do not fit.
        let due = |rate: u64| rate.saturating_mul(now.saturating_sub(self.began_ns) / 1000) / 1_000_000 + 1;
        let allowed = if stop { 0 } else { self.rate.map_or(u64::MAX, due) };
        let disks = &mut kernel.devices.disks;
        for (lane, disk) in self.lanes.iter_mut().zip(disks.iter_mut()) {
            lane.turn(disk, allowed);
        }
        let is_over = |lane: &Lane| lane.in_flight == 0 && (stop || lane.failure.is_some() || lane.free.is_empty());
        let over = self.lanes.iter().all(is_over);
        if over {
            self.report(disks);
            self.release();
        }
        over
    }

    fn report(&self, disks: &[Disk]) {
        let seconds = (now_ns().saturating_sub(self.began_ns) as f64 / 1e9).max(1e-6);
        for (lane, disk) in self.lanes.iter().zip(disks) {
            let rate = bytes((lane.bytes as f64 / seconds) as u64);
            println!(
                "{:<5} {rate:>10}/s {:>9.0} reads/s of {}",
                disk.name(),
                lane.reads as f64 / seconds,
                bytes(READ_BYTES as u64)
            );
            if let Some(error) = lane.failure {
                println!("      ended early: {error}");
            }
        }
    }

    fn release(&mut self) {
        for buffer in self.lanes.iter_mut().flat_map(|lane| lane.free.drain(..)) {
            // SAFETY: each is exactly a region of `alloc_region`; nothing is in flight, so no device writes into it, and it is given back once.
            unsafe { free_region(buffer) };
        }
    }
}

/// `blk-bench`.
pub fn start(kernel: &mut Kernel, seconds: Option<&str>, rate: Option<&str>) -> Option<Reading> {
    let number = |text: &str, most: u64| text.parse().ok().filter(|n| (1..=most).contains(n));
    let seconds = seconds.map_or(Some(SECONDS), |text| number(text, MOST_SECONDS));
    let rate = rate.map_or(Some(None), |text| number(text, MOST_READS).map(Some));
    let (Some(seconds), Some(rate)) = (seconds, rate) else {
        println!("blk-bench [SECONDS] [READS]: 1 to {MOST_SECONDS} seconds, of each disk 1 to {MOST_READS} reads a second");
        return None;
    };
    if kernel.devices.disks.is_empty() {
        println!("no disks");
        return None;
    }
    let began_ns = now_ns();
    let lanes = kernel.devices.disks.iter().map(Lane::for_disk).collect();
    Some(Reading { began_ns, until_ns: began_ns.saturating_add(seconds * 1_000_000_000), rate, lanes })
}
