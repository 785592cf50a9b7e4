//! GGUF, the file format of language models, as ggml reads it: header, key/value pairs, tensor infos, and the llama layout on top.
//!
//! A model file is hostile until proven otherwise. [`Gguf::parse`] checks everything that it reads before anything uses it, with
//! the strictness of ggml's own reader (gguf.cpp); [`llama::Llama::from_gguf`] checks that hyperparameters and tensors make one
//! model. A refusal names the byte, the key or tensor, and the rule. Nothing is copied and nothing is executed; memory stays
//! proportional to the bytes given.
//!
//! ```
//! # fn load(file: &[u8]) -> Result<(), ring0_gguf::Error> {
//! let mut given = 64 << 10;
//! let gguf = loop {
//!     let beginning = &file[..file.len().min(given)];
//!     match ring0_gguf::Gguf::parse(beginning, file.len() as u64) {
//!         Err(error) if error.needs().is_some() => given = error.needs().unwrap_or(0) as usize,
//!         other => break other?,
//!     }
//! };
//! let model = ring0_gguf::llama::Llama::from_gguf(&gguf)?;
//! # let _ = model; Ok(())
//! # }
//! ```
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod dtype;
mod error;
mod file;
pub mod llama;
mod reader;
mod tensor;
mod value;
pub mod write;

pub use dtype::{DType, removed_name};
pub use error::{Error, Rule, Subject};
pub use file::{DEFAULT_ALIGNMENT, Entry, Gguf, MAX_ALIGNMENT};
pub use tensor::{MAX_DIMS, MAX_NAME, TensorInfo};
pub use value::{Array, ArrayIter, Value, ValueType};
