//! SentencePiece's BPE: of all neighbouring pairs that make a token, the one with the highest score is joined, until none is left.

use alloc::collections::BinaryHeap;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::{Ordering, Reverse};

use crate::vocab::Vocab;

/// A stretch of the text that is one symbol so far; empty once it was joined to the one before it. Long prompts have many, so they
/// are small: positions are 32 bits wide.
struct Symbol {
    start: u32,
    len: u32,
    /// The neighbours, by index; [`NONE`] at the ends.
    previous: u32,
    next: u32,
}

const NONE: u32 = u32::MAX;

/// Bytes that are merged in one go. Longer texts are cut, which no context is large enough to notice.
const MOST: usize = 1 << 30;

/// Two neighbours that make a token.
struct Pair {
    score: f32,
    left: u32,
    right: u32,
    /// Length that both have together; if it is another by now, one of them was joined elsewhere.
    len: u32,
}

impl Pair {
    /// The highest score first, and from left to right.
    fn rank(&self, other: &Pair) -> Ordering {
        self.score.total_cmp(&other.score).then(Reverse(self.left).cmp(&Reverse(other.left)))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Pair) -> bool {
        self.rank(other).is_eq()
    }
}
impl Eq for Pair {}
impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Pair) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Pair {
    fn cmp(&self, other: &Pair) -> Ordering {
        self.rank(other)
    }
}

/// Appends the tokens of `text`, in which spaces are `▁` already.
pub(crate) fn encode(vocab: &Vocab, unknown: Option<u32>, text: &str, out: &mut Vec<u32>) {
    let mut rest = text;
    while !rest.is_empty() {
        let most = rest.len().min(MOST);
        // A character has four bytes at most, so one of the last four places is a boundary.
        let cut = (0..4).filter_map(|back| most.checked_sub(back)).find(|&cut| rest.is_char_boundary(cut)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at_checked(cut).unwrap_or((rest, ""));
        encode_piece(vocab, unknown, piece, out);
        rest = after;
    }
}

fn encode_piece(vocab: &Vocab, unknown: Option<u32>, text: &str, out: &mut Vec<u32>) {
    let mut merger = Merger { vocab, text: text.as_bytes(), symbols: symbols(text), queue: BinaryHeap::new() };
    for right in 1..merger.symbols.len() as u32 {
        merger.propose(right - 1, right);
    }
    while let Some(pair) = merger.queue.pop() {
        merger.join(&pair);
    }
    for symbol in merger.symbols.iter().filter(|symbol| symbol.len > 0) {
        let bytes = merger.bytes(symbol.start, symbol.len);
        match vocab.find_plain(bytes) {
            Some(token) => out.push(token),
            None => push_bytes(vocab, unknown, bytes, out),
        }
    }
}

/// A character without a token, byte by byte. Where a byte has none either, the character is one unknown token.
fn push_bytes(vocab: &Vocab, unknown: Option<u32>, bytes: &[u8], out: &mut Vec<u32>) {
    let before = out.len();
    for &byte in bytes {
        match vocab.byte_token(byte) {
            Some(token) => out.push(token),
            None => {
                out.truncate(before);
                out.extend(unknown);
                return;
            }
        }
    }
}

fn symbols(text: &str) -> Vec<Symbol> {
    let symbol = |(index, (start, c)): (u32, (usize, char))| Symbol {
        start: start as u32,
        len: c.len_utf8() as u32,
        previous: index.checked_sub(1).unwrap_or(NONE),
        next: index + 1,
    };
    let mut symbols: Vec<Symbol> = (0..).zip(text.char_indices()).map(symbol).collect();
    if let Some(last) = symbols.last_mut() {
        last.next = NONE;
    }
    symbols
}

struct Merger<'a> {
    vocab: &'a Vocab,
    text: &'a [u8],
    symbols: Vec<Symbol>,
    queue: BinaryHeap<Pair>,
}

impl Merger<'_> {
    fn bytes(&self, start: u32, len: u32) -> &[u8] {
        let start = start as usize;
        self.text.get(start..start + len as usize).unwrap_or_default()
    }

    /// Queues the pair if there are both and they make a token.
    fn propose(&mut self, left: u32, right: u32) {
        let (Some(l), Some(r)) = (self.symbols.get(left as usize), self.symbols.get(right as usize)) else { return };
        let len = l.len + r.len;
        if let Some(token) = self.vocab.find_plain(self.bytes(l.start, len)) {
            self.queue.push(Pair { score: self.vocab.score(token), left, right, len });
        }
    }

    /// Joins the pair if both still are what they were when it was queued.
    fn join(&mut self, pair: &Pair) {
        let symbols = &mut self.symbols;
        let (Some(left), Some(right)) = (symbols.get(pair.left as usize), symbols.get(pair.right as usize)) else { return };
        if left.len == 0 || right.len == 0 || left.len + right.len != pair.len {
            return;
        }
        let (previous, next) = (left.previous, right.next);
        if let Some(right) = symbols.get_mut(pair.right as usize) {
            right.len = 0;
        }
        if let Some(left) = symbols.get_mut(pair.left as usize) {
            left.len = pair.len;
            left.next = next;
        }
        if let Some(next) = symbols.get_mut(next as usize) {
            next.previous = pair.left;
        }
        self.propose(previous, pair.left);
        self.propose(pair.left, next);
    }
}

/// What of a text is given to [`encode`]: spaces written out, one put before it where the model wants one.
pub(crate) fn escape(text: &str, space_before: bool) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 2 + crate::vocab::SPACE.len());
    if space_before {
        escaped.push_str(crate::vocab::SPACE);
    }
    crate::vocab::escape_spaces(text, &mut escaped);
    escaped
}
