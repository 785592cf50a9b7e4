//! Weights laid out for the integer path.
//!
//! Under an emulator a 64-bit load or multiplication in a general register costs a few host instructions, while anything wider or
//! anything with floating point costs a call. So several rows share a word: a word holds the same column of 2, 3 or 4 rows as
//! signed fields, `w0 + w1·2^b + w2·2^2b …`, and one multiplication by an activation advances the dot products of all of them.
//! Fields are wide enough for the sum over a block of 32 columns:
//!
//! | weights | rows a word | bits a field | largest sum of a block |
//! |---|---|---|---|
//! | Q4_0 | 4 | 16 | 8 · 127 · 32 < 2^15 |
//! | Q8_0 | 3 | 21 | 128 · 127 · 32 < 2^20 |
//! | F32, F16, BF16 | 2 | 32 | 2^18 · 127 · 32 < 2^31 |
//!
//! Scales are integers too: 19 bits of a block's scale relative to the largest of its row, 14 bits of an activation block's relative to
//! the largest of its token; sums are then exact in 64 bits, and their order does not matter. Float weights are rounded to 18 bits
//! below the largest of their row. Weights that are not finite count as zero; a token that is not finite has NaN for results.

use crate::{Acts, Matrix};
use alloc::vec::Vec;
use core::ops::Range;
use ring0_tensor::{BLOCK, WeightType, dequantize_row};

/// Blocks of a row, at most: the bound that keeps sums within 63 bits.
const MAX_BLOCKS: usize = 1024;
/// Bits of a block's scale, and of an activation block's.
const SCALE_BITS: i32 = 19;
const ACT_BITS: i32 = 14;
/// The exponent that stands for a token with an infinity or a NaN.
const NOT_FINITE: i32 = i32::MAX / 2;
/// Bits of a float weight, its sign apart.
const FLOAT_BITS: i32 = 18;

/// Rows a word and words a tile: the accumulators of a tile fit the general registers.
const fn shape(kind: WeightType) -> (usize, usize) {
    match kind {
        WeightType::Q4_0 => (4, 4),
        WeightType::Q8_0 => (3, 6),
        WeightType::F32 | WeightType::F16 | WeightType::Bf16 => (2, 6),
    }
}

/// Words of a tile: the exponents of its rows; then for each block 32 columns and the scales of its rows.
const fn tile_words(fields: usize, words: usize, blocks: usize) -> usize {
    let rows = fields * words;
    rows + blocks * (BLOCK * words + rows)
}

/// Words that `matrix` takes; `None` where its rows are too long.
pub(crate) fn words(matrix: &Matrix<'_>) -> Option<usize> {
    let blocks = Acts::blocks(matrix.columns());
    let (fields, words) = shape(matrix.kind());
    let tiles = matrix.rows().div_ceil(fields * words);
    (blocks <= MAX_BLOCKS).then_some(tile_words(fields, words, blocks)).and_then(|n| n.checked_mul(tiles))
}

/// Lays `matrix` out in `out`, which has [`words`] words.
pub(crate) fn pack(matrix: &Matrix<'_>, out: &mut [u64]) {
    let blocks = Acts::blocks(matrix.columns());
    let (fields, words) = shape(matrix.kind());
    let rows = fields * words;
    let mut values = alloc::vec![0.0; matrix.columns()];
    let mut quants = Vec::new();
    out.fill(0);
    for (tile, out) in out.chunks_exact_mut(tile_words(fields, words, blocks)).enumerate() {
        let (exponents, out) = out.split_at_mut(rows);
        for (r, exponent) in exponents.iter_mut().enumerate() {
            let row = tile * rows + r;
            if row >= matrix.rows() {
                break;
            }
            let (e, scales) = quantize(matrix, row, &mut values, &mut quants);
            *exponent = i64::from(e) as u64;
            for (b, out) in out.chunks_exact_mut(BLOCK * words + rows).enumerate() {
                out[BLOCK * words + r] = i64::from(scales.get(b).copied().unwrap_or(1)) as u64;
                for c in 0..BLOCK {
                    let field = i64::from(quants[b * BLOCK + c]) << ((r % fields) * (64 / fields));
                    let word = &mut out[c * words + r / fields];
                    *word = word.wrapping_add(field as u64);
                }
            }
        }
    }
}

