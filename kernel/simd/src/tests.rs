//! Every fast kernel against the plain one, on every instruction set that this machine has.

use crate::{Acts, Isa, Matrix, Out, exp, portable, scalar};
use ring0_tensor::{BLOCK, WeightType, quantize_row};
use std::{vec, vec::Vec};

/// Numbers that look like weights: sums of a xorshift generator's outputs, mean 0, scale about 1.
pub(crate) fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..n).map(|_| next() + next() + next()).collect()
}

struct Prepared {
    tokens: usize,
    columns: usize,
    x: Vec<f32>,
    q: Vec<i8>,
    d: Vec<f32>,
    s: Vec<i32>,
}

impl Prepared {
    fn new(isa: Isa, tokens: usize, columns: usize, seed: u64) -> Prepared {
        let blocks = Acts::blocks(columns);
        let x = random(tokens * columns, seed);
        let (mut q, mut d, mut s) = (vec![0; tokens * blocks * BLOCK], vec![0.0; tokens * blocks], vec![0; tokens * blocks]);
        for t in 0..tokens {
            let b = t * blocks;
            isa.quantize(
                &x[t * columns..][..columns],
                &mut q[b * BLOCK..][..blocks * BLOCK],
                &mut d[b..][..blocks],
                &mut s[b..][..blocks],
            );
        }
        Prepared { tokens, columns, x, q, d, s }
    }

    fn acts(&self) -> Acts<'_> {
        Acts { tokens: self.tokens, columns: self.columns, x: &self.x, q: &self.q, d: &self.d, s: &self.s }
    }
}

fn weights(kind: WeightType, rows: usize, columns: usize, seed: u64) -> Vec<u8> {
    let values = random(rows * columns, seed);
    let row_bytes = kind.row_bytes(columns).unwrap();
    let mut bytes = vec![0; rows * row_bytes];
    for (values, row) in values.chunks(columns).zip(bytes.chunks_mut(row_bytes)) {
        assert!(quantize_row(kind, values, row));
    }
    bytes
}

fn product(isa: Isa, matrix: &Matrix<'_>, acts: &Acts<'_>) -> Vec<f32> {
    let mut out = vec![f32::NAN; acts.tokens * matrix.rows()];
    isa.matmul(matrix, 0..matrix.rows(), acts, &mut Out::new(&mut out, matrix.rows()));
    out
}

const COLUMNS: [usize; 8] = [32, 64, 96, 288, 544, 1, 8, 172];
const ROWS: [usize; 6] = [1, 3, 8, 16, 29, 40];
const TOKENS: [usize; 5] = [1, 2, 5, 7, 37];

