//! [`Isa`]'s element-wise operations: the portable code, compiled once for each width of vector.

use crate::isa::{Isa, Kind};
use crate::{int, portable};

macro_rules! vector_operations {
    ($($(#[$doc:meta])* pub fn $name:ident($($arg:ident: $type:ty),*) $(-> $ret:ty)? ;)*) => {
        mod wide {
            use crate::portable;
            $(
                pub(super) mod $name {
                    #[allow(unused_imports)]
                    use super::portable;
                    #[target_feature(enable = "avx2,fma,f16c")]
                    pub(in crate::vector) fn avx2($($arg: $type),*) $(-> $ret)? { portable::$name($($arg),*) }
                    #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
                    pub(in crate::vector) fn avx512($($arg: $type),*) $(-> $ret)? { portable::$name($($arg),*) }
                }
            )*
        }

        impl Isa {
            $(
                $(#[$doc])*
                pub fn $name(self, $($arg: $type),*) $(-> $ret)? {
                    match self.0 {
                        Kind::Int => int::$name($($arg),*),
                        Kind::Scalar | Kind::Sse => portable::$name($($arg),*),
                        // SAFETY: the value exists, so the processor has the features.
                        Kind::Avx2 => unsafe { wide::$name::avx2($($arg),*) },
                        // SAFETY: as above.
                        Kind::Avx512 { .. } => unsafe { wide::$name::avx512($($arg),*) },
                    }
                }
            )*
        }
    };
}

vector_operations! {
    /// out = x / √(mean(x²) + epsilon) · weight. All three slices have one length.
    pub fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]);
    /// x += y.
    pub fn add(x: &mut [f32], y: &[f32]);
    /// gate = silu(gate) · up.
    pub fn silu_mul(gate: &mut [f32], up: &[f32]);
    /// Rotates adjacent pairs of each head by the angles whose (cos, sin) are `turns`; a head is `2 * turns.len()` elements.
    pub fn rope(x: &mut [f32], turns: &[[f32; 2]]);
    /// Largest element; −∞ of nothing. NaNs are passed over.
    pub fn max(x: &[f32]) -> f32;
    /// x = e^((x − largest) · scale), for `largest` = max(x); returns the sum.
    pub fn exp_sum(x: &mut [f32], largest: f32, scale: f32) -> f32;
    /// Sum of e^(x − largest).
    pub fn sum_exp(x: &[f32], largest: f32) -> f32;
    /// Index of the largest element, the first of equals; 0 where there is none.
    pub fn argmax(x: &[f32]) -> usize;
    /// Quantises a vector in blocks of 32: quants, scales and the sums of the quants, as [`crate::Acts`] describes them. The last block
    /// is filled up with zeros.
    pub fn quantize(x: &[f32], q: &mut [i8], d: &mut [f32], s: &mut [i32]);
    /// out[i] = Σ weights[p] · rows[p · out.len() + i], summed from the first row to the last.
    pub fn weighted_sum(weights: &[f32], rows: &[f32], out: &mut [f32]);
}
