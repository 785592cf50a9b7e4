//! A request's body: counted, or in chunks (RFC 9112 §7.1).

use super::BodyLength;
use crate::error::ApiError;
use alloc::format;
use alloc::vec::Vec;

/// Bytes of chunk extensions and trailers that are skipped in one body.
const MAX_EXTRA: usize = 8 << 10;

/// Where in the body the next byte falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// `left` counted bytes to come.
    Counted {
        left: u64,
    },
    /// In a chunk's size; `digits` seen.
    Size {
        value: u64,
        digits: u8,
    },
    /// Behind a chunk's size, before the end of its line.
    Extension {
        size: u64,
    },
    /// After the CR of a size line.
    SizeNewline {
        size: u64,
    },
    /// In a chunk.
    Data {
        left: u64,
    },
    /// After a chunk's bytes.
    DataReturn,
    DataNewline,
    /// In a trailer line; `empty` where nothing of it was seen.
    Trailer {
        empty: bool,
    },
    TrailerNewline {
        empty: bool,
    },
    Done,
}

/// Takes a body's bytes in any segmentation.
#[derive(Debug)]
pub(crate) struct BodyReader {
    state: State,
    /// Most bytes that the body may have.
    limit: usize,
    extra: usize,
    /// What has arrived.
    pub bytes: Vec<u8>,
}

impl BodyReader {
    /// # Errors
    /// 413 where the length is known and beyond the limit.
    pub fn new(length: BodyLength, limit: usize) -> Result<Self, ApiError> {
        let state = match length {
            BodyLength::Known(left) if left > limit as u64 => return Err(too_large(limit)),
            BodyLength::Known(0) => State::Done,
            BodyLength::Known(left) => State::Counted { left },
            BodyLength::Chunked => State::Size { value: 0, digits: 0 },
        };
        Ok(BodyReader { state, limit, extra: 0, bytes: Vec::new() })
    }

    /// Whether the body is whole.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes what belongs to the body and returns how many bytes that was.
    ///
    /// # Errors
    /// 400 for broken chunks, 413 beyond the limit, 503 without memory. The connection cannot be used any further.
    pub fn push(&mut self, input: &[u8]) -> Result<usize, ApiError> {
        let mut rest = input;
        while let Some(&byte) = rest.first() {
            let used = match self.state {
                State::Done => break,
                State::Counted { left } | State::Data { left } => self.take(rest, left)?,
                _ => {
                    self.step(byte)?;
                    1
                }
            };
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(input.len() - rest.len())
    }

    /// Bytes of the body itself.
    fn take(&mut self, rest: &[u8], left: u64) -> Result<usize, ApiError> {
        let count = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if self.bytes.len() + count > self.limit {
            return Err(too_large(self.limit));
        }
        let no_memory = |_| ApiError::overloaded("No memory for a request of this size now.");
        self.bytes.try_reserve(count).map_err(no_memory)?;
        self.bytes.extend_from_slice(rest.get(..count).unwrap_or_default());
        let left = left - count as u64;
        self.state = match (self.state, left) {
            (State::Counted { .. }, 0) => State::Done,
            (State::Counted { .. }, left) => State::Counted { left },
            (_, 0) => State::DataReturn,
            (_, left) => State::Data { left },
        };
        Ok(count)
    }

    /// One byte of what frames the chunks. A bare newline is refused: a proxy might read it differently.
    fn step(&mut self, byte: u8) -> Result<(), ApiError> {
        self.state = match (self.state, byte) {
            (State::Size { value, digits }, byte) if byte.is_ascii_hexdigit() && digits < 15 => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                State::Size { value: value * 16 + u64::from(digit), digits: digits + 1 }
            }
            (State::Size { value, digits: 1.. }, b'\r') => State::SizeNewline { size: value },
            (State::Size { value, digits: 1.. }, b';' | b' ' | b'\t') => State::Extension { size: value },
            (State::Extension { size }, b'\r') => State::SizeNewline { size },
            (State::Extension { size }, byte) if byte != b'\n' => self.skip(State::Extension { size })?,
            (State::SizeNewline { size: 0 }, b'\n') => State::Trailer { empty: true },
            (State::SizeNewline { size }, b'\n') if size > self.limit as u64 => return Err(too_large(self.limit)),
            (State::SizeNewline { size }, b'\n') => State::Data { left: size },
            (State::DataReturn, b'\r') => State::DataNewline,
            (State::DataNewline, b'\n') => State::Size { value: 0, digits: 0 },
            (State::Trailer { empty }, b'\r') => State::TrailerNewline { empty },
            (State::Trailer { .. }, byte) if byte != b'\n' => self.skip(State::Trailer { empty: false })?,
            (State::TrailerNewline { empty: true }, b'\n') => State::Done,
            (State::TrailerNewline { empty: false }, b'\n') => State::Trailer { empty: true },
            _ => return Err(ApiError::bad(400, "The chunked body is broken.")),
        };
        Ok(())
    }

