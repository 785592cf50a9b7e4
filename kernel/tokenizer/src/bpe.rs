//! Byte-level BPE: the text is split into words, and in each word neighbours are merged in the order of the merge list.

use alloc::collections::BinaryHeap;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

use hashbrown::HashMap;
use ring0_gguf::{Gguf, ValueType};

use crate::bytes::byte_to_char;
use crate::error::{Error, Rule, printable};
use crate::split::PreTokenizer;
use crate::vocab::{Vocab, array};

const MERGES: &str = "tokenizer.ggml.merges";

/// What merging two tokens gives.
#[derive(Debug, Clone, Copy)]
struct Merge {
    /// Its place in the list; lower ones come first.
    rank: u32,
    token: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct Bpe {
    merges: HashMap<(u32, u32), Merge>,
    pre: PreTokenizer,
    /// A word that is a token is not put together from its parts.
    whole_words: bool,
}

impl Bpe {
    pub fn from_gguf(gguf: &Gguf<'_>, vocab: &Vocab, pre: PreTokenizer, whole_words: bool) -> Result<Bpe, Error> {
        let list = array(gguf, MERGES, ValueType::String)?.ok_or_else(|| Error::new(MERGES, Rule::Missing))?;
        let mut merges = HashMap::new();
        merges.try_reserve(list.len()).map_err(|_| Error::new(MERGES, Rule::OutOfMemory))?;
        let mut joined = Vec::new();
        for (rank, text) in (0u32..).zip(list.strings().into_iter().flatten()) {
            let (pair, token) = read_merge(vocab, text, &mut joined).map_err(|rule| Error::at(MERGES, rank as usize, rule))?;
            // Of two equal merges the first counts, as in llama.cpp.
            merges.entry(pair).or_insert(Merge { rank, token });
        }
        Ok(Bpe { merges, pre, whole_words })
    }

    /// Appends the tokens of `text`.
    pub fn encode(&self, vocab: &Vocab, unknown: Option<u32>, text: &str, out: &mut Vec<u32>) {
        let mut word = Word::default();
        let mut spelled = String::new();
        self.pre.split(text, &mut |piece| {
            if self.whole_words {
                spelled.clear();
                spelled.extend(piece.bytes().map(byte_to_char));
                if let Some(token) = vocab.find_plain(spelled.as_bytes()) {
                    return out.push(token);
                }
            }
            word.merge(&self.merges, vocab, piece.as_bytes());
            out.extend(word.symbols.iter().filter(|symbol| symbol.alive).filter_map(|symbol| symbol.token.or(unknown)));
        });
    }
}

/// The pair and the token that it becomes. `joined` is scratch.
fn read_merge(vocab: &Vocab, text: &[u8], joined: &mut Vec<u8>) -> Result<((u32, u32), u32), Rule> {
    // The first part may begin with a space in vocabularies that are not byte-level; so it has at least one byte.
    let space = text.iter().skip(1).position(|&byte| byte == b' ').map(|at| at + 1);
    let parts = space.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    let (left, right) = parts.ok_or_else(|| Rule::MergeFormat(printable(text)))?;
    let find = |part: &[u8]| vocab.find_plain(part).ok_or_else(|| Rule::UnknownMerge(printable(part)));
    joined.clear();
    joined.extend_from_slice(left);
    joined.extend_from_slice(right);
    Ok(((find(left)?, find(right)?), find(joined)?))
}

#[derive(Debug)]
struct Symbol {
    /// `None` for a byte that has no token; it merges with nothing.
    token: Option<u32>,
    alive: bool,
    previous: Option<usize>,
    next: Option<usize>,
}

/// One word's symbols, kept so that their memory serves the next word too.
#[derive(Debug, Default)]
struct Word {
    symbols: Vec<Symbol>,
    queue: BinaryHeap<Reverse<Candidate>>,
}

/// A merge that may come about. The order of the fields is the order of merging: by rank, then from left to right.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    rank: u32,
    left: usize,
    right: usize,
    /// What the two symbols were when this was queued.
    tokens: (u32, u32),
}

impl Word {
    fn merge(&mut self, merges: &HashMap<(u32, u32), Merge>, vocab: &Vocab, bytes: &[u8]) {
        self.symbols.clear();
        self.queue.clear();
        for (index, &byte) in bytes.iter().enumerate() {
            let next = (index + 1 < bytes.len()).then_some(index + 1);
            let token = vocab.byte_token(byte);
            self.symbols.push(Symbol { token, alive: true, previous: index.checked_sub(1), next });
        }
        for right in 1..self.symbols.len() {
            self.propose(merges, right - 1, right);
        }
        while let Some(Reverse(candidate)) = self.queue.pop() {
            self.join(merges, &candidate);
        }
    }

    fn token(&self, index: usize) -> Option<u32> {
        self.symbols.get(index).filter(|symbol| symbol.alive)?.token
    }

    fn propose(&mut self, merges: &HashMap<(u32, u32), Merge>, left: usize, right: usize) {
        if let (Some(l), Some(r)) = (self.token(left), self.token(right))
            && let Some(merge) = merges.get(&(l, r))
        {
            self.queue.push(Reverse(Candidate { rank: merge.rank, left, right, tokens: (l, r) }));
        }
    }

    /// Merges the pair if both still are what they were when it was queued.
    fn join(&mut self, merges: &HashMap<(u32, u32), Merge>, candidate: &Candidate) {
        let &Candidate { left, right, tokens, .. } = candidate;
        if self.token(left) != Some(tokens.0) || self.token(right) != Some(tokens.1) {
            return;
        }
        let (Some(merge), Some(next)) = (merges.get(&tokens), self.symbols.get(right).map(|symbol| symbol.next)) else { return };
        if let Some(right) = self.symbols.get_mut(right) {
            right.alive = false;
        }
        let mut previous = None;
        if let Some(left) = self.symbols.get_mut(left) {
            left.token = Some(merge.token);
            left.next = next;
            previous = left.previous;
        }
        if let Some(next) = next.and_then(|next| self.symbols.get_mut(next)) {
            next.previous = Some(left);
        }
        if let Some(previous) = previous {
            self.propose(merges, previous, left);
        }
        if let Some(next) = next {
            self.propose(merges, left, next);
        }
    }
}
