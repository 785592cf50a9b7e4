//! Numeric kernels by instruction set.
//!
//! An [`Isa`] value exists only where the processor can run it; whoever holds one may call every operation on it. Results depend
//! on the operands and on the `Isa`, never on how many tokens are computed together or how rows are shared out: each output has
//! one order of summation. For quantised weights that order is simple enough to write down (see [`Isa::matmul`]).
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod acts;
mod attention;
mod avx2;
mod avx512;
mod int;
mod int_attention;
mod isa;
mod matmul;
mod matrix;
mod packed;
mod portable;
mod scalar;
mod sse;
#[cfg(test)]
mod tests;
mod vector;

pub use acts::Acts;
pub use attention::Attention;
pub use isa::Isa;
pub use matrix::{Matrix, Out};
pub use portable::exp;
