//! Starts the other cores (Intel SDM Vol. 3, section 9.4.4: INIT, then start-up interrupts).
//!
//! They begin in real mode at a page below 1 MiB, go to long mode on the kernel's own page tables, draw a number, and become
//! workers of the [`super::team`].

use super::long_mode::enter_long_mode;
use super::tables::CoreBlock;
use super::{apic, clock, cpu, memory, msrs, mtrr, now_ticks, stack, team};
use crate::addr::{PAGE, PhysAddr, align_up};
use crate::boot::{BootInfo, MemoryKind};
use alloc::boxed::Box;
use core::arch::global_asm;
use core::sync::atomic::{
    AtomicPtr, AtomicU32, AtomicU64,
    Ordering::{Acquire, Release},
};

/// Cores that can be used.
pub const MAX_CORES: usize = 64;
/// Bytes of a worker's stack.
const WORKER_STACK: u64 = 256 << 10;
/// How long to wait for cores to appear. Only cores that never do cost so much.
const PATIENCE_NS: u64 = 2_000_000_000;

/// Number for the next core that starts.
#[unsafe(no_mangle)]
static RING0_AP_TICKET: AtomicU32 = AtomicU32::new(1);
/// Where each core's stack begins, by number; zero for numbers that must not run.
#[unsafe(no_mangle)]
static RING0_AP_STACKS: [AtomicU64; MAX_CORES] = [const { AtomicU64::new(0) }; MAX_CORES];

static BLOCKS: [AtomicPtr<CoreBlock>; MAX_CORES] = [const { AtomicPtr::new(core::ptr::null_mut()) }; MAX_CORES];
/// APIC ids by number, raised by one so that zero means "not here".
static APIC_IDS: [AtomicU32; MAX_CORES] = [const { AtomicU32::new(0) }; MAX_CORES];
static ONLINE: AtomicU32 = AtomicU32::new(1);

unsafe extern "C" {
    static ring0_trampoline: u8;
    static ring0_trampoline_end: u8;
    static ring0_trampoline_gdt: u8;
    static ring0_trampoline_gdt_pointer: u8;
    static ring0_trampoline_far_32: u8;
    static ring0_trampoline_far_64: u8;
    static ring0_trampoline_32: u8;
    static ring0_trampoline_64: u8;
    static ring0_trampoline_cr3: u8;
}

/// Cores that run, this one included.
pub fn cores_online() -> usize {
    ONLINE.load(Acquire) as usize
}

/// The APIC id of a running core.
pub(super) fn apic_id(core: usize) -> Option<u32> {
    APIC_IDS.get(core)?.load(Acquire).checked_sub(1)
}

/// Starts the cores with these APIC ids, except for the one that this is, and returns how many run then. Without an APIC, memory for their
/// stacks, or a free page below 1 MiB there is just this one. Called once, by the first core.
pub fn start(boot: &BootInfo, processors: &[u32]) -> usize {
    let me = apic::id();
    APIC_IDS[0].store(me + 1, Release);
    let others = || processors.iter().copied().filter(|id| *id != me).take(MAX_CORES - 1);
    let wanted = others().count();
    let root = memory::root();
    if wanted == 0 || !apic::is_present() || root.0 >= 1 << 32 {
        return 1;
    }
    let Some(page) = low_page(boot) else { return 1 };
    let prepared = (1..=wanted).take_while(|core| prepare(*core).is_some()).count();
    if memory::map_identity(page).is_none() {
        return 1;
    }
    write_trampoline(page, root);
    mtrr::keep();
    others().take(prepared).for_each(apic::send_init);
    if cpu::hypervisor().is_none() {
        clock::spin(10_000_000);
    }
    let begin = now_ticks();
    let everyone = || cores_online() > prepared;
    // The second start-up interrupt is for cores that missed the first; running ones ignore it.
    for patience in [clock::ticks(1_000_000), clock::ticks(PATIENCE_NS)] {
        others().take(prepared).for_each(|id| apic::send_startup(id, page));
        while !everyone() && now_ticks().wrapping_sub(begin) < patience {
            core::hint::spin_loop();
        }
        if everyone() {
            break;
        }
    }
    // A core that came later would find its page gone: put those that did not come back to waiting.
    for id in others().take(prepared) {
        if !APIC_IDS.iter().any(|slot| slot.load(Acquire) == id + 1) {
            apic::send_init(id);
        }
    }
    memory::unmap_identity();
    cores_online()
}

/// A page below 640 KiB that the firmware does not use; not the first, which holds real-mode vectors.
fn low_page(boot: &BootInfo) -> Option<PhysAddr> {
    let usable = boot.memory.iter().filter(|r| matches!(r.kind, MemoryKind::Usable | MemoryKind::Reclaimable));
    usable
        .filter_map(|r| align_up(r.start.0.max(PAGE), PAGE).filter(|at| at + PAGE <= r.end().min(0xa_0000)))
        .map(PhysAddr)
        .next()
}

