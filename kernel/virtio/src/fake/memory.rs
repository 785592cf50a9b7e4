//! "Physical" memory: every page that a driver names gets an address that has nothing to do with the host's.

use crate::{Dma, DmaMemory, PAGE_BYTES};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

/// Shared memory of a test. Clones are the same memory.
#[derive(Clone)]
pub struct FakeDma(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    phys_of: BTreeMap<usize, u64>,
    host_of: BTreeMap<u64, usize>,
    next: u64,
    scattered: bool,
    allocations: usize,
    exhausted: bool,
}

impl Pages {
    fn map(&mut self, host_page: usize) -> u64 {
        if let Some(&phys) = self.phys_of.get(&host_page) {
            return phys;
        }
        let phys = self.next;
        self.next += if self.scattered { 2 } else { 1 };
        self.phys_of.insert(host_page, phys);
        self.host_of.insert(phys, host_page);
        phys
    }
}

impl Default for FakeDma {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeDma {
    /// Empty memory in which a caller's neighbouring pages are neighbours.
    pub fn new() -> Self {
        FakeDma(Arc::new(Mutex::new(Pages { next: 0x100, ..Pages::default() })))
    }

    /// Memory in which no two pages of a caller's buffer are neighbours.
    pub fn scattered() -> Self {
        let dma = Self::new();
        dma.0.lock().unwrap().scattered = true;
        dma
    }

    /// From here on nothing can be allocated.
    pub fn exhaust(&self) {
        self.0.lock().unwrap().exhausted = true;
    }

    /// Pieces that were allocated and not given back.
    pub fn allocations(&self) -> usize {
        self.0.lock().unwrap().allocations
    }

    /// Whether all of this is memory that a driver named.
    pub fn holds(&self, phys: u64, bytes: u64) -> bool {
        let pages = self.0.lock().unwrap();
        (phys / PAGE_BYTES as u64..=(phys + bytes - 1) / PAGE_BYTES as u64).all(|page| pages.host_of.contains_key(&page))
    }

    /// The host's pointer for a physical address. Panics if no driver ever named that page: a device would reach into the dark.
    fn host(&self, phys: u64) -> *mut u8 {
        let page = phys / PAGE_BYTES as u64;
        let host = self.0.lock().unwrap().host_of.get(&page).copied();
        let host = host.unwrap_or_else(|| panic!("the device was sent to {phys:#x}, which is nobody's memory"));
        (host * PAGE_BYTES + (phys % PAGE_BYTES as u64) as usize) as *mut u8
    }

    fn pieces(&self, phys: u64, bytes: usize) -> impl Iterator<Item = (*mut u8, usize, usize)> + '_ {
        let mut done = 0;
        std::iter::from_fn(move || {
            let at = phys + done as u64;
            let run = (PAGE_BYTES - (at % PAGE_BYTES as u64) as usize).min(bytes - done);
            done += run;
            (run > 0).then(|| (self.host(at), done - run, run))
        })
    }

    /// Reads as a device does.
    pub fn read(&self, phys: u64, into: &mut [u8]) {
        for (host, offset, run) in self.pieces(phys, into.len()) {
            // SAFETY: the page was named by a driver that keeps it alive while the device may use it.
            unsafe { host.copy_to_nonoverlapping(into[offset..].as_mut_ptr(), run) };
        }
    }

    /// Writes as a device does.
    pub fn write(&self, phys: u64, from: &[u8]) {
        for (host, offset, run) in self.pieces(phys, from.len()) {
            // SAFETY: as in `read`.
            unsafe { host.copy_from_nonoverlapping(from[offset..].as_ptr(), run) };
        }
    }

    /// Reads a little-endian number of `N` bytes.
    pub fn word<const N: usize>(&self, phys: u64) -> u64 {
        let mut bytes = [0; 8];
        self.read(phys, &mut bytes[..N]);
        u64::from_le_bytes(bytes)
    }
}

// SAFETY: `allocate` gives zeroed pages of their own, mapped to consecutive numbers; `translate` reads that same map.
unsafe impl Dma for FakeDma {
    fn allocate(&self, bytes: usize) -> Option<DmaMemory> {
        let bytes = bytes.next_multiple_of(PAGE_BYTES);
        let mut pages = self.0.lock().unwrap();
        if pages.exhausted {
            return None;
        }
        // SAFETY: the layout is not empty.
        let pointer = NonNull::new(unsafe { alloc_zeroed(Layout::from_size_align(bytes, PAGE_BYTES).unwrap()) })?;
        let first = pointer.as_ptr() as usize / PAGE_BYTES;
        let phys = pages.next;
        for n in 0..bytes / PAGE_BYTES {
            pages.phys_of.insert(first + n, phys + n as u64);
            pages.host_of.insert(phys + n as u64, first + n);
        }
        pages.next += (bytes / PAGE_BYTES) as u64 + 1;
        pages.allocations += 1;
        Some(DmaMemory { pointer, phys: phys * PAGE_BYTES as u64, bytes })
    }

    unsafe fn release(&self, memory: &DmaMemory) {
        let mut pages = self.0.lock().unwrap();
        pages.allocations -= 1;
        for n in 0..memory.bytes / PAGE_BYTES {
            pages.phys_of.remove(&(memory.pointer.as_ptr() as usize / PAGE_BYTES + n));
            pages.host_of.remove(&(memory.phys / PAGE_BYTES as u64 + n as u64));
        }
        // SAFETY: the caller's promise; the layout is that of `allocate`.
        unsafe { dealloc(memory.pointer.as_ptr(), Layout::from_size_align(memory.bytes, PAGE_BYTES).unwrap()) };
    }

    fn translate(&self, pointer: *const u8, bytes: usize) -> Option<(u64, usize)> {
        let mut pages = self.0.lock().unwrap();
        let (page, offset) = (pointer as usize / PAGE_BYTES, pointer as usize % PAGE_BYTES);
        let first = pages.map(page);
        let mut run = PAGE_BYTES - offset;
        let mut next = 1;
        while run < bytes && pages.map(page + next) == first + next as u64 {
            run += PAGE_BYTES;
            next += 1;
        }
        Some((first * PAGE_BYTES as u64 + offset as u64, run.min(bytes)))
    }
}
