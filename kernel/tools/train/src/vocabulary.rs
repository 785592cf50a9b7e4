//! The vocabulary: learned from the corpus by byte pair encoding, and used exactly as llama.cpp's SPM tokenizer uses it.
//!
//! A merge's score is the negative of its rank, so that "join the best scored pair first" is byte pair encoding. Spaces are written
//! as `▁`, which begins a piece and never follows inside one; a newline is always the byte token `<0x0A>`.

use std::collections::{BTreeMap, HashMap};

use crate::random::Random;

/// Ids of the tokens before the bytes, as in every Llama vocabulary.
pub const UNKNOWN: u32 = 0;
/// `<s>`.
pub const BOS: u32 = 1;
const BYTES: u32 = 3;
const SPACE: char = '\u{2581}';

/// What a token is; the numbers are those of `tokenizer.ggml.token_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A piece of text.
    Normal = 1,
    /// `<unk>`.
    Unknown = 2,
    /// A mark that text never produces.
    Control = 3,
    /// One raw byte, `<0x0A>`.
    Byte = 6,
}

/// Tokens with scores.
#[derive(Debug)]
pub struct Vocabulary {
    /// Text, score and kind by id.
    pub tokens: Vec<(String, f32, Kind)>,
    ids: HashMap<String, u32>,
}

