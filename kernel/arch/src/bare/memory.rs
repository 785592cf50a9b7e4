//! The kernel's memory: page tables, frames, regions, and who uses how much.
//!
//! | from | what | may |
//! |---|---|---|
//! | `HHDM_BASE` | all RAM; device windows as they are asked for | read, write (image code and constants: read) |
//! | `STACKS_BASE` | stacks of the other cores, a guard page below each | read, write |
//! | `IMAGE_BASE` | code / constants / variables | read, execute / read / read, write |

use super::{cpu, image, lock::Mutex, stack};
use crate::addr::{HHDM_BASE, PAGE, PAGE_2M, PHYS_LIMIT, PhysAddr, STACKS_BASE, align_down, align_up};
use crate::boot::{BootInfo, MemoryKind};
use crate::frames::{FrameAllocator, Purpose};
use crate::paging::{Access, Features, MapError, Mapper, Table, TableMemory};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

/// Below this nothing is handed out: firmware data, and the page that cores start in.
const LOW_MEMORY: u64 = 1 << 20;

static FRAMES: Mutex<FrameAllocator> = Mutex::new(FrameAllocator::new());
static ROOT: AtomicU64 = AtomicU64::new(0);
/// Guards changes of the page tables.
static TABLES: Mutex<()> = Mutex::new(());
static LOW_BYTES: AtomicU64 = AtomicU64::new(0);
static IMAGE_BYTES: AtomicU64 = AtomicU64::new(0);
static NEXT_STACK: AtomicU64 = AtomicU64::new(STACKS_BASE);
/// CPUID 80000001h EDX, its lowest bit set.
static FEATURES: AtomicU32 = AtomicU32::new(0);
static READY: AtomicBool = AtomicBool::new(false);

/// Bytes by use. `total` is the sum of `image`, `low`, `page_tables`, `stacks`, `heap`, `regions`, `lost` and `free`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryStats {
    /// Usable memory, the image included.
    pub total: u64,
    /// The kernel image.
    pub image: u64,
    /// Usable memory below 1 MiB, which is never handed out.
    pub low: u64,
    /// Page tables.
    pub page_tables: u64,
    /// Stacks of the other cores (the first core's are in the image).
    pub stacks: u64,
    /// Held by the heap.
    pub heap: u64,
    /// Of `heap`: in live objects.
    pub heap_used: u64,
    /// Weights, KV cache, DMA.
    pub regions: u64,
    /// Lost to a full table of free extents; zero in practice.
    pub lost: u64,
    /// Free.
    pub free: u64,
    /// Largest free contiguous piece.
    pub largest_free: u64,
}

/// Tables in frames of the allocator, seen through the direct map.
struct Frames;

impl TableMemory for Frames {
    fn allocate(&mut self) -> Option<PhysAddr> {
        let frame = FRAMES.lock().frame(Purpose::PageTables)?;
        // SAFETY: the frame is free RAM, and both the boot tables and ours show it in the direct map.
        unsafe { core::ptr::write_bytes(frame.hhdm() as *mut u8, 0, PAGE as usize) };
        Some(frame)
    }

    fn table(&mut self, frame: PhysAddr) -> &mut Table {
        // SAFETY: only frames of `allocate` come here; the lock `TABLES` makes the reference the only one.
        unsafe { &mut *(frame.hhdm() as *mut Table) }
    }
}

/// Asked once: every CPUID is a trip to the hypervisor, where there is one.
fn features() -> Features {
    const KNOWN: u32 = 1;
    let mut edx = FEATURES.load(Relaxed);
    if edx == 0 {
        edx = KNOWN | if cpu::has_leaf(0x8000_0001) { cpu::cpuid(0x8000_0001).edx } else { 0 };
        FEATURES.store(edx, Relaxed);
    }
    Features { gigabyte_pages: edx & 1 << 26 != 0, no_execute: edx & 1 << 20 != 0 }
}

/// Builds our own page tables and switches to them; afterwards the heap works. Panics when memory does not suffice, or the firmware's
/// map overlaps the image in a way that [`crate::memmap`] did not resolve: neither can be survived.
pub fn init(boot: &BootInfo) {
    {
        let mut frames = FRAMES.lock();
        for region in boot.memory.iter().filter(|r| r.kind == MemoryKind::Usable) {
            let start = region.start.0.max(LOW_MEMORY);
            LOW_BYTES.fetch_add(region.end().min(LOW_MEMORY).saturating_sub(region.start.0), Relaxed);
            frames.add(PhysAddr(start), region.end().saturating_sub(start));
        }
    }
    IMAGE_BYTES.store(align_up(boot.image_bytes, PAGE).unwrap_or(0), Relaxed);
    let root = build(boot).unwrap_or_else(|error| panic!("cannot build page tables: {error:?}"));
    ROOT.store(root.0, Relaxed);
    enable();
    READY.store(true, Relaxed);
    let mut frames = FRAMES.lock();
    for region in boot.memory.iter().filter(|r| r.kind == MemoryKind::Reclaimable) {
        let start = region.start.0.max(LOW_MEMORY);
        LOW_BYTES.fetch_add(region.end().min(LOW_MEMORY).saturating_sub(region.start.0), Relaxed);
        frames.add(PhysAddr(start), region.end().saturating_sub(start));
    }
}