/// Memory for core `core`.
fn prepare(core: usize) -> Option<()> {
    let mut ist = [0; stack::IST_COUNT];
    for top in &mut ist {
        *top = memory::new_stack(stack::IST_BYTES as u64)?;
    }
    BLOCKS.get(core)?.store(Box::into_raw(Box::new(CoreBlock::new(core, ist))), Release);
    // The stack last: it is what lets the core run.
    RING0_AP_STACKS.get(core)?.store(memory::new_stack(WORKER_STACK)?, Release);
    Some(())
}

/// Copies the start code to its page and fills in the addresses that it needs.
fn write_trampoline(page: PhysAddr, root: PhysAddr) {
    let start = &raw const ring0_trampoline as u64;
    let offset = |symbol: *const u8| symbol as u64 - start;
    let place = |symbol: *const u8| (page.0 + offset(symbol)) as u32;
    let bytes = offset(&raw const ring0_trampoline_end) as usize;
    let target = page.hhdm() as *mut u8;
    assert!(bytes as u64 <= PAGE, "the start code of the other cores is larger than its page");
    // SAFETY: the page is free, below 1 MiB and in the direct map; the code and all its fields lie within it; fields are written unaligned because the code does not align them.
    unsafe {
        core::ptr::copy_nonoverlapping(&raw const ring0_trampoline, target, bytes);
        let put = |symbol: *const u8, value: u32| {
            target.add(offset(symbol) as usize).cast::<u32>().write_unaligned(value);
        };
        // The GDT's address after its 16-bit limit.
        put((&raw const ring0_trampoline_gdt_pointer).add(2), place(&raw const ring0_trampoline_gdt));
        put(&raw const ring0_trampoline_far_32, place(&raw const ring0_trampoline_32));
        put(&raw const ring0_trampoline_far_64, place(&raw const ring0_trampoline_64));
        put(&raw const ring0_trampoline_cr3, root.0 as u32);
    }
}

/// A started core, on its own stack, vector units on.
#[unsafe(no_mangle)]
extern "C" fn ring0_ap_main(core: usize) -> ! {
    memory::enable();
    // SAFETY: `prepare` made the block for this number, and each number is drawn once.
    unsafe { (*BLOCKS[core].load(Acquire)).load() };
    apic::init_core();
    mtrr::adopt();
    msrs::write_down();
    APIC_IDS[core].store(apic::id() + 1, Release);
    ONLINE.fetch_add(1, Release);
    team::work(core)
}

global_asm!(
    r#"
.section .rodata.trampoline, "a", @progbits
.balign 16
.global ring0_trampoline
ring0_trampoline:
.code16
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    xor %ebx, %ebx
    mov %ax, %bx
    shl $4, %ebx
    lgdtl ring0_trampoline_gdt_pointer - ring0_trampoline
    mov %cr0, %eax
    or $1, %eax
    mov %eax, %cr0
    ljmpl *(ring0_trampoline_far_32 - ring0_trampoline)
.code32
.global ring0_trampoline_32
ring0_trampoline_32:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %ebx, %edi
"#,
    enter_long_mode!("mov (ring0_trampoline_cr3 - ring0_trampoline)(%edi), %eax"),
    r#"
    ljmpl *(ring0_trampoline_far_64 - ring0_trampoline)(%edi)
.code64
.global ring0_trampoline_64
ring0_trampoline_64:
    movabs $ring0_ap_entry, %rax
    jmp *%rax
.balign 8
.global ring0_trampoline_gdt
ring0_trampoline_gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
.global ring0_trampoline_gdt_pointer
ring0_trampoline_gdt_pointer:
    .short 31
    .long 0
.global ring0_trampoline_far_32
ring0_trampoline_far_32:
    .long 0
    .short 0x08
.global ring0_trampoline_far_64
ring0_trampoline_far_64:
    .long 0
    .short 0x18
.global ring0_trampoline_cr3
ring0_trampoline_cr3:
    .long 0
.global ring0_trampoline_end
ring0_trampoline_end:

.section .text.entry, "ax", @progbits
.code64
ring0_ap_entry:
    mov $1, %eax
    lock xadd %eax, RING0_AP_TICKET(%rip)
    cmp ${max}, %eax
    jae 9f
    lea RING0_AP_STACKS(%rip), %rdx
    mov (%rdx,%rax,8), %rsp
    test %rsp, %rsp
    jz 9f
    mov %rax, %rbx
    xor %ebp, %ebp
    call ring0_simd_init
    mov %rbx, %rdi
    call ring0_ap_main
    ud2
9:  cli
    hlt
    jmp 9b
"#,
    max = const MAX_CORES,
    options(att_syntax)
);
