//! AVX-512 F, BW, DQ and VL, with VNNI where it is there.
//!
//! One or a few tokens: eight rows at a time, as in `avx2`, by `vpdpbusd`. Many tokens: sixteen rows are first laid out lane by
//! lane in a panel on the stack, so that a register holds four columns of sixteen rows and no sum crosses lanes; the panel is then
//! used for every token. Both ways add the same products in the same order.

use crate::{Acts, Matrix, avx2};
use core::arch::x86_64::*;
use core::ops::Range;
use ring0_tensor::{BLOCK, Q4_0_BYTES, Q8_0_BYTES, WeightType};

/// Quantised rows computed together for few tokens.
const GROUP: usize = avx2::GROUP;
/// Rows of a panel.
const PANEL_ROWS: usize = 16;
/// Blocks of a panel: 8 KiB of quants.
const PANEL_BLOCKS: usize = 16;
/// From so many tokens on, laying out panels pays.
const PANEL_TOKENS: usize = 6;
/// Tokens computed together from a panel.
const TILE: usize = 4;
/// Float rows and tokens computed together.
const FLOAT_ROWS: usize = 4;
const FLOAT_TOKENS: usize = 4;

/// # Safety
/// As [`crate::Isa::matmul`], which has checked its operands.
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
pub(crate) unsafe fn matmul(
    matrix: &Matrix<'_>,
    rows: Range<usize>,
    acts: &Acts<'_>,
    vnni: bool,
    put: impl FnMut(usize, usize, f32),
) {
    // SAFETY: the operands were checked; the features are ours, and VNNI is asked for.
    unsafe {
        match matrix.kind() {
            WeightType::F32 => float_rows::<4>(matrix, rows, acts, load_f32, put),
            WeightType::F16 => float_rows::<2>(matrix, rows, acts, load_f16, put),
            WeightType::Bf16 => float_rows::<2>(matrix, rows, acts, load_bf16, put),
            WeightType::Q8_0 | WeightType::Q4_0 if vnni => quantized(matrix, rows, acts, put),
            WeightType::Q8_0 | WeightType::Q4_0 => avx2::matmul(matrix, rows, acts, put),
        }
    }
}

#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn quantized(matrix: &Matrix<'_>, rows: Range<usize>, acts: &Acts<'_>, mut put: impl FnMut(usize, usize, f32)) {
    let blocks = Acts::blocks(acts.columns);
    let mut first = rows.start;
    // SAFETY: rows and activations were checked by the caller.
    unsafe {
        if acts.tokens >= PANEL_TOKENS {
            while rows.end - first >= PANEL_ROWS {
                panel(matrix, first, acts, &mut put);
                first += PANEL_ROWS;
            }
        }
        while first < rows.end {
            let w: [*const u8; GROUP] = core::array::from_fn(|i| matrix.row((first + i).min(rows.end - 1)).as_ptr());
            for token in 0..acts.tokens {
                let q = acts.q.as_ptr().add(token * blocks * BLOCK);
                let d = acts.d.as_ptr().add(token * blocks);
                let s = acts.s.as_ptr().add(token * blocks);
                let sums = match matrix.kind() {
                    WeightType::Q8_0 => group::<Q8_0_BYTES, 128>(w, q, d, s, blocks, biased),
                    _ => group::<Q4_0_BYTES, 8>(w, q, d, s, blocks, avx2::nibbles),
                };
                let sums = core::mem::transmute::<__m256, [f32; GROUP]>(sums);
                for (i, sum) in sums.into_iter().enumerate().take(rows.end - first) {
                    put(token, first + i, sum);
                }
            }
            first += GROUP;
        }
    }
}

/// The quants of a Q8_0 block plus 128, as unsigned bytes.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn biased(p: *const u8) -> __m256i {
    // SAFETY: the caller gives 32 bytes.
    unsafe { _mm256_xor_si256(_mm256_loadu_si256(p.cast()), _mm256_set1_epi8(i8::MIN)) }
}

/// Eight rows times one vector. `load` gives quants biased by `BIAS`; it comes off as Σ (w − BIAS) x = Σ w x − BIAS · Σ x.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn group<const SIZE: usize, const BIAS: i32>(
    w: [*const u8; GROUP],
    q: *const i8,
    d: *const f32,
    s: *const i32,
    blocks: usize,
    load: unsafe fn(*const u8) -> __m256i,
) -> __m256 {
    // SAFETY: the caller gives rows and activations of `blocks` blocks.
    unsafe {
        let mut sums = _mm256_setzero_ps();
        for b in 0..blocks {
            let x = _mm256_loadu_si256(q.add(b * BLOCK).cast());
            let at = b * SIZE;
            let mut dots = [_mm256_setzero_si256(); GROUP];
            for i in 0..GROUP {
                dots[i] = _mm256_dpbusd_epi32(_mm256_setzero_si256(), load(w[i].add(at + 2)), x);
            }
            let dots = _mm256_sub_epi32(avx2::reduce8(dots), _mm256_set1_epi32(BIAS * *s.add(b)));
            let scale = _mm256_mul_ps(avx2::scales8(w, at), _mm256_broadcast_ss(&*d.add(b)));
            sums = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots), scale, sums);
        }
        sums
    }
}

