//! AVX2, FMA and F16C: eight rows at a time.
//!
//! A quantised block gives one integer per row; eight rows' integers are gathered into one register, so that scales are converted
//! and multiplied for eight rows at once and each row's sum runs over its blocks in order.

use crate::{Acts, Matrix};
use core::arch::x86_64::*;
use core::ops::Range;
use ring0_tensor::{BLOCK, Q4_0_BYTES, Q8_0_BYTES, WeightType};

/// Quantised rows computed together.
pub(crate) const GROUP: usize = 8;
/// Float rows computed together.
const FLOAT_ROWS: usize = 4;
/// Tokens computed together with them.
const FLOAT_TOKENS: usize = 2;

/// # Safety
/// As [`crate::Isa::matmul`], which has checked its operands.
#[target_feature(enable = "avx2,fma,f16c")]
pub(crate) unsafe fn matmul(matrix: &Matrix<'_>, rows: Range<usize>, acts: &Acts<'_>, mut put: impl FnMut(usize, usize, f32)) {
    // SAFETY: the operands were checked; the features are ours.
    unsafe {
        match matrix.kind() {
            WeightType::F32 => float_rows::<4>(matrix, rows, acts, load_f32, put),
            WeightType::F16 => float_rows::<2>(matrix, rows, acts, load_f16, put),
            WeightType::Bf16 => float_rows::<2>(matrix, rows, acts, load_bf16, put),
            WeightType::Q8_0 | WeightType::Q4_0 => {
                let blocks = Acts::blocks(acts.columns);
                let mut first = rows.start;
                while first < rows.end {
                    let w: [*const u8; GROUP] = core::array::from_fn(|i| matrix.row((first + i).min(rows.end - 1)).as_ptr());
                    for token in 0..acts.tokens {
                        let q = acts.q.as_ptr().add(token * blocks * BLOCK);
                        let d = acts.d.as_ptr().add(token * blocks);
                        let s = acts.s.as_ptr().add(token * blocks);
                        let sums =
                            if matrix.kind() == WeightType::Q8_0 { q8_0(w, q, d, blocks) } else { q4_0(w, q, d, s, blocks) };
                        let sums = core::mem::transmute::<__m256, [f32; GROUP]>(sums);
                        for (i, sum) in sums.into_iter().enumerate().take(rows.end - first) {
                            put(token, first + i, sum);
                        }
                    }
                    first += GROUP;
                }
            }
        }
    }
}

/// Sums of the lanes of eight registers, in their order.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn reduce8(v: [__m256i; 8]) -> __m256i {
    let ab = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
    let cd = _mm256_hadd_epi32(_mm256_hadd_epi32(v[4], v[5]), _mm256_hadd_epi32(v[6], v[7]));
    _mm256_add_epi32(_mm256_permute2x128_si256(ab, cd, 0x20), _mm256_permute2x128_si256(ab, cd, 0x31))
}

/// The scales of block `at` (a byte offset) of eight rows.
///
/// # Safety
/// Two bytes can be read at `at` of each row.
#[inline]
#[target_feature(enable = "avx2,f16c")]
pub(crate) unsafe fn scales8(w: [*const u8; GROUP], at: usize) -> __m256 {
    // SAFETY: the caller's.
    unsafe {
        let half = |i: usize| w[i].add(at).cast::<u16>().read_unaligned();
        let pair = |i: usize| u64::from(half(i)) | u64::from(half(i + 1)) << 16;
        let low = pair(0) | pair(2) << 32;
        let high = pair(4) | pair(6) << 32;
        _mm256_cvtph_ps(_mm_set_epi64x(high as i64, low as i64))
    }
}

/// Dot products of four neighbours each: unsigned `a` times signed `b`, which must not overflow 16 bits in pairs.
#[inline]
#[target_feature(enable = "avx2")]
fn dot4(a: __m256i, b: __m256i) -> __m256i {
    _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), _mm256_set1_epi16(1))
}

#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn q8_0(w: [*const u8; GROUP], q: *const i8, d: *const f32, blocks: usize) -> __m256 {
    // SAFETY: the caller gives rows, quants and scales of `blocks` blocks.
    unsafe {
        let mut sums = _mm256_setzero_ps();
        for b in 0..blocks {
            let x = _mm256_loadu_si256(q.add(b * BLOCK).cast());
            let at = b * Q8_0_BYTES;
            let mut dots = [_mm256_setzero_si256(); GROUP];
            for i in 0..GROUP {
                let v = _mm256_loadu_si256(w[i].add(at + 2).cast());
                // |w| · (x · sign w): at most 128 · 127 · 2 in a pair, which 16 bits hold.
                dots[i] = dot4(_mm256_abs_epi8(v), _mm256_sign_epi8(x, v));
            }
            let scale = _mm256_mul_ps(scales8(w, at), _mm256_broadcast_ss(&*d.add(b)));
            sums = _mm256_fmadd_ps(_mm256_cvtepi32_ps(reduce8(dots)), scale, sums);
        }
        sums
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn q4_0(w: [*const u8; GROUP], q: *const i8, d: *const f32, s: *const i32, blocks: usize) -> __m256 {
    // SAFETY: the caller gives rows, quants, scales and sums of `blocks` blocks.
    unsafe {
        let mut sums = _mm256_setzero_ps();
        for b in 0..blocks {
            let x = _mm256_loadu_si256(q.add(b * BLOCK).cast());
            let at = b * Q4_0_BYTES;
            let mut dots = [_mm256_setzero_si256(); GROUP];
            for i in 0..GROUP {
                dots[i] = dot4(nibbles(w[i].add(at + 2)), x);
            }
            // The bias of 8 comes off the sum at once: Σ (w − 8) x = Σ w x − 8 Σ x.
            let dots = _mm256_sub_epi32(reduce8(dots), _mm256_set1_epi32(8 * *s.add(b)));
            let scale = _mm256_mul_ps(scales8(w, at), _mm256_broadcast_ss(&*d.add(b)));
            sums = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots), scale, sums);
        }
        sums
    }
}

