//! Instructions that have no Rust.

use super::msrs;
use crate::msr::is_of_interest;
pub use crate::msr::{EFER, GS_BASE};
use core::arch::asm;
pub use core::arch::x86_64::{__cpuid as cpuid, __cpuid_count as cpuid_count, CpuidResult};

/// The time-stamp counter. Not serialising: neighbouring instructions may move past it.
pub fn now_ticks() -> u64 {
    // SAFETY: every x86_64 processor has RDTSC, and CR4.TSD is ours.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Reads a model-specific register.
///
/// # Safety
/// The processor must have it: otherwise #GP.
pub unsafe fn read_msr(msr: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: the caller's promise.
    unsafe { asm!("rdmsr", in("ecx") msr, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags)) };
    u64::from(high) << 32 | u64::from(low)
}

/// Writes a model-specific register. One of those that the studio is told of is written down anew.
///
/// # Safety
/// The processor must have it and take this value, and what it turns on must be safe.
#[inline(always)]
pub unsafe fn write_msr(msr: u32, value: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        asm!("wrmsr", in("ecx") msr, in("eax") value as u32, in("edx") (value >> 32) as u32, options(nostack, preserves_flags));
    }
    if is_of_interest(msr) {
        msrs::changed(msr);
    }
}

/// Reads XCR0. CR4.OSXSAVE must be on: otherwise #UD.
pub(super) fn read_xcr0() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: where XGETBV exists, reading register 0 has no effect.
    unsafe { asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags)) };
    u64::from(high) << 32 | u64::from(low)
}

macro_rules! control_register {
    ($read:ident, $register:literal) => {
        #[doc = concat!("Reads ", $register, ".")]
        pub fn $read() -> u64 {
            let value;
            // SAFETY: reading a control register in ring 0 has no effect.
            unsafe { asm!(concat!("mov {}, ", $register), out(reg) value, options(nomem, nostack, preserves_flags)) };
            value
        }
    };
}
control_register!(read_cr0, "cr0");
control_register!(read_cr2, "cr2");
control_register!(read_cr3, "cr3");
control_register!(read_cr4, "cr4");

/// Writes CR3 and so drops all TLB entries that are not global.
///
/// # Safety
/// The tables must map all that runs now.
pub unsafe fn write_cr3(value: u64) {
    // SAFETY: the caller's promise.
    unsafe { asm!("mov cr3, {}", in(reg) value, options(nostack, preserves_flags)) };
}

/// Writes CR0.
///
/// # Safety
/// What it turns on or off must be safe.
pub(super) unsafe fn write_cr0(value: u64) {
    // SAFETY: the caller's promise.
    unsafe { asm!("mov cr0, {}", in(reg) value, options(nostack, preserves_flags)) };
}

/// Writes CR4.
///
/// # Safety
/// The processor must have the bits, and what they turn on must be safe.
pub unsafe fn write_cr4(value: u64) {
    // SAFETY: the caller's promise.
    unsafe { asm!("mov cr4, {}", in(reg) value, options(nostack, preserves_flags)) };
}

/// Stops this core for good.
pub fn stop() -> ! {
    loop {
        // SAFETY: halting with interrupts off; an NMI wakes the core up, hence the loop.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}

/// Waits for an interrupt. Interrupts are on during the wait only; one that is pending is taken before the core halts.
pub fn wait_for_interrupt() {
    // SAFETY: `sti` takes effect after the next instruction, so nothing comes between it and `hlt`. The handlers save everything
    // and need no stack of ours.
    unsafe { asm!("sti", "hlt", "cli") };
}

/// Whether CPUID has leaf `leaf`, basic or extended.
pub fn has_leaf(leaf: u32) -> bool {
    cpuid(leaf & 0x8000_0000).eax >= leaf
}

/// The hypervisor's twelve-byte name (CPUID leaf 40000000h); `None` on bare hardware.
pub fn hypervisor() -> Option<[u8; 12]> {
    if cpuid(1).ecx & 1 << 31 == 0 {
        return None;
    }
    let leaf = cpuid(0x4000_0000);
    let mut name = [0; 12];
    for (bytes, register) in name.chunks_exact_mut(4).zip([leaf.ebx, leaf.ecx, leaf.edx]) {
        bytes.copy_from_slice(&register.to_le_bytes());
    }
    Some(name)
}
