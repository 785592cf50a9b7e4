//! Activations: a batch of input vectors, in every form that the weights at hand ask for.

use ring0_tensor::BLOCK;

/// `tokens` input vectors of `columns` elements, token after token. With `B = columns / 32` blocks to a vector (rounded up):
#[derive(Debug, Clone, Copy)]
pub struct Acts<'a> {
    /// Vectors.
    pub tokens: usize,
    /// Elements of each.
    pub columns: usize,
    /// The values: `tokens * columns`.
    pub x: &'a [f32],
    /// The values divided by their block's scale, −127 to 127: `tokens * B * 32`; empty where no weights are quantised.
    pub q: &'a [i8],
    /// Scales: `tokens * B`.
    pub d: &'a [f32],
    /// Sums of each block's `q`: `tokens * B`.
    pub s: &'a [i32],
}

impl<'a> Acts<'a> {
    /// Activations for float weights only.
    pub fn float(tokens: usize, columns: usize, x: &'a [f32]) -> Acts<'a> {
        Acts { tokens, columns, x, q: &[], d: &[], s: &[] }
    }

    /// Blocks to a vector.
    pub fn blocks(columns: usize) -> usize {
        columns.div_ceil(BLOCK)
    }

    pub(crate) fn has_float(&self) -> bool {
        self.tokens.checked_mul(self.columns).is_some_and(|n| self.x.len() >= n)
    }

    pub(crate) fn has_quantized(&self) -> bool {
        let blocks = self.tokens * Acts::blocks(self.columns);
        self.q.len() >= blocks * BLOCK && self.d.len() >= blocks && self.s.len() >= blocks
    }
}