/// The 32 half-bytes of a Q4_0 block, still biased.
///
/// # Safety
/// Sixteen bytes can be read.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) unsafe fn nibbles(p: *const u8) -> __m256i {
    // SAFETY: the caller's.
    let packed = unsafe { _mm_loadu_si128(p.cast()) };
    let both = _mm256_inserti128_si256(_mm256_castsi128_si256(packed), _mm_srli_epi16(packed, 4), 1);
    _mm256_and_si256(both, _mm256_set1_epi8(15))
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_f32(p: *const u8) -> __m256 {
    // SAFETY: the caller gives eight elements.
    unsafe { _mm256_loadu_ps(p.cast()) }
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
unsafe fn load_f16(p: *const u8) -> __m256 {
    // SAFETY: the caller gives eight elements.
    unsafe { _mm256_cvtph_ps(_mm_loadu_si128(p.cast())) }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_bf16(p: *const u8) -> __m256 {
    // SAFETY: the caller gives eight elements.
    let halves = unsafe { _mm_loadu_si128(p.cast()) };
    _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn float_rows<const SIZE: usize>(
    matrix: &Matrix<'_>,
    rows: Range<usize>,
    acts: &Acts<'_>,
    load: unsafe fn(*const u8) -> __m256,
    mut put: impl FnMut(usize, usize, f32),
) {
    let mut first = rows.start;
    while first < rows.end {
        let w: [*const u8; FLOAT_ROWS] = core::array::from_fn(|i| matrix.row((first + i).min(rows.end - 1)).as_ptr());
        let mut token = 0;
        while token < acts.tokens {
            let last = acts.tokens - 1;
            let x: [*const f32; FLOAT_TOKENS] =
                core::array::from_fn(|i| acts.x.as_ptr().wrapping_add((token + i).min(last) * acts.columns));
            // SAFETY: `w` and `x` are rows and vectors of `columns` elements.
            let sums = unsafe { float_tile::<SIZE>(w, x, acts.columns, load) };
            for (t, sums) in sums.iter().enumerate().take(acts.tokens - token) {
                for (i, sum) in sums.iter().enumerate().take(rows.end - first) {
                    put(token + t, first + i, *sum);
                }
            }
            token += FLOAT_TOKENS;
        }
        first += FLOAT_ROWS;
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn float_tile<const SIZE: usize>(
    w: [*const u8; FLOAT_ROWS],
    x: [*const f32; FLOAT_TOKENS],
    columns: usize,
    load: unsafe fn(*const u8) -> __m256,
) -> [[f32; FLOAT_ROWS]; FLOAT_TOKENS] {
    const LANES: usize = 8;
    // SAFETY: the caller's; what lies beyond the last whole vector goes through buffers.
    unsafe {
        let mut sums = [[_mm256_setzero_ps(); FLOAT_ROWS]; FLOAT_TOKENS];
        let whole = columns / LANES * LANES;
        let mut c = 0;
        while c < whole {
            let w: [__m256; FLOAT_ROWS] =
                [load(w[0].add(c * SIZE)), load(w[1].add(c * SIZE)), load(w[2].add(c * SIZE)), load(w[3].add(c * SIZE))];
            for t in 0..FLOAT_TOKENS {
                let v = _mm256_loadu_ps(x[t].add(c));
                for i in 0..FLOAT_ROWS {
                    sums[t][i] = _mm256_fmadd_ps(w[i], v, sums[t][i]);
                }
            }
            c += LANES;
        }
        if c < columns {
            for t in 0..FLOAT_TOKENS {
                let mut v = [0.0_f32; LANES];
                v.as_mut_ptr().copy_from_nonoverlapping(x[t].add(c), columns - c);
                for i in 0..FLOAT_ROWS {
                    let mut rest = [0_u8; 4 * LANES];
                    rest.as_mut_ptr().copy_from_nonoverlapping(w[i].add(c * SIZE), (columns - c) * SIZE);
                    sums[t][i] = _mm256_fmadd_ps(load(rest.as_ptr()), _mm256_loadu_ps(v.as_ptr()), sums[t][i]);
                }
            }
        }
        let mut out = [[0.0; FLOAT_ROWS]; FLOAT_TOKENS];
        for t in 0..FLOAT_TOKENS {
            _mm_storeu_ps(out[t].as_mut_ptr(), reduce4(sums[t]));
        }
        out
    }
}

/// Sums of the lanes of four registers, in their order.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn reduce4(v: [__m256; 4]) -> __m128 {
    let all = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1))
}
