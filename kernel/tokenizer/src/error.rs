//! Why a vocabulary is refused: which key, which element, which rule.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use crate::vocab::{MAX_SPECIAL_BYTES, MAX_TOKEN_BYTES, MAX_TOKENS};

/// A refusal. Prints as `key 'tokenizer.ggml.merges'[17]: 'qq' is not a token`.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// The key that is wrong.
    pub key: &'static str,
    /// Which element of its array, where it is one.
    pub index: Option<u64>,
    /// The rule that it breaks.
    pub rule: Rule,
}

/// A rule for vocabularies, together with what was found instead.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// The value has the wrong type.
    Gguf(Box<ring0_gguf::Error>),
    /// The key is missing.
    Missing,
    /// A tokenizer of another kind.
    UnsupportedModel(Box<str>),
    /// A pre-tokenizer of a name that is not known.
    UnknownPreTokenizer(Box<str>),
    /// No tokens, or more than [`MAX_TOKENS`].
    TokenCount(u64),
    /// An array that belongs to the tokens is shorter than they are.
    TooShort {
        /// Its elements.
        found: u64,
        /// Tokens.
        tokens: u64,
    },
    /// A token beyond [`MAX_TOKEN_BYTES`].
    TokenTooLong(usize),
    /// A control or user-defined token beyond [`MAX_SPECIAL_BYTES`].
    SpecialTooLong(usize),
    /// A token that is there twice.
    DuplicateToken {
        /// Its text, escaped and cut.
        text: Box<str>,
        /// Where it was first.
        first: u64,
    },
    /// A score that is not a number.
    Score,
    /// A byte token that is not `<0x00>` to `<0xFF>`.
    ByteToken(Box<str>),
    /// Two byte tokens for one byte.
    DuplicateByte {
        /// The byte.
        byte: u8,
        /// The token that has it already.
        first: u64,
    },
    /// A token id outside the vocabulary.
    NoSuchToken {
        /// The id.
        id: u64,
        /// Tokens.
        tokens: u64,
    },
    /// A token is to be added to every text, but none is named.
    NoTokenToAdd(&'static str),
    /// A merge that is not two parts with a space between them.
    MergeFormat(Box<str>),
    /// A merge of, or into, something that is no token.
    UnknownMerge(Box<str>),
    /// No memory for the vocabulary.
    OutOfMemory,
}

impl Error {
    pub(crate) fn new(key: &'static str, rule: Rule) -> Error {
        Error { key, index: None, rule }
    }
    pub(crate) fn container(key: &'static str, error: ring0_gguf::Error) -> Error {
        Error { key, index: None, rule: Rule::Gguf(Box::new(error)) }
    }
    pub(crate) fn at(key: &'static str, index: usize, rule: Rule) -> Error {
        Error { key, index: Some(index as u64), rule }
    }
}

impl core::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Rule::Gguf(error) = &self.rule {
            return error.fmt(f);
        }
        write!(f, "key '{}'", self.key)?;
        if let Some(index) = self.index {
            write!(f, "[{index}]")?;
        }
        write!(f, ": {}", self.rule)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Gguf(error) => error.fmt(f),
            Rule::Missing => f.write_str("missing; there is no tokenizer without it"),
            Rule::UnsupportedModel(name) => write!(f, "tokenizer '{name}' is not supported; 'llama' (SPM) and 'gpt2' (BPE) are"),
            Rule::UnknownPreTokenizer(name) => {
                write!(f, "pre-tokenizer '{name}' is not known; 'llama-bpe', 'qwen2', 'smollm', 'gpt-2' and 'default' are")
            }
            Rule::TokenCount(count) => write!(f, "{count} tokens; from 1 to {MAX_TOKENS} are possible"),
            Rule::TooShort { found, tokens } => write!(f, "{found} elements for {tokens} tokens"),
            Rule::TokenTooLong(len) => write!(f, "a token of {len} bytes, at most {MAX_TOKEN_BYTES}"),
            Rule::SpecialTooLong(len) => write!(f, "a control or user-defined token of {len} bytes, at most {MAX_SPECIAL_BYTES}"),
            Rule::DuplicateToken { text, first } => write!(f, "'{text}' is token {first} already"),
            Rule::Score => f.write_str("the score is not a number"),
            Rule::ByteToken(text) => write!(f, "byte token '{text}'; they run from '<0x00>' to '<0xFF>'"),
            Rule::DuplicateByte { byte, first } => write!(f, "token {first} is byte {byte:#04x} already"),
            Rule::NoSuchToken { id, tokens } => write!(f, "token {id}, but the vocabulary has {tokens}"),
            Rule::NoTokenToAdd(id_key) => write!(f, "true, but '{id_key}' is missing"),
            Rule::MergeFormat(text) => write!(f, "'{text}' is not two parts with a space between them"),
            Rule::UnknownMerge(text) => write!(f, "'{text}' is not a token"),
            Rule::OutOfMemory => f.write_str("no memory left for the vocabulary"),
        }
    }
}

/// What of a hostile text goes into a message: escaped, at most 60 characters.
pub(crate) fn printable(bytes: &[u8]) -> Box<str> {
    const MOST: usize = 60;
    let text = String::from_utf8_lossy(bytes.get(..bytes.len().min(4 * MOST)).unwrap_or(bytes));
    let mut out = String::new();
    for c in text.chars().take(MOST) {
        // Quotes are harmless, and templates are full of them.
        if matches!(c, '\'' | '"') { out.push(c) } else { out.extend(c.escape_debug()) }
    }
    if text.chars().nth(MOST).is_some() {
        out.push('…');
    }
    out.into_boxed_str()
}
