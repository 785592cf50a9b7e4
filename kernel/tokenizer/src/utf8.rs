//! Whole characters out of tokens that may end in the middle of one.

use alloc::string::String;
use alloc::vec::Vec;

/// Joins the bytes of tokens into text. A character whose bytes come in several tokens is held back until it is whole; bytes that
/// can never become one turn into U+FFFD, as `String::from_utf8_lossy` does it.
#[derive(Debug, Clone, Default)]
pub struct Utf8Stream {
    /// The beginning of a character: 0 to 3 bytes.
    pending: Vec<u8>,
}

impl Utf8Stream {
    /// Nothing seen yet.
    pub fn new() -> Utf8Stream {
        Utf8Stream::default()
    }

    /// Takes the next token's bytes and appends what has become whole to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut String) {
        let held;
        let mut rest = if self.pending.is_empty() {
            bytes
        } else {
            self.pending.extend_from_slice(bytes);
            held = core::mem::take(&mut self.pending);
            &held
        };
        loop {
            let error = match core::str::from_utf8(rest) {
                Ok(text) => return out.push_str(text),
                Err(error) => error,
            };
            let (valid, broken) = rest.split_at(error.valid_up_to());
            out.push_str(core::str::from_utf8(valid).unwrap_or_default());
            match error.error_len() {
                Some(len) => {
                    out.push(char::REPLACEMENT_CHARACTER);
                    rest = broken.get(len..).unwrap_or_default();
                }
                None => return self.pending = broken.into(),
            }
        }
    }

    /// Bytes held back.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The text is over: a character that was never finished becomes U+FFFD.
    pub fn finish(&mut self, out: &mut String) {
        if !self.pending.is_empty() {
            self.pending.clear();
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_pieces(bytes: &[u8], size: usize) -> String {
        let (mut stream, mut out) = (Utf8Stream::new(), String::new());
        for piece in bytes.chunks(size) {
            stream.push(piece, &mut out);
            assert!(stream.pending() < 4);
        }
        stream.finish(&mut out);
        out
    }

    #[test]
    fn any_pieces_give_the_same_text() {
        let texts: [&[u8]; 6] =
            ["aé€🦙z".as_bytes(), b"", b"\xff\xfe", b"a\xe2\x82", b"\xf0\x9f\xa6x\xf0\x9f", b"\xed\xa0\x80\xc0\x80\xc3\xa9"];
        for bytes in texts {
            for size in 1..=bytes.len().max(1) {
                assert_eq!(in_pieces(bytes, size), String::from_utf8_lossy(bytes), "{bytes:x?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn a_character_comes_when_it_is_whole() {
        let (mut stream, mut out) = (Utf8Stream::new(), String::new());
        for byte in &"🦙".as_bytes()[..3] {
            stream.push(&[*byte], &mut out);
            assert_eq!(out, "");
        }
        stream.push(&"🦙!".as_bytes()[3..], &mut out);
        assert_eq!((out.as_str(), stream.pending()), ("🦙!", 0));
    }
}
