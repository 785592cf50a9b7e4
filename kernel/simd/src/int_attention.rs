//! Attention in integers.
//!
//! A key or value row is an exponent and one 12-bit integer per element. Two query heads share a word (the first in its low half), so
//! one multiplication serves both, for scores as for weighted sums.

use crate::Attention;
use crate::int::{exp2, parts, to_fixed};
use crate::packed::to_f32;

/// Bits of an element, its sign apart.
const BITS: i32 = 11;
/// Bits of a weight.
const WEIGHT_BITS: i32 = 14;
/// Positions whose weighted values fit the half of a word: 2^14 · 2^11 · 64 = 2^31 — the weights being at most 2^14 and the values
/// at most 2^11, both only just reached, 60 leave room.
const RUN: usize = 60;
/// Elements summed at once.
const CHUNK: usize = 8;
const CHUNK_BYTES: usize = 2 * CHUNK;
/// Elements of a head, at most: scores stay within 2^30, and queries on the stack. Longer heads are computed in floats.
pub(crate) const MAX_DIM: usize = 256;

/// Bytes of a row.
pub(crate) fn row_bytes(head_dim: usize) -> Option<usize> {
    head_dim.checked_add(1)?.checked_mul(2)
}

/// The exponent of the unit in which the largest of `values` has `BITS` bits. What is not finite makes everything huge.
fn unit(values: &[f32]) -> i32 {
    let largest = values.iter().fold(0, |m, v| (v.to_bits() & 0x7fff_ffff).max(m));
    parts(f32::from_bits(largest)).0 - 126 - BITS
}

pub(crate) fn store(values: &[f32], row: &mut [u8]) {
    let Some((exponent, out)) = row.split_first_chunk_mut::<2>() else { return };
    let e = unit(values);
    *exponent = (e as i16).to_le_bytes();
    for (v, out) in values.iter().zip(out.as_chunks_mut::<2>().0) {
        *out = (to_fixed(*v, e) as i16).to_le_bytes();
    }
}

#[inline(always)]
fn element(bytes: &[u8; 2]) -> i64 {
    i64::from(i16::from_le_bytes(*bytes))
}

/// The two heads' parts of a word.
#[inline(always)]
fn halves(word: i64) -> (i64, i64) {
    let low = i64::from(word as i32);
    (low, (word - low) >> 32)
}

/// softmax(q · kᵀ / √head_dim) · v for every query head, two at a time.
pub(crate) fn attend(task: Attention<'_>) {
    let Attention { head_dim, positions, keys, values, queries, scores, out } = task;
    let row = (head_dim + 1) * 2;
    let rows = Rows { keys: &keys[..positions * row], values: &values[..positions * row], row };
    // SAFETY: an i32 may have any bits that an f32 may have, and the scores are nobody else's.
    let (_, scores, _) = unsafe { scores[..2 * positions].align_to_mut::<i32>() };
    let scores = scores.as_chunks_mut::<2>().0;
    for (queries, out) in queries.chunks(2 * head_dim).zip(out.chunks_mut(2 * head_dim)) {
        let mut packed = [0; MAX_DIM];
        let units = pack_queries(queries, head_dim, &mut packed);
        let (largest, value_unit) = rows.score(&packed[..head_dim], units, scores);
        let sums = rows.weigh(largest, value_unit, scores);
        let inverse = sums.map(|sum| 1.0 / to_f32(sum, -30));
        for first in (0..head_dim).step_by(CHUNK) {
            let totals = if head_dim - first >= CHUNK { rows.gather(first, scores) } else { rows.gather_tail(first, scores) };
            for (head, out) in out.chunks_exact_mut(head_dim).enumerate() {
                for (out, total) in out[first..].iter_mut().zip(&totals[head]) {
                    *out = to_f32(*total, value_unit - WEIGHT_BITS) * inverse[head];
                }
            }
        }
    }
}

/// Scales up to two heads by log₂e / √head_dim, so that scores are exponents of two, and makes words of them. Returns the units.
fn pack_queries(queries: &[f32], head_dim: usize, packed: &mut [i64; MAX_DIM]) -> [i32; 2] {
    let scale = core::f32::consts::LOG2_E / crate::portable::sqrt(head_dim as f32);
    let mut units = [0; 2];
    for ((head, queries), e) in queries.chunks_exact(head_dim).enumerate().zip(&mut units) {
        let mut scaled = [0.0; MAX_DIM];
        for (out, q) in scaled.iter_mut().zip(queries) {
            *out = q * scale;
        }
        *e = unit(&scaled[..head_dim]);
        for (word, q) in packed.iter_mut().zip(&scaled[..head_dim]) {
            *word += to_fixed(*q, *e) << (32 * head);
        }
    }
    units
}

struct Rows<'a> {
    keys: &'a [u8],
    values: &'a [u8],
    row: usize,
}

