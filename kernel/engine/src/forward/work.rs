//! What lies between the steps of a pass, allocated once for the largest batch.

use super::{PRIVATE_TOKENS, Sizes};
use crate::memory::{Alloc, Shared};
use crate::{Error, Model};
use alloc::vec::Vec;
use ring0_simd::{Acts, Isa};
use ring0_tensor::BLOCK;

/// Quantised activations of a batch.
#[derive(Debug)]
pub(super) struct Quants {
    q: Shared<i8>,
    d: Shared<f32>,
    s: Shared<i32>,
}

impl Quants {
    fn new(tokens: usize, columns: usize, alloc: Alloc<'_>) -> Result<Quants, Error> {
        let what = "quantised activations";
        let blocks = tokens.checked_mul(Acts::blocks(columns)).ok_or(Error::TooLarge(what))?;
        Ok(Quants {
            q: Shared::new(blocks * BLOCK, what, alloc)?,
            d: Shared::new(blocks, what, alloc)?,
            s: Shared::new(blocks, what, alloc)?,
        })
    }

    /// Quantises a vector, or a part of it that begins at a block, to the blocks from `block` on.
    ///
    /// # Safety
    /// Nobody else uses those blocks meanwhile.
    pub(super) unsafe fn store(&self, isa: Isa, x: &[f32], block: usize) {
        let end = block + Acts::blocks(x.len());
        // SAFETY: the caller's.
        unsafe {
            isa.quantize(x, self.q.get_mut(block * BLOCK..end * BLOCK), self.d.get_mut(block..end), self.s.get_mut(block..end))
        }
    }

    /// The first `tokens` vectors of `columns` values, with the values `x` that they were made of.
    ///
    /// # Safety
    /// Nobody writes `x` or these quants while the activations live.
    pub(super) unsafe fn acts<'a>(&'a self, tokens: usize, columns: usize, x: &'a [f32]) -> Acts<'a> {
        let blocks = tokens * Acts::blocks(columns);
        // SAFETY: the caller's.
        unsafe {
            Acts { tokens, columns, x, q: self.q.get(0..blocks * BLOCK), d: self.d.get(0..blocks), s: self.s.get(0..blocks) }
        }
    }
}

/// Inputs of matrices: normalised values and quants.
#[derive(Debug)]
pub(super) struct Area {
    pub(super) h: Shared<f32>,
    pub(super) quants: Quants,
}

/// What lies between the steps. Arrays are token after token.
#[derive(Debug)]
pub(super) struct Work {
    /// The residual stream.
    pub(super) x: Shared<f32>,
    /// What is added to it.
    pub(super) y: Shared<f32>,
    pub(super) queries: Shared<f32>,
    pub(super) keys: Shared<f32>,
    pub(super) values: Shared<f32>,
    pub(super) attended: Shared<f32>,
    pub(super) gate: Shared<f32>,
    pub(super) up: Shared<f32>,
    pub(super) ffn_quants: Quants,
    pub(super) logits: Shared<f32>,
    /// The batch's area, then one for each core.
    pub(super) areas: Vec<Area>,
    /// Attention scores, for each core.
    pub(super) scores: Vec<Shared<f32>>,
}

impl Work {
    pub(super) fn new(model: &Model, sizes: Sizes, cores: usize, alloc: Alloc<'_>) -> Result<Work, Error> {
        let what = "the workspace";
        let heads = model.heads * model.head_dim;
        let kv = model.kv_heads * model.head_dim;
        let group = (model.heads / model.kv_heads.max(1)).next_multiple_of(2);
        let mut floats =
            |tokens: usize, columns: usize| Shared::new(tokens.checked_mul(columns).ok_or(Error::TooLarge(what))?, what, alloc);
        let x = floats(sizes.batch, model.embedding)?;
        let y = floats(sizes.batch, model.embedding)?;
        let queries = floats(sizes.batch, heads)?;
        let keys = floats(sizes.batch, kv)?;
        let values = floats(sizes.batch, kv)?;
        let attended = floats(sizes.batch, heads)?;
        let gate = floats(sizes.batch, model.ffn)?;
        let up = floats(sizes.batch, model.ffn)?;
        let logits = floats(sizes.outputs, model.vocab)?;
        let scores = (0..cores).map(|_| floats(group, sizes.positions)).collect::<Result<_, _>>()?;
        let widest = model.embedding.max(heads);
        let areas = (0..=cores)
            .map(|n| {
                let tokens = if n == 0 { sizes.batch.max(sizes.outputs) } else { PRIVATE_TOKENS };
                let values = tokens.checked_mul(model.embedding).ok_or(Error::TooLarge(what))?;
                Ok(Area { h: Shared::new(values, what, alloc)?, quants: Quants::new(tokens, widest, alloc)? })
            })
            .collect::<Result<_, Error>>()?;
        let ffn_quants = Quants::new(sizes.batch, model.ffn, alloc)?;
        Ok(Work { x, y, queries, keys, values, attended, gate, up, ffn_quants, logits, areas, scores })
    }
}
