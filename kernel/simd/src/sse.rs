//! SSE2: four rows at a time, four lanes each.

use crate::{Acts, Matrix};
use core::arch::x86_64::*;
use core::ops::Range;
use ring0_tensor::{BLOCK, Q4_0_BYTES, Q8_0_BYTES, WeightType};

/// Rows computed together.
const GROUP: usize = 4;

pub(crate) fn matmul(matrix: &Matrix<'_>, rows: Range<usize>, acts: &Acts<'_>, mut put: impl FnMut(usize, usize, f32)) {
    let blocks = Acts::blocks(acts.columns);
    let mut first = rows.start;
    while first < rows.end {
        // Past the end the last row stands in; its results are dropped.
        let w: [*const u8; GROUP] = core::array::from_fn(|i| matrix.row((first + i).min(rows.end - 1)).as_ptr());
        for token in 0..acts.tokens {
            // SAFETY: `w` are whole rows of the matrix's type and width; `Isa::matmul` has checked that the activations hold
            // `tokens` vectors of that width in the form that the type asks for.
            let sums: [f32; GROUP] = unsafe {
                let x = acts.x.as_ptr().wrapping_add(token * acts.columns);
                let q = acts.q.as_ptr().wrapping_add(token * blocks * BLOCK);
                let d = acts.d.as_ptr().wrapping_add(token * blocks);
                let sums = match matrix.kind() {
                    WeightType::F32 => float::<4>(w, x, acts.columns, |p| _mm_loadu_ps(p.cast())),
                    WeightType::F16 => float::<2>(w, x, acts.columns, |p| f16(_mm_loadl_epi64(p.cast()))),
                    WeightType::Bf16 => float::<2>(w, x, acts.columns, |p| {
                        _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), _mm_loadl_epi64(p.cast())))
                    }),
                    WeightType::Q8_0 => quantized::<Q8_0_BYTES>(w, q, d, blocks, |p| {
                        [_mm_loadu_si128(p.cast()), _mm_loadu_si128(p.add(16).cast())]
                    }),
                    WeightType::Q4_0 => quantized::<Q4_0_BYTES>(w, q, d, blocks, |p| {
                        let packed = _mm_loadu_si128(p.cast());
                        let mask = _mm_set1_epi8(15);
                        let bias = _mm_set1_epi8(8);
                        let high = _mm_and_si128(_mm_srli_epi16(packed, 4), mask);
                        [_mm_sub_epi8(_mm_and_si128(packed, mask), bias), _mm_sub_epi8(high, bias)]
                    }),
                };
                core::mem::transmute::<__m128, [f32; GROUP]>(sums)
            };
            for (i, sum) in sums.into_iter().enumerate().take(rows.end - first) {
                put(token, first + i, sum);
            }
        }
        first += GROUP;
    }
}

/// Four f16 in the low half of `v`, to f32. Exact, infinities and NaNs included.
#[inline(always)]
fn f16(v: __m128i) -> __m128 {
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        let wide = _mm_unpacklo_epi16(v, _mm_setzero_si128());
        let magnitude = _mm_and_si128(wide, _mm_set1_epi32(0x7fff));
        let sign = _mm_slli_epi32(_mm_xor_si128(wide, magnitude), 16);
        // The exponent's bias goes from 15 to 127 by a multiplication with 2^112, which makes subnormals right as well.
        let scaled = _mm_mul_ps(_mm_castsi128_ps(_mm_slli_epi32(magnitude, 13)), _mm_set1_ps(f32::from_bits(0x7780_0000)));
        let special = _mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x7bff));
        let special = _mm_and_si128(special, _mm_set1_epi32(0x7f80_0000));
        _mm_or_ps(scaled, _mm_castsi128_ps(_mm_or_si128(sign, special)))
    }
}

