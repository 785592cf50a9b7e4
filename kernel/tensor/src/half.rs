//! Half-precision floats, by integer arithmetic alone so that they work on every processor.

/// The value of an IEEE 754 binary16. Exact.
pub const fn f16_to_f32(half: u16) -> f32 {
    let sign = (half as u32 & 0x8000) << 16;
    let exponent = (half as u32 >> 10) & 0x1f;
    let fraction = half as u32 & 0x3ff;
    let magnitude = match exponent {
        // Subnormal: fraction * 2^-24, which binary32 holds exactly.
        0 => (fraction as f32 * (1.0 / 16_777_216.0)).to_bits(),
        0x1f => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

/// The nearest IEEE 754 binary16, ties to even. Overflow gives infinity; a NaN stays one.
pub const fn f32_to_f16(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00;
    }
    // 65520 and above round to infinity.
    if magnitude >= 0x477f_f000 {
        return sign | 0x7c00;
    }
    if magnitude >= 0x3880_0000 {
        let rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
        return sign | ((rounded - (112 << 23)) >> 13) as u16;
    }
    // Below 2^-25 everything rounds to zero (2^-25 itself ties to even, which is zero).
    if magnitude <= 0x3300_0000 {
        return sign;
    }
    // Subnormal: count units of 2^-24.
    let exponent = magnitude >> 23;
    let fraction = (magnitude & 0x7f_ffff) | 0x80_0000;
    let shift = 126 - exponent;
    let kept = fraction >> shift;
    let rest = fraction & ((1 << shift) - 1);
    let half = 1 << (shift - 1);
    let up = rest > half || (rest == half && kept & 1 == 1);
    sign | (kept + up as u32) as u16
}

/// The value of a bfloat16. Exact.
pub const fn bf16_to_f32(half: u16) -> f32 {
    f32::from_bits((half as u32) << 16)
}

/// The nearest bfloat16, ties to even; a NaN stays one.
pub const fn f32_to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    if bits & 0x7fff_ffff > 0x7f80_0000 {
        return (bits >> 16) as u16 | 0x40;
    }
    ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_survives_the_round_trip() {
        for half in 0..=u16::MAX {
            let value = f16_to_f32(half);
            if value.is_nan() {
                assert!(f16_to_f32(f32_to_f16(value)).is_nan());
            } else {
                assert_eq!(f32_to_f16(value), half, "{value}");
            }
            let value = bf16_to_f32(half);
            if !value.is_nan() {
                assert_eq!(f32_to_bf16(value), half, "{value}");
            }
        }
    }

    #[test]
    fn known_values() {
        assert_eq!(f16_to_f32(0x3c00), 1.0);
        assert_eq!(f16_to_f32(0xc000), -2.0);
        assert_eq!(f16_to_f32(0x0001), 5.960_464_5e-8);
        assert_eq!(f16_to_f32(0x7c00), f32::INFINITY);
        assert_eq!(f32_to_f16(65519.0), 0x7bff);
        assert_eq!(f32_to_f16(65520.0), 0x7c00);
        // Half-way between two halves: to even, both ways.
        assert_eq!(f32_to_f16(1.0 + 1.0 / 2048.0), 0x3c00);
        assert_eq!(f32_to_f16(1.0 + 3.0 / 2048.0), 0x3c02);
        assert_eq!(f32_to_f16(2.980_232_2e-8), 0);
        assert_eq!(f32_to_f16(2.980_232_6e-8), 1);
        assert_eq!(bf16_to_f32(0x3f80), 1.0);
    }

    #[test]
    fn nearest_half_is_chosen() {
        // Between two neighbouring halves, the nearer one wins.
        for half in 0..0x7bff_u16 {
            let (low, high) = (f16_to_f32(half), f16_to_f32(half + 1));
            let quarter = low + (high - low) * 0.25;
            let three_quarters = low + (high - low) * 0.75;
            assert_eq!(f32_to_f16(quarter), half);
            assert_eq!(f32_to_f16(three_quarters), half + 1);
        }
    }
}
