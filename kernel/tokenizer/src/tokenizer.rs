//! From text to tokens and back.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use ring0_gguf::Gguf;

use crate::bpe::Bpe;
use crate::error::{Error, Rule, printable};
use crate::special::Specials;
use crate::split::{self, Named, PreTokenizer};
use crate::spm;
use crate::vocab::{Spelling, TokenKind, Vocab};

const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const BOS: &str = "tokenizer.ggml.bos_token_id";
const EOS: &str = "tokenizer.ggml.eos_token_id";
const EOT: &str = "tokenizer.ggml.eot_token_id";
const EOM: &str = "tokenizer.ggml.eom_token_id";
const UNKNOWN: &str = "tokenizer.ggml.unknown_token_id";
const ADD_BOS: &str = "tokenizer.ggml.add_bos_token";
const ADD_EOS: &str = "tokenizer.ggml.add_eos_token";
const ADD_SPACE_PREFIX: &str = "tokenizer.ggml.add_space_prefix";

/// Texts that end an answer in the models that have them, whatever their keys say (llama-vocab.cpp). Where one of them is an
/// ordinary token in the file, that is a mistake of the converter, and it is a control token here.
const END_TEXTS: [&str; 20] = [
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<|return|>",
    "<|call|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<\u{ff5c}end\u{2581}of\u{2581}sentence\u{ff5c}>",
];

#[derive(Debug, Clone)]
enum Kind {
    Spm {
        /// A space goes before text at the beginning and after a special token.
        space_prefix: bool,
    },
    Bpe(Bpe),
}

/// A tokenizer. Owns all that it needs: the file's bytes may go.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    kind: Kind,
    vocab: Vocab,
    /// Control, unknown and user-defined tokens.
    specials: Specials,
    /// Those that plain text is searched for as well.
    user_defined: Specials,
    bos: Option<u32>,
    eos: Option<u32>,
    /// What stands for bytes without a token; never a control token.
    unknown: Option<u32>,
    ends: Vec<u32>,
    add_bos: bool,
    add_eos: bool,
    warnings: Vec<String>,
}

/// A part of a text, and whether control tokens may be in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'t> {
    pub text: &'t str,
    pub parse_special: bool,
}

impl Tokenizer {
    /// Reads and checks the tokenizer's keys.
    pub fn from_gguf(gguf: &Gguf<'_>) -> Result<Tokenizer, Error> {
        let text = |key| gguf.str(key).map_err(|error| Error::container(key, error));
        let mut warnings = Vec::new();
        let spelling = match text(MODEL)? {
            Some("llama") => Spelling::Spm,
            Some("gpt2") => Spelling::ByteLevel,
            Some(other) => return Err(Error::new(MODEL, Rule::UnsupportedModel(printable(other.as_bytes())))),
            None => return Err(Error::new(MODEL, Rule::Missing)),
        };
        let mut vocab = Vocab::from_gguf(gguf, spelling)?;
        let flag = |key, default: bool| match gguf.bool(key) {
            Ok(value) => Ok(value.unwrap_or(default)),
            Err(error) => Err(Error::container(key, error)),
        };
        let (kind, add_bos) = match spelling {
            Spelling::Spm => (Kind::Spm { space_prefix: flag(ADD_SPACE_PREFIX, true)? }, true),
            Spelling::ByteLevel => {
                let Named { pre, whole_words, add_bos } = pre_tokenizer(text(PRE)?, &mut warnings)?;
                (Kind::Bpe(Bpe::from_gguf(gguf, &vocab, pre, whole_words)?), add_bos)
            }
        };
        let (add_bos, add_eos) = (flag(ADD_BOS, add_bos)?, flag(ADD_EOS, false)?);

        let ids = Ids { gguf, tokens: vocab.len() as u64, spm: spelling == Spelling::Spm };
        let (bos, eos, unknown) = (ids.read(BOS, Some(1))?, ids.read(EOS, Some(2))?, ids.read(UNKNOWN, Some(0))?);
        let mut ends: Vec<u32> = [eos, ids.read(EOT, None)?, ids.read(EOM, None)?].into_iter().flatten().collect();
        for text in END_TEXTS {
            if let Some(id) = vocab.find(text.as_bytes()) {
                vocab.make_control(id);
                ends.push(id);
            }
        }
        ends.sort_unstable();
        ends.dedup();
        if add_bos && bos.is_none() {
            return Err(Error::new(ADD_BOS, Rule::NoTokenToAdd(BOS)));
        }
        if add_eos && eos.is_none() {
            return Err(Error::new(ADD_EOS, Rule::NoTokenToAdd(EOS)));
        }
        // Some models name the end of text as the unknown token; but no text may end the text.
        let unknown = unknown.filter(|&unknown| vocab.kind(unknown) != TokenKind::Control);
        if vocab.missing_bytes() > 0 {
            let lost = if unknown.is_some() { "become the unknown token" } else { "are left out" };
            warnings.push(format!("{} of 256 bytes have no token; characters with them {lost}", vocab.missing_bytes()));
        }
        let specials = Specials::new(&vocab, |id| vocab.is_special(id));
        let user_defined = Specials::new(&vocab, |id| vocab.kind(id) == TokenKind::UserDefined);
        Ok(Tokenizer { kind, vocab, specials, user_defined, bos, eos, unknown, ends, add_bos, add_eos, warnings })
    }

