//! The cache of keys and values.
//!
//! Laid out `[slot][layer][keys, values][kv head][position]`, a row of `head_dim` elements each, in the form that the instruction
//! set reads best. What one head attends to is contiguous.

use crate::Error;
use crate::memory::{Alloc, Shared};
use ring0_simd::Isa;

/// Keys or values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Keys = 0,
    Values = 1,
}

/// Which head's rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) slot: usize,
    pub(crate) layer: usize,
    pub(crate) part: Part,
    pub(crate) head: usize,
}

/// The cache of all slots.
#[derive(Debug)]
pub(crate) struct Kv {
    memory: Shared<u8>,
    layers: usize,
    heads: usize,
    positions: usize,
    row: usize,
}

impl Kv {
    pub(crate) fn new(isa: Isa, [slots, layers, heads, positions, head_dim]: [usize; 5], alloc: Alloc<'_>) -> Result<Kv, Error> {
        let what = "the KV cache";
        let row = isa.kv_row_bytes(head_dim).ok_or(Error::TooLarge(what))?;
        let bytes = [slots, layers, 2, heads, positions, row].iter().try_fold(1_usize, |n, m| n.checked_mul(*m));
        let memory = Shared::new(bytes.ok_or(Error::TooLarge(what))?, what, alloc)?;
        Ok(Kv { memory, layers, heads, positions, row })
    }

    fn start(&self, place: Place) -> usize {
        (((place.slot * self.layers + place.layer) * 2 + place.part as usize) * self.heads + place.head)
            * self.positions
            * self.row
    }

    /// The first `count` rows.
    ///
    /// # Safety
    /// Nobody writes them while the slice lives.
    pub(crate) unsafe fn rows(&self, place: Place, count: usize) -> &[u8] {
        let start = self.start(place);
        // SAFETY: the caller's.
        unsafe { self.memory.get(start..start + count * self.row) }
    }

    /// One row, to be written.
    ///
    /// # Safety
    /// Nobody else reads or writes it while the slice lives.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn row_mut(&self, place: Place, position: usize) -> &mut [u8] {
        let start = self.start(place) + position * self.row;
        // SAFETY: the caller's.
        unsafe { self.memory.get_mut(start..start + self.row) }
    }
}