/// Four float rows times one vector. `SIZE` is the size of an element, `load` takes four of them.
///
/// # Safety
/// `w` are rows of `columns` elements, `x` is a vector of as many.
#[inline(always)]
unsafe fn float<const SIZE: usize>(
    w: [*const u8; GROUP],
    x: *const f32,
    columns: usize,
    load: impl Fn(*const u8) -> __m128,
) -> __m128 {
    // SAFETY: the caller's; loads stay below `columns`, the last ones go through buffers.
    unsafe {
        let mut sums = [_mm_setzero_ps(); GROUP];
        let whole = columns / 4 * 4;
        let mut c = 0;
        while c < whole {
            let v = _mm_loadu_ps(x.add(c));
            for i in 0..GROUP {
                sums[i] = _mm_add_ps(sums[i], _mm_mul_ps(load(w[i].add(c * SIZE)), v));
            }
            c += 4;
        }
        if c < columns {
            let mut v = [0.0_f32; 4];
            v.as_mut_ptr().copy_from_nonoverlapping(x.add(c), columns - c);
            for i in 0..GROUP {
                let mut rest = [0_u8; 16];
                rest.as_mut_ptr().copy_from_nonoverlapping(w[i].add(c * SIZE), (columns - c) * SIZE);
                sums[i] = _mm_add_ps(sums[i], _mm_mul_ps(load(rest.as_ptr()), _mm_loadu_ps(v.as_ptr())));
            }
        }
        let [mut a, mut b, mut c, mut d] = sums;
        _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d);
        _mm_add_ps(_mm_add_ps(a, b), _mm_add_ps(c, d))
    }
}

/// Four quantised rows times one vector. `load` takes a block's quants as signed bytes.
///
/// # Safety
/// `w` are rows of `blocks` blocks of `SIZE` bytes; `q` and `d` hold as many blocks and scales.
#[inline(always)]
unsafe fn quantized<const SIZE: usize>(
    w: [*const u8; GROUP],
    q: *const i8,
    d: *const f32,
    blocks: usize,
    load: impl Fn(*const u8) -> [__m128i; 2],
) -> __m128 {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = _mm_setzero_ps();
        for b in 0..blocks {
            let x0 = widen(_mm_loadu_si128(q.add(b * BLOCK).cast()));
            let x1 = widen(_mm_loadu_si128(q.add(b * BLOCK + 16).cast()));
            let mut dots = [_mm_setzero_si128(); GROUP];
            let mut scales = [0_u16; 8];
            for i in 0..GROUP {
                let block = w[i].add(b * SIZE);
                scales[i] = block.cast::<u16>().read_unaligned();
                let [low, high] = load(block.add(2));
                let (w0, w1) = (widen(low), widen(high));
                let even = _mm_add_epi32(_mm_madd_epi16(w0[0], x0[0]), _mm_madd_epi16(w0[1], x0[1]));
                let odd = _mm_add_epi32(_mm_madd_epi16(w1[0], x1[0]), _mm_madd_epi16(w1[1], x1[1]));
                dots[i] = _mm_add_epi32(even, odd);
            }
            let ab = _mm_add_epi32(_mm_unpacklo_epi32(dots[0], dots[1]), _mm_unpackhi_epi32(dots[0], dots[1]));
            let cd = _mm_add_epi32(_mm_unpacklo_epi32(dots[2], dots[3]), _mm_unpackhi_epi32(dots[2], dots[3]));
            let dots = _mm_cvtepi32_ps(_mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd)));
            let scale = _mm_mul_ps(f16(_mm_loadu_si128(scales.as_ptr().cast())), _mm_set1_ps(*d.add(b)));
            sums = _mm_add_ps(sums, _mm_mul_ps(dots, scale));
        }
        sums
    }
}

/// Sixteen signed bytes to 16-bit integers.
#[inline(always)]
fn widen(v: __m128i) -> [__m128i; 2] {
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        let sign = _mm_cmpgt_epi8(_mm_setzero_si128(), v);
        [_mm_unpacklo_epi8(v, sign), _mm_unpackhi_epi8(v, sign)]
    }
}
