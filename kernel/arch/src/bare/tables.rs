//! Each core's GDT, TSS and per-core block; the IDT that all share.

use super::{cpu, stack, trap};
use crate::descriptors::{CODE_SELECTOR, DATA, DATA_SELECTOR, Gate, Gdt, Ist, TSS_SELECTOR, Tss};
use core::arch::asm;
use core::cell::UnsafeCell;

/// What GS points to on each core.
#[repr(C, align(64))]
pub struct CoreBlock {
    /// Number of the core, 0 being the one that booted. First, because `core_index` reads it through GS.
    index: u64,
    gdt: Gdt,
    tss: Tss,
}

struct Shared<T>(UnsafeCell<T>);
// SAFETY: the first core writes these before it starts others, and nothing writes afterwards but the processor (the TSS's busy bit).
unsafe impl<T> Sync for Shared<T> {}

static FIRST: Shared<Option<CoreBlock>> = Shared(UnsafeCell::new(None));
static IDT: Shared<[Gate; 256]> = Shared(UnsafeCell::new([Gate::ABSENT; 256]));

/// What LGDT and LIDT read.
#[repr(C, packed)]
struct Pointer {
    limit: u16,
    base: u64,
}

impl CoreBlock {
    /// A block for core `index`, not yet pointing to itself: see [`CoreBlock::load`].
    pub fn new(index: usize, ist: [u64; stack::IST_COUNT]) -> Self {
        CoreBlock { index: index as u64, gdt: Gdt::new(0), tss: Tss::new(ist) }
    }

    /// Makes this core use the block and the IDT: every segment register is loaded anew, because the old descriptors are gone.
    pub fn load(&'static mut self) {
        self.gdt = Gdt::new(&raw const self.tss as u64);
        let gdt = Pointer { limit: Gdt::LIMIT, base: &raw const self.gdt as u64 };
        let idt = Pointer { limit: (size_of::<[Gate; 256]>() - 1) as u16, base: IDT.0.get() as u64 };
        // SAFETY: both tables live as long as the kernel. The far return loads CS, the moves load the others, and GS gets its base
        // after its selector, which would clear it.
        unsafe {
            asm!(
                "lgdt [{gdt}]",
                "push {code}",
                "lea {temporary}, [rip + 2f]",
                "push {temporary}",
                "retfq",
                "2:",
                "mov ds, {data:e}",
                "mov es, {data:e}",
                "mov ss, {data:e}",
                "mov fs, {data:e}",
                "mov gs, {data:e}",
                "ltr {tss:x}",
                "lidt [{idt}]",
                gdt = in(reg) &raw const gdt,
                idt = in(reg) &raw const idt,
                code = in(reg) u64::from(CODE_SELECTOR),
                data = in(reg) u32::from(DATA_SELECTOR),
                tss = in(reg) TSS_SELECTOR,
                temporary = out(reg) _,
            );
            cpu::write_msr(cpu::GS_BASE, &raw const *self as u64);
        }
    }
}

/// Fills the IDT and loads the first core's tables.
pub fn init() {
    let ist = core::array::from_fn(|n| stack::ISTS[n].top());
    // SAFETY: one core, once; nobody reads the tables before `load`.
    unsafe {
        let idt = &mut *IDT.0.get();
        for (vector, gate) in (0..=255u8).zip(idt.iter_mut()) {
            *gate = Gate::new(trap::stub(vector), Ist::of(vector));
        }
        (*FIRST.0.get()).insert(CoreBlock::new(0, ist)).load();
    }
}

/// The number of the core that runs this; 0 as well before its tables are loaded.
pub fn core_index() -> usize {
    // SAFETY: GS_BASE is an MSR of every x86_64 processor. Where it is not zero, `load` put a block's address there.
    unsafe {
        match cpu::read_msr(cpu::GS_BASE) {
            0 => 0,
            block => (*(block as *const CoreBlock)).index as usize,
        }
    }
}

/// Makes `vector` undeliverable, for [`super::fault`].
///
/// # Safety
/// The kernel must not be meant to live on.
pub(super) unsafe fn remove_gate(vector: u8) {
    // SAFETY: a gate is 16 bytes of plain memory, and whoever enters through it now dies as asked.
    unsafe { (*IDT.0.get())[usize::from(vector)] = Gate::ABSENT };
}

// What follows is for `super::mistake` alone: the tables of the first core are made wrong in one place each.

/// The first core's block.
///
/// # Safety
/// Only the first core may call this, after `init`, and only one such reference may exist.
unsafe fn first() -> &'static mut CoreBlock {
    // SAFETY: as the caller promises; `init` has filled it.
    unsafe { (*FIRST.0.get()).as_mut().unwrap_unchecked() }
}

/// Loads SS from a table that is then replaced by the right one, which is shorter. Returns the selector.
///
/// # Safety
/// As for [`first`], with interrupts off; the next IRETQ faults.
pub(super) unsafe fn leave_stale_stack_segment() -> u64 {
    /// Where OVMF has its data segment; ours ends at 0x27.
    const OLD: u16 = 0x30;
    static EARLIER: Shared<[u64; 7]> = Shared(UnsafeCell::new([0; 7]));
    // SAFETY: the earlier table keeps our code and data segments, so nothing else changes; both tables outlive the call.
    unsafe {
        let block = first();
        let earlier = &mut *EARLIER.0.get();
        earlier[..5].copy_from_slice(&block.gdt.0);
        earlier[usize::from(OLD / 8)] = DATA;
        let old = Pointer { limit: (size_of_val(earlier) - 1) as u16, base: earlier.as_ptr() as u64 };
        let new = Pointer { limit: Gdt::LIMIT, base: &raw const block.gdt as u64 };
        asm!("lgdt [{}]", "mov ss, {:e}", "lgdt [{}]", in(reg) &raw const old, in(reg) u32::from(OLD), in(reg) &raw const new);
    }
    u64::from(OLD)
}

/// Loads the task register once more.
///
/// # Safety
/// Kills the kernel.
pub(super) unsafe fn load_task_register() {
    // SAFETY: the exception that this raises is reported, and that is its end.
    unsafe { asm!("ltr {:x}", in(reg) TSS_SELECTOR) };
}

/// Loads the GDT with a limit that is one entry too small. Returns the limit.
///
/// # Safety
/// As for [`first`]. No segment register is loaded beyond the data segment in this kernel, so it lives on.
pub(super) unsafe fn shorten_gdt() -> u64 {
    // SAFETY: the table stays where it is.
    unsafe {
        let short = Pointer { limit: Gdt::LIMIT - 8, base: &raw const first().gdt as u64 };
        asm!("lgdt [{}]", in(reg) &raw const short);
        u64::from(short.limit)
    }
}

/// Makes the gate of `vector` name the data segment. Returns the gate's address.
///
/// # Safety
/// As for [`first`].
pub(super) unsafe fn break_gate(vector: u8) -> u64 {
    // SAFETY: a gate is 16 bytes of plain memory.
    unsafe {
        let gate = &mut (*IDT.0.get())[usize::from(vector)];
        gate.0[0] = gate.0[0] & !0xffff_0000 | u64::from(DATA_SELECTOR) << 16;
        &raw const *gate as u64
    }
}

/// Sets IST1. Returns what it was set to.
///
/// # Safety
/// As for [`first`].
pub(super) unsafe fn set_first_stack(at: u64) -> u64 {
    // SAFETY: as the caller promises.
    unsafe { first() }.tss.set_stack(Ist::NonMaskable, at);
    at
}
