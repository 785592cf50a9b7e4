//! What a server is told when it is made.

use alloc::string::String;
use ring0_engine::api::Sampling;

/// One millisecond, in nanoseconds.
pub(crate) const MILLISECOND_NS: u64 = 1_000_000;
/// One second, in nanoseconds.
pub(crate) const SECOND_NS: u64 = 1_000 * MILLISECOND_NS;

/// How a server behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// The key that `Authorization: Bearer` must carry; `None` lets everyone in.
    pub api_key: Option<String>,
    /// What a request that names no sampling parameters gets. Its `seed` is not used.
    pub sampling: Sampling,
    /// The seed of requests that name none; `None` draws one for each request.
    pub seed: Option<u64>,
    /// Bounds on what clients can use up.
    pub limits: Limits,
}

impl Default for Config {
    /// No key, llama.cpp's sampling defaults (temperature 0.8, top-k 40, top-p 0.95, min-p 0.05), a fresh seed each time.
    fn default() -> Self {
        Config {
            api_key: None,
            sampling: Sampling { temperature: 0.8, top_k: 40, top_p: 0.95, min_p: 0.05, ..Sampling::GREEDY },
            seed: None,
            limits: Limits::default(),
        }
    }
}

/// Bounds on what clients can use up. Sizes in bytes, times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Request line and headers; beyond it 431.
    pub head_bytes: usize,
    /// A request's body; beyond it 413.
    pub body_bytes: usize,
    /// All request bodies that are being received at one time; beyond it 503.
    pub all_bodies_bytes: usize,
    /// Output that waits for its reader. A stream that passes it is cancelled and its connection closed; no further pipelined
    /// request is started while it is passed.
    pub output_bytes: usize,
    /// Text that one request may have tokenized by `/tokenize`; beyond it 413.
    pub tokenize_bytes: usize,
    /// Connections that are served; one more is told 503 and closed.
    pub connections: usize,
    /// From the first byte of a request to the end of its head; beyond it 408.
    pub head_ns: u64,
    /// From the end of the head to the end of the body; beyond it 408.
    pub body_ns: u64,
    /// A body that has not grown for so long; beyond it 408.
    pub body_idle_ns: u64,
    /// A connection without a request; beyond it the connection is closed.
    pub idle_ns: u64,
    /// Output of which nothing was taken for so long; beyond it the connection is closed.
    pub write_ns: u64,
    /// After an answer that left part of its request unread: so long is the rest read and dropped, that the answer is not lost
    /// to a TCP reset.
    pub linger_ns: u64,
    /// Silence in an event stream before a `: ping` comment.
    pub ping_ns: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_bytes: 16 << 10,
            body_bytes: 4 << 20,
            all_bodies_bytes: 16 << 20,
            output_bytes: 512 << 10,
            tokenize_bytes: 256 << 10,
            connections: 64,
            head_ns: 30 * SECOND_NS,
            body_ns: 300 * SECOND_NS,
            body_idle_ns: 30 * SECOND_NS,
            idle_ns: 75 * SECOND_NS,
            write_ns: 60 * SECOND_NS,
            linger_ns: 2 * SECOND_NS,
            ping_ns: 15 * SECOND_NS,
        }
    }
}
