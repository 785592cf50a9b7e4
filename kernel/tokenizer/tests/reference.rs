//! Token for token against llama.cpp: every pair of `.inp` and `.out` files, and what the oracle model read and said.

mod common;

use common::{shared, tokenizer};
use ring0_tokenizer::Utf8Stream;

fn vocabulary(name: &str) {
    let (Some(gguf), Some(inputs), Some(outputs)) = (
        shared(&format!("vocab/{name}.gguf")),
        shared(&format!("vocab/{name}.gguf.inp")),
        shared(&format!("vocab/{name}.gguf.out")),
    ) else {
        return;
    };
    let tokenizer = tokenizer(&gguf);
    let inputs = String::from_utf8(inputs).unwrap();
    let outputs = String::from_utf8(outputs).unwrap();
    // llama.cpp's test-tokenizer-0 reads them so: texts between marker lines, ids line by line.
    let texts: Vec<&str> = inputs.split("\n__ggml_vocab_test__\n").collect();
    let expected: Vec<Vec<u32>> =
        outputs.lines().map(|line| line.split_whitespace().map(|id| id.parse().unwrap()).collect()).collect();
    assert!(texts.len() >= 40 && expected.len() >= 40, "{} texts, {} answers", texts.len(), expected.len());
    let mut compared = 0;
    for (text, expected) in texts.iter().zip(&expected) {
        let found = tokenizer.encode(text, false, false);
        assert_eq!(&found, expected, "{text:?}");
        // And back: the pieces are the text, after the space that SPM puts before it.
        let bytes: Vec<u8> = found.iter().flat_map(|&token| tokenizer.piece(token).unwrap()).copied().collect();
        let said = String::from_utf8(bytes).unwrap();
        let prefix = if tokenizer.name() == "SPM" && !text.is_empty() { " " } else { "" };
        assert_eq!(said.strip_prefix(prefix), Some(*text));
        compared += 1;
    }
    assert_eq!(compared, expected.len(), "each answer has its text");
}

#[test]
fn llama_spm_matches_llama_cpp() {
    vocabulary("ggml-vocab-llama-spm");
}

#[test]
fn gpt_2_matches_llama_cpp() {
    vocabulary("ggml-vocab-gpt-2");
}

#[test]
fn the_oracle_prompt_and_answer() {
    let (Some(gguf), Some(ids), Some(text)) =
        (shared("stories260K.gguf"), shared("oracle/ids64.txt"), shared("oracle/stories260K.greedy64.txt"))
    else {
        return;
    };
    let tokenizer = tokenizer(&gguf);
    let list = |line: &str| -> Vec<u32> {
        let (_, list) = line.split_once('[').unwrap();
        list.trim_end().trim_end_matches(']').split(", ").map(|id| id.parse().unwrap()).collect()
    };
    let ids = String::from_utf8(ids).unwrap();
    let (prompt, answer) = (list(ids.lines().next().unwrap()), list(ids.lines().nth(1).unwrap()));
    assert_eq!(tokenizer.encode("Once upon a time", true, false), prompt);
    let (mut stream, mut said) = (Utf8Stream::new(), String::new());
    for &token in prompt[1..].iter().chain(&answer) {
        assert!(!tokenizer.is_control(token) && !tokenizer.is_end(token));
        stream.push(tokenizer.piece(token).unwrap(), &mut said);
    }
    let text = String::from_utf8(text).unwrap();
    assert_eq!(said.trim(), text.trim(), "64 tokens as llama.cpp prints them");
    assert_eq!((tokenizer.bos(), tokenizer.eos(), tokenizer.end_tokens()), (Some(1), Some(2), vec![2]));
}
