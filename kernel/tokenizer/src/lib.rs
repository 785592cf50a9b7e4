//! Tokenizers and chat templates of language models, out of the keys of a GGUF file.
//!
//! Two kinds: SentencePiece's BPE (`llama`: scores, `▁`, byte fallback) and byte-level BPE (`gpt2`: merges, a pre-tokenizer by
//! name). Both give llama.cpp's tokens, with one difference, on purpose: plain text never yields a control token, not even
//! where its characters happen to merge into one. So what a user types cannot end a turn or begin another.
//!
//! A vocabulary is hostile until proven otherwise: [`Tokenizer::from_gguf`] checks all of it, and encoding takes time
//! O(n log n) of the text, whatever the vocabulary.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod bpe;
mod bytes;
pub mod chat;
mod error;
mod special;
mod split;
mod spm;
mod tokenizer;
mod utf8;
mod vocab;

pub use error::{Error, Rule};
pub use split::PreTokenizer;
pub use tokenizer::Tokenizer;
pub use utf8::Utf8Stream;
pub use vocab::{MAX_SPECIAL_BYTES, MAX_TOKEN_BYTES, MAX_TOKENS, TokenKind};
