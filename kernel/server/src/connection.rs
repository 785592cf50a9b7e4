//! One connection: bytes in, requests out; answers in, bytes out.

use crate::config::Limits;
use crate::error::ApiError;
use crate::http::{self, BodyReader, Head, Method};
use alloc::vec::Vec;
use ring0_engine::api::RequestId;

/// Where a connection stands between two requests.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Waits for a head, or is in one.
    Head,
    /// Has a head and is in its body.
    Body { head: Head, reader: BodyReader, since: u64 },
    /// A job writes the answer; further requests wait in the input.
    Busy { job: RequestId },
    /// The answer is given, the rest of the request is read and dropped.
    Linger { since: u64 },
    /// Nothing more is read; closed once the output is out.
    Closing,
    /// Closed at once; output is of no use any more.
    Dead,
}

/// What the input amounts to.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing yet.
    Wait,
    /// A whole request.
    Request(Head, Vec<u8>),
    /// Something that is no request, or not one that is taken: the connection ends with this answer.
    Refuse(ApiError),
}

/// A connection's buffers and state.
#[derive(Debug)]
pub(crate) struct Connection {
    pub phase: Phase,
    input: Vec<u8>,
    /// Bytes of `input` that are done with.
    used: usize,
    /// Bytes behind `used` in which the end of the head was not found.
    scanned: usize,
    /// When the first byte of the head under way came.
    head_since: Option<u64>,
    output: Vec<u8>,
    /// Bytes of `output` that are out.
    sent: usize,
    /// Last input, or last answer.
    active: u64,
    /// Last time that output was taken, or began to wait.
    drained: u64,
    /// The request under way is a HEAD: answers have no body.
    pub headers_only: bool,
    /// The client sends no more. It may be gone, or wait for its answer all the same.
    pub half_closed: bool,
}

impl Connection {
    pub fn new(now: u64) -> Self {
        Connection {
            phase: Phase::Head,
            input: Vec::new(),
            used: 0,
            scanned: 0,
            head_since: None,
            output: Vec::new(),
            sent: 0,
            active: now,
            drained: now,
            headers_only: false,
            half_closed: false,
        }
    }

    /// Takes as much input as there is room for and returns how much that was.
    pub fn accept(&mut self, bytes: &[u8], now: u64, limits: &Limits) -> usize {
        if matches!(self.phase, Phase::Linger { .. } | Phase::Closing | Phase::Dead) {
            return bytes.len();
        }
        self.input.drain(..self.used.min(self.input.len()));
        self.used = 0;
        // Twice a head: a head that is too long is seen as such, and pipelined requests have room while one is answered.
        let room = (2 * limits.head_bytes).saturating_sub(self.input.len());
        let count = room.min(bytes.len());
        if count > 0 {
            self.active = now;
            self.input.extend_from_slice(bytes.get(..count).unwrap_or_default());
        }
        count
    }

    /// Works through the input. `body_room`: bytes that this body may have beside the others. `admit` may refuse a head before its
    /// body is asked for.
    pub fn next(&mut self, now: u64, limits: &Limits, body_room: usize, admit: &dyn Fn(&Head) -> Result<(), ApiError>) -> Next {
        match self.try_next(now, limits, body_room, admit) {
            Ok(next) => next,
            Err(error) => Next::Refuse(error),
        }
    }

    fn try_next(
        &mut self,
        now: u64,
        limits: &Limits,
        body_room: usize,
        admit: &dyn Fn(&Head) -> Result<(), ApiError>,
    ) -> Result<Next, ApiError> {
        if matches!(self.phase, Phase::Head) {
            let Some(head) = self.next_head(now, limits)? else { return Ok(Next::Wait) };
            self.headers_only = head.method == Method::Head;
            let reader = BodyReader::new(head.body, limits.body_bytes)?;
            if head.expects_continue && !reader.is_done() {
                admit(&head)?;
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n", now);
            }
            self.phase = Phase::Body { head, reader, since: now };
        }
        let Phase::Body { reader, .. } = &mut self.phase else { return Ok(Next::Wait) };
        let count = reader.push(self.input.get(self.used..).unwrap_or_default())?;
        self.used += count;
        if reader.bytes.len() > body_room {
            return Err(ApiError::overloaded("Too many request bodies are being received. Try again in a second."));
        }
        if !reader.is_done() {
            return Ok(Next::Wait);
        }
        match core::mem::replace(&mut self.phase, Phase::Head) {
            Phase::Body { head, reader, .. } => Ok(Next::Request(head, reader.bytes)),
            _ => Ok(Next::Wait),
        }
    }

