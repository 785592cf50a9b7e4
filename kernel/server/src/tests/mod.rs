//! The server as clients see it: bytes in, bytes out. Tests that show one of the 40 checks begin with its number.

mod client;
mod errors;
mod hostile;
mod llm;
mod parameters;
mod stream;
mod wire;
