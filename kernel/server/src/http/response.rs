//! An answer's bytes.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How the client knows where the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    /// HTTP/1.0 streams end with the connection.
    UntilClose,
    /// No body at all: 204.
    Empty,
}

/// What stands before the body.
#[derive(Debug)]
pub(crate) struct ResponseHead<'a> {
    pub status: u16,
    pub content_type: &'a str,
    pub framing: Framing,
    pub keep_alive: bool,
    pub request_id: &'a str,
    /// Further headers. Names and values are the server's own, or checked.
    pub extra: &'a [(&'a str, String)],
}

/// Appends status line and headers.
pub(crate) fn write_head(out: &mut Vec<u8>, head: &ResponseHead) {
    let mut text = format!("HTTP/1.1 {} {}\r\nServer: ring0\r\n", head.status, reason(head.status));
    let mut line = |name: &str, value: &str| {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(value);
        text.push_str("\r\n");
    };
    if head.framing != Framing::Empty {
        line("Content-Type", head.content_type);
    }
    match head.framing {
        Framing::Length(length) => line("Content-Length", &format!("{length}")),
        Framing::Chunked => line("Transfer-Encoding", "chunked"),
        Framing::UntilClose | Framing::Empty => {}
    }
    if !head.keep_alive {
        line("Connection", "close");
    }
    line("x-request-id", head.request_id);
    line("Access-Control-Allow-Origin", "*");
    line("Access-Control-Expose-Headers", "x-request-id, retry-after, retry-after-ms");
    for (name, value) in head.extra {
        line(name, value);
    }
    text.push_str("\r\n");
    out.extend_from_slice(text.as_bytes());
}

/// Appends one chunk of a chunked body. Empty ones are left out: they would end the body.
pub(crate) fn write_chunk(out: &mut Vec<u8>, bytes: &[u8]) {
    if !bytes.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the end of a chunked body.
pub(crate) fn finish_chunks(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}