    fn next_head(&mut self, now: u64, limits: &Limits) -> Result<Option<Head>, ApiError> {
        // Empty lines before a request are allowed (RFC 9112 §2.2).
        while matches!(self.input.get(self.used), Some(b'\r' | b'\n')) {
            self.used += 1;
        }
        let bytes = self.input.get(self.used..).unwrap_or_default();
        let Some(first) = bytes.first() else {
            self.head_since = None;
            return Ok(None);
        };
        // Said at once: a TLS client would wait for an end that never comes.
        if !first.is_ascii_alphabetic() {
            return Err(ApiError::bad(400, "This is not HTTP. (TLS is not spoken here: use http://.)"));
        }
        self.head_since.get_or_insert(now);
        let end = match http::find_end(bytes, self.scanned) {
            Ok(end) => end,
            Err(scanned) => {
                self.scanned = scanned;
                usize::MAX
            }
        };
        if end.min(bytes.len()) > limits.head_bytes {
            return Err(ApiError::bad(431, "The request's head is larger than this server takes."));
        }
        let Some(head) = bytes.get(..end) else { return Ok(None) };
        let head = http::parse(head)?;
        self.used += end;
        self.scanned = 0;
        self.head_since = None;
        Ok(Some(head))
    }

    /// Bytes of body that are held.
    pub fn body_bytes(&self) -> usize {
        match &self.phase {
            Phase::Body { reader, .. } => reader.bytes.len(),
            _ => 0,
        }
    }

    /// Ends an answer: on to the next request, or to the end.
    pub fn answered(&mut self, keep_alive: bool, now: u64) {
        self.active = now;
        self.phase = if keep_alive { Phase::Head } else { Phase::Closing };
    }

    /// Drops the rest of the input, then closes.
    pub fn linger(&mut self, now: u64) {
        self.input = Vec::new();
        self.used = 0;
        self.phase = Phase::Linger { since: now };
    }

    /// Closes at once.
    pub fn kill(&mut self) {
        self.input = Vec::new();
        self.output = Vec::new();
        (self.used, self.sent) = (0, 0);
        self.phase = Phase::Dead;
    }

    /// Appends output.
    pub fn write(&mut self, bytes: &[u8], now: u64) {
        if self.pending().is_empty() {
            self.drained = now;
        }
        self.output.extend_from_slice(bytes);
    }

    /// Output, for a writer that appends to it.
    pub fn writer(&mut self, now: u64) -> &mut Vec<u8> {
        self.write(&[], now);
        &mut self.output
    }

    /// Output that is not out yet.
    pub fn pending(&self) -> &[u8] {
        self.output.get(self.sent..).unwrap_or_default()
    }

    /// The first `count` bytes of [`pending`](Self::pending) are out.
    pub fn consume(&mut self, count: usize, now: u64) {
        self.sent += count.min(self.pending().len());
        if count > 0 {
            self.drained = now;
        }
        if self.sent == self.output.len() {
            self.output.clear();
            self.sent = 0;
        } else if self.sent >= 64 << 10 {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Whether the owner of the socket is to close it now.
    pub fn wants_close(&self) -> bool {
        match self.phase {
            Phase::Closing => self.pending().is_empty(),
            Phase::Dead => true,
            _ => false,
        }
    }

    /// What patience has run out, if any: an answer to give, or `None` to close without a word.
    pub fn expired(&self, now: u64, limits: &Limits) -> Option<Option<ApiError>> {
        let over = |since: u64, limit: u64| now.saturating_sub(since) > limit;
        if !self.pending().is_empty() {
            return over(self.drained, limits.write_ns).then_some(None);
        }
        match &self.phase {
            Phase::Head => match self.head_since {
                Some(since) => over(since, limits.head_ns).then(|| Some(ApiError::bad(408, "The request's head took too long."))),
                None => over(self.active, limits.idle_ns).then_some(None),
            },
            Phase::Body { since, .. } => (over(*since, limits.body_ns) || over(self.active, limits.body_idle_ns))
                .then(|| Some(ApiError::bad(408, "The request's body took too long."))),
            Phase::Linger { since } => over(*since, limits.linger_ns).then_some(None),
            Phase::Busy { .. } | Phase::Closing | Phase::Dead => None,
        }
    }
}