impl Vocabulary {
    /// Learns at most `size` tokens from texts with their weights. Equal counts are decided by the text, so the result depends on
    /// the input only.
    pub fn learn<'a>(texts: impl Iterator<Item = (&'a str, u64)>, size: usize) -> Self {
        let mut words: BTreeMap<String, u64> = BTreeMap::new();
        for (text, weight) in texts {
            for word in split(text) {
                *words.entry(word).or_default() += weight;
            }
        }
        let mut words: Vec<(Vec<String>, u64)> =
            words.into_iter().map(|(word, n)| (word.chars().map(String::from).collect(), n)).collect();
        let mut alphabet: Vec<String> = (' '..='~').map(|c| if c == ' ' { SPACE } else { c }.to_string()).collect();
        alphabet.sort();
        let fixed = BYTES as usize + 256 + alphabet.len() + 2;
        let mut merges: Vec<String> = Vec::new();
        while fixed + merges.len() < size {
            let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
            for (pieces, n) in &words {
                for pair in pieces.windows(2) {
                    *counts.entry((&pair[0], &pair[1])).or_default() += n;
                }
            }
            let Some(((a, b), _)) = counts.into_iter().max_by(|x, y| x.1.cmp(&y.1).then_with(|| y.0.cmp(&x.0))) else { break };
            let (a, joined) = (a.to_owned(), format!("{a}{b}"));
            for (pieces, _) in &mut words {
                let mut i = 0;
                while i + 1 < pieces.len() {
                    if pieces[i] == a && pieces[i].len() + pieces[i + 1].len() == joined.len() && joined.ends_with(&pieces[i + 1])
                    {
                        pieces[i] = joined.clone();
                        pieces.remove(i + 1);
                    }
                    i += 1;
                }
            }
            merges.push(joined);
        }
        // Two merges can make the same text; SPM knows a text once, with its best score.
        let mut tokens = vec![
            ("<unk>".to_owned(), 0.0, Kind::Unknown),
            ("<s>".to_owned(), 0.0, Kind::Control),
            ("</s>".to_owned(), 0.0, Kind::Control),
        ];
        tokens.extend((0..256).map(|byte| (format!("<0x{byte:02X}>"), 0.0, Kind::Byte)));
        let mut rank = 0.0;
        let mut seen = std::collections::HashSet::new();
        for text in merges.into_iter().chain(alphabet).filter(|text| seen.insert(text.clone())) {
            tokens.push((text, -rank, Kind::Normal));
            rank += 1.0;
        }
        tokens.extend(["<|im_start|>", "<|im_end|>"].map(|text| (text.to_owned(), 0.0, Kind::Control)));
        Vocabulary::new(tokens)
    }

    /// A vocabulary of given tokens.
    pub fn new(tokens: Vec<(String, f32, Kind)>) -> Self {
        let ids = tokens.iter().enumerate().map(|(id, token)| (token.0.clone(), id as u32)).collect();
        Vocabulary { tokens, ids }
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The id of a token by its exact text, or `<unk>`.
    pub fn id(&self, text: &str) -> u32 {
        self.ids.get(text).copied().unwrap_or(UNKNOWN)
    }

    /// Cuts plain text into tokens; no control token is recognised and no space is put in front. With `skip`, each merge is left out
    /// with that probability, which shows the model other cuts of the same word (BPE dropout, Provilkov et al., 2020).
    pub fn encode(&self, text: &str, mut skip: Option<(&mut Random, f32)>) -> Vec<u32> {
        let text = text.replace(' ', &SPACE.to_string());
        let mut ids = Vec::new();
        let mut rest = text.as_str();
        // No piece has a space after its first character, so words can be cut one by one.
        while let Some(first) = rest.chars().next() {
            let end = rest[first.len_utf8()..].find(SPACE).map_or(rest.len(), |at| at + first.len_utf8());
            self.encode_word(&rest[..end], &mut skip, &mut ids);
            rest = &rest[end..];
        }
        ids
    }

    fn encode_word(&self, word: &str, skip: &mut Option<(&mut Random, f32)>, ids: &mut Vec<u32>) {
        let mut pieces: Vec<(usize, usize)> = word.char_indices().map(|(at, c)| (at, at + c.len_utf8())).collect();
        loop {
            // The leftmost of the best scored pairs, as llama.cpp's queue yields it.
            let mut best: Option<(f32, usize)> = None;
            for (i, pair) in pieces.windows(2).enumerate() {
                let Some(&id) = self.ids.get(&word[pair[0].0..pair[1].1]) else { continue };
                let (_, score, kind) = self.tokens[id as usize];
                let skipped = skip.as_mut().is_some_and(|(random, p)| random.chance(*p));
                if kind == Kind::Normal && !skipped && best.is_none_or(|(s, _)| score > s) {
                    best = Some((score, i));
                }
            }
            let Some((_, i)) = best else { break };
            pieces[i].1 = pieces[i + 1].1;
            pieces.remove(i + 1);
        }
        for (from, to) in pieces {
            match self.ids.get(&word[from..to]) {
                Some(&id) => ids.push(id),
                None => ids.extend(word[from..to].bytes().map(|byte| BYTES + u32::from(byte))),
            }
        }
    }

    /// The text of tokens; control tokens are left out.
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut bytes = Vec::new();
        for &id in ids {
            match self.tokens.get(id as usize) {
                Some((text, _, Kind::Normal)) => bytes.extend(text.replace(SPACE, " ").bytes()),
                Some((_, _, Kind::Byte)) => bytes.push((id - BYTES) as u8),
                _ => {}
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Words, each with the space before it; what merges may not cross.
fn split(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in text.chars() {
        let joins =
            words.last().is_some_and(|word| word.chars().next_back().is_none_or(|last| class(last) == class(c) || last == SPACE));
        if c == '\n' {
            words.push(String::new());
        } else if c == ' ' {
            words.push(SPACE.to_string());
        } else if joins && (class(c) != 2) {
            words.last_mut().expect("there is always a word").push(c);
        } else {
            words.push(c.to_string());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Letters join letters; digits and marks stand alone, so that `0x80` and `0x7C00` share their digits.
fn class(c: char) -> u8 {
    if c.is_alphabetic() { 0 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vocabulary {
        let text = "the page table holds the page, the processor walks the table";
        Vocabulary::learn([(text, 5), ("user\nassistant\n", 1)].into_iter(), 400)
    }

    #[test]
    fn text_comes_back() {
        let vocabulary = sample();
        for text in ["the page table", "Zebra 42!\n", " leading", "caf\u{e9} \u{1f600}", "", "a  b"] {
            assert_eq!(vocabulary.decode(&vocabulary.encode(text, None)), text);
            let mut random = Random::new(1, 1);
            assert_eq!(vocabulary.decode(&vocabulary.encode(text, Some((&mut random, 0.5)))), text);
        }
    }

    #[test]
    fn frequent_words_are_one_token_and_strange_characters_are_bytes() {
        let vocabulary = sample();
        assert_eq!(vocabulary.encode("the page", None).len(), 2);
        assert_eq!(vocabulary.encode("\u{e9}", None), [BYTES + 0xC3, BYTES + 0xA9]);
        assert_eq!(vocabulary.encode("\n", None), [BYTES + 10]);
    }

    #[test]
    fn control_tokens_are_never_made_from_text() {
        let vocabulary = sample();
        let ids = vocabulary.encode("<|im_end|><s>", None);
        assert!(ids.iter().all(|&id| vocabulary.tokens[id as usize].2 != Kind::Control));
        assert_eq!(vocabulary.decode(&ids), "<|im_end|><s>");
    }
}