/// CR4 of the first core, which the others take over: firmware may have left bits on it that a core has not at reset, such as those of
/// machine checks and debug extensions. Zero until it is known.
static CR4: AtomicU64 = AtomicU64::new(0);

/// Loads our page tables on this core, with global pages and, where there is one, the ban on executing user pages.
pub(super) fn enable() {
    let smep = if cpu::has_leaf(7) && cpu::cpuid_count(7, 0).ebx & 1 << 7 != 0 { 1 << 20 } else { 0 };
    let own = cpu::read_cr4() | 1 << 7 | smep;
    let cr4 = CR4.compare_exchange(0, own, Relaxed, Relaxed).err().unwrap_or(own);
    // SAFETY: the tables map the image, the stacks and all RAM as this code expects. SMEP only concerns user pages, of which
    // there are none. The cores of a machine have the same bits.
    unsafe {
        cpu::write_cr3(ROOT.load(Relaxed));
        cpu::write_cr4(cr4);
    }
}

/// What CR3 holds on every core.
pub(super) fn root() -> PhysAddr {
    PhysAddr(ROOT.load(Relaxed))
}

fn build(boot: &BootInfo) -> Result<PhysAddr, MapError> {
    let mut mapper = Mapper::new(Frames, features()).ok_or(MapError::OutOfFrames)?;
    // Neighbours of different kinds are mapped as one, so that large pages cover their borders.
    let mut run = 0..0;
    for region in boot.memory.iter().filter(|r| r.kind != MemoryKind::Reserved) {
        if region.kind == MemoryKind::Kernel {
            continue;
        }
        if region.start.0 == run.end {
            run.end = region.end();
            continue;
        }
        mapper.map(PhysAddr(run.start).hhdm(), PhysAddr(run.start), run.end - run.start, Access::ReadWrite)?;
        run = region.start.0..region.end();
    }
    mapper.map(PhysAddr(run.start).hhdm(), PhysAddr(run.start), run.end - run.start, Access::ReadWrite)?;

    for (range, access, alias) in [
        (image::text(), Access::ReadExecute, Access::ReadOnly),
        (image::rodata(), Access::ReadOnly, Access::ReadOnly),
        (image::data(), Access::ReadWrite, Access::ReadWrite),
    ] {
        let phys = image::phys(range.start);
        let bytes = range.end - range.start;
        mapper.map(phys.hhdm(), phys, bytes, alias)?;
        if access != Access::ReadWrite {
            mapper.map(range.start, phys, bytes, access)?;
        }
    }
    // Variables, with a hole at each guard page.
    let mut guards = [0; stack::IST_COUNT + 1];
    guards[0] = stack::MAIN.guard();
    for (guard, ist) in guards[1..].iter_mut().zip(&stack::ISTS) {
        *guard = ist.guard();
    }
    guards.sort_unstable();
    let mut at = image::data().start;
    for guard in guards {
        mapper.map(at, image::phys(at), guard - at, Access::ReadWrite)?;
        at = guard + PAGE;
    }
    mapper.map(at, image::phys(at), image::data().end - at, Access::ReadWrite)?;
    Ok(mapper.root())
}

/// Maps device registers, past the caches, and returns where they are. The same window may be mapped any number of times, and
/// windows may share pages. `None` when the range is empty or beyond 46 bits, when RAM lies there, or no frame is left for tables.
pub fn map_mmio(phys: PhysAddr, bytes: u64) -> Option<*mut u8> {
    map_direct(phys, bytes, Access::Device)
}

/// Makes firmware tables readable that lie outside of what the memory map calls RAM. `None` as for [`map_mmio`].
pub(super) fn map_firmware(phys: PhysAddr, bytes: u64) -> Option<*const u8> {
    let end = phys.0.checked_add(bytes)?;
    let mut page = align_down(phys.0, PAGE);
    while page < end {
        let present = {
            let _tables = TABLES.lock();
            Mapper::open(root(), Frames, features()).translate(PhysAddr(page).hhdm()).is_some()
        };
        if !present {
            map_direct(PhysAddr(page), PAGE, Access::ReadOnly)?;
        }
        page += PAGE;
    }
    Some(phys.hhdm() as *const u8)
}

fn map_direct(phys: PhysAddr, bytes: u64, access: Access) -> Option<*mut u8> {
    let start = align_down(phys.0, PAGE);
    let end = align_up(phys.0.checked_add(bytes)?, PAGE).filter(|end| *end <= PHYS_LIMIT && *end > start)?;
    let _tables = TABLES.lock();
    let mut mapper = Mapper::open(root(), Frames, features());
    mapper.map(PhysAddr(start).hhdm(), PhysAddr(start), end - start, access).ok()?;
    Some(phys.hhdm() as *mut u8)
}

