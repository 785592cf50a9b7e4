//! Short text in a record: ASCII or UTF-8, padded with zero bytes.

use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// `N` bytes of text that any core may read while another writes it.
#[repr(transparent)]
#[derive(Debug)]
pub struct AtomicText<const N: usize>([AtomicU8; N]);

impl<const N: usize> AtomicText<N> {
    /// Empty text.
    pub const fn new() -> Self {
        AtomicText([const { AtomicU8::new(0) }; N])
    }

    /// Replaces the text; what does not fit is cut off.
    pub fn set(&self, text: &str) {
        let bytes = text.as_bytes();
        for (i, cell) in self.0.iter().enumerate() {
            cell.store(bytes.get(i).copied().unwrap_or(0), Relaxed);
        }
    }

    /// The bytes as they stand, padding included.
    pub fn bytes(&self) -> [u8; N] {
        core::array::from_fn(|i| self.0[i].load(Relaxed))
    }
}

impl<const N: usize> Default for AtomicText<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Copies `text` into `field`, cut off or padded with zeros.
pub fn store_text(field: &mut [u8], text: &str) {
    field.fill(0);
    let n = text.len().min(field.len());
    field[..n].copy_from_slice(&text.as_bytes()[..n]);
}