/// Sixteen rows, lane by lane: `quants[block][word][row]` are four biased columns of a row.
#[repr(C, align(64))]
struct Panel {
    quants: [[[u32; PANEL_ROWS]; BLOCK / 4]; PANEL_BLOCKS],
    scales: [[f32; PANEL_ROWS]; PANEL_BLOCKS],
}

/// Sixteen rows from `first` on, times all tokens.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn panel(matrix: &Matrix<'_>, first: usize, acts: &Acts<'_>, put: &mut impl FnMut(usize, usize, f32)) {
    let blocks = Acts::blocks(acts.columns);
    let q4 = matrix.kind() == WeightType::Q4_0;
    let bias = if q4 { 8 } else { 128 };
    let w: [*const u8; PANEL_ROWS] = core::array::from_fn(|i| matrix.row(first + i).as_ptr());
    let mut memory = core::mem::MaybeUninit::<Panel>::uninit();
    // Sums of the blocks so far, for a run of tokens: a row longer than a panel comes back to them.
    const RUN: usize = 32;
    let mut sums = [[0.0_f32; PANEL_ROWS]; RUN];
    for run in (0..acts.tokens).step_by(RUN) {
        let tokens = RUN.min(acts.tokens - run);
        for begin in (0..blocks).step_by(PANEL_BLOCKS) {
            let count = PANEL_BLOCKS.min(blocks - begin);
            // SAFETY: all that is read of the panel is what `fill` writes: `count` blocks. Rows and activations were checked.
            unsafe {
                let panel = memory.as_mut_ptr();
                // A row of one panel only needs filling once for all runs.
                if run == 0 || blocks > PANEL_BLOCKS {
                    fill(panel, &w, begin, count, q4);
                }
                let mut t = 0;
                while t < tokens {
                    let last = acts.tokens - 1;
                    let at: [usize; TILE] = core::array::from_fn(|i| (run + t + i).min(last) * blocks + begin);
                    let mut tile = [_mm512_setzero_ps(); TILE];
                    if begin > 0 {
                        for i in 0..TILE.min(tokens - t) {
                            tile[i] = _mm512_loadu_ps(sums[t + i].as_ptr());
                        }
                    }
                    tile = multiply(panel, count, acts, at, bias, tile);
                    for i in 0..TILE.min(tokens - t) {
                        _mm512_storeu_ps(sums[t + i].as_mut_ptr(), tile[i]);
                    }
                    t += TILE;
                }
            }
        }
        for (t, sums) in sums.iter().enumerate().take(tokens) {
            for (i, sum) in sums.iter().enumerate() {
                put(run + t, first + i, *sum);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn fill(panel: *mut Panel, w: &[*const u8; PANEL_ROWS], begin: usize, count: usize, q4: bool) {
    let size = if q4 { Q4_0_BYTES } else { Q8_0_BYTES };
    // SAFETY: the caller gives rows that hold the blocks `begin..begin + count`, and a panel with room for them.
    unsafe {
        for b in 0..count {
            let at = (begin + b) * size;
            let [low, high] = [0, 8].map(|half| avx2::scales8(core::array::from_fn(|i| w[half + i]), at));
            let scales = (&raw mut (*panel).scales[b]).cast::<f32>();
            _mm256_storeu_ps(scales, low);
            _mm256_storeu_ps(scales.add(8), high);
            let out = (&raw mut (*panel).quants[b]).cast::<u32>();
            for half in [0, 8] {
                let mut v = [_mm256_setzero_si256(); 8];
                for i in 0..8 {
                    let p = w[half + i].add(at + 2);
                    v[i] = if q4 { avx2::nibbles(p) } else { biased(p) };
                }
                for (word, v) in transpose8(v).into_iter().enumerate() {
                    _mm256_storeu_si256(out.add(word * PANEL_ROWS + half).cast(), v);
                }
            }
        }
    }
}

/// Transposes 8 × 8 words.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose8(v: [__m256i; 8]) -> [__m256i; 8] {
    let pair = |a, b| (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    let (a, b) = pair(v[0], v[1]);
    let (c, d) = pair(v[2], v[3]);
    let (e, f) = pair(v[4], v[5]);
    let (g, h) = pair(v[6], v[7]);
    let quad = |a, b| (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    let (l0, l1) = quad(a, c);
    let (l2, l3) = quad(b, d);
    let (h0, h1) = quad(e, g);
    let (h2, h3) = quad(f, h);
    let low = |a, b| _mm256_permute2x128_si256(a, b, 0x20);
    let high = |a, b| _mm256_permute2x128_si256(a, b, 0x31);
    [low(l0, h0), low(l1, h1), low(l2, h2), low(l3, h3), high(l0, h0), high(l1, h1), high(l2, h2), high(l3, h3)]
}

/// Adds `count` blocks of the panel, times the tokens whose blocks begin at `at`, to `sums`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn multiply(
    panel: *const Panel,
    count: usize,
    acts: &Acts<'_>,
    at: [usize; TILE],
    bias: i32,
    mut sums: [__m512; TILE],
) -> [__m512; TILE] {
    // SAFETY: the caller has filled `count` blocks and gives block numbers inside the activations.
    unsafe {
        let (q, d, s) = (acts.q.as_ptr(), acts.d.as_ptr(), acts.s.as_ptr());
        for b in 0..count {
            let words = (&raw const (*panel).quants[b]).cast::<u32>();
            let mut dots = at.map(|at| _mm512_set1_epi32(-bias * *s.add(at + b)));
            for word in 0..BLOCK / 4 {
                let w = _mm512_load_si512(words.add(word * PANEL_ROWS).cast());
                for t in 0..TILE {
                    let x = q.add((at[t] + b) * BLOCK + word * 4).cast::<i32>().read_unaligned();
                    dots[t] = _mm512_dpbusd_epi32(dots[t], w, _mm512_set1_epi32(x));
                }
            }
            let scales = _mm512_load_ps((&raw const (*panel).scales[b]).cast());
            for t in 0..TILE {
                let scale = _mm512_mul_ps(scales, _mm512_set1_ps(*d.add(at[t] + b)));
                sums[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[t]), scale, sums[t]);
            }
        }
        sums
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn load_f32(p: *const u8, mask: __mmask16) -> __m512 {
    // SAFETY: the caller gives the elements that the mask names.
    unsafe { _mm512_maskz_loadu_ps(mask, p.cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn load_f16(p: *const u8, mask: __mmask16) -> __m512 {
    // SAFETY: the caller gives the elements that the mask names.
    unsafe { _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, p.cast())) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn load_bf16(p: *const u8, mask: __mmask16) -> __m512 {
    // SAFETY: the caller gives the elements that the mask names.
    let halves = unsafe { _mm256_maskz_loadu_epi16(mask, p.cast()) };
    _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn float_rows<const SIZE: usize>(
    matrix: &Matrix<'_>,
    rows: Range<usize>,
    acts: &Acts<'_>,
    load: unsafe fn(*const u8, __mmask16) -> __m512,
    mut put: impl FnMut(usize, usize, f32),
) {
    let mut first = rows.start;
    while first < rows.end {
        let w: [*const u8; FLOAT_ROWS] = core::array::from_fn(|i| matrix.row((first + i).min(rows.end - 1)).as_ptr());
        let mut token = 0;
        while token < acts.tokens {
            let x = |i: usize| acts.x.as_ptr().wrapping_add((token + i).min(acts.tokens - 1) * acts.columns);
            // SAFETY: `w` and `x` are rows and vectors of `columns` elements.
            let sums = unsafe {
                if acts.tokens - token == 1 {
                    let [sums] = float_tile::<SIZE, 1>(w, [x(0)], acts.columns, load);
                    [sums; FLOAT_TOKENS]
                } else {
                    float_tile::<SIZE, FLOAT_TOKENS>(w, core::array::from_fn(x), acts.columns, load)
                }
            };
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
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn float_tile<const SIZE: usize, const TOKENS: usize>(
    w: [*const u8; FLOAT_ROWS],
    x: [*const f32; TOKENS],
    columns: usize,
    load: unsafe fn(*const u8, __mmask16) -> __m512,
) -> [[f32; FLOAT_ROWS]; TOKENS] {
    const LANES: usize = 16;
    // SAFETY: the caller's; the last vector is masked to what is there.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); FLOAT_ROWS]; TOKENS];
        let mut c = 0;
        while c < columns {
            let left = columns - c;
            let mask = if left >= LANES { u16::MAX } else { (1 << left) - 1 };
            let w = [
                load(w[0].add(c * SIZE), mask),
                load(w[1].add(c * SIZE), mask),
                load(w[2].add(c * SIZE), mask),
                load(w[3].add(c * SIZE), mask),
            ];
            for t in 0..TOKENS {
                let v = _mm512_maskz_loadu_ps(mask, x[t].add(c));
                for i in 0..FLOAT_ROWS {
                    sums[t][i] = _mm512_fmadd_ps(w[i], v, sums[t][i]);
                }
            }
            c += LANES;
        }
        let mut out = [[0.0; FLOAT_ROWS]; TOKENS];
        for t in 0..TOKENS {
            let halves = sums[t].map(|v| _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
            _mm_storeu_ps(out[t].as_mut_ptr(), avx2::reduce4(halves));
        }
        out
    }
}