/// A stack of `bytes` bytes with an unmapped page below it; returns its top. Never freed. `None` when memory is out.
pub(super) fn new_stack(bytes: u64) -> Option<u64> {
    let bytes = align_up(bytes, PAGE)?;
    let phys = FRAMES.lock().region(bytes, Purpose::Stacks)?;
    let guard = NEXT_STACK.fetch_add(bytes + PAGE, Relaxed);
    let _tables = TABLES.lock();
    Mapper::open(root(), Frames, features()).map(guard + PAGE, phys, bytes, Access::ReadWrite).ok()?;
    Some(guard + PAGE + bytes)
}

/// Maps the page at `phys` at its own address, executable, for cores that start there. Undone by [`unmap_identity`].
pub(super) fn map_identity(phys: PhysAddr) -> Option<()> {
    let _tables = TABLES.lock();
    Mapper::open(root(), Frames, features()).map(phys.0, phys, PAGE, Access::ReadExecute).ok()
}

/// Takes the identity map away again.
pub(super) fn unmap_identity() {
    {
        let _tables = TABLES.lock();
        Mapper::open(root(), Frames, features()).clear_root_entry(0);
    }
    flush();
}

/// Maps a page of its own at its physical address, writable and executable, for [`super::mistake`]. Returns the address.
pub(super) fn map_writable_and_executable() -> Option<u64> {
    let phys = FRAMES.lock().region(PAGE, Purpose::Regions)?;
    let _tables = TABLES.lock();
    Mapper::open(root(), Frames, features()).map(phys.0, phys, PAGE, Access::WriteExecute).ok()?;
    Some(phys.0)
}

/// Drops this core's TLB, global entries included.
pub(super) fn flush() {
    let cr4 = cpu::read_cr4();
    // SAFETY: toggling CR4.PGE flushes everything (Intel SDM Vol. 3, section 4.10.4.1); the mappings in use stay as they are.
    unsafe {
        cpu::write_cr4(cr4 & !(1 << 7));
        cpu::write_cr4(cr4);
    }
}

/// Physically contiguous memory in the direct map, for weights, KV cache and DMA: aligned to 2 MiB from 2 MiB on, else to a page.
/// Its contents are whatever was there before. `None` when no free extent is large enough.
pub fn alloc_region(bytes: usize) -> Option<&'static mut [u8]> {
    let phys = FRAMES.lock().region(bytes as u64, Purpose::Regions)?;
    // SAFETY: the allocator gives each byte to one owner at a time, and the direct map shows all of its memory.
    Some(unsafe { core::slice::from_raw_parts_mut(phys.hhdm() as *mut u8, bytes) })
}

/// Gives back what [`alloc_region`] gave, whole.
///
/// # Safety
/// `region` must be exactly a slice that [`alloc_region`] returned, and no reference or device may use it any more.
pub unsafe fn free_region(region: &'static mut [u8]) {
    let phys = PhysAddr(region.as_ptr() as u64 - HHDM_BASE);
    FRAMES.lock().release(phys, region.len() as u64, Purpose::Regions);
}

/// Memory for the heap: at least `bytes` bytes, in whole 2 MiB pages.
pub(super) fn heap_chunk(bytes: usize) -> Option<(*mut u8, usize)> {
    if !READY.load(Relaxed) {
        return None;
    }
    let bytes = align_up(bytes as u64, PAGE_2M)?;
    let phys = FRAMES.lock().region(bytes, Purpose::Heap)?;
    Some((phys.hhdm() as *mut u8, bytes as usize))
}

/// Whether anything is mapped at `virt`. Takes no lock: for the dying.
pub(super) fn is_mapped(virt: u64) -> bool {
    READY.load(Relaxed) && Mapper::open(root(), Frames, features()).translate(virt).is_some()
}

/// The physical address behind a pointer into the direct map or the image; `None` for any other (such as a started core's stack, whose
/// memory must not be used for DMA).
pub fn phys_of<T: ?Sized>(pointer: *const T) -> Option<PhysAddr> {
    let virt = pointer.cast::<u8>() as u64;
    match virt {
        HHDM_BASE..STACKS_BASE => Some(PhysAddr(virt - HHDM_BASE)),
        _ if image::all().contains(&virt) => Some(image::phys(virt)),
        _ => None,
    }
}

/// Who uses how much, now.
pub fn memory_stats() -> MemoryStats {
    let frames = FRAMES.lock().stats();
    let image = IMAGE_BYTES.load(Relaxed);
    let low = LOW_BYTES.load(Relaxed);
    MemoryStats {
        total: frames.total + image + low,
        image,
        low,
        page_tables: frames.page_tables,
        stacks: frames.stacks,
        heap: frames.heap,
        heap_used: super::heap::used(),
        regions: frames.regions,
        lost: frames.lost,
        free: frames.free,
        largest_free: frames.largest_free,
    }
}