/// A row as integers, with the exponent of its unit and its blocks' scales in that unit (float rows have none: all are 1).
fn quantize(matrix: &Matrix<'_>, row: usize, values: &mut [f32], quants: &mut Vec<i32>) -> (i32, Vec<i32>) {
    let bytes = matrix.row(row);
    let blocks = Acts::blocks(matrix.columns());
    quants.clear();
    quants.resize(blocks * BLOCK, 0);
    let kind = matrix.kind();
    if kind.is_quantized() {
        let size = kind.block_bytes();
        let scales: Vec<f32> = bytes.chunks_exact(size).map(crate::scalar::scale).map(finite).collect();
        for (block, out) in bytes.chunks_exact(size).zip(quants.as_chunks_mut::<BLOCK>().0) {
            for (i, q) in block[2..].iter().enumerate() {
                if kind == WeightType::Q8_0 {
                    out[i] = i32::from(*q as i8);
                } else {
                    (out[i], out[i + BLOCK / 2]) = (i32::from(q & 15) - 8, i32::from(q >> 4) - 8);
                }
            }
        }
        let e = unit(&scales, SCALE_BITS);
        (e, scales.iter().map(|d| ring0_tensor::round_half_away(scaled(*d, -e))).collect())
    } else {
        if !dequantize_row(kind, bytes, values) {
            values.fill(0.0);
        }
        values.iter_mut().for_each(|v| *v = finite(*v));
        let e = unit(values, FLOAT_BITS);
        for (q, v) in quants.iter_mut().zip(values.iter()) {
            *q = ring0_tensor::round_half_away(scaled(*v, -e));
        }
        (e, Vec::new())
    }
}

fn finite(v: f32) -> f32 {
    if v.is_finite() { v } else { 0.0 }
}

/// The exponent `e` for which the largest of `values` is just below 2^`bits` units of 2^e.
fn unit(values: &[f32], bits: i32) -> i32 {
    let largest = values.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    // The next power of two; a number that rounds up to it still has room, for nothing is added to a lone block's scale.
    (largest.to_bits() >> 23) as i32 - 126 - bits
}

/// v · 2^n, in two steps so that neither factor leaves the range of f32.
fn scaled(v: f32, n: i32) -> f32 {
    let power = |n: i32| f32::from_bits(((n.clamp(-126, 127) + 127) as u32) << 23);
    v * power(n / 2) * power(n - n / 2)
}

/// Rows times batch. Rows are computed in whole tiles; `rows` says which results are wanted.
pub(crate) fn matmul(
    matrix: &Matrix<'_>,
    packed: &[u64],
    rows: Range<usize>,
    acts: &Acts<'_>,
    put: impl FnMut(usize, usize, f32),
) {
    match shape(matrix.kind()) {
        (4, 4) => tiles::<4, 4, 16>(packed, rows, acts, put),
        (3, 6) => tiles::<3, 6, 18>(packed, rows, acts, put),
        _ => tiles::<2, 6, 12>(packed, rows, acts, put),
    }
}

