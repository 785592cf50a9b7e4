//! The UEFI entry (UEFI 2.10, section 4.1): the kernel is a UEFI program, wherever the firmware loaded it.
//!
//! The assembler copies the firmware's root page table, adds the image where it is linked (4 KiB pages, because the firmware aligns no
//! better) and the direct map (the firmware's identity map seen a second time), and goes on there while the firmware's services still
//! work. So all Rust code runs at its linked address and nothing has to be relocated.

use super::firmware::{Found, collect, go_on};
use super::{cpu, image, serial, stack};
use crate::addr::{KERNEL_OFFSET, PhysAddr};
use crate::boot::{BootInfo, BootSource, Framebuffer, MemoryKind};
use crate::load_options;
use crate::memmap::MapBuilder;
use crate::pvh::COMMAND_LINE_BYTES;
use core::arch::{asm, global_asm};
use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::ptr;
use uefi_raw::protocol::console::{GraphicsOutputProtocol, GraphicsPixelFormat};
use uefi_raw::protocol::file_system::{FileAttribute, FileMode, FileProtocolV1, SimpleFileSystemProtocol};
use uefi_raw::protocol::loaded_image::LoadedImageProtocol;
use uefi_raw::table::boot::{BootServices, MemoryDescriptor, MemoryType};
use uefi_raw::table::system::SystemTable;
use uefi_raw::{Guid, Handle, Status, guid};

/// ACPI 2.0 tables, and those of ACPI 1.0 (UEFI 2.10, section 4.6.1).
const ACPI_2: Guid = guid!("8868e871-e4f1-11d3-bc22-0080c73c8881");
const ACPI_1: Guid = guid!("eb9d2d30-2d88-11d3-9a16-0090273fc14d");
/// Where the command line may be on the volume that the kernel was started from.
const COMMAND_LINE_FILES: [&str; 2] = ["\\ring0\\cmdline.txt", "\\EFI\\BOOT\\cmdline.txt"];
/// Room for the firmware's memory map: some 2,700 entries.
const MAP_BYTES: usize = 128 << 10;
/// Times to ask the firmware to let go. Each failure means that the map changed after it was read.
const ATTEMPTS: usize = 8;

/// What is learnt while the firmware still lives.
struct Learnt {
    map: [u8; MAP_BYTES],
    map_bytes: usize,
    descriptor_bytes: usize,
    command_line: [u8; COMMAND_LINE_BYTES],
    command_line_bytes: usize,
    rsdp: u64,
    framebuffer: Option<Framebuffer>,
}

struct Store(UnsafeCell<Learnt>);
// SAFETY: only the first core's boot path uses it.
unsafe impl Sync for Store {}

static LEARNT: Store = Store(UnsafeCell::new(Learnt {
    map: [0; MAP_BYTES],
    map_bytes: 0,
    descriptor_bytes: 0,
    command_line: [0; COMMAND_LINE_BYTES],
    command_line_bytes: 0,
    rsdp: 0,
    framebuffer: None,
}));

/// Runs on the firmware's stack, with the firmware's services.
#[unsafe(no_mangle)]
unsafe extern "C" fn ring0_uefi_main(handle: Handle, system: *const SystemTable, load_address: u64) -> ! {
    image::set_load_address(PhysAddr(load_address));
    // SAFETY: the only reference, for the rest of the boot path.
    let learnt = unsafe { &mut *LEARNT.0.get() };
    // SAFETY: the firmware passed a valid table; it stays mapped while boot services last.
    unsafe {
        let services = (*system).boot_services;
        learnt.rsdp = find_rsdp(&*system);
        learnt.framebuffer = find_framebuffer(services);
        learnt.command_line_bytes = read_command_line(services, handle, &mut learnt.command_line);
        if let Err(status) = leave_firmware(services, handle, learnt) {
            serial::init();
            crate::println!("ring0: PANIC: the firmware does not let go: {status:?}");
            cpu::stop();
        }
    }
    // SAFETY: the stack is ours and nobody is on it; what is on the old one is not needed any more.
    unsafe {
        asm!(
            "cli",
            "cld",
            "mov rsp, {top}",
            "xor ebp, ebp",
            "call ring0_simd_init",
            "call {next}",
            "ud2",
            top = in(reg) stack::MAIN.top(),
            next = sym on_own_stack,
            options(noreturn)
        )
    }
}

extern "C" fn on_own_stack() -> ! {
    // SAFETY: the boot path's last use of it, and for reading.
    let learnt = unsafe { &*LEARNT.0.get() };
    go_on(boot_info(learnt))
}

fn boot_info(learnt: &Learnt) -> &'static BootInfo {
    collect(&Found {
        source: BootSource::Uefi,
        rsdp: learnt.rsdp,
        framebuffer: learnt.framebuffer,
        memory: &|map| add_memory(learnt, map),
        command_line: &|out| {
            *out = learnt.command_line;
            learnt.command_line_bytes
        },
    })
}

