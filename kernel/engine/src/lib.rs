//! Model graph, KV cache, sampler and scheduler for Llama-architecture models. Runs in the kernel and on the host.
#![no_std]

extern crate alloc;

pub mod api;
pub mod cores;
