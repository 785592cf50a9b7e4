//! The reference kernels: plain Rust, no intrinsics.

use crate::{Acts, Matrix};
use core::ops::Range;
use ring0_tensor::{BLOCK, Q4_0_BYTES, Q8_0_BYTES, WeightType, bf16_to_f32, f16_to_f32};

/// Row times vector, by the rule of [`crate::Isa::matmul`] without fused multiply-add.
pub(crate) fn dot(kind: WeightType, row: &[u8], acts: &Acts<'_>, token: usize) -> f32 {
    let columns = acts.columns;
    let blocks = Acts::blocks(columns);
    let x = || acts.x[token * columns..][..columns].iter();
    let q = || acts.q[token * blocks * BLOCK..][..blocks * BLOCK].as_chunks::<BLOCK>().0.iter().zip(&acts.d[token * blocks..]);
    match kind {
        WeightType::F32 => row.as_chunks::<4>().0.iter().zip(x()).fold(0.0, |sum, (w, x)| sum + f32::from_le_bytes(*w) * x),
        WeightType::F16 => halves(row, x(), f16_to_f32),
        WeightType::Bf16 => halves(row, x(), bf16_to_f32),
        WeightType::Q8_0 => row.as_chunks::<Q8_0_BYTES>().0.iter().zip(q()).fold(0.0, |sum, (block, (q, d))| {
            let dot: i32 = block[2..].iter().zip(q).map(|(w, q)| i32::from(*w as i8) * i32::from(*q)).sum();
            sum + dot as f32 * (scale(block) * d)
        }),
        WeightType::Q4_0 => row.as_chunks::<Q4_0_BYTES>().0.iter().zip(q()).fold(0.0, |sum, (block, (q, d))| {
            let (low, high) = q.split_at(BLOCK / 2);
            let dot: i32 = block[2..]
                .iter()
                .zip(low.iter().zip(high))
                .map(|(w, (lo, hi))| (i32::from(w & 15) - 8) * i32::from(*lo) + (i32::from(w >> 4) - 8) * i32::from(*hi))
                .sum();
            sum + dot as f32 * (scale(block) * d)
        }),
    }
}

pub(crate) fn scale(block: &[u8]) -> f32 {
    f16_to_f32(u16::from_le_bytes([block[0], block[1]]))
}

fn halves<'x>(row: &[u8], x: impl Iterator<Item = &'x f32>, load: impl Fn(u16) -> f32) -> f32 {
    row.as_chunks::<2>().0.iter().zip(x).fold(0.0, |sum, (w, x)| sum + load(u16::from_le_bytes(*w)) * x)
}

pub(crate) fn matmul(matrix: &Matrix<'_>, rows: Range<usize>, acts: &Acts<'_>, mut put: impl FnMut(usize, usize, f32)) {
    for row in rows {
        for token in 0..acts.tokens {
            put(token, row, dot(matrix.kind(), matrix.row(row), acts, token));
        }
    }
}