/// The firmware's memory types in our words (UEFI 2.10, table 7.10).
fn add_memory(learnt: &Learnt, map: &mut MapBuilder) {
    let entries = learnt.map[..learnt.map_bytes.min(MAP_BYTES)].chunks_exact(learnt.descriptor_bytes.max(1));
    for entry in entries.filter(|e| e.len() >= size_of::<MemoryDescriptor>()) {
        // SAFETY: enough bytes, read without asking for alignment; every pattern is a valid descriptor.
        let entry: MemoryDescriptor = unsafe { ptr::read_unaligned(entry.as_ptr().cast()) };
        let kind = match entry.ty {
            MemoryType::CONVENTIONAL => MemoryKind::Usable,
            MemoryType::BOOT_SERVICES_CODE
            | MemoryType::BOOT_SERVICES_DATA
            | MemoryType::LOADER_CODE
            | MemoryType::LOADER_DATA => MemoryKind::Reclaimable,
            MemoryType::ACPI_RECLAIM => MemoryKind::AcpiReclaimable,
            MemoryType::ACPI_NON_VOLATILE => MemoryKind::AcpiNvs,
            _ => MemoryKind::Reserved,
        };
        map.add(entry.phys_start, entry.page_count.saturating_mul(4096), kind);
    }
}

/// # Safety
/// `system` must be the firmware's.
unsafe fn find_rsdp(system: &SystemTable) -> u64 {
    if system.configuration_table.is_null() {
        return 0;
    }
    // SAFETY: the firmware says that so many tables are there.
    let tables = unsafe { core::slice::from_raw_parts(system.configuration_table, system.number_of_configuration_table_entries) };
    let find = |guid: Guid| tables.iter().find(|t| t.vendor_guid == guid).map(|t| t.vendor_table as u64);
    find(ACPI_2).or_else(|| find(ACPI_1)).unwrap_or(0)
}

/// # Safety
/// Boot services must be the firmware's and last.
unsafe fn find_framebuffer(services: *const BootServices) -> Option<Framebuffer> {
    let mut protocol: *mut c_void = ptr::null_mut();
    // SAFETY: as the specification says; the pointers that come back are the firmware's and valid, null ones are refused.
    unsafe {
        let status = ((*services).locate_protocol)(&GraphicsOutputProtocol::GUID, ptr::null(), &raw mut protocol);
        if status != Status::SUCCESS {
            return None;
        }
        let mode = protocol.cast::<GraphicsOutputProtocol>().as_ref()?.mode.as_ref()?;
        let info = mode.info.as_ref()?;
        let blue_first = match info.pixel_format {
            GraphicsPixelFormat::PIXEL_BLUE_GREEN_RED_RESERVED_8_BIT_PER_COLOR => true,
            GraphicsPixelFormat::PIXEL_RED_GREEN_BLUE_RESERVED_8_BIT_PER_COLOR => false,
            _ => return None,
        };
        Some(Framebuffer {
            start: PhysAddr(mode.frame_buffer_base),
            bytes: mode.frame_buffer_size as u64,
            width: info.horizontal_resolution,
            height: info.vertical_resolution,
            stride: info.pixels_per_scan_line,
            blue_first,
        })
    }
}

/// The load options or, when they are empty, the first file that exists of [`COMMAND_LINE_FILES`]. Returns its bytes.
///
/// # Safety
/// Boot services must be the firmware's and last, and `handle` this image's.
unsafe fn read_command_line(services: *const BootServices, handle: Handle, out: &mut [u8; COMMAND_LINE_BYTES]) -> usize {
    let mut protocol: *mut c_void = ptr::null_mut();
    // SAFETY: as the specification says.
    let loaded = unsafe {
        let status = ((*services).handle_protocol)(handle, &LoadedImageProtocol::GUID, &raw mut protocol);
        match protocol.cast::<LoadedImageProtocol>().as_ref() {
            Some(loaded) if status == Status::SUCCESS => loaded,
            _ => return 0,
        }
    };
    if !loaded.load_options.is_null() {
        // SAFETY: the firmware says that so many bytes are there.
        let options = unsafe { core::slice::from_raw_parts(loaded.load_options.cast::<u8>(), loaded.load_options_size as usize) };
        let used = load_options::to_utf8(options, out);
        if out[..used].iter().any(|b| !b.is_ascii_whitespace()) {
            return used;
        }
    }
    // SAFETY: as the specification says; a volume is there only when the protocol says so.
    unsafe {
        let mut root: *mut FileProtocolV1 = ptr::null_mut();
        let status = ((*services).handle_protocol)(loaded.device_handle, &SimpleFileSystemProtocol::GUID, &raw mut protocol);
        if status != Status::SUCCESS || protocol.is_null() {
            return 0;
        }
        let volume = protocol.cast::<SimpleFileSystemProtocol>();
        if ((*volume).open_volume)(volume, &raw mut root) != Status::SUCCESS || root.is_null() {
            return 0;
        }
        COMMAND_LINE_FILES.iter().find_map(|name| read_file(root, name, out)).unwrap_or(0)
    }
}

