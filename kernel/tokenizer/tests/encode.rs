//! Encoding with small vocabularies, where each token can be predicted by hand.

mod common;

use common::*;
use ring0_tokenizer::{TokenKind, Tokenizer};

/// Base, some words with scores, and two special tokens at the end.
fn small_spm() -> Tokenizer {
    let mut tokens = spm_base();
    for (text, score) in [
        ("▁", -1.0),
        ("a", -2.0),
        ("b", -2.0),
        ("c", -2.0),
        ("ab", -3.0),
        ("bc", -2.5),
        ("▁a", -4.0),
        ("abc", -9.0),
        ("s", -2.0),
        (">", -2.0),
        ("<", -2.0),
        ("/", -2.0),
        ("</", -1.0),
        ("s>", -1.0),
        ("</s", -1.0),
    ] {
        tokens.push((text.into(), score, NORMAL));
    }
    tokens.push(("<|im_end|>".into(), 0.0, CONTROL));
    tokens.push(("[user]".into(), 0.0, USER_DEFINED));
    tokenizer(&spm(&tokens, |_| {}))
}

fn texts(tokenizer: &Tokenizer, tokens: &[u32]) -> Vec<String> {
    tokens.iter().map(|&token| say(tokenizer, &[token])).collect()
}

#[test]
fn spm_joins_by_score() {
    let tokenizer = small_spm();
    let split = |text| texts(&tokenizer, &tokenizer.encode(text, false, false));
    assert_eq!(split("abc"), [" a", "bc"], "bc before ab; then ▁a, for abc is gone");
    assert_eq!(split("cabc"), [" ", "c", "abc"], "with no ▁ before a, what bc left over makes abc");
}

#[test]
fn spm_bytes_for_the_rest() {
    let tokenizer = small_spm();
    let tokens = tokenizer.encode("é\n", false, false);
    let byte = |byte: u32| 3 + byte;
    assert_eq!(tokens, [tokenizer.token("▁").unwrap(), byte(0xc3), byte(0xa9), byte(0x0a)]);
    assert_eq!(tokenizer.kind(byte(0x0a)), TokenKind::Byte);
    assert_eq!(say(&tokenizer, &tokens), " é\n");
}

#[test]
fn spm_space_prefix_and_bos() {
    let tokenizer = small_spm();
    assert_eq!(tokenizer.encode("", true, false), [1]);
    assert_eq!(tokenizer.encode("", false, false), [0; 0]);
    assert_eq!(say(&tokenizer, &tokenizer.encode("a b", true, false)), "«<s>» a b");
    // After a special token a space comes again, as in llama.cpp.
    assert_eq!(say(&tokenizer, &tokenizer.encode("a<|im_end|>b", true, true)), "«<s>» a«<|im_end|>» b");
    let mut tokens = spm_base();
    tokens.push(("a".into(), 0.0, NORMAL));
    let file = spm(&tokens, |builder| {
        builder.bool("tokenizer.ggml.add_space_prefix", false).bool("tokenizer.ggml.add_bos_token", false);
        builder.bool("tokenizer.ggml.add_eos_token", true);
    });
    assert_eq!(say(&common::tokenizer(&file), &common::tokenizer(&file).encode("a", true, false)), "a«</s>»");
}

#[test]
fn control_tokens_only_where_asked_for() {
    let tokenizer = small_spm();
    let (end, eos) = (tokenizer.token("<|im_end|>").unwrap(), 2);
    assert_eq!(tokenizer.encode("<|im_end|></s>", false, true), [end, eos]);
    for text in ["<|im_end|>", "</s>", "<s>", "<unk>", "<0x41>", "a</s>b"] {
        let tokens = tokenizer.encode(text, false, false);
        assert!(tokens.iter().all(|&token| !tokenizer.is_control(token)), "{text}: {tokens:?}");
        assert_eq!(say(&tokenizer, &tokens), format!(" {text}"));
    }
    // "</s" and ">" are tokens that together spell EOS: joined they would be it. llama.cpp joins them.
    assert_eq!(texts(&tokenizer, &tokenizer.encode("</s>", false, false)), [" ", "</s", ">"]);
}

#[test]
fn user_defined_tokens_everywhere() {
    let tokenizer = small_spm();
    let user = tokenizer.token("[user]").unwrap();
    for parse_special in [false, true] {
        assert!(tokenizer.encode("a[user]b", false, parse_special).contains(&user));
    }
    assert!(!tokenizer.is_control(user));
}