#[test]
fn products_are_those_of_the_plain_kernel() {
    for isa in Isa::available() {
        for kind in WeightType::ALL {
            for (n, columns) in COLUMNS.into_iter().enumerate().filter(|(_, c)| kind.row_bytes(*c).is_some()) {
                for (rows, tokens) in ROWS.into_iter().zip(TOKENS.into_iter().cycle().skip(n)) {
                    let bytes = weights(kind, rows, columns, 7 + rows as u64);
                    let matrix = Matrix::new(kind, rows, columns, &bytes).unwrap();
                    let prepared = Prepared::new(isa, tokens, columns, 99);
                    let acts = prepared.acts();
                    let out = product(isa, &matrix, &acts);
                    for t in 0..tokens {
                        for r in 0..rows {
                            let got = out[t * rows + r];
                            // Quantised: against the plain integer kernel. Float: against a sum in f64.
                            let want = if kind.is_quantized() {
                                scalar::dot(kind, matrix.row(r), &acts, t)
                            } else {
                                ring0_tensor::dot(kind, matrix.row(r), &acts.x[t * columns..][..columns]) as f32
                            };
                            // Each of `columns` products is below 3 in magnitude and rounded twice.
                            let tolerance = 3.0 * columns as f32 * f32::EPSILON;
                            let at = std::format!("{} {} {rows}x{columns} token {t} row {r}", isa.name(), kind.name());
                            assert!((got - want).abs() <= tolerance, "{at}: {got}, not {want}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn quantised_products_have_one_value_per_kind_of_rounding() {
    // 544 columns: more blocks than one panel holds. 29 rows: panels, a group and a part of one.
    for kind in [WeightType::Q8_0, WeightType::Q4_0] {
        let bytes = weights(kind, 29, 544, 3);
        let matrix = Matrix::new(kind, 29, 544, &bytes).unwrap();
        let prepared = Prepared::new(Isa::SCALAR, 40, 544, 5);
        let fused = |isa: Isa| isa.name().starts_with("avx");
        for with in [false, true] {
            let all: Vec<_> = Isa::available().filter(|isa| fused(*isa) == with && isa.name() != "int").collect();
            for pair in all.windows(2) {
                assert_eq!(product(pair[0], &matrix, &prepared.acts()), product(pair[1], &matrix, &prepared.acts()));
            }
        }
    }
}

#[test]
fn extreme_quants_do_not_overflow() {
    // −128 is a legal Q8_0 quant, though no quantiser makes it.
    let mut bytes = vec![0x80_u8; 34 * 16];
    for block in bytes.chunks_mut(34) {
        block[..2].copy_from_slice(&0x3c00_u16.to_le_bytes());
    }
    let matrix = Matrix::new(WeightType::Q8_0, 16, 32, &bytes).unwrap();
    for isa in Isa::available() {
        for tokens in [1, 8] {
            let (q, d, s) = (vec![127; 32 * tokens], vec![1.0; tokens], vec![127 * 32; tokens]);
            let acts = Acts { tokens, columns: 32, x: &[], q: &q, d: &d, s: &s };
            assert_eq!(product(isa, &matrix, &acts), vec![-128.0 * 127.0 * 32.0; 16 * tokens], "{}", isa.name());
        }
    }
}

#[test]
fn a_token_is_the_same_alone_and_in_company() {
    for isa in Isa::available() {
        for kind in WeightType::ALL {
            let bytes = weights(kind, 35, 96, 11);
            let matrix = Matrix::new(kind, 35, 96, &bytes).unwrap();
            let prepared = Prepared::new(isa, 23, 96, 12);
            let acts = prepared.acts();
            let together = product(isa, &matrix, &acts);
            for t in 0..23 {
                let one = Acts {
                    tokens: 1,
                    columns: 96,
                    x: &acts.x[t * 96..][..96],
                    q: &acts.q[t * 96..][..96],
                    d: &acts.d[t * 3..][..3],
                    s: &acts.s[t * 3..][..3],
                };
                // The rows in two parts, as two cores would have them.
                let mut alone = vec![f32::NAN; 35];
                isa.matmul(&matrix, 0..13, &one, &mut Out::new(&mut alone, 35));
                isa.matmul(&matrix, 13..35, &one, &mut Out::new(&mut alone, 35));
                assert_eq!(alone, together[t * 35..][..35], "{} {} token {t}", isa.name(), kind.name());
            }
        }
    }
}

#[test]
fn element_wise_operations_are_the_same_bits_everywhere() {
    for n in [1, 7, 16, 64, 172, 288] {
        let (x, y) = (random(n, 1), random(n, 2));
        // `int` has operations of its own.
        for isa in Isa::available().filter(|isa| isa.name() != "int") {
            let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
            isa.rms_norm(&x, &y, 1e-5, &mut a);
            portable::rms_norm(&x, &y, 1e-5, &mut b);
            assert_eq!(a, b);
            isa.silu_mul(&mut a, &y);
            portable::silu_mul(&mut b, &y);
            assert_eq!(a, b);
            let sums = (isa.exp_sum(&mut a, isa.max(&x), 0.7), portable::exp_sum(&mut b, portable::max(&x), 0.7));
            assert_eq!((a, sums.0), (b, sums.1));
        }
    }
}

#[test]
fn norm_softmax_and_activation_are_right() {
    let (x, w) = (random(100, 4), random(100, 5));
    let mut out = vec![0.0; 100];
    Isa::SCALAR.rms_norm(&x, &w, 1e-5, &mut out);
    let mean: f64 = x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / 100.0;
    for ((out, x), w) in out.iter().zip(&x).zip(&w) {
        let want = f64::from(*x) / (mean + 1e-5).sqrt() * f64::from(*w);
        // Two roundings of the scale and two of the product, and the sum's.
        assert!((f64::from(*out) - want).abs() <= want.abs() * 1e-6);
    }
    let mut gate = x.clone();
    Isa::SCALAR.silu_mul(&mut gate, &w);
    for ((got, x), w) in gate.iter().zip(&x).zip(&w) {
        let x = f64::from(*x);
        let want = x / (1.0 + (-x).exp()) * f64::from(*w);
        assert!((f64::from(*got) - want).abs() <= want.abs() * 1e-6);
    }
    let mut scores = x.clone();
    let sum = Isa::SCALAR.exp_sum(&mut scores, portable::max(&x), 1.0);
    assert!((scores.iter().map(|v| f64::from(*v)).sum::<f64>() - f64::from(sum)).abs() < 1e-4);
    assert_eq!(Isa::SCALAR.argmax(&[1.0, 5.0, -2.0, 5.0]), 1);
    assert_eq!(Isa::SCALAR.max(&[f32::NAN, -3.0]), -3.0);
}

#[test]
fn rope_turns_adjacent_pairs() {
    let mut x = [1.0, 0.0, 0.0, 2.0, 3.0, 4.0, 1.0, 1.0];
    Isa::SCALAR.rope(&mut x, &[[0.0, 1.0], [1.0, 0.0]]);
    assert_eq!(x, [0.0, 1.0, 0.0, 2.0, -4.0, 3.0, 1.0, 1.0]);
}

/// Every `step`-th float between −87.33 and 88.37, against f64.
fn exp_error(step: usize) -> f64 {
    let mut worst = 0.0_f64;
    for bits in (0..=88.37_f32.to_bits()).step_by(step) {
        for x in [f32::from_bits(bits), -f32::from_bits(bits)] {
            if x < -87.33 {
                continue;
            }
            let want = f64::from(x).exp();
            let ulp = f64::from(f32::from_bits((want as f32).to_bits() + 1)) - f64::from(want as f32);
            worst = worst.max((f64::from(exp(x)) - want).abs() / ulp);
        }
    }
    worst
}

#[test]
fn exp_is_within_two_ulp() {
    assert!(exp_error(997) <= 2.0);
    assert_eq!(exp(0.0), 1.0);
    assert_eq!(exp(-1000.0), 0.0);
    assert_eq!(exp(f32::NEG_INFINITY), 0.0);
    assert!(exp(f32::INFINITY) > 2.3e38);
    assert!(exp(f32::NAN).is_nan());
}

#[test]
#[ignore = "every float: a minute or so"]
fn exp_is_within_two_ulp_everywhere() {
    assert!(exp_error(1) <= 2.0);
}

#[test]
fn quantising_keeps_half_a_step_and_its_sums() {
    for isa in Isa::available() {
        for n in [32, 172, 1] {
            let x = random(n, 8);
            let blocks = Acts::blocks(n);
            let (mut q, mut d, mut s) = (vec![1; blocks * BLOCK], vec![0.0; blocks], vec![0; blocks]);
            isa.quantize(&x, &mut q, &mut d, &mut s);
            for (b, block) in x.chunks(BLOCK).enumerate() {
                let quants = &q[b * BLOCK..][..BLOCK];
                assert_eq!(quants.iter().map(|q| i32::from(*q)).sum::<i32>(), s[b]);
                assert!(quants[block.len()..].iter().all(|q| *q == 0));
                for (x, q) in block.iter().zip(quants) {
                    assert!((x - f32::from(*q) * d[b]).abs() <= d[b] * 0.501);
                }
            }
        }
        let (mut q, mut d, mut s) = ([1; 32], [1.0], [1]);
        isa.quantize(&[0.0; 32], &mut q, &mut d, &mut s);
        assert_eq!((q, d, s), ([0; 32], [0.0], [0]));
        let mut bad = [1.0; 32];
        bad[3] = f32::NAN;
        isa.quantize(&bad, &mut q, &mut d, &mut s);
        assert!(d[0].is_nan());
    }
}

#[test]
fn packed_products_are_close_to_plain_ones() {
    let isa = Isa::from_name("int").unwrap();
    for kind in WeightType::ALL {
        for columns in COLUMNS.into_iter().filter(|c| kind.row_bytes(*c).is_some()) {
            for rows in ROWS {
                let bytes = weights(kind, rows, columns, 21 + rows as u64);
                let plain = Matrix::new(kind, rows, columns, &bytes).unwrap();
                assert_eq!(plain.packed_words(Isa::SCALAR), None);
                let mut memory = vec![7; plain.packed_words(isa).unwrap()];
                let packed = plain.pack(&mut memory);
                let prepared = Prepared::new(isa, 3, columns, 22);
                let acts = prepared.acts();
                let got = product(isa, &packed, &acts);
                let blocks = Acts::blocks(columns);
                for t in 0..3 {
                    // What the quantised activations stand for.
                    let x: Vec<f32> = (0..columns)
                        .map(|c| f32::from(acts.q[t * blocks * BLOCK + c]) * acts.d[t * blocks + c / BLOCK])
                        .collect();
                    for r in 0..rows {
                        let want = ring0_tensor::dot(kind, plain.row(r), &x) as f32;
                        // Each of `columns` products is below 3 · 1.5; activation scales have 14 bits, rounded.
                        let tolerance = 4.5 * columns as f32 / 16_384.0;
                        let at = std::format!("{} {rows}x{columns} token {t} row {r}", kind.name());
                        assert!((got[t * rows + r] - want).abs() <= tolerance, "{at}: {}, not {want}", got[t * rows + r]);
                    }
                }
                // Rows apart from each other, as cores would have them.
                let mut parts = vec![f32::NAN; 3 * rows];
                for cut in [0..rows / 2, rows / 2..rows] {
                    isa.matmul(&packed, cut, &acts, &mut Out::new(&mut parts, rows));
                }
                assert_eq!(parts, got);
            }
        }
    }
}

#[test]
fn packed_extremes_do_not_overflow() {
    let isa = Isa::from_name("int").unwrap();
    let mut bytes = vec![0x80_u8; 34 * 18 * 1024];
    for block in bytes.chunks_mut(34) {
        block[..2].copy_from_slice(&0x3c00_u16.to_le_bytes());
    }
    let columns = 32 * 1024;
    let matrix = Matrix::new(WeightType::Q8_0, 18, columns, &bytes).unwrap();
    let mut memory = vec![0; matrix.packed_words(isa).unwrap()];
    let packed = matrix.pack(&mut memory);
    let (q, d, s) = (vec![127; columns], vec![1.999; 1024], vec![0; 1024]);
    let acts = Acts { tokens: 1, columns, x: &[], q: &q, d: &d, s: &s };
    for y in product(isa, &packed, &acts) {
        let want = -128.0 * 127.0 * columns as f32 * 1.999;
        assert!((y / want - 1.0).abs() < 1e-3, "{y}, not {want}");
    }
}

#[test]
fn matrices_have_the_size_of_their_bytes() {
    assert!(Matrix::new(WeightType::Q8_0, 2, 32, &[0; 34]).is_none());
    assert!(Matrix::new(WeightType::Q8_0, 1, 33, &[0; 34]).is_none());
    assert!(!Matrix::new(WeightType::F32, 1, 1, &[0; 4]).unwrap().wants_quants());
}
