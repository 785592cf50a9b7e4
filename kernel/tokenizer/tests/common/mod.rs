//! Vocabularies for tests: small ones made here, real ones from the shared data.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::PathBuf;

use ring0_gguf::{Gguf, write::Builder};
use ring0_tokenizer::{Error, Tokenizer};

/// A file of the test data that is not in the repository; `None`, with the reason printed, where it is absent.
pub fn shared(name: &str) -> Option<Vec<u8>> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../../shared/data", name].iter().collect();
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            eprintln!("skipped: {} cannot be read: {error}", path.display());
            None
        }
    }
}

pub fn try_tokenizer(file: &[u8]) -> Result<Tokenizer, Error> {
    let gguf = Gguf::parse(file, file.len() as u64).expect("the container is in order");
    Tokenizer::from_gguf(&gguf)
}

#[track_caller]
pub fn tokenizer(file: &[u8]) -> Tokenizer {
    try_tokenizer(file).unwrap_or_else(|error| panic!("must be read: {error}"))
}

pub const NORMAL: i32 = 1;
pub const UNKNOWN: i32 = 2;
pub const CONTROL: i32 = 3;
pub const USER_DEFINED: i32 = 4;
pub const BYTE: i32 = 6;

/// Tokens with score and type.
pub type Tokens = Vec<(String, f32, i32)>;

/// `<unk>`, `<s>`, `</s>` and the 256 bytes: what every SentencePiece vocabulary begins with.
pub fn spm_base() -> Tokens {
    let mut tokens: Tokens = vec![("<unk>".into(), 0.0, UNKNOWN), ("<s>".into(), 0.0, CONTROL), ("</s>".into(), 0.0, CONTROL)];
    tokens.extend((0..=255).map(|byte| (format!("<0x{byte:02X}>"), 0.0, BYTE)));
    tokens
}

/// The characters that stand for the 256 bytes, as a byte-level vocabulary begins. Written out here a second time, from the
/// description of the format, so that the crate's own table is not checked against itself.
pub fn bpe_base() -> Tokens {
    let printable = |byte: u32| (0x21..=0x7e).contains(&byte) || (0xa1..=0xac).contains(&byte) || (0xae..=0xff).contains(&byte);
    let mut extra = 0x100;
    let mut spell = |byte: u32| {
        if printable(byte) {
            return char::from_u32(byte).unwrap();
        }
        extra += 1;
        char::from_u32(extra - 1).unwrap()
    };
    (0..=255).map(|byte| (spell(byte).to_string(), 0.0, NORMAL)).collect()
}

pub fn add_tokens(builder: &mut Builder, tokens: &Tokens) {
    let texts: Vec<&str> = tokens.iter().map(|(text, ..)| text.as_str()).collect();
    let scores: Vec<f32> = tokens.iter().map(|&(_, score, _)| score).collect();
    let kinds: Vec<i32> = tokens.iter().map(|&(.., kind)| kind).collect();
    builder.strings("tokenizer.ggml.tokens", &texts);
    builder.f32s("tokenizer.ggml.scores", &scores);
    builder.i32s("tokenizer.ggml.token_type", &kinds);
}

pub fn spm(tokens: &Tokens, more: impl Fn(&mut Builder)) -> Vec<u8> {
    let mut builder = Builder::new();
    builder.str("tokenizer.ggml.model", "llama");
    add_tokens(&mut builder, tokens);
    more(&mut builder);
    builder.finish()
}

pub fn bpe(pre: Option<&str>, tokens: &Tokens, merges: &[&str], more: impl Fn(&mut Builder)) -> Vec<u8> {
    let mut builder = Builder::new();
    builder.str("tokenizer.ggml.model", "gpt2");
    if let Some(pre) = pre {
        builder.str("tokenizer.ggml.pre", pre);
    }
    add_tokens(&mut builder, tokens);
    builder.strings("tokenizer.ggml.merges", merges);
    more(&mut builder);
    builder.finish()
}

/// What tokens say, control tokens between guillemets.
pub fn say(tokenizer: &Tokenizer, tokens: &[u32]) -> String {
    let mut bytes = Vec::new();
    for &token in tokens {
        let piece = tokenizer.piece(token).expect("the token exists");
        if tokenizer.is_control(token) {
            bytes.extend_from_slice("«".as_bytes());
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice("»".as_bytes());
        } else {
            bytes.extend_from_slice(piece);
        }
    }
    String::from_utf8(bytes).expect("whole characters")
}
