//! The serial shell's half that knows no hardware: line editor, history, command table, and the kernel command line.
//!
//! Bytes go in, echo goes out, whole lines come back; the kernel runs them. So all of it is tested on the host.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod commands;
mod editor;
mod history;
mod options;
mod words;

pub use commands::{COMMANDS, Command, complete, find, nearest};
pub use editor::{Input, LineEditor};
pub use history::History;
pub use options::{Options, OptionsError, Serve};
pub use words::split;
