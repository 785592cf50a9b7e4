//! Element types of weights: how their bytes are laid out, what they mean, and the plain arithmetic that every fast kernel is held
//! against. Nothing here is quick; `ring0-simd` is.
//!
//! Layouts are ggml's (`ggml-common.h`): little-endian, rows contiguous, a quantised row being a whole number of blocks of 32.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate alloc;

mod half;
mod plain;
mod quantize;
mod weight;

pub use half::{bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16};
pub use plain::{dequantize_row, dot, matvec};
pub use quantize::{quantize_row, round_half_away};
pub use weight::{BLOCK, Q4_0_BYTES, Q8_0_BYTES, WeightType};