fn tiles<const FIELDS: usize, const WORDS: usize, const ROWS: usize>(
    packed: &[u64],
    rows: Range<usize>,
    acts: &Acts<'_>,
    mut put: impl FnMut(usize, usize, f32),
) {
    let blocks = Acts::blocks(acts.columns);
    let size = tile_words(FIELDS, WORDS, blocks);
    let mut scales = [0_i64; MAX_BLOCKS];
    for token in 0..acts.tokens {
        let unit = act_scales(&acts.d[token * blocks..][..blocks], &mut scales);
        let q = &acts.q[token * blocks * BLOCK..][..blocks * BLOCK];
        let mut tile = rows.start / ROWS;
        while tile * ROWS < rows.end {
            let (exponents, body) = packed[tile * size..][..size].split_at(ROWS);
            let mut sums = [0_i64; ROWS];
            for ((block, q), scale) in body.chunks_exact(BLOCK * WORDS + ROWS).zip(q.as_chunks::<BLOCK>().0).zip(&scales) {
                let (columns, row_scales) = block.split_at(BLOCK * WORDS);
                let words = dot_block::<WORDS>(columns.as_chunks().0, q);
                for (word, (sums, row_scales)) in
                    words.iter().zip(sums.chunks_exact_mut(FIELDS).zip(row_scales.chunks_exact(FIELDS)))
                {
                    let mut word = *word;
                    for (sum, row_scale) in sums.iter_mut().zip(row_scales) {
                        // The lowest field, its sign extended; what is left of the word starts with the next one.
                        let bits = 64 / FIELDS as u32;
                        let field = word << (64 - bits) >> (64 - bits);
                        word = (word - field) >> bits;
                        *sum += field * row_scale.cast_signed() * scale;
                    }
                }
            }
            for r in (tile * ROWS).max(rows.start)..((tile + 1) * ROWS).min(rows.end) {
                let n = r - tile * ROWS;
                put(token, r, if unit == NOT_FINITE { f32::NAN } else { to_f32(sums[n], exponents[n] as i32 + unit) });
            }
            tile += 1;
        }
    }
}

/// Dot products of one block of columns, fields side by side.
#[inline(always)]
fn dot_block<const WORDS: usize>(columns: &[[u64; WORDS]], q: &[i8; BLOCK]) -> [i64; WORDS] {
    let mut sums = [0_i64; WORDS];
    for (column, q) in columns.iter().zip(q) {
        let x = i64::from(*q);
        for (sum, word) in sums.iter_mut().zip(column) {
            *sum = sum.wrapping_add(x.wrapping_mul(word.cast_signed()));
        }
    }
    sums
}

/// Scales of one token's blocks as integers of at most 14 bits; returns the exponent of their unit.
fn act_scales(d: &[f32], out: &mut [i64; MAX_BLOCKS]) -> i32 {
    let largest = d.iter().fold(0, |m, d| (d.to_bits() >> 23 & 0xff).max(m));
    for (d, out) in d.iter().zip(out) {
        let exponent = d.to_bits() >> 23 & 0xff;
        let mantissa = i64::from(d.to_bits() & 0x7f_ffff | 0x80_0000);
        let drop = 24 - ACT_BITS as u32 + largest - exponent;
        *out = if exponent == 0 || drop > 40 { 0 } else { (mantissa + (1 << (drop - 1))) >> drop };
    }
    if largest == 0xff { NOT_FINITE } else { largest as i32 - 150 + 24 - ACT_BITS }
}

/// v · 2^e, truncated to 24 bits; integer arithmetic alone.
#[inline(always)]
pub(crate) fn to_f32(v: i64, e: i32) -> f32 {
    let magnitude = v.unsigned_abs();
    if magnitude == 0 {
        return 0.0;
    }
    let zeros = magnitude.leading_zeros();
    let mantissa = (magnitude << zeros >> 40) as u32 & 0x7f_ffff;
    let exponent = 63 + 127 - zeros as i32 + e;
    let sign = ((v >> 63) as u32) << 31;
    f32::from_bits(match exponent {
        ..=0 => sign,
        255.. => sign | 0x7f80_0000,
        _ => sign | (exponent as u32) << 23 | mantissa,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_become_floats() {
        for (v, e, want) in [
            (0, 5, 0.0),
            (1, 0, 1.0),
            (-3, 2, -12.0),
            (i64::MIN, -63, -1.0),
            (0x1ff_ffff, 0, 33_554_430.0),
            (1, 200, f32::INFINITY),
            (-1, -200, -0.0),
        ] {
            assert_eq!(to_f32(v, e), want);
        }
    }

    #[test]
    fn activation_scales_keep_fourteen_bits() {
        let d = [1.0_f32, 0.75, 1.0 / 3.0, 0.001, 0.0, 1e-30];
        let mut out = [0; MAX_BLOCKS];
        let unit = act_scales(&d, &mut out);
        for (d, m) in d.iter().zip(&out) {
            assert!((to_f32(*m, unit) - d).abs() <= to_f32(1, unit), "{d}");
        }
        assert_eq!(out[0], 1 << (ACT_BITS - 1));
    }
}
