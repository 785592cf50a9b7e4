//! The reference: one element after the other, in f64 where sums are made.

use crate::{BLOCK, Q4_0_BYTES, Q8_0_BYTES, WeightType, bf16_to_f32, f16_to_f32};

/// Writes the values of a row. Returns `false`, having written nothing, where `bytes` is not exactly the row's size.
#[must_use]
pub fn dequantize_row(kind: WeightType, bytes: &[u8], values: &mut [f32]) -> bool {
    if kind.row_bytes(values.len()) != Some(bytes.len()) {
        return false;
    }
    match kind {
        WeightType::F32 => {
            for (value, [a, b, c, d]) in values.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *value = f32::from_le_bytes([*a, *b, *c, *d]);
            }
        }
        WeightType::F16 => halves(bytes, values, f16_to_f32),
        WeightType::Bf16 => halves(bytes, values, bf16_to_f32),
        WeightType::Q8_0 => {
            for (block, out) in bytes.as_chunks::<Q8_0_BYTES>().0.iter().zip(values.chunks_exact_mut(BLOCK)) {
                let d = f16_to_f32(u16::from_le_bytes([block[0], block[1]]));
                for (value, q) in out.iter_mut().zip(&block[2..]) {
                    *value = d * f32::from(*q as i8);
                }
            }
        }
        WeightType::Q4_0 => {
            for (block, out) in bytes.as_chunks::<Q4_0_BYTES>().0.iter().zip(values.chunks_exact_mut(BLOCK)) {
                let d = f16_to_f32(u16::from_le_bytes([block[0], block[1]]));
                let (low, high) = out.split_at_mut(BLOCK / 2);
                for ((lo, hi), q) in low.iter_mut().zip(high).zip(&block[2..]) {
                    *lo = d * (f32::from(q & 15) - 8.0);
                    *hi = d * (f32::from(q >> 4) - 8.0);
                }
            }
        }
    }
    true
}

fn halves(bytes: &[u8], values: &mut [f32], load: impl Fn(u16) -> f32) {
    for (value, half) in values.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *value = load(u16::from_le_bytes(*half));
    }
}

/// Row times vector, summed in f64 from the first column to the last. `row` must be a row of `x.len()` elements; where it is not,
/// the answer is NaN.
pub fn dot(kind: WeightType, row: &[u8], x: &[f32]) -> f64 {
    if kind.row_bytes(x.len()) != Some(row.len()) {
        return f64::NAN;
    }
    let step = kind.block_elements();
    let mut values = [0.0; BLOCK];
    let mut sum = 0.0;
    for (block, xs) in row.chunks_exact(kind.block_bytes()).zip(x.chunks_exact(step)) {
        if !dequantize_row(kind, block, &mut values[..step]) {
            return f64::NAN;
        }
        for (w, v) in values.iter().zip(xs) {
            sum += f64::from(*w) * f64::from(*v);
        }
    }
    sum
}

/// Matrix (`out.len()` rows of `x.len()` columns) times vector.
pub fn matvec(kind: WeightType, matrix: &[u8], x: &[f32], out: &mut [f32]) {
    let bytes = kind.row_bytes(x.len()).unwrap_or(1).max(1);
    for (row, y) in matrix.chunks_exact(bytes).zip(out) {
        *y = dot(kind, row, x) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize_row;
    use alloc::{vec, vec::Vec};

    #[test]
    fn a_dot_is_the_dot_of_the_dequantised_row() {
        let x: Vec<f32> = (0..64).map(|i| (i as f32 - 30.0) / 8.0).collect();
        let w: Vec<f32> = (0..128).map(|i| ((i * 29 % 31) as f32 - 15.0) / 4.0).collect();
        for kind in WeightType::ALL {
            let bytes = kind.row_bytes(64).unwrap();
            let mut matrix = vec![0; 2 * bytes];
            let mut back = vec![0.0; 128];
            for r in 0..2 {
                assert!(quantize_row(kind, &w[r * 64..][..64], &mut matrix[r * bytes..][..bytes]));
                assert!(dequantize_row(kind, &matrix[r * bytes..][..bytes], &mut back[r * 64..][..64]));
            }
            let mut out = [0.0; 2];
            matvec(kind, &matrix, &x, &mut out);
            for r in 0..2 {
                let want: f64 = back[r * 64..][..64].iter().zip(&x).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                assert_eq!(out[r], want as f32, "{}", kind.name());
            }
        }
    }

    #[test]
    fn hand_made_q4_0() {
        let mut block = [0x88_u8; Q4_0_BYTES];
        block[..2].copy_from_slice(&0x4000_u16.to_le_bytes()); // d = 2
        block[2] = 0x1f; // element 0: 15, element 16: 1
        let mut out = [0.0; BLOCK];
        assert!(dequantize_row(WeightType::Q4_0, &block, &mut out));
        assert_eq!((out[0], out[1], out[16], out[17]), (14.0, 0.0, -14.0, 0.0));
    }
}
