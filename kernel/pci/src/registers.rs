//! Device registers: a mapped BAR, a range of ports, or a fake.

use crate::PortIo;

/// A range of device registers. Offsets are bytes from its start; an access that does not lie wholly inside reads all ones and
/// writes nothing, as a bus does where nobody answers.
pub trait Registers: Send {
    /// Bytes in the range.
    fn len(&self) -> u64;
    /// Whether the range is empty.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Reads one byte.
    fn read8(&self, offset: u64) -> u8;
    /// Reads two bytes; `offset` is even.
    fn read16(&self, offset: u64) -> u16;
    /// Reads four bytes; `offset` is a multiple of four.
    fn read32(&self, offset: u64) -> u32;
    /// Writes one byte.
    fn write8(&self, offset: u64, value: u8);
    /// Writes two bytes; `offset` is even.
    fn write16(&self, offset: u64, value: u16);
    /// Writes four bytes; `offset` is a multiple of four.
    fn write32(&self, offset: u64, value: u32);
}

/// Registers in mapped memory.
#[derive(Debug)]
pub struct Window {
    base: *mut u8,
    len: u64,
}

// SAFETY: the pointer is to device memory that `new`'s caller keeps mapped on every core; accesses are volatile.
unsafe impl Send for Window {}

impl Window {
    /// # Safety
    /// `base` is 4-aligned and stays mapped, uncached, for `len` bytes as long as the value lives; nothing else treats those
    /// bytes as ordinary memory.
    pub const unsafe fn new(base: *mut u8, len: u64) -> Self {
        Window { base, len }
    }

    /// The address of `size` bytes at `offset`, if they are inside and aligned to their size.
    fn at(&self, offset: u64, size: u64) -> Option<*mut u8> {
        let end = offset.checked_add(size)?;
        (end <= self.len && offset.is_multiple_of(size)).then(|| self.base.wrapping_add(offset as usize))
    }
}

impl Registers for Window {
    fn len(&self) -> u64 {
        self.len
    }

    fn read8(&self, offset: u64) -> u8 {
        // SAFETY: `at` checked bounds and alignment; `new` vouches for the mapping. So in all six.
        self.at(offset, 1).map_or(u8::MAX, |p| unsafe { p.read_volatile() })
    }

    fn read16(&self, offset: u64) -> u16 {
        // SAFETY: as in `read8`.
        self.at(offset, 2).map_or(u16::MAX, |p| unsafe { p.cast::<u16>().read_volatile() })
    }

    fn read32(&self, offset: u64) -> u32 {
        // SAFETY: as in `read8`.
        self.at(offset, 4).map_or(u32::MAX, |p| unsafe { p.cast::<u32>().read_volatile() })
    }

    fn write8(&self, offset: u64, value: u8) {
        if let Some(p) = self.at(offset, 1) {
            // SAFETY: as in `read8`.
            unsafe { p.write_volatile(value) }
        }
    }

    fn write16(&self, offset: u64, value: u16) {
        if let Some(p) = self.at(offset, 2) {
            // SAFETY: as in `read8`.
            unsafe { p.cast::<u16>().write_volatile(value) }
        }
    }

    fn write32(&self, offset: u64, value: u32) {
        if let Some(p) = self.at(offset, 4) {
            // SAFETY: as in `read8`.
            unsafe { p.cast::<u32>().write_volatile(value) }
        }
    }
}

/// Registers in the I/O port space.
#[derive(Debug)]
pub struct PortWindow<P> {
    ports: P,
    base: u16,
    len: u16,
}

impl<P: PortIo> PortWindow<P> {
    /// `len` ports from `base`, cut off at the end of the port space.
    pub fn new(ports: P, base: u16, len: u16) -> Self {
        PortWindow { ports, base, len: len.min((u16::MAX - base).saturating_add(1)) }
    }

    fn at(&self, offset: u64, size: u64) -> Option<u16> {
        let end = offset.checked_add(size)?;
        if end > u64::from(self.len) {
            return None;
        }
        self.base.checked_add(u16::try_from(offset).ok()?)
    }
}

impl<P: PortIo + Send> Registers for PortWindow<P> {
    fn len(&self) -> u64 {
        u64::from(self.len)
    }

    fn read8(&self, offset: u64) -> u8 {
        self.at(offset, 1).map_or(u8::MAX, |port| self.ports.read8(port))
    }

    fn read16(&self, offset: u64) -> u16 {
        self.at(offset, 2).map_or(u16::MAX, |port| self.ports.read16(port))
    }

    fn read32(&self, offset: u64) -> u32 {
        self.at(offset, 4).map_or(u32::MAX, |port| self.ports.read32(port))
    }

    fn write8(&self, offset: u64, value: u8) {
        if let Some(port) = self.at(offset, 1) {
            self.ports.write8(port, value);
        }
    }

    fn write16(&self, offset: u64, value: u16) {
        if let Some(port) = self.at(offset, 2) {
            self.ports.write16(port, value);
        }
    }

    fn write32(&self, offset: u64, value: u32) {
        if let Some(port) = self.at(offset, 4) {
            self.ports.write32(port, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_answers_all_ones_outside_itself() {
        let mut memory = [0u32; 4];
        // SAFETY: the array outlives the window and nobody else looks at it meanwhile.
        let window = unsafe { Window::new(memory.as_mut_ptr().cast(), 16) };
        window.write32(12, 0x1234_5678);
        assert_eq!((window.read32(12), window.read16(14), window.read8(15)), (0x1234_5678, 0x1234, 0x12));
        window.write32(16, 7);
        window.write32(13, 7);
        assert_eq!((window.read32(16), window.read32(13), window.read8(u64::MAX)), (u32::MAX, u32::MAX, u8::MAX));
        assert_eq!(memory, [0, 0, 0, 0x1234_5678]);
    }
}
