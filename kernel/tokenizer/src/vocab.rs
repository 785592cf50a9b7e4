//! The vocabulary: each token's text, bytes, kind and score, checked, and found by its text.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use ring0_gguf::{Array, Gguf, Value, ValueType};

use crate::bytes;
use crate::error::{Error, Rule, printable};

/// Tokens that a vocabulary has at most. The largest in use have 256 Ki.
pub const MAX_TOKENS: u64 = 1 << 22;
/// Bytes that a token's text has at most: bounds the time that merging takes.
pub const MAX_TOKEN_BYTES: usize = 4096;
/// The same for tokens that are searched for in the text as it is.
pub const MAX_SPECIAL_BYTES: usize = 512;

const TOKENS: &str = "tokenizer.ggml.tokens";
const SCORES: &str = "tokenizer.ggml.scores";
const TYPES: &str = "tokenizer.ggml.token_type";

/// What a token is for (`llama_token_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Text.
    Normal,
    /// Stands for what the vocabulary cannot say.
    Unknown,
    /// Steers the model; never comes out of plain text.
    Control,
    /// Text that is one token wherever it occurs.
    UserDefined,
    /// Reserved; says nothing.
    Unused,
    /// One byte, for characters without a token.
    Byte,
    /// A type id that llama.cpp does not know either; says nothing.
    Undefined,
}

impl TokenKind {
    fn from_id(id: i32) -> TokenKind {
        match id {
            1 => TokenKind::Normal,
            2 => TokenKind::Unknown,
            3 => TokenKind::Control,
            4 => TokenKind::UserDefined,
            5 => TokenKind::Unused,
            6 => TokenKind::Byte,
            _ => TokenKind::Undefined,
        }
    }
}

/// How texts of tokens are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `▁` is a space.
    Spm,
    /// GPT-2's characters for bytes.
    ByteLevel,
}

/// Byte strings, one after the other in one allocation.
#[derive(Debug, Clone, Default)]
struct Strings {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Strings {
    fn get(&self, index: u32) -> Option<&[u8]> {
        let index = index as usize;
        let end = *self.ends.get(index)? as usize;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |&end| end as usize);
        self.bytes.get(start..end)
    }
    /// Ends the string that was appended to `bytes`. Totals fit: 2^22 tokens of at most 2^12 bytes would be 2^34, so it is checked.
    fn close(&mut self) -> Option<()> {
        self.ends.push(u32::try_from(self.bytes.len()).ok()?);
        Some(())
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Vocab {
    texts: Strings,
    pieces: Strings,
    kinds: Vec<TokenKind>,
    scores: Vec<f32>,
    by_text: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The token of each byte, where there is one.
    byte_tokens: Vec<Option<u32>>,
    longest: usize,
}

impl Vocab {
    pub fn from_gguf(gguf: &Gguf<'_>, spelling: Spelling) -> Result<Vocab, Error> {
        let tokens = array(gguf, TOKENS, ValueType::String)?.ok_or_else(|| Error::new(TOKENS, Rule::Missing))?;
        let count = tokens.len();
        if count == 0 || count as u64 > MAX_TOKENS {
            return Err(Error::new(TOKENS, Rule::TokenCount(count as u64)));
        }
        let kinds = match array(gguf, TYPES, ValueType::I32)? {
            Some(types) => {
                long_enough(TYPES, types, count)?;
                types.iter().take(count).map(|value| TokenKind::from_id(value.as_i64().unwrap_or(0) as i32)).collect()
            }
            None => alloc::vec![TokenKind::Normal; count],
        };
        let mut vocab = Vocab {
            texts: Strings::default(),
            pieces: Strings::default(),
            kinds,
            scores: scores(gguf, count)?,
            by_text: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            byte_tokens: Vec::new(),
            longest: 0,
        };
        vocab.by_text.try_reserve(count, |_| 0).map_err(|_| Error::new(TOKENS, Rule::OutOfMemory))?;
        for (id, text) in (0u32..).zip(tokens.strings().into_iter().flatten()) {
            vocab.add(id, text, spelling).map_err(|rule| Error::at(TOKENS, id as usize, rule))?;
        }
        vocab.find_byte_tokens(spelling)?;
        Ok(vocab)
    }

    fn add(&mut self, id: u32, text: &[u8], spelling: Spelling) -> Result<(), Rule> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(Rule::TokenTooLong(text.len()));
        }
        if self.is_special(id) && text.len() > MAX_SPECIAL_BYTES {
            return Err(Rule::SpecialTooLong(text.len()));
        }
        self.texts.bytes.try_reserve(text.len()).map_err(|_| Rule::OutOfMemory)?;
        self.texts.bytes.extend_from_slice(text);
        self.texts.close().ok_or(Rule::OutOfMemory)?;
        self.add_piece(id, text, spelling)?;
        self.longest = self.longest.max(text.len());
        // Converters leave holes as empty strings; they cannot be found, and are no duplicates of each other.
        if text.is_empty() {
            return Ok(());
        }
        if let Some(first) = self.find(text) {
            return Err(Rule::DuplicateToken { text: printable(text), first: first.into() });
        }
        let (texts, hasher) = (&self.texts, &self.hasher);
        let rehash = |&id: &u32| hasher.hash_one(texts.get(id).unwrap_or_default());
        self.by_text.insert_unique(hasher.hash_one(text), id, rehash);
        Ok(())
    }

