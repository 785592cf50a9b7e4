//! Vocabularies that must be refused, each with the key and element that is wrong; and texts that must not take long.

mod common;

use common::*;
use ring0_gguf::write::Builder;
use ring0_tokenizer::{Error, MAX_SPECIAL_BYTES, MAX_TOKEN_BYTES, Rule};

#[track_caller]
fn refusal(file: &[u8], key: &str, index: Option<u64>) -> Error {
    let error = try_tokenizer(file).expect_err("must be refused");
    assert_eq!((error.key, error.index), (key, index), "{error}");
    error
}

fn tokens(texts: &[(&str, i32)]) -> Tokens {
    texts.iter().map(|&(text, kind)| (text.into(), 0.0, kind)).collect()
}

#[test]
fn without_its_keys() {
    refusal(&Builder::new().finish(), "tokenizer.ggml.model", None);
    let mut builder = Builder::new();
    builder.str("tokenizer.ggml.model", "llama");
    assert_eq!(refusal(&builder.finish(), "tokenizer.ggml.tokens", None).rule, Rule::Missing);
    builder.strings("tokenizer.ggml.tokens", &[""; 0]);
    assert_eq!(refusal(&builder.finish(), "tokenizer.ggml.tokens", None).rule, Rule::TokenCount(0));
    let mut builder = Builder::new();
    builder.str("tokenizer.ggml.model", "gpt2").strings("tokenizer.ggml.tokens", &["a"]);
    assert_eq!(refusal(&builder.finish(), "tokenizer.ggml.merges", None).rule, Rule::Missing);
}

#[test]
fn of_another_kind() {
    let mut builder = Builder::new();
    builder.str("tokenizer.ggml.model", "t5");
    let error = refusal(&builder.finish(), "tokenizer.ggml.model", None);
    assert!(error.to_string().contains("tokenizer 't5' is not supported"), "{error}");
    let file = bpe(Some("tekken"), &bpe_base(), &[], |_| {});
    let error = refusal(&file, "tokenizer.ggml.pre", None);
    assert!(error.to_string().contains("pre-tokenizer 'tekken' is not known"), "{error}");
}

#[test]
fn with_keys_of_the_wrong_type() {
    let mut builder = Builder::new();
    builder.u32("tokenizer.ggml.model", 1);
    let error = refusal(&builder.finish(), "tokenizer.ggml.model", None);
    assert_eq!(error.to_string(), "offset 0x18: key 'tokenizer.ggml.model': the value is u32 and must be a string in UTF-8");
    let mut builder = Builder::new();
    builder.str("tokenizer.ggml.model", "llama").f32s("tokenizer.ggml.tokens", &[1.0]);
    refusal(&builder.finish(), "tokenizer.ggml.tokens", None);
    refusal(&spm(&spm_base(), |b| _ = b.u32("tokenizer.ggml.add_bos_token", 1)), "tokenizer.ggml.add_bos_token", None);
    refusal(&spm(&spm_base(), |b| _ = b.str("tokenizer.ggml.eos_token_id", "2")), "tokenizer.ggml.eos_token_id", None);
}

#[test]
fn scores_and_types_shorter_than_tokens() {
    let base = |builder: &mut Builder| {
        builder.str("tokenizer.ggml.model", "llama").strings("tokenizer.ggml.tokens", &["<unk>", "a", "b"]);
    };
    let mut builder = Builder::new();
    base(&mut builder);
    builder.f32s("tokenizer.ggml.scores", &[0.0, 1.0]);
    let rule = Rule::TooShort { found: 2, tokens: 3 };
    assert_eq!(refusal(&builder.finish(), "tokenizer.ggml.scores", None).rule, rule);
    let mut builder = Builder::new();
    base(&mut builder);
    builder.i32s("tokenizer.ggml.token_type", &[1, 1]);
    assert_eq!(refusal(&builder.finish(), "tokenizer.ggml.token_type", None).rule, rule);
}

