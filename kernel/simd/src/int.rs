//! Element-wise operations of the integer path: what is float elsewhere and costs dozens of calls under an emulator is done here on
//! the bits. Additions and multiplications stay float: their price is bearable, and a call is a call.

pub(crate) use crate::portable::{add, argmax, exp_sum, max, rms_norm, rope, sum_exp, weighted_sum};
use ring0_tensor::BLOCK;

/// Parts of a float: biased exponent, and mantissa with its leading one; (0, 0) for zero and everything below 2^−126.
#[inline(always)]
pub(crate) fn parts(v: f32) -> (i32, i64) {
    let bits = v.to_bits();
    let exponent = (bits >> 23 & 0xff) as i32;
    (exponent, if exponent == 0 { 0 } else { i64::from(bits & 0x7f_ffff | 0x80_0000) })
}

/// v in units of 2^e, rounded to the nearest, halves away from zero; at most 2^39 or so.
#[inline(always)]
pub(crate) fn to_fixed(v: f32, e: i32) -> i64 {
    let (exponent, mantissa) = parts(v);
    // v = mantissa · 2^(exponent − 150)
    let drop = e + 150 - exponent;
    let magnitude = match drop {
        1..40 => (mantissa + (1 << (drop - 1))) >> drop,
        -15..=0 => mantissa << -drop,
        ..=-16 => 1 << 39,
        _ => 0,
    };
    if v.is_sign_negative() { -magnitude } else { magnitude }
}

/// As [`crate::Isa::quantize`]; halves round away from zero.
pub(crate) fn quantize(x: &[f32], q: &mut [i8], d: &mut [f32], s: &mut [i32]) {
    for (((values, q), d), s) in x.chunks(BLOCK).zip(q.as_chunks_mut::<BLOCK>().0).zip(d).zip(s) {
        let largest = f32::from_bits(values.iter().fold(0, |m, v| (v.to_bits() & 0x7fff_ffff).max(m)));
        *d = largest / 127.0;
        *s = 0;
        if *d <= f32::MIN_POSITIVE || !largest.is_finite() {
            // NaNs and infinities speak through their scale.
            q.fill(0);
            continue;
        }
        let (exponent, inverse) = parts(127.0 / largest);
        let mut sum = 0;
        for (v, q) in values.iter().zip(q.iter_mut()) {
            let (e, mantissa) = parts(*v);
            // The product is below 128 · 2^drop.
            let drop = 300 - exponent - e;
            let magnitude = if drop < 62 { (mantissa * inverse + (1 << (drop - 1))) >> drop } else { 0 };
            let value = if v.is_sign_negative() { -magnitude } else { magnitude };
            *q = value as i8;
            sum += value as i32;
        }
        q[values.len()..].fill(0);
        *s = sum;
    }
}

/// Steps of the tables below per unit.
const STEPS: usize = 128;
/// Beyond it the sigmoid is 1 to 24 bits.
const REACH: usize = 17;

/// 1 / (1 + e^−x) in units of 2^−24, for x = 0, 1/128 … 17.
static SIGMOID: [u32; REACH * STEPS + 2] = {
    let mut table = [0; REACH * STEPS + 2];
    let mut i = 0;
    while i < table.len() {
        let e = power(0.367_879_441_171_442_33, i as f64 / STEPS as f64);
        table[i] = (16_777_216.0 / (1.0 + e) + 0.5) as u32;
        i += 1;
    }
    table
};

/// 2^−(i/256) in units of 2^−30.
static HALVINGS: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < table.len() {
        table[i] = (1_073_741_824.0 * power(0.5, i as f64 / 256.0) + 0.5) as u32;
        i += 1;
    }
    table
};

/// base^x for 0 < base < 1 and x ≥ 0, when tables are made: whole powers by multiplication, the rest by the exponential series.
const fn power(base: f64, x: f64) -> f64 {
    // ln base by the series of 2·artanh((base − 1) / (base + 1)).
    let z = (base - 1.0) / (base + 1.0);
    let (mut ln, mut term, mut n) = (0.0, 2.0 * z, 1.0);
    while n < 199.0 {
        ln += term / n;
        term *= z * z;
        n += 2.0;
    }
    let whole = x as i64;
    let mut result = 1.0;
    let mut i = 0;
    while i < whole {
        result *= base;
        i += 1;
    }
    let y = ln * (x - whole as f64);
    let (mut sum, mut term, mut n) = (1.0, 1.0, 1.0);
    while n < 30.0 {
        term *= y / n;
        sum += term;
        n += 1.0;
    }
    result * sum
}

/// gate = silu(gate) · up; the sigmoid is right to 2^−20.
pub(crate) fn silu_mul(gate: &mut [f32], up: &[f32]) {
    for (g, u) in gate.iter_mut().zip(up) {
        *g = *g * sigmoid(*g) * u;
    }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    // Units of 2^−23: 7 bits of table, 16 between its entries.
    let fixed = to_fixed(x, -23).unsigned_abs();
    let at = (fixed >> 16) as usize;
    let y = match SIGMOID.get(at..at + 2) {
        Some([a, b]) => i64::from(*a) + ((i64::from(b - a) * (fixed & 0xffff) as i64) >> 16),
        // Also what to_fixed cannot hold: too large, or not a number, which the product with x then shows.
        _ => 1 << 24,
    };
    let y = if x.is_sign_negative() { (1 << 24) - y } else { y };
    crate::packed::to_f32(y, -24)
}

/// 2^−x in units of 2^−30, for x ≥ 0 in units of 2^−16. Right to four millionths of the result, and a unit.
#[inline(always)]
pub(crate) fn exp2(x: i64) -> i64 {
    // ln 2 · 2^−16, in units of 2^−40: the slope between two entries.
    const SLOPE: i64 = 11_629_080;
    let whole = x >> 16;
    if whole > 30 {
        return 0;
    }
    let entry = i64::from(HALVINGS[(x >> 8 & 0xff) as usize]);
    (entry - ((entry * (x & 0xff) * SLOPE) >> 40)) >> whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_point_rounds_to_nearest() {
        for (v, e, want) in
            [(1.0, 0, 1), (-1.5, 0, -2), (0.49, 0, 0), (3.25, -2, 13), (1e-30, 0, 0), (1024.0, 4, 64), (-0.0, 0, 0)]
        {
            assert_eq!(to_fixed(v, e), want, "{v} {e}");
        }
        assert_eq!(to_fixed(8_388_608.0 * 4096.0, 0), 1 << 35);
    }

    #[test]
    fn tables_are_accurate() {
        for i in -400_000..400_000 {
            let x = i as f32 / 20_000.0;
            let want = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(sigmoid(x)) - want).abs() < 1.0 / 1_048_576.0, "{x}");
        }
        assert_eq!((sigmoid(1e30), sigmoid(-1e30)), (1.0, 0.0));
        let mut nan = [f32::NAN, f32::INFINITY];
        silu_mul(&mut nan, &[1.0, 1.0]);
        assert!(nan[0].is_nan() && nan[1] == f32::INFINITY);
        for x in 0..2_200_000_i64 {
            let want = (-(x as f64) / 65_536.0).exp2() * 1_073_741_824.0;
            assert!((exp2(x) as f64 - want).abs() <= 1.5 + want * 4e-6, "{x}: {} {want}", exp2(x));
        }
    }
}