    /// What a token says, as bytes.
    fn add_piece(&mut self, id: u32, text: &[u8], spelling: Spelling) -> Result<(), Rule> {
        let out = &mut self.pieces.bytes;
        out.try_reserve(text.len()).map_err(|_| Rule::OutOfMemory)?;
        match (self.kinds.get(id as usize).copied().unwrap_or(TokenKind::Undefined), spelling) {
            (TokenKind::Normal, Spelling::Spm) => unescape_spaces(text, out),
            (TokenKind::Normal, Spelling::ByteLevel) => bytes::decode(text, out),
            (TokenKind::Unknown | TokenKind::Control | TokenKind::UserDefined, _) => out.extend_from_slice(text),
            (TokenKind::Byte, _) => out.push(parse_byte_token(text).ok_or_else(|| Rule::ByteToken(printable(text)))?),
            (TokenKind::Unused | TokenKind::Undefined, _) => {}
        }
        self.pieces.close().ok_or(Rule::OutOfMemory)
    }

    /// SPM: the byte token, or by its text `<0x41>`, or `A` itself. Byte level: the character that stands for the byte.
    fn find_byte_tokens(&mut self, spelling: Spelling) -> Result<(), Error> {
        let mut declared = [None; 256];
        for (id, _) in (0u32..).zip(&self.kinds).filter(|&(_, &kind)| kind == TokenKind::Byte) {
            let byte = self.piece(id).and_then(|piece| piece.first()).copied().unwrap_or(0);
            if let Some(slot) = declared.get_mut(usize::from(byte))
                && let Some(first) = slot.replace(id)
            {
                return Err(Error::at(TOKENS, id as usize, Rule::DuplicateByte { byte, first: first.into() }));
            }
        }
        let find = |(byte, declared): (u8, Option<u32>)| match spelling {
            Spelling::Spm => {
                declared.or_else(|| self.find_plain(format!("<0x{byte:02X}>").as_bytes())).or_else(|| self.find_plain(&[byte]))
            }
            Spelling::ByteLevel => self.find_plain(bytes::byte_to_char(byte).encode_utf8(&mut [0; 4]).as_bytes()).or(declared),
        };
        self.byte_tokens = (0..=255).zip(declared).map(find).collect();
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    pub fn text(&self, id: u32) -> Option<&[u8]> {
        self.texts.get(id)
    }

    pub fn piece(&self, id: u32) -> Option<&[u8]> {
        self.pieces.get(id)
    }

    pub fn kind(&self, id: u32) -> TokenKind {
        self.kinds.get(id as usize).copied().unwrap_or(TokenKind::Undefined)
    }

    pub fn make_control(&mut self, id: u32) {
        if let Some(kind) = self.kinds.get_mut(id as usize) {
            *kind = TokenKind::Control;
        }
    }

    pub fn score(&self, id: u32) -> f32 {
        self.scores.get(id as usize).copied().unwrap_or(0.0)
    }

    /// Whether the token is searched for in texts as they are.
    pub fn is_special(&self, id: u32) -> bool {
        matches!(self.kind(id), TokenKind::Control | TokenKind::UserDefined | TokenKind::Unknown)
    }

    /// The token of this text, whatever its kind.
    pub fn find(&self, text: &[u8]) -> Option<u32> {
        if text.len() > self.longest {
            return None;
        }
        self.by_text.find(self.hasher.hash_one(text), |&id| self.text(id) == Some(text)).copied()
    }

    /// The token of this text, if plain text may become it.
    pub fn find_plain(&self, text: &[u8]) -> Option<u32> {
        let plain = |&id: &u32| !matches!(self.kind(id), TokenKind::Control | TokenKind::Unknown | TokenKind::Byte);
        self.find(text).filter(plain)
    }

    pub fn byte_token(&self, byte: u8) -> Option<u32> {
        self.byte_tokens.get(usize::from(byte)).copied().flatten()
    }

    /// Bytes without a token of their own.
    pub fn missing_bytes(&self) -> usize {
        self.byte_tokens.iter().filter(|token| token.is_none()).count()
    }
}

/// An array of this element type; absent is `None`.
pub(crate) fn array<'a>(gguf: &Gguf<'a>, key: &'static str, element: ValueType) -> Result<Option<Array<'a>>, Error> {
    gguf.array(key, element).map_err(|error| Error::container(key, error))
}

fn long_enough(key: &'static str, array: Array<'_>, tokens: usize) -> Result<(), Error> {
    if array.len() < tokens {
        return Err(Error::new(key, Rule::TooShort { found: array.len() as u64, tokens: tokens as u64 }));
    }
    Ok(())
}

/// Floats, or integers as some converters write; without any, all tokens are alike.
fn scores(gguf: &Gguf<'_>, count: usize) -> Result<Vec<f32>, Error> {
    let is_integers = |value: Value<'_>| value.as_array().is_some_and(|array| array.element_type() == ValueType::I32);
    let element = if gguf.get(SCORES).is_some_and(is_integers) { ValueType::I32 } else { ValueType::F32 };
    let Some(scores) = array(gguf, SCORES, element)? else { return Ok(alloc::vec![0.0; count]) };
    long_enough(SCORES, scores, count)?;
    let score = |(index, value): (usize, Value<'_>)| {
        let score = value.as_f32().or_else(|| value.as_i64().map(|score| score as f32)).unwrap_or(f32::NAN);
        if score.is_nan() { Err(Error::at(SCORES, index, Rule::Score)) } else { Ok(score) }
    };
    scores.iter().take(count).enumerate().map(score).collect()
}

/// The byte of `<0x41>`; nothing else will do.
fn parse_byte_token(text: &[u8]) -> Option<u8> {
    match text {
        [b'<', b'0', b'x', high, low, b'>'] => {
            let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            Some(digit(high)? << 4 | digit(low)?)
        }
        _ => None,
    }
}

/// `▁` in UTF-8.
pub(crate) const SPACE: &str = "\u{2581}";

fn unescape_spaces(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some((&first, rest)) = text.split_first() {
        if let Some(rest) = text.strip_prefix(SPACE.as_bytes()) {
            out.push(b' ');
            text = rest;
        } else {
            out.push(first);
            text = rest;
        }
    }
}

/// `text` with `▁` for each space.
pub(crate) fn escape_spaces(text: &str, out: &mut String) {
    for c in text.chars() {
        if c == ' ' { out.push_str(SPACE) } else { out.push(c) }
    }
}
