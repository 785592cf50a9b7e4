//! Finds tokens that are searched for in a text as it is, before anything else is done with it.

use alloc::vec::Vec;

use crate::vocab::Vocab;

/// A set of such tokens. Where several match, the first in the text wins, and the longest of those that begin there.
#[derive(Debug, Clone)]
pub(crate) struct Specials {
    /// Sorted by text, so that all with one beginning are neighbours.
    tokens: Vec<u32>,
    /// Which bytes they begin with: almost always only `<`.
    first: Vec<bool>,
}

impl Specials {
    pub fn new(vocab: &Vocab, wanted: impl Fn(u32) -> bool) -> Specials {
        let mut tokens: Vec<u32> = (0u32..).take(vocab.len()).filter(|&id| wanted(id)).collect();
        tokens.retain(|&id| vocab.text(id).is_some_and(|text| !text.is_empty()));
        tokens.sort_unstable_by_key(|&id| vocab.text(id));
        let mut first = alloc::vec![false; 256];
        for byte in tokens.iter().filter_map(|&id| vocab.text(id)?.first().copied()) {
            if let Some(slot) = first.get_mut(usize::from(byte)) {
                *slot = true;
            }
        }
        Specials { tokens, first }
    }

    /// The first match: what comes before it, the token, and what comes after it.
    pub fn split_first<'t>(&self, vocab: &Vocab, text: &'t str) -> Option<(&'t str, u32, &'t str)> {
        if self.tokens.is_empty() {
            return None;
        }
        for (at, byte) in text.bytes().enumerate() {
            if !self.first.get(usize::from(byte)).copied().unwrap_or(false) {
                continue;
            }
            let rest = text.as_bytes().get(at..).unwrap_or_default();
            // A token that is not UTF-8 could match in the middle of a character; such a match is none.
            if let Some((token, len)) = self.longest_at(vocab, rest)
                && let (Some(before), Some(after)) = (text.get(..at), text.get(at + len..))
            {
                return Some((before, token, after));
            }
        }
        None
    }

    /// The longest token that `text` begins with. At most `MAX_SPECIAL_BYTES` steps.
    fn longest_at(&self, vocab: &Vocab, text: &[u8]) -> Option<(u32, usize)> {
        let mut candidates = self.tokens.as_slice();
        let mut longest = None;
        for (depth, byte) in text.iter().enumerate() {
            let byte_of = |id: &u32| vocab.text(*id).and_then(|text| text.get(depth));
            // Those that end here sort before those that go on.
            let from = candidates.partition_point(|id| byte_of(id) < Some(byte));
            let to = candidates.partition_point(|id| byte_of(id) <= Some(byte));
            candidates = candidates.get(from..to)?;
            let Some(&shortest) = candidates.first() else { break };
            if vocab.text(shortest).is_some_and(|text| text.len() == depth + 1) {
                longest = Some((shortest, depth + 1));
            }
        }
        longest
    }
}
