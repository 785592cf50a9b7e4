//! Port I/O.

use core::arch::asm;

/// Reads a byte from `port`.
///
/// # Safety
/// Reading a port may have any effect that its device gives it.
pub unsafe fn in8(port: u16) -> u8 {
    let value;
    // SAFETY: the caller answers for the device; the instruction touches no memory.
    unsafe { asm!("in al, dx", out("al") value, in("dx") port, options(nomem, nostack, preserves_flags)) };
    value
}

/// Reads 16 bits from `port`.
///
/// # Safety
/// As [`in8`].
pub unsafe fn in16(port: u16) -> u16 {
    let value;
    // SAFETY: as above.
    unsafe { asm!("in ax, dx", out("ax") value, in("dx") port, options(nomem, nostack, preserves_flags)) };
    value
}

/// Reads 32 bits from `port`.
///
/// # Safety
/// As [`in8`].
pub unsafe fn in32(port: u16) -> u32 {
    let value;
    // SAFETY: as above.
    unsafe { asm!("in eax, dx", out("eax") value, in("dx") port, options(nomem, nostack, preserves_flags)) };
    value
}

/// Writes a byte to `port`.
///
/// # Safety
/// The device may do anything, DMA over the kernel included.
pub unsafe fn out8(port: u16, value: u8) {
    // SAFETY: the caller answers for the device. Not `nomem`: a device may read memory that was written before.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nostack, preserves_flags)) };
}

/// Writes 16 bits to `port`.
///
/// # Safety
/// As [`out8`].
pub unsafe fn out16(port: u16, value: u16) {
    // SAFETY: as above.
    unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nostack, preserves_flags)) };
}

/// Writes 32 bits to `port`.
///
/// # Safety
/// As [`out8`].
pub unsafe fn out32(port: u16, value: u32) {
    // SAFETY: as above.
    unsafe { asm!("out dx, eax", in("dx") port, in("eax") value, options(nostack, preserves_flags)) };
}
