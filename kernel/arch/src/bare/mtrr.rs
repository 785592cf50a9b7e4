//! Memory type ranges. Every core must have the same (Intel SDM Vol. 3, section 12.11.8), and firmware sees to it. Yet a core that is
//! sent INIT under QEMU's emulator comes back without: all memory would be uncacheable to it, where that means something.

use super::cpu;
use crate::msr;
use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The fixed ranges, of the first MiB.
const FIXED: [u32; 11] = [0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f];
/// MTRR_CAP: there are fixed ranges.
const HAS_FIXED: u64 = 1 << 8;
/// MTRR_DEF_TYPE: ranges are on.
const ON: u64 = 1 << 11;
/// CR0: memory is not cached; CR4: translations may be global.
const CACHE_DISABLE: u64 = 1 << 30;
const NOT_WRITE_THROUGH: u64 = 1 << 29;
const GLOBAL_PAGES: u64 = 1 << 7;

/// What the first core has: the ranges in the order of [`ranges`], then the type of all else.
static FIRST: [AtomicU64; FIXED.len() + 33] = [const { AtomicU64::new(0) }; FIXED.len() + 33];

/// The registers of all ranges of this processor; nothing where it has none.
fn ranges() -> impl Iterator<Item = u32> {
    // SAFETY: CPUID says that the register exists.
    let cap = if cpu::cpuid(1).edx & 1 << 12 == 0 { 0 } else { unsafe { cpu::read_msr(msr::MTRR_CAP) } };
    let fixed = if cap & HAS_FIXED == 0 { &[][..] } else { &FIXED[..] };
    fixed.iter().copied().chain(msr::variable_ranges(cap))
}

fn is_there() -> bool {
    ranges().next().is_some()
}

/// Remembers the ranges of the first core, before it starts others.
pub(super) fn keep() {
    if is_there() {
        for (slot, number) in FIRST.iter().zip(ranges().chain([msr::MTRR_DEF_TYPE])) {
            // SAFETY: MTRR_CAP says that the range exists, and with any of them there is a default.
            slot.store(unsafe { cpu::read_msr(number) }, Relaxed);
        }
    }
}

/// Gives this core, which has just been started, the ranges of the first, unless it has them. Interrupts are off.
pub(super) fn adopt() {
    if !is_there() {
        return;
    }
    let wanted = || ranges().chain([msr::MTRR_DEF_TYPE]).zip(&FIRST).map(|(number, slot)| (number, slot.load(Relaxed)));
    // SAFETY: the registers exist, as in `keep`. What is written the first core runs with. The order is the manual's: while types change nothing is cached and no translation kept, and the ranges are off.
    unsafe {
        if wanted().all(|(number, value)| cpu::read_msr(number) == value) {
            return;
        }
        let (cr0, cr4) = (cpu::read_cr0(), cpu::read_cr4());
        cpu::write_cr0(cr0 & !NOT_WRITE_THROUGH | CACHE_DISABLE);
        asm!("wbinvd", options(nostack, preserves_flags));
        cpu::write_cr4(cr4 & !GLOBAL_PAGES);
        cpu::write_cr3(cpu::read_cr3());
        cpu::write_msr(msr::MTRR_DEF_TYPE, cpu::read_msr(msr::MTRR_DEF_TYPE) & !ON);
        // The last of them turns the ranges on.
        for (number, value) in wanted() {
            cpu::write_msr(number, value);
        }
        asm!("wbinvd", options(nostack, preserves_flags));
        cpu::write_cr3(cpu::read_cr3());
        cpu::write_cr0(cr0);
        cpu::write_cr4(cr4);
    }
}
