//! The engine as a whole: against a plain implementation, against llama.cpp's tokens, and against itself.

mod generate;
mod hostile;
mod passes;
mod reference;
mod support;
mod synthetic;

pub(crate) use support::alloc;
