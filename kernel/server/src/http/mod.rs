//! HTTP/1.1 (RFC 9112) as a server reads and writes it.

mod body;
mod head;
mod response;

pub(crate) use body::BodyReader;
pub(crate) use head::{BodyLength, Head, Method, find_end, parse};
pub(crate) use response::{Framing, ResponseHead, finish_chunks, write_chunk, write_head};