#[test]
fn scores_that_are_not_numbers() {
    let mut tokens = spm_base();
    tokens[7].1 = f32::NAN;
    assert_eq!(refusal(&spm(&tokens, |_| {}), "tokenizer.ggml.scores", Some(7)).rule, Rule::Score);
}

#[test]
fn special_ids_outside_the_vocabulary() {
    for key in [
        "tokenizer.ggml.bos_token_id",
        "tokenizer.ggml.eos_token_id",
        "tokenizer.ggml.eot_token_id",
        "tokenizer.ggml.eom_token_id",
        "tokenizer.ggml.unknown_token_id",
    ] {
        for id in [259, u32::MAX] {
            let error = refusal(&spm(&spm_base(), |b| _ = b.u32(key, id)), key, None);
            assert_eq!(error.rule, Rule::NoSuchToken { id: id.into(), tokens: 259 });
        }
    }
    let file = bpe(Some("gpt-2"), &bpe_base(), &[], |b| _ = b.bool("tokenizer.ggml.add_bos_token", true));
    let error = refusal(&file, "tokenizer.ggml.add_bos_token", None);
    assert_eq!(error.rule, Rule::NoTokenToAdd("tokenizer.ggml.bos_token_id"));
}

#[test]
fn byte_tokens_that_are_none() {
    for text in ["<0x-1>", "<0x100>", "<0xG0>", "<0x1>", "0x41", "<0x+1>", "<0X41>"] {
        let file = spm(&tokens(&[("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL), (text, BYTE)]), |_| {});
        let error = refusal(&file, "tokenizer.ggml.tokens", Some(3));
        assert_eq!(error.rule, Rule::ByteToken(text.into()));
    }
    let file = spm(&tokens(&[("<unk>", UNKNOWN), ("<s>", CONTROL), ("<0x0a>", BYTE), ("<0x0A>", BYTE)]), |_| {});
    assert_eq!(refusal(&file, "tokenizer.ggml.tokens", Some(3)).rule, Rule::DuplicateByte { byte: 10, first: 2 });
}

#[test]
fn duplicate_tokens() {
    let mut tokens = spm_base();
    tokens.push(("<0x41>".into(), 0.0, NORMAL));
    let error = refusal(&spm(&tokens, |_| {}), "tokenizer.ggml.tokens", Some(259));
    assert_eq!(error.to_string(), "key 'tokenizer.ggml.tokens'[259]: '<0x41>' is token 68 already");
    // Holes are not: converters leave several of them.
    let mut tokens = spm_base();
    tokens.extend([(String::new(), 0.0, 5), (String::new(), 0.0, CONTROL), ("x".into(), 0.0, NORMAL)]);
    let tokenizer = tokenizer(&spm(&tokens, |_| {}));
    assert_eq!(tokenizer.encode("\u{0}", false, true).len(), 4, "▁ in three bytes, and the zero");
}

#[test]
fn tokens_of_absurd_length() {
    let file = spm(&vec![("x".repeat(MAX_TOKEN_BYTES + 1), 0.0, NORMAL)], |_| {});
    assert_eq!(refusal(&file, "tokenizer.ggml.tokens", Some(0)).rule, Rule::TokenTooLong(MAX_TOKEN_BYTES + 1));
    let file = spm(&vec![("x".repeat(MAX_SPECIAL_BYTES + 1), 0.0, CONTROL)], |_| {});
    assert_eq!(refusal(&file, "tokenizer.ggml.tokens", Some(0)).rule, Rule::SpecialTooLong(MAX_SPECIAL_BYTES + 1));
}

#[test]
fn merges_of_nothing() {
    for (merge, rule) in [
        ("ab", Rule::MergeFormat("ab".into())),
        ("", Rule::MergeFormat("".into())),
        (" ", Rule::MergeFormat(" ".into())),
        ("a ", Rule::UnknownMerge("".into())),
        ("a qq", Rule::UnknownMerge("qq".into())),
        ("qq a", Rule::UnknownMerge("qq".into())),
        ("a b", Rule::UnknownMerge("ab".into())),
    ] {
        let file = bpe(Some("gpt-2"), &bpe_base(), &["t h", merge], |_| {});
        // "t h" alone makes "th", which has to be a token.
        let mut tokens = bpe_base();
        tokens.push(("th".into(), 0.0, NORMAL));
        assert_eq!(refusal(&file, "tokenizer.ggml.merges", Some(0)).rule, Rule::UnknownMerge("th".into()));
        let file = bpe(Some("gpt-2"), &tokens, &["t h", merge], |_| {});
        assert_eq!(refusal(&file, "tokenizer.ggml.merges", Some(1)).rule, rule);
    }
    // A merge may not make a control token either.
    let mut tokens = bpe_base();
    tokens.push(("ab".into(), 0.0, CONTROL));
    let file = bpe(Some("gpt-2"), &tokens, &["a b"], |_| {});
    assert_eq!(refusal(&file, "tokenizer.ggml.merges", Some(0)).rule, Rule::UnknownMerge("ab".into()));
}

#[test]
fn tokens_that_are_not_utf8_are_tokens() {
    let mut builder = Builder::new();
    builder.str("tokenizer.ggml.model", "llama");
    builder.strings::<&[u8]>("tokenizer.ggml.tokens", &[b"<unk>", b"\xff\xfe", b"\xe2\x96", b"a\xe2\x96\x81b", b"\xa9"]);
    builder.i32s("tokenizer.ggml.token_type", &[UNKNOWN, NORMAL, CONTROL, NORMAL, USER_DEFINED]);
    let tokenizer = tokenizer(&builder.finish());
    assert_eq!(tokenizer.piece(1), Some(&b"\xff\xfe"[..]));
    assert_eq!(tokenizer.piece(3), Some(&b"a b"[..]));
    // "é" is C3 A9: the user-defined A9 must not tear it apart.
    assert_eq!(tokenizer.encode("é", false, true), [0, 0]);
}

/// Long texts of the worst kind. There is no clock here: quadratic work would keep the test from ending.
#[test]
fn long_texts_end() {
    let long = 1 << 16;
    let mut spm_tokens = spm_base();
    let mut bpe_tokens = bpe_base();
    let mut merges = Vec::new();
    for power in 1..12 {
        spm_tokens.push(("a".repeat(1 << power), -(power as f32), NORMAL));
        bpe_tokens.push(("a".repeat(1 << power), 0.0, NORMAL));
        let half = "a".repeat(1 << (power - 1));
        merges.push(format!("{half} {half}"));
    }
    spm_tokens.push(("a".into(), -20.0, NORMAL));
    for i in 1..=100 {
        spm_tokens.push(("<".repeat(i * 5), 0.0, CONTROL));
        bpe_tokens.push(("<".repeat(i * 5), 0.0, CONTROL));
    }
    let merges: Vec<&str> = merges.iter().map(String::as_str).collect();
    let spm = tokenizer(&spm(&spm_tokens, |b| _ = b.bool("tokenizer.ggml.add_space_prefix", false)));
    assert_eq!(spm.encode(&"a".repeat(long), false, true), vec![spm.token(&"a".repeat(1 << 11)).unwrap(); long >> 11]);
    assert_eq!(spm.encode(&"<".repeat(4999), false, true).len(), 9 + 1 + 4, "nine of 500, one of 495, and four bytes");
    for pre in ["gpt-2", "llama-bpe", "qwen2", "smollm", "default"] {
        let file = bpe(Some(pre), &bpe_tokens, &merges, |b| _ = b.bool("tokenizer.ggml.add_bos_token", false));
        let bpe = tokenizer(&file);
        let whole = bpe.encode(&"a".repeat(long), false, true);
        assert_eq!(whole, vec![bpe.token(&"a".repeat(1 << 11)).unwrap(); long >> 11]);
        for unit in ["1", " ", "\n", "!", "é", "'s", "<", "\u{3000}\n", "🦙", "a1 "] {
            let text = unit.repeat(long / 4);
            let tokens = bpe.encode(&text, false, false);
            assert_eq!(say(&bpe, &tokens), text, "{pre}: {unit:?}");
        }
    }
}