/// Reads the beginning of a file. `None` where it cannot be opened or read.
///
/// # Safety
/// `root` must be an open directory.
unsafe fn read_file(root: *mut FileProtocolV1, name: &str, out: &mut [u8; COMMAND_LINE_BYTES]) -> Option<usize> {
    let mut path = [0u16; 64];
    for (slot, unit) in path.iter_mut().take(63).zip(name.encode_utf16()) {
        *slot = unit;
    }
    // SAFETY: as the specification says; the path ends with a zero.
    unsafe {
        let mut file: *mut FileProtocolV1 = ptr::null_mut();
        let status = ((*root).open)(root, &raw mut file, path.as_ptr(), FileMode::READ, FileAttribute::empty());
        if status != Status::SUCCESS || file.is_null() {
            return None;
        }
        let mut bytes = out.len();
        let status = ((*file).read)(file, &raw mut bytes, out.as_mut_ptr().cast());
        // Closing cannot fail in a way that matters: the file was only read.
        let _ = ((*file).close)(file);
        if status != Status::SUCCESS {
            return None;
        }
        // A text file may have lines; the command line is one.
        let used = bytes.min(out.len());
        for byte in &mut out[..used] {
            if byte.is_ascii_control() {
                *byte = b' ';
            }
        }
        Some(used)
    }
}

/// Reads the memory map and ends boot services. They may refuse when the map has changed since; then it is read again.
///
/// # Safety
/// Boot services must be the firmware's; after success they are gone.
unsafe fn leave_firmware(services: *const BootServices, handle: Handle, learnt: &mut Learnt) -> Result<(), Status> {
    let mut status = Status::ABORTED;
    for _ in 0..ATTEMPTS {
        let (mut bytes, mut key, mut descriptor, mut version) = (MAP_BYTES, 0, 0, 0);
        // SAFETY: as the specification says; the buffer has `bytes` bytes.
        unsafe {
            status = ((*services).get_memory_map)(
                &raw mut bytes,
                learnt.map.as_mut_ptr().cast(),
                &raw mut key,
                &raw mut descriptor,
                &raw mut version,
            );
            if status != Status::SUCCESS {
                continue;
            }
            learnt.map_bytes = bytes;
            learnt.descriptor_bytes = descriptor;
            status = ((*services).exit_boot_services)(handle, key);
        }
        if status == Status::SUCCESS {
            return Ok(());
        }
    }
    Err(status)
}

const _: () = assert!(KERNEL_OFFSET >> 30 & 511 == 510);

global_asm!(
    r#"
.section .text.entry, "ax", @progbits
.code64
# rcx: image handle, rdx: system table (Microsoft calling convention).
.global ring0_uefi_entry
ring0_uefi_entry:
    mov %cr4, %rax
    test $(1 << 12), %eax               # five-level paging: our tables have four
    jnz 9f
    mov %rcx, %r9
    mov %rdx, %r8
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    mov %rax, RING0_ENTRY_TSC(%rip)
    lea ring0_pe(%rip), %r10
    # The image's pages.
    lea ring0_uefi_tables(%rip), %rdi
    lea 3(%r10), %rax
    mov $4096, %ecx
1:  mov %rax, (%rdi)
    add $4096, %rax
    add $8, %rdi
    dec %ecx
    jnz 1b
    # Their tables; the image is linked 2 MiB into its GiB.
    lea ring0_uefi_directory + 8(%rip), %rdi
    lea ring0_uefi_tables + 3(%rip), %rax
    mov $8, %ecx
2:  mov %rax, (%rdi)
    add $4096, %rax
    add $8, %rdi
    dec %ecx
    jnz 2b
    lea ring0_uefi_directory + 3(%rip), %rax
    mov %rax, ring0_uefi_pointers + 510 * 8(%rip)
    # The firmware's root, with ours added.
    mov %cr3, %rsi
    and $~0xfff, %rsi
    lea ring0_uefi_root(%rip), %rdi
    mov $512, %ecx
    cld
    rep movsq
    lea ring0_uefi_root(%rip), %rdi
    mov (%rdi), %rax
    mov %rax, 256 * 8(%rdi)
    lea ring0_uefi_pointers + 3(%rip), %rax
    mov %rax, 511 * 8(%rdi)
    mov %rdi, %cr3
    movabs $3f, %rax
    jmp *%rax
3:  mov %r9, %rdi
    mov %r8, %rsi
    mov %r10, %rdx
    xor %ebp, %ebp
    and $-16, %rsp
    call ring0_uefi_main
    ud2
9:  movabs $0x8000000000000003, %rax    # EFI_UNSUPPORTED
    ret

.section .bss.boot, "aw", @nobits
.balign 4096
ring0_uefi_root: .skip 4096
ring0_uefi_pointers: .skip 4096
ring0_uefi_directory: .skip 4096
ring0_uefi_tables: .skip 32768
"#,
    options(att_syntax)
);
