//! A file cut at every byte, and given piece by piece.

mod common;

use common::{llama, parse};
use ring0_gguf::{Gguf, Rule};

fn small_file() -> Vec<u8> {
    llama(|_, _| false, |_, _, _| true)
}

#[test]
fn cut_at_every_byte_is_refused() {
    let file = small_file();
    let last = parse(&file).end_offset as usize;
    for len in 0..last {
        let error = Gguf::parse(&file[..len], len as u64).expect_err("a cut file must be refused");
        assert_eq!(error.needs(), None, "{len} bytes: {error}");
        assert!(error.offset <= len as u64, "{len} bytes: {error}");
    }
    assert!(Gguf::parse(&file[..last], last as u64).is_ok(), "the padding after the last tensor may be missing");
}

#[test]
fn every_prefix_asks_for_more_until_it_suffices() {
    let file = small_file();
    let file_len = file.len() as u64;
    let header = parse(&file).data_offset as usize;
    for len in 0..file.len() {
        match Gguf::parse(&file[..len], file_len) {
            Ok(gguf) => assert_eq!(gguf.tensors(), parse(&file).tensors()),
            Err(error) => {
                let needs = error.needs().expect("only the length of the prefix is at fault");
                assert!(len < header && needs > len as u64 && needs <= file_len, "{len} bytes: {error}");
            }
        }
    }
}

#[test]
fn a_large_header_is_reached_in_few_rounds() {
    let mut builder = ring0_gguf::write::Builder::new();
    let tokens: Vec<String> = (0..300_000).map(|i| format!("token number {i}")).collect();
    builder.strings("tokenizer.ggml.tokens", &tokens);
    let file = builder.finish();
    assert!(file.len() > 6 << 20);
    let mut given = 512;
    let mut rounds = 0;
    let gguf = loop {
        match Gguf::parse(&file[..given], file.len() as u64) {
            Ok(gguf) => break gguf,
            Err(error) => given = error.needs().expect("the file is in order") as usize,
        }
        rounds += 1;
    };
    assert!(rounds <= 10, "{rounds} rounds");
    let array = gguf.get("tokenizer.ggml.tokens").and_then(|value| value.as_array()).expect("is there");
    assert_eq!(array.strings().expect("strings").nth(299_999), Some(&b"token number 299999"[..]));
}

#[test]
fn bytes_beyond_the_file_are_not_the_files() {
    let file = small_file();
    let error = Gguf::parse(&file, 30).expect_err("the file has 30 bytes");
    assert!(matches!(error.rule, Rule::TensorCount(_) | Rule::PairCount(_) | Rule::Truncated { .. }), "{error}");
}

#[test]
fn a_flipped_bit_anywhere_never_panics() {
    let file = small_file();
    let header = parse(&file).data_offset as usize;
    let mut copy = file.clone();
    for byte in 0..header {
        for bit in 0..8 {
            copy[byte] ^= 1 << bit;
            if let Ok(gguf) = Gguf::parse(&copy, copy.len() as u64) {
                assert!(gguf.end_offset <= copy.len() as u64);
                // The verdict does not matter here, only that there is one.
                let _ = ring0_gguf::llama::Llama::from_gguf(&gguf);
            }
            copy[byte] ^= 1 << bit;
        }
    }
}
