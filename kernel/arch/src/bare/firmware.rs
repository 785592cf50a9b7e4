//! From what the boot protocol left in memory to a [`BootInfo`].

use super::cpu::stop;
use super::entry::RING0_ENTRY_TSC;
use super::{image, serial};
use crate::addr::{HHDM_BASE, PhysAddr};
use crate::boot::{BootInfo, BootSource, Framebuffer, MemoryKind, MemoryRegion};
use crate::memmap::{EMPTY, MAX_REGIONS, MapBuilder};
use crate::pvh::{COMMAND_LINE_BYTES, PhysicalMemory, StartInfo};
use core::cell::UnsafeCell;
use core::sync::atomic::Ordering::Relaxed;

/// What [`BootInfo`] points to; lives as long as the kernel, written once by the first core.
struct Storage {
    builder: MapBuilder,
    map: [MemoryRegion; MAX_REGIONS],
    command_line: [u8; COMMAND_LINE_BYTES],
    info: Option<BootInfo>,
}

struct Once(UnsafeCell<Storage>);
// SAFETY: `with_storage` is used by the first core alone, before it starts others; afterwards everything is read only.
unsafe impl Sync for Once {}

static STORAGE: Once = Once(UnsafeCell::new(Storage {
    builder: MapBuilder::new(),
    map: [EMPTY; MAX_REGIONS],
    command_line: [0; COMMAND_LINE_BYTES],
    info: None,
}));

unsafe extern "Rust" {
    /// The kernel proper, in the crate `ring0`.
    safe fn ring0_start(boot: &'static BootInfo) -> !;
}

/// What an entry path found out.
pub(super) struct Found<'a> {
    pub source: BootSource,
    pub rsdp: u64,
    pub framebuffer: Option<Framebuffer>,
    /// Fills the memory map.
    pub memory: &'a dyn Fn(&mut MapBuilder),
    /// Fills the command line and returns its bytes.
    pub command_line: &'a dyn Fn(&mut [u8; COMMAND_LINE_BYTES]) -> usize,
}

/// Makes the [`BootInfo`]. Called once.
pub(super) fn collect(found: &Found<'_>) -> &'static BootInfo {
    // SAFETY: one core, once per boot; nothing else has a reference into the storage yet.
    let storage: &'static mut Storage = unsafe { &mut *STORAGE.0.get() };
    (found.memory)(&mut storage.builder);
    let image = image::all();
    storage.builder.add(image::phys(image.start).0, image.end - image.start, MemoryKind::Kernel);
    let memory = storage.builder.normalise(&mut storage.map);
    let length = (found.command_line)(&mut storage.command_line).min(COMMAND_LINE_BYTES);
    let bytes = &storage.command_line[..length];
    let text = core::str::from_utf8(bytes).unwrap_or_else(|error| {
        // SAFETY: `valid_up_to` is where the valid part ends.
        unsafe { core::str::from_utf8_unchecked(&bytes[..error.valid_up_to()]) }
    });
    storage.info.insert(BootInfo {
        memory,
        rsdp: (found.rsdp != 0).then_some(PhysAddr(found.rsdp)),
        command_line: text.trim(),
        framebuffer: found.framebuffer,
        source: found.source,
        entry_tsc: RING0_ENTRY_TSC.load(Relaxed),
        image_phys: image::phys(image.start),
        image_bytes: image.end - image.start,
    })
}

/// Goes on in the kernel proper.
pub(super) fn go_on(boot: &'static BootInfo) -> ! {
    ring0_start(boot)
}

/// What the boot page tables show of physical memory.
struct BootMemory;

impl PhysicalMemory for BootMemory {
    fn read(&self, address: u64, bytes: usize) -> Option<&[u8]> {
        let end = address.checked_add(bytes as u64)?;
        // SAFETY: the boot page tables map the first 4 GiB at HHDM_BASE; reading bytes of it has no effect below 0xa0000 and
        // above 0x100000, and between those neither the start info nor what it points to is a device.
        (address != 0 && end <= 1 << 32)
            .then(|| unsafe { core::slice::from_raw_parts((HHDM_BASE + address) as *const u8, bytes) })
    }
}

/// Where the assembler of the PVH entry ends.
#[unsafe(no_mangle)]
unsafe extern "C" fn ring0_pvh_main(start_info: u64) -> ! {
    let info = match StartInfo::parse(&BootMemory, start_info) {
        Ok(info) => info,
        Err(error) => {
            serial::init();
            crate::println!("ring0: PANIC: the boot loader's PVH start info at {start_info:#x} is not usable: {error:?}");
            stop();
        }
    };
    go_on(collect(&Found {
        source: BootSource::Pvh,
        rsdp: info.rsdp,
        framebuffer: None,
        memory: &|map| info.memory(&BootMemory, |start, bytes, kind| map.add(start, bytes, kind)),
        command_line: &|out| info.copy_command_line(&BootMemory, out),
    }))
}
