//! x86 port I/O behind a trait, so that what uses it runs on the host too.

/// Access to the I/O port space. An implementation answers for every port; nobody decodes what nobody claims: reads are all ones.
pub trait PortIo {
    /// Reads one byte.
    fn read8(&self, port: u16) -> u8;
    /// Reads two bytes.
    fn read16(&self, port: u16) -> u16;
    /// Reads four bytes.
    fn read32(&self, port: u16) -> u32;
    /// Writes one byte.
    fn write8(&self, port: u16, value: u8);
    /// Writes two bytes.
    fn write16(&self, port: u16, value: u16);
    /// Writes four bytes.
    fn write32(&self, port: u16, value: u32);
}

/// The processor's `in` and `out` instructions. Ring 0 only.
#[derive(Debug, Clone, Copy)]
pub struct X86Ports(());

impl X86Ports {
    /// # Safety
    /// The caller runs in ring 0, and whatever is handed this value may touch every port.
    pub const unsafe fn new() -> Self {
        X86Ports(())
    }
}

#[cfg(target_arch = "x86_64")]
impl PortIo for X86Ports {
    fn read8(&self, port: u16) -> u8 {
        let value: u8;
        // SAFETY: `new` obliged its caller to be in ring 0 and to allow every port.
        unsafe { core::arch::asm!("in al, dx", in("dx") port, out("al") value, options(nostack, preserves_flags)) };
        value
    }

    fn read16(&self, port: u16) -> u16 {
        let value: u16;
        // SAFETY: as in `read8`.
        unsafe { core::arch::asm!("in ax, dx", in("dx") port, out("ax") value, options(nostack, preserves_flags)) };
        value
    }

    fn read32(&self, port: u16) -> u32 {
        let value: u32;
        // SAFETY: as in `read8`.
        unsafe { core::arch::asm!("in eax, dx", in("dx") port, out("eax") value, options(nostack, preserves_flags)) };
        value
    }

    fn write8(&self, port: u16, value: u8) {
        // SAFETY: as in `read8`.
        unsafe { core::arch::asm!("out dx, al", in("dx") port, in("al") value, options(nostack, preserves_flags)) };
    }

    fn write16(&self, port: u16, value: u16) {
        // SAFETY: as in `read8`.
        unsafe { core::arch::asm!("out dx, ax", in("dx") port, in("ax") value, options(nostack, preserves_flags)) };
    }

    fn write32(&self, port: u16, value: u32) {
        // SAFETY: as in `read8`.
        unsafe { core::arch::asm!("out dx, eax", in("dx") port, in("eax") value, options(nostack, preserves_flags)) };
    }
}
