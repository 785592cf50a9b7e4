//! Model graph, KV cache, sampler and scheduler for Llama-architecture models. Runs in the kernel and on the host.
//!
//! [`Model`] is the weights, in place; [`Scheduler`] owns what a conversation needs (KV cache, workspace) and is the
//! [`api::Generator`] that callers talk to.
#![no_std]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod api;
mod barrier;
mod choice;
pub mod cores;
mod error;
mod forward;
mod kv;
mod memory;
mod model;
mod rng;
mod rope;
mod sampler;
mod scheduler;
mod slot;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "std"))]
pub mod threads;
mod trace;

pub use error::Error;
pub use forward::{Item, Runner};
pub use model::Model;
pub use ring0_simd::Isa;
pub use sampler::Sampler;
pub use scheduler::{MAX_WAITING, Scheduler};