    fn skip(&mut self, next: State) -> Result<State, ApiError> {
        self.extra += 1;
        if self.extra > MAX_EXTRA {
            return Err(ApiError::bad(431, format!("More than {MAX_EXTRA} bytes of chunk extensions and trailers.")));
        }
        Ok(next)
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError { code: Some("request_too_large"), ..ApiError::bad(413, format!("The body is larger than {limit} bytes.")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(length: BodyLength, input: &[u8], step: usize) -> Result<(Vec<u8>, usize, bool), u16> {
        let mut body = BodyReader::new(length, 64).map_err(|e| e.status)?;
        let mut used = 0;
        for piece in input.chunks(step) {
            used += body.push(piece).map_err(|e| e.status)?;
        }
        let done = body.is_done();
        Ok((body.bytes, used, done))
    }

    #[test]
    fn check_03_bodies_arrive_in_any_segmentation() {
        let chunked = b"5;x=y\r\nhello\r\n1\r\n \r\n005\r\nworld\r\n0\r\nTrailer: a\r\n\r\n";
        for step in 1..chunked.len() {
            let (bytes, used, done) = read(BodyLength::Chunked, chunked, step).unwrap();
            assert_eq!((bytes.as_slice(), used, done), (b"hello world".as_slice(), chunked.len(), true));
            let (bytes, used, done) = read(BodyLength::Known(5), b"helloGET", step).unwrap();
            assert_eq!((bytes.as_slice(), used, done), (b"hello".as_slice(), 5, true));
        }
    }

    #[test]
    fn broken_chunks_are_refused() {
        let broken: [&[u8]; 9] = [
            b"\r\n",
            b"g\r\n",
            b"-1\r\n",
            b"5\nhello",
            b"5\r\nhelloX",
            b"5\r\nhello\nX",
            b"5\rX",
            b"0\r\n\n",
            b"1111111111111111\r\n",
        ];
        for input in broken {
            assert_eq!(read(BodyLength::Chunked, input, 3), Err(400), "{input:?}");
        }
    }

    #[test]
    fn check_16_bodies_are_bounded() {
        assert_eq!(read(BodyLength::Known(65), b"", 1), Err(413));
        assert_eq!(read(BodyLength::Known(u64::MAX), b"", 1), Err(413));
        assert_eq!(read(BodyLength::Chunked, b"fffffffffffffff\r\n", 1), Err(413));
        assert_eq!(
            read(BodyLength::Chunked, &[b"21\r\n".as_slice(), &[b'a'; 33], b"\r\n20\r\n", &[b'a'; 32]].concat(), 7),
            Err(413)
        );
        let long = [b"1;".as_slice(), &[b'x'; MAX_EXTRA + 1]].concat();
        assert_eq!(read(BodyLength::Chunked, &long, 100), Err(431));
    }
}