    /// The tokens of `text`. `add_special` puts BOS before and EOS after it where the model wants them; with `parse_special`,
    /// control tokens are recognised by their text, otherwise they are text like any other. Takes O(n log n) time.
    pub fn encode(&self, text: &str, add_special: bool, parse_special: bool) -> Vec<u32> {
        let mut out = self.encode_parts(&[Part { text, parse_special }], add_special);
        if add_special && self.add_eos {
            out.extend(self.eos);
        }
        out
    }

    /// The tokens of several parts as if they were one text, but control tokens are recognised only where the part says so.
    pub(crate) fn encode_parts(&self, parts: &[Part<'_>], add_bos: bool) -> Vec<u32> {
        let mut run = Run { tokenizer: self, text: String::new(), after_special: true, out: Vec::new() };
        if add_bos && self.add_bos {
            run.out.extend(self.bos);
        }
        for part in parts {
            let mut rest = part.text;
            if part.parse_special {
                while let Some((before, token, after)) = self.specials.split_first(&self.vocab, rest) {
                    run.text.push_str(before);
                    run.special(token);
                    rest = after;
                }
            }
            run.text.push_str(rest);
        }
        run.flush();
        run.out
    }

    /// The bytes that a token says: `<0x0A>` is a line end, `▁` a space. Control tokens say their own text (see
    /// [`Tokenizer::is_control`]), unused ones nothing. Not always whole characters: see [`crate::Utf8Stream`].
    pub fn piece(&self, token: u32) -> Option<&[u8]> {
        self.vocab.piece(token)
    }

    /// The token of exactly this text as the file spells it.
    pub fn token(&self, text: &str) -> Option<u32> {
        self.vocab.find(text.as_bytes())
    }

    /// Tokens.
    pub fn vocab_len(&self) -> usize {
        self.vocab.len()
    }

    /// The token that begins a text.
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// The token that ends a text.
    pub fn eos(&self) -> Option<u32> {
        self.eos
    }

    /// Whether [`Tokenizer::encode`] begins with BOS when asked to add special tokens.
    pub fn adds_bos(&self) -> bool {
        self.add_bos
    }

    /// Whether a token ends an answer.
    pub fn is_end(&self, token: u32) -> bool {
        self.ends.binary_search(&token).is_ok()
    }

    /// All tokens that end an answer, in ascending order: EOS, the ends of turns and messages, and tokens with a text that is
    /// known to mean one.
    pub fn end_tokens(&self) -> Vec<u32> {
        self.ends.clone()
    }

    /// Whether a token steers the model and is not to be shown.
    pub fn is_control(&self, token: u32) -> bool {
        matches!(self.vocab.kind(token), TokenKind::Control | TokenKind::Unknown)
    }

    /// What a token is for.
    pub fn kind(&self, token: u32) -> TokenKind {
        self.vocab.kind(token)
    }

    /// `SPM` or `BPE`.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Spm { .. } => "SPM",
            Kind::Bpe(_) => "BPE",
        }
    }

    /// What is doubtful about the vocabulary, though it can be used.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

fn pre_tokenizer(name: Option<&str>, warnings: &mut Vec<String>) -> Result<Named, Error> {
    match name {
        Some(name) => split::by_name(name).ok_or_else(|| Error::new(PRE, Rule::UnknownPreTokenizer(printable(name.as_bytes())))),
        None => {
            warnings.push(format!("'{PRE}' is missing: the default is used, and answers may be worse; convert the model again"));
            Ok(Named { pre: PreTokenizer::Default, whole_words: false, add_bos: false })
        }
    }
}

/// Reads the ids of special tokens.
struct Ids<'g, 'a> {
    gguf: &'g Gguf<'a>,
    tokens: u64,
    spm: bool,
}

impl Ids<'_, '_> {
    /// SentencePiece's ids hold where the key is missing, if there is such a token.
    fn read(&self, key: &'static str, spm_default: Option<u32>) -> Result<Option<u32>, Error> {
        match self.gguf.u64(key).map_err(|error| Error::container(key, error))? {
            Some(id) => match u32::try_from(id) {
                Ok(small) if id < self.tokens => Ok(Some(small)),
                _ => Err(Error::new(key, Rule::NoSuchToken { id, tokens: self.tokens })),
            },
            None => Ok(spm_default.filter(|&id| self.spm && u64::from(id) < self.tokens)),
        }
    }
}

/// Tokens so far, and the text that is not tokens yet.
struct Run<'t> {
    tokenizer: &'t Tokenizer,
    text: String,
    /// Nothing but special tokens has come since the last of them, or since the beginning.
    after_special: bool,
    out: Vec<u32>,
}

impl Run<'_> {
    fn special(&mut self, token: u32) {
        self.flush();
        self.push_special(token);
    }

    fn push_special(&mut self, token: u32) {
        self.out.push(token);
        self.after_special = true;
    }

    fn flush(&mut self) {
        let text = core::mem::take(&mut self.text);
        let mut rest = text.as_str();
        while let Some((before, token, after)) = self.tokenizer.user_defined.split_first(&self.tokenizer.vocab, rest) {
            self.plain(before);
            self.push_special(token);
            rest = after;
        }
        self.plain(rest);
        self.text = text;
        self.text.clear();
    }

    fn plain(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let Tokenizer { vocab, unknown, kind, .. } = self.tokenizer;
        match kind {
            Kind::Spm { space_prefix } => {
                let escaped = spm::escape(text, *space_prefix && self.after_special);
                spm::encode(vocab, *unknown, &escaped, &mut self.out);
            }
            Kind::Bpe(bpe) => bpe.encode(vocab, *unknown, text, &mut self.out),
        }
        self.after_special = false;
    }
}
