//! Why a model cannot be run.

use alloc::string::String;
use core::fmt;

/// Why a model cannot be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A tensor's bytes are not where its info says.
    Outside {
        /// Its name.
        tensor: String,
        /// Offset in the file of its first byte.
        offset: u64,
        /// Bytes it should have.
        size: u64,
    },
    /// A tensor has a type that the engine does not compute with.
    Type {
        /// Its name.
        tensor: String,
        /// The type's name.
        found: &'static str,
    },
    /// A number that no model can compute with.
    Value {
        /// The tensor's name.
        tensor: String,
        /// Which of its elements, from 0.
        index: usize,
        /// What it is.
        found: &'static str,
    },
    /// A size that the model implies does not fit in an address.
    TooLarge(&'static str),
    /// The memory that was asked for was not given.
    NoMemory {
        /// What it was for.
        what: &'static str,
        /// Bytes asked for.
        bytes: usize,
    },
    /// `context_tokens` or `slots` is zero or beyond what positions can count.
    Sizing {
        /// Tokens asked for.
        context_tokens: usize,
        /// Slots asked for.
        slots: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Outside { tensor, offset, size } => {
                write!(
                    f,
                    "tensor '{tensor}': its {size} bytes at offset {offset} are not among the bytes loaded; load the whole file"
                )
            }
            Error::Type { tensor, found } => {
                write!(
                    f,
                    "tensor '{tensor}' is {found}; the engine computes with F32, F16, BF16, Q8_0 and Q4_0: requantise the model"
                )
            }
            Error::Value { tensor, index, found } => {
                write!(f, "tensor '{tensor}': element {index} is {found}; the file is damaged: get or convert the model again")
            }
            Error::TooLarge(what) => write!(f, "{what} would not fit in this machine's addresses; use a smaller context"),
            Error::NoMemory { what, bytes } => {
                write!(
                    f,
                    "no {bytes} contiguous bytes for {what}; use a smaller context or fewer slots, or give the machine more memory"
                )
            }
            Error::Sizing { context_tokens, slots } => {
                write!(
                    f,
                    "a context of {context_tokens} tokens in {slots} slots cannot be served; both must be at least 1 and below 2^31"
                )
            }
        }
    }
}

impl core::error::Error for Error {}