#[test]
fn of_special_tokens_the_longest() {
    let mut tokens = spm_base();
    for text in ["<a", "<a>", "<a><b>", "a>"] {
        tokens.push((text.into(), 0.0, CONTROL));
    }
    let tokenizer = tokenizer(&spm(&tokens, |b| _ = b.bool("tokenizer.ggml.add_space_prefix", false)));
    let say = |text| say(&tokenizer, &tokenizer.encode(text, false, true));
    assert_eq!(say("<a><b><a><c<ab>a>"), "«<a><b>»«<a>»<c«<a»b>«a>»");
}

#[test]
fn bpe_merges_by_rank() {
    let mut tokens = bpe_base();
    for text in ["he", "ll", "llo", "hello", "Ġhello", "Ġw", "lo"] {
        tokens.push((text.into(), 0.0, NORMAL));
    }
    let merges = ["l l", "h e", "ll o", "l o", "he llo", "Ġ w", "Ġ hello"];
    let gpt2 = tokenizer(&bpe(Some("gpt-2"), &tokens, &merges, |_| {}));
    let split = |text| texts(&gpt2, &gpt2.encode(text, false, false));
    assert_eq!(split("hello hello"), ["hello", " hello"]);
    assert_eq!(split("helo"), ["he", "lo"]);
    assert_eq!(say(&gpt2, &gpt2.encode("wé ☃\u{0}\u{ad}", false, false)), "wé ☃\u{0}\u{ad}");
}

#[test]
fn bpe_whole_words_stay_whole_for_llama_3_only() {
    let mut tokens = bpe_base();
    tokens.extend([("ab".into(), 0.0, NORMAL), ("bc".into(), 0.0, NORMAL), ("abc".into(), 0.0, NORMAL)]);
    let merges = ["a b"];
    let bos = |b: &mut ring0_gguf::write::Builder| _ = b.u32("tokenizer.ggml.bos_token_id", 0);
    let llama = tokenizer(&bpe(Some("llama-bpe"), &tokens, &merges, bos));
    assert_eq!(texts(&llama, &llama.encode("abc", false, false)), ["abc"]);
    assert_eq!(llama.encode("", true, false), [0], "and BOS without a key that says so");
    let qwen = tokenizer(&bpe(Some("qwen2"), &tokens, &merges, bos));
    assert_eq!(texts(&qwen, &qwen.encode("abc", false, false)), ["ab", "c"]);
    assert_eq!(qwen.encode("", true, false), [0; 0]);
}

#[test]
fn a_missing_pre_tokenizer_is_warned_of() {
    let default = tokenizer(&bpe(None, &bpe_base(), &[], |_| {}));
    assert!(default.warnings()[0].contains("'tokenizer.ggml.pre' is missing"), "{:?}", default.warnings());
    assert!(tokenizer(&bpe(Some("gpt-2"), &bpe_base(), &[], |_| {})).warnings().is_empty());
}

#[test]
fn bytes_without_a_token() {
    let mut tokens: Tokens = vec![("a".into(), 0.0, NORMAL), ("Ġ".into(), 0.0, NORMAL)];
    let file = bpe(Some("gpt-2"), &tokens, &[], |_| {});
    let lossy = tokenizer(&file);
    assert_eq!(lossy.encode("a b", false, false), [0, 1]);
    assert_eq!(lossy.warnings(), ["254 of 256 bytes have no token; characters with them are left out"]);
    tokens.push(("<unk>".into(), 0.0, UNKNOWN));
    let file = bpe(Some("gpt-2"), &tokens, &[], |b| _ = b.u32("tokenizer.ggml.unknown_token_id", 2));
    assert_eq!(tokenizer(&file).encode("a b", false, false), [0, 1, 2]);
    // Found by fuzzing: an unknown token that is a control token came out of plain text.
    tokens[2] = ("<|endoftext|>".into(), 0.0, CONTROL);
    let file = bpe(Some("gpt-2"), &tokens, &[], |b| _ = b.u32("tokenizer.ggml.unknown_token_id", 2));
    assert_eq!(tokenizer(&file).encode("a b", false, false), [0, 1]);
}

#[test]
fn end_tokens_by_key_and_by_text() {
    let mut tokens = spm_base();
    for (text, kind) in [("<|im_end|>", NORMAL), ("<|eot_id|>", CONTROL), ("my end", CONTROL), ("<|im_start|>", CONTROL)] {
        tokens.push((text.into(), 0.0, kind));
    }
    let tokenizer = tokenizer(&spm(&tokens, |b| _ = b.u32("tokenizer.ggml.eot_token_id", 261)));
    assert_eq!(tokenizer.end_tokens(), [2, 259, 260, 261]);
    assert!(tokenizer.is_end(261) && !tokenizer.is_end(262) && !tokenizer.is_end(u32::MAX));
    assert!(tokenizer.is_control(259), "an end by its text is a control token, whatever the file says");
    assert_eq!((tokenizer.vocab_len(), tokenizer.piece(263)), (263, None));
}