impl Rows<'_> {
    /// Scores of both heads in units of 2^−16, their maxima, and the largest exponent of the values.
    fn score(&self, queries: &[i64], units: [i32; 2], scores: &mut [[i32; 2]]) -> ([i64; 2], i32) {
        let mut largest = [i64::MIN; 2];
        let mut value_unit = i64::MIN;
        let rows = self.keys.chunks_exact(self.row).zip(self.values.chunks_exact(self.row));
        for ((key, value), scores) in rows.zip(scores) {
            let (Some((e, key)), Some((v, _))) = (key.split_first_chunk::<2>(), value.split_first_chunk::<2>()) else {
                return ([0; 2], 0);
            };
            value_unit = value_unit.max(element(v));
            let mut sum = 0_i64;
            for (k, q) in key.as_chunks::<2>().0.iter().zip(queries) {
                sum = sum.wrapping_add(element(k).wrapping_mul(*q));
            }
            let (low, high) = halves(sum);
            for (head, sum) in [low, high].into_iter().enumerate() {
                let shift = element(e) as i32 + units[head] + 16;
                let score = if shift >= 0 { sum << shift.min(31) } else { sum >> (-shift).min(63) };
                let score = score.clamp(-(1 << 29), 1 << 29);
                scores[head] = score as i32;
                largest[head] = largest[head].max(score);
            }
        }
        (largest, value_unit as i32)
    }

    /// Turns scores into weights in the unit of the values with the largest exponent; returns the sums of the weights, in 2^−30.
    fn weigh(&self, largest: [i64; 2], value_unit: i32, scores: &mut [[i32; 2]]) -> [i64; 2] {
        let mut sums = [0_i64; 2];
        for (value, scores) in self.values.chunks_exact(self.row).zip(scores) {
            let e = value.first_chunk::<2>().map_or(0, element) as i32;
            let drop = 30 - WEIGHT_BITS + (value_unit - e);
            for (head, score) in scores.iter_mut().enumerate() {
                let weight = exp2(largest[head] - i64::from(*score));
                sums[head] += weight;
                *score = if drop < 40 { ((weight + (1 << (drop - 1))) >> drop) as i32 } else { 0 };
            }
        }
        sums
    }

    /// Weighted sums of a chunk of elements from `first` on.
    fn gather(&self, first: usize, weights: &[[i32; 2]]) -> [[i64; CHUNK]; 2] {
        let mut totals = [[0_i64; CHUNK]; 2];
        for (values, weights) in self.values.chunks(RUN * self.row).zip(weights.chunks(RUN)) {
            let mut sums = [0_i64; CHUNK];
            for (value, [a, b]) in values.chunks_exact(self.row).zip(weights) {
                let Some((value, _)) = value[2 + 2 * first..].split_first_chunk::<CHUNK_BYTES>() else { break };
                let weight = i64::from(*a) + (i64::from(*b) << 32);
                for (sum, v) in sums.iter_mut().zip(value.as_chunks::<2>().0) {
                    *sum = sum.wrapping_add(weight.wrapping_mul(element(v)));
                }
            }
            for (i, sum) in sums.iter().enumerate() {
                let (low, high) = halves(*sum);
                totals[0][i] += low;
                totals[1][i] += high;
            }
        }
        totals
    }

    /// The same for the elements that make no whole chunk.
    fn gather_tail(&self, first: usize, weights: &[[i32; 2]]) -> [[i64; CHUNK]; 2] {
        let mut totals = [[0_i64; CHUNK]; 2];
        for (value, weights) in self.values.chunks_exact(self.row).zip(weights) {
            for (i, v) in value[2 + 2 * first..].as_chunks::<2>().0.iter().enumerate() {
                totals[0][i] += i64::from(weights[0]) * element(v);
                totals[1][i] += i64::from(weights[1]) * element(v);
            }
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::tests::random;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn close_to_float_attention() {
        for (head_dim, heads, positions) in [(8, 2, 1), (8, 2, 130), (64, 3, 70), (12, 1, 200), (128, 8, 33), (6, 5, 61)] {
            let queries: Vec<f32> = random(heads * head_dim, 1).iter().map(|q| q * 2.0).collect();
            let (keys, mut values) = (random(positions * head_dim, 2), random(positions * head_dim, 3));
            // Rows of different magnitude.
            for (p, row) in values.chunks_mut(head_dim).enumerate() {
                row.iter_mut().for_each(|v| *v *= 1.0 / (1 << (p % 7)) as f32);
            }
            let run = |isa: Isa| {
                let bytes = isa.kv_row_bytes(head_dim).unwrap();
                // Words, for the alignment that a cache has.
                let make = |rows: &[f32]| {
                    let mut cache = vec![0_u32; (positions * bytes).div_ceil(4)];
                    // SAFETY: words are bytes.
                    let out = unsafe { cache.align_to_mut::<u8>().1 };
                    for (row, out) in rows.chunks(head_dim).zip(out.chunks_exact_mut(bytes)) {
                        isa.store_kv(row, out);
                    }
                    cache
                };
                let (k, v) = (make(&keys), make(&values));
                let mut scores = vec![0.0; heads.next_multiple_of(2) * positions];
                let mut out = vec![f32::NAN; heads * head_dim];
                // SAFETY: words are bytes.
                let (k, v) = unsafe { (k.align_to::<u8>().1, v.align_to::<u8>().1) };
                isa.attend(Attention {
                    head_dim,
                    positions,
                    keys: k,
                    values: v,
                    queries: &queries,
                    scores: &mut scores,
                    out: &mut out,
                });
                out
            };
            let (want, got) = (run(Isa::SCALAR), run(Isa::from_name("int").unwrap()));
            for (g, w) in got.iter().zip(&want) {
                // Scores are right to about 2^-10 of their size (some units), values to 2^-11 of theirs (at most 1.5).
                assert!((g - w).abs() < 0.01, "{head_dim} {heads} {positions}: {g}, not {w}");
            }
        }
    }
}
