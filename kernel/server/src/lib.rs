//! HTTP/1.1, SSE and the OpenAI-compatible API, without any input or output of its own.
//!
//! A [`Server`] is fed bytes by connection and gives bytes back; whoever owns the sockets moves them (the kernel's network
//! stack, or `tools/serve` on the host):
//!
//! ```text
//! socket ─receive─► connection: head ► body ─► route ─► answer ─────────────────────────► output ─consume─► socket
//!                                               └─────► job ─submit─► Generator::step ─► SSE chunks ─┘      (poll)
//! ```
//!
//! Everything that arrives is hostile. Each buffer has a bound in [`Limits`]; what passes it is refused with the status that
//! HTTP has for it (413, 431, 408, 429, 503), and input that cannot be taken now is left to the caller, so that TCP's own window
//! holds the sender back. Nothing panics.
//!
//! What clients expect of the API is in the official OpenAI clients and llama.cpp's server; tests name the check that they show.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod api;
mod backend;
mod config;
mod connection;
mod error;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod http;
mod job;
mod json;
mod llm;
mod sampling;
mod server;
#[cfg(test)]
mod tests;
mod text;

pub use backend::{Backend, Language, Metric, MetricKind, ModelCard, RenderError};
pub use config::{Config, Limits};
pub use llm::Llm;
pub use ring0_tokenizer::chat::{Message, Role};
pub use sampling::recommended;
pub use server::{ConnId, Server};
pub use text::{Progress, TextStream};
