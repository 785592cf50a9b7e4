//! From f32 to the stored types, as ggml's reference does it (`ggml-quants.c`: `quantize_row_q8_0_ref`, `quantize_row_q4_0_ref`).

use crate::{BLOCK, Q4_0_BYTES, Q8_0_BYTES, WeightType, f32_to_bf16, f32_to_f16};

/// The nearest integer, halves away from zero, as C's `roundf`. Values beyond i32 saturate; NaN gives zero.
pub fn round_half_away(value: f32) -> i32 {
    let whole = value as i32;
    let rest = value - whole as f32;
    if rest >= 0.5 {
        whole.saturating_add(1)
    } else if rest <= -0.5 {
        whole.saturating_sub(1)
    } else {
        whole
    }
}

/// Stores `values` as `kind`. Returns `false`, having written nothing, where `bytes` is not exactly the row's size.
#[must_use]
pub fn quantize_row(kind: WeightType, values: &[f32], bytes: &mut [u8]) -> bool {
    if kind.row_bytes(values.len()) != Some(bytes.len()) {
        return false;
    }
    match kind {
        WeightType::F32 => each(values, bytes, f32::to_le_bytes),
        WeightType::F16 => each(values, bytes, |v| f32_to_f16(v).to_le_bytes()),
        WeightType::Bf16 => each(values, bytes, |v| f32_to_bf16(v).to_le_bytes()),
        WeightType::Q8_0 => {
            for (block, out) in values.chunks_exact(BLOCK).zip(bytes.chunks_exact_mut(Q8_0_BYTES)) {
                q8_0(block, out);
            }
        }
        WeightType::Q4_0 => {
            for (block, out) in values.chunks_exact(BLOCK).zip(bytes.chunks_exact_mut(Q4_0_BYTES)) {
                q4_0(block, out);
            }
        }
    }
    true
}

fn each<const N: usize>(values: &[f32], bytes: &mut [u8], store: impl Fn(f32) -> [u8; N]) {
    for (value, out) in values.iter().zip(bytes.chunks_exact_mut(N)) {
        out.copy_from_slice(&store(*value));
    }
}

fn q8_0(block: &[f32], out: &mut [u8]) {
    let largest = block.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    let d = largest / 127.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    let (scale, quants) = out.split_at_mut(2);
    scale.copy_from_slice(&f32_to_f16(d).to_le_bytes());
    for (q, v) in quants.iter_mut().zip(block) {
        *q = round_half_away(v * inverse) as i8 as u8;
    }
}

fn q4_0(block: &[f32], out: &mut [u8]) {
    // The value of largest magnitude, sign kept, maps to -8: one more step than +7 would give.
    let largest = block.iter().fold(0.0_f32, |m, v| if v.abs() > m.abs() { *v } else { m });
    let d = largest / -8.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    let (scale, quants) = out.split_at_mut(2);
    scale.copy_from_slice(&f32_to_f16(d).to_le_bytes());
    let (low, high) = block.split_at(BLOCK / 2);
    let nibble = |v: f32| ((v * inverse + 8.5) as i32).clamp(0, 15) as u8;
    for ((q, lo), hi) in quants.iter_mut().zip(low).zip(high) {
        *q = nibble(*lo) | nibble(*hi) << 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dequantize_row;
    use alloc::{vec, vec::Vec};

    fn wave(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 17.0).collect()
    }

    #[test]
    fn rounding_is_that_of_c() {
        for (value, want) in [
            (0.5, 1),
            (-0.5, -1),
            (0.499_999_97, 0),
            (1.5, 2),
            (2.5, 3),
            (-2.5, -3),
            (126.4, 126),
            (f32::NAN, 0),
            (1e20, i32::MAX),
        ] {
            assert_eq!(round_half_away(value), want, "{value}");
        }
    }

    #[test]
    fn errors_stay_within_half_a_step() {
        let values = wave(96);
        for (kind, steps) in [(WeightType::Q8_0, 127.0), (WeightType::Q4_0, 8.0)] {
            let mut bytes = vec![0; kind.row_bytes(values.len()).unwrap()];
            assert!(quantize_row(kind, &values, &mut bytes));
            let mut back = vec![0.0; values.len()];
            assert!(dequantize_row(kind, &bytes, &mut back));
            for (block, round) in values.chunks(BLOCK).zip(back.chunks(BLOCK)) {
                let largest = block.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
                // Half a step, or a whole one at the end that Q4_0 does not reach (+8), and the rounding of the f16 scale.
                let step = largest / steps;
                let allowed = if kind == WeightType::Q4_0 { step } else { step * 0.5 } + largest / 1024.0;
                for (a, b) in block.iter().zip(round) {
                    assert!((a - b).abs() <= allowed, "{}: {a} became {b}", kind.name());
                }
            }
        }
    }

    #[test]
    fn nibbles_are_in_ggml_order() {
        let mut values = [0.0_f32; 32];
        values[0] = -8.0;
        values[1] = 3.0;
        values[16] = 7.0;
        let mut bytes = [0; Q4_0_BYTES];
        assert!(quantize_row(WeightType::Q4_0, &values, &mut bytes));
        assert_eq!(bytes[..2], 0x3c00_u16.to_le_bytes());
        assert_eq!(bytes[2], 0xf0);
        assert_eq!(bytes[3], 0x8b);
        assert_eq!(bytes[4..], [0x88; 14]);
    }

    #[test]
    fn zeros_stay_zeros_and_wrong_sizes_are_refused() {
        let mut bytes = [0xff; Q8_0_BYTES];
        assert!(quantize_row(WeightType::Q8_0, &[0.0; 32], &mut bytes));
        assert_eq!(bytes, [0; Q8_0_BYTES]);
        assert!(!quantize_row(WeightType::Q8_0, &[0.0; 31], &mut bytes));
        assert!(!quantize_row(WeightType::F32, &[0.0; 32], &mut bytes));
    }
}
