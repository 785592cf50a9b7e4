//! Element-wise operations, written so that the compiler turns them into whatever vectors it is allowed. No operation is fused and
//! every sum has a fixed shape, so the results are the same bits on every instruction set.

use core::arch::x86_64::{_mm_cvtss_f32, _mm_set_ss, _mm_sqrt_ss};
use ring0_tensor::BLOCK;

/// Partial sums kept side by side: one AVX-512 register, two of AVX2, four of SSE.
const LANES: usize = 16;

/// Square root, correctly rounded.
pub(crate) fn sqrt(x: f32) -> f32 {
    // SAFETY: SSE is part of x86-64.
    unsafe { _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))) }
}

/// eˣ to within 2 ULP for −87.33 ≤ x ≤ 88.37; below that 0, above it the value at 88.37; NaN stays NaN.
///
/// After Cephes' `expf`: x = n·ln 2 + r, then a polynomial of degree 7 in r.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const LOWEST: f32 = -87.336_54;
    const HIGHEST: f32 = 88.376_25;
    // Added and taken away again, it rounds to an integer, whose bits are then the lowest of the sum.
    const MAGIC: f32 = 12_582_912.0;
    let clamped = if x < LOWEST { LOWEST } else { x };
    let clamped = if clamped > HIGHEST { HIGHEST } else { clamped };
    let shifted = clamped * core::f32::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = clamped - n * 0.693_359_4;
    let r = r - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5e-1;
    let y = p * (r * r) + r + 1.0;
    // 2ⁿ by its exponent bits; the magic number's own bits fall off the top.
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    if x < LOWEST { 0.0 } else { y * power }
}

#[inline(always)]
fn tree(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// Sum of squares.
#[inline(always)]
fn sum_of_squares(x: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] += chunk[i] * chunk[i];
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += x * x;
    }
    tree(lanes)
}

/// out = x / rms(x) · weight.
#[inline(always)]
pub(crate) fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    let mean = sum_of_squares(x) / x.len() as f32;
    let scale = 1.0 / sqrt(mean + epsilon);
    for ((out, x), w) in out.iter_mut().zip(x).zip(weight) {
        *out = x * scale * w;
    }
}

/// x += y.
#[inline(always)]
pub(crate) fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

/// gate = silu(gate) · up.
#[inline(always)]
pub(crate) fn silu_mul(gate: &mut [f32], up: &[f32]) {
    for (g, u) in gate.iter_mut().zip(up) {
        *g = *g / (1.0 + exp(-*g)) * u;
    }
}

/// Rotates adjacent pairs by the angles whose (cos, sin) pairs are `turns`; `x` is one or more heads of `2 * turns.len()`.
#[inline(always)]
pub(crate) fn rope(x: &mut [f32], turns: &[[f32; 2]]) {
    for head in x.chunks_exact_mut((2 * turns.len()).max(1)) {
        for ([a, b], [cos, sin]) in head.as_chunks_mut::<2>().0.iter_mut().zip(turns) {
            (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
        }
    }
}

/// Largest element; −∞ of nothing.
#[inline(always)]
pub(crate) fn max(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = if chunk[i] > lanes[i] { chunk[i] } else { lanes[i] };
        }
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |m, x| if *x > m { *x } else { m })
}

/// x = e^((x − largest) · scale); returns the sum.
#[inline(always)]
pub(crate) fn exp_sum(x: &mut [f32], largest: f32, scale: f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = x.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            chunk[i] = exp((chunk[i] - largest) * scale);
            lanes[i] += chunk[i];
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *x = exp((*x - largest) * scale);
        *lane += *x;
    }
    tree(lanes)
}

/// Sum of e^(x − largest).
#[inline(always)]
pub(crate) fn sum_exp(x: &[f32], largest: f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] += exp(chunk[i] - largest);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += exp(*x - largest);
    }
    tree(lanes)
}

/// Index of the largest element, the first of equals; 0 of nothing.
#[inline(always)]
pub(crate) fn argmax(x: &[f32]) -> usize {
    let largest = max(x);
    x.iter().position(|v| *v == largest).unwrap_or(0)
}

/// Quantises one vector: per block of 32 a scale, the quants and their sum. Halves round to even, unlike ggml's reference, as its
/// vector code does. `x` may end in the middle of a block; the missing elements count as 0.
#[inline(always)]
pub(crate) fn quantize(x: &[f32], q: &mut [i8], d: &mut [f32], s: &mut [i32]) {
    const MAGIC: f32 = 12_582_912.0;
    for (((values, q), d), s) in x.chunks(BLOCK).zip(q.as_chunks_mut::<BLOCK>().0).zip(d).zip(s) {
        let mut block = [0.0; BLOCK];
        block[..values.len()].copy_from_slice(values);
        let mut largest = 0_u32;
        for v in &block {
            largest = largest.max(v.to_bits() & 0x7fff_ffff);
        }
        let largest = f32::from_bits(largest);
        *d = largest / 127.0;
        // A block of zeros (or of numbers too small to divide by) has no quants; one with an infinity or NaN says so in its scale.
        let inverse = if *d > f32::MIN_POSITIVE && largest.is_finite() { 127.0 / largest } else { 0.0 };
        let mut sum = 0;
        for i in 0..BLOCK {
            // |v · inverse| ≤ 127 (1 + 2⁻²³), so it rounds to at most 127, and the lowest byte of the shifted number is the integer.
            let rounded = (block[i] * inverse + MAGIC).to_bits() as i8;
            q[i] = rounded;
            sum += i32::from(rounded);
        }
        *s = sum;
    }
}

/// out[i] = Σ weights[p] · rows[p · out.len() + i], from the first row to the last.
#[inline(always)]
pub(crate) fn weighted_sum(weights: &[f32], rows: &[f32], out: &mut [f32]) {
    let width = out.len();
    let (chunks, rest) = out.as_chunks_mut::<LANES>();
    let tail = chunks.len() * LANES;
    for (n, chunk) in chunks.iter_mut().enumerate() {
        let mut lanes = [0.0; LANES];
        for (w, row) in weights.iter().zip(rows.chunks_exact(width)) {
            let row: &[f32; LANES] = row[n * LANES..].first_chunk().unwrap_or(&[0.0; LANES]);
            for i in 0..LANES {
                lanes[i] += w * row[i];
            }
        }
        *chunk = lanes;
    }
    for (n, out) in rest.iter_mut().enumerate() {
        *out = weights.iter().zip(rows.chunks_exact(width)).fold(0.0, |sum, (w, row)| sum + w * row[tail + n]);
    }
}
