//! Attention of one key/value head: the query heads that share it, against every position so far. Keys and values are kept as f32;
//! on `int` as integers of 12 bits with an exponent for each row.

use crate::isa::Kind;
use crate::{Acts, Isa, Matrix, Out, int_attention};
use ring0_tensor::WeightType;

/// One attention problem. Keys and values are rows as [`Isa::store_kv`] writes them, `positions` of them.
#[derive(Debug)]
pub struct Attention<'a> {
    /// Elements of a head.
    pub head_dim: usize,
    /// Rows to attend to.
    pub positions: usize,
    /// Key rows.
    pub keys: &'a [u8],
    /// Value rows.
    pub values: &'a [u8],
    /// The query heads that share them, one after the other.
    pub queries: &'a [f32],
    /// Room for one score per query head and position, the number of heads rounded up to an even one.
    pub scores: &'a mut [f32],
    /// Results, shaped as `queries`.
    pub out: &'a mut [f32],
}

impl Isa {
    /// Bytes of one key or value row in the cache. `None` where that does not fit in memory.
    pub fn kv_row_bytes(self, head_dim: usize) -> Option<usize> {
        if self.integers(head_dim) { int_attention::row_bytes(head_dim) } else { head_dim.checked_mul(4) }
    }

    /// Whether keys and values are kept as integers.
    fn integers(self, head_dim: usize) -> bool {
        self.0 == Kind::Int && head_dim <= int_attention::MAX_DIM
    }

    /// Writes one key or value row.
    pub fn store_kv(self, values: &[f32], row: &mut [u8]) {
        if self.integers(values.len()) {
            return int_attention::store(values, row);
        }
        for (value, out) in values.iter().zip(row.as_chunks_mut::<4>().0) {
            *out = value.to_le_bytes();
        }
    }

    /// softmax(q · kᵀ / √head_dim) · v, for each query head.
    ///
    /// # Panics
    /// Where slices are shorter than `head_dim` and `positions` say.
    pub fn attend(self, task: Attention<'_>) {
        if self.integers(task.head_dim) {
            return int_attention::attend(task);
        }
        let Attention { head_dim, positions, keys, values, queries, scores, out } = task;
        let heads = queries.len() / head_dim.max(1);
        let bytes = positions * head_dim * 4;
        let keys = Matrix::new(WeightType::F32, positions, head_dim, &keys[..bytes]).expect("the size was just taken");
        let scores = &mut scores[..heads * positions];
        let acts = Acts::float(heads, head_dim, queries);
        self.matmul(&keys, 0..positions, &acts, &mut Out::new(scores, positions));
        let values = floats(&values[..bytes]);
        let scale = 1.0 / crate::portable::sqrt(head_dim as f32);
        for (scores, out) in scores.chunks_exact_mut(positions.max(1)).zip(out.chunks_exact_mut(head_dim.max(1))) {
            let largest = self.max(scores);
            let sum = self.exp_sum(scores, largest, scale);
            self.weighted_sum(scores, values, out);
            let inverse = 1.0 / sum;
            out.iter_mut().for_each(|v| *v *= inverse);
        }
    }
}

/// The cache's bytes as floats; the cache is page-aligned and its rows are whole floats.
fn floats(bytes: &[u8]) -> &[f32] {
    // SAFETY: every bit pattern is a float.
    let (before, floats, after) = unsafe { bytes.align_to::<f32>() };
    assert!(before.is_empty() && after.is_empty(), "the KV cache is not aligned to 4 bytes");
    floats
}
