//! Token bytes to text that can be shown: whole characters only, and nothing that may yet turn out to be a stop string.

use alloc::string::String;
use alloc::vec::Vec;
use ring0_tokenizer::Utf8Stream;

/// What one token brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Text that is now certain. Often empty.
    pub text: String,
    /// A stop string is complete. It is not part of the text, and nothing more comes.
    pub stopped: bool,
}

/// Text under way, for one answer.
///
/// Bytes wait until they are a whole character; characters wait while they could be the beginning of a stop string. Bytes that
/// can be no character become U+FFFD.
#[derive(Debug, Clone, Default)]
pub struct TextStream {
    stops: Vec<String>,
    /// Holds the beginning of a character.
    characters_in: Utf8Stream,
    /// Text that could be the beginning of a stop string.
    held: String,
    /// Characters decoded so far, held ones included.
    characters: usize,
    /// Bytes of text given out.
    given: usize,
    stopped: bool,
}

impl TextStream {
    /// `stops` end the text; empty ones are ignored.
    #[must_use]
    pub fn new(mut stops: Vec<String>) -> Self {
        stops.retain(|stop| !stop.is_empty());
        TextStream { stops, ..TextStream::default() }
    }

    /// Characters decoded so far, those held back included.
    #[must_use]
    pub fn characters(&self) -> usize {
        self.characters
    }

    /// Bytes of text so far, those held back included.
    #[must_use]
    pub fn position(&self) -> usize {
        self.given + self.held.len() + self.characters_in.pending()
    }

    /// Bytes of text given out.
    #[must_use]
    pub fn given(&self) -> usize {
        self.given
    }

    /// Takes a token's bytes.
    pub fn push(&mut self, piece: &[u8]) -> Progress {
        if self.stopped {
            return Progress { text: String::new(), stopped: true };
        }
        let before = self.held.len();
        self.characters_in.push(piece, &mut self.held);
        self.characters += self.held.get(before..).unwrap_or_default().chars().count();
        let match_at = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min();
        if let Some(at) = match_at {
            self.held.truncate(at);
            self.characters_in = Utf8Stream::new();
            self.stopped = true;
        }
        let keep = if self.stopped { 0 } else { self.open_stop() };
        let text = self.give(self.held.len() - keep);
        Progress { text, stopped: self.stopped }
    }

    /// What was held back, at the end of the answer.
    pub fn finish(&mut self) -> String {
        self.characters_in.finish(&mut self.held);
        self.give(self.held.len())
    }

    fn give(&mut self, length: usize) -> String {
        let rest = self.held.split_off(length);
        let text = core::mem::replace(&mut self.held, rest);
        self.given += text.len();
        text
    }

    /// Bytes at the end of `held` that are a beginning of a stop string: the most of any.
    fn open_stop(&self) -> usize {
        let held = self.held.as_bytes();
        let longest = |stop: &String| {
            let stop = stop.as_bytes();
            let most = (stop.len() - 1).min(held.len());
            (1..=most).rev().find(|n| held.ends_with(stop.get(..*n).unwrap_or_default())).unwrap_or(0)
        };
        self.stops.iter().map(longest).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    fn run(stops: &[&str], pieces: &[&[u8]]) -> (Vec<String>, String) {
        let mut stream = TextStream::new(stops.iter().map(ToString::to_string).collect());
        let texts = pieces.iter().map(|piece| stream.push(piece).text).collect();
        (texts, stream.finish())
    }

    #[test]
    fn check_27_characters_are_never_split() {
        let (texts, rest) = run(&[], &[b"a\xf0", b"\x9f\x98", b"\x80b", b"\xff", b"\xe2\x82"]);
        assert_eq!((texts, rest.as_str()), (vec!["a".into(), "".into(), "😀b".into(), "\u{fffd}".into(), "".into()], "\u{fffd}"));
    }

    #[test]
    fn check_28_partial_stop_strings_are_held_back() {
        let (texts, rest) = run(&["STOP"], &[b"a ST", b"A", b"R S", b"TO", b"P b"]);
        assert_eq!((texts, rest.as_str()), (vec!["a ".into(), "STA".into(), "R ".into(), "".into(), "".into()], ""));
        let (texts, rest) = run(&["\n\n"], &[b"x\n", b"y", b"\n"]);
        assert_eq!((texts, rest.as_str()), (vec!["x".into(), "\ny".into(), "".into()], "\n"));
    }

    #[test]
    fn the_earliest_of_several_stops_counts() {
        let mut stream = TextStream::new(vec!["cd".into(), "b".into(), "".into()]);
        assert_eq!(stream.push(b"abcd"), Progress { text: "a".into(), stopped: true });
        assert_eq!(stream.push(b"more"), Progress { text: "".into(), stopped: true });
        assert_eq!(stream.finish(), "");
    }

    #[test]
    fn a_stop_may_have_characters_of_many_bytes() {
        let (texts, rest) = run(&["é!"], &["x\u{e9}".as_bytes(), b"?", "\u{e9}".as_bytes(), b"!"]);
        assert_eq!((texts, rest.as_str()), (vec!["x".into(), "é?".into(), "".into(), "".into()], ""));
    }

    #[test]
    fn any_split_gives_the_same_text() {
        let text = "Ein Größenwahn – 😀 ends here END of it".as_bytes();
        for step in 1..text.len() {
            let mut stream = TextStream::new(vec!["END".into(), "ends there".into()]);
            let mut all = String::new();
            for piece in text.chunks(step) {
                all.push_str(&stream.push(piece).text);
            }
            all.push_str(&stream.finish());
            assert_eq!(all, "Ein Größenwahn – 😀 ends here ");
        }
    }
}
