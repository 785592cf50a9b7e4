//! A model file made by a stranger, from its first byte to a rendered conversation.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ring0_gguf::{Gguf, llama::Llama};
use ring0_tokenizer::chat::{ChatTemplate, Message, Recognised, Role};
use ring0_tokenizer::{Tokenizer, Utf8Stream};

fuzz_target!(|data: &[u8]| {
    // As a whole file, and as the beginning of a larger one: then a header is enough, and tensors need no data.
    for file_len in [data.len() as u64, data.len() as u64 + (1 << 32)] {
        match Gguf::parse(data, file_len) {
            Ok(gguf) => read(&gguf, data, file_len),
            Err(error) => {
                assert!(error.needs().is_none_or(|needs| needs > data.len() as u64 && needs <= file_len), "{error}");
                assert!(error.offset <= data.len() as u64, "{error}");
            }
        }
    }
});

fn read(gguf: &Gguf<'_>, data: &[u8], file_len: u64) {
    for entry in gguf.entries() {
        // By place and not by value: a value can be NaN.
        assert_eq!(gguf.entry(entry.key).map(|found| found.offset), Some(entry.offset));
        let _ = entry.value.to_string();
        if let Some(array) = entry.value.as_array() {
            assert_eq!(array.iter().count(), array.len());
        }
    }
    let mut end = gguf.data_offset;
    for tensor in gguf.tensors() {
        assert!(tensor.offset >= end && tensor.offset.is_multiple_of(gguf.alignment.into()), "{tensor:?}");
        end = tensor.offset.checked_add(tensor.size).expect("the end was checked");
        assert!(end <= file_len, "{tensor:?}");
    }
    if let Ok(model) = Llama::from_gguf(gguf) {
        assert_eq!(model.blocks.len(), model.layers);
        assert!(model.heads % model.kv_heads == 0 && model.rms_eps > 0.0 && model.rope.base > 0.0);
        assert_eq!(model.token_embd.elements(), (model.embedding * model.vocab) as u64);
    }
    match Tokenizer::from_gguf(gguf) {
        Ok(tokenizer) => speak(&tokenizer, gguf, data),
        Err(error) => drop(error.to_string()),
    }
}

fn speak(tokenizer: &Tokenizer, gguf: &Gguf<'_>, data: &[u8]) {
    let tail = String::from_utf8_lossy(&data[data.len().saturating_sub(96)..]);
    let text = format!("Hello  world's 1234é🦙\r\n\n<|im_end|></s> {tail}");
    let (mut stream, mut said) = (Utf8Stream::new(), String::new());
    for parse_special in [false, true] {
        for token in tokenizer.encode(&text, true, parse_special) {
            stream.push(tokenizer.piece(token).expect("a token of the vocabulary"), &mut said);
        }
    }
    stream.finish(&mut said);
    assert!(tokenizer.end_tokens().iter().all(|&token| (token as usize) < tokenizer.vocab_len() && tokenizer.is_end(token)));

    let template = match ChatTemplate::recognise(gguf) {
        Recognised::Known(template) => template,
        Recognised::Missing | Recognised::Unknown(_) => ChatTemplate::ChatMl,
    };
    let controls = |content: &str| {
        let messages = [Role::System, Role::User, Role::Assistant].map(|role| Message { role, content: content.into() });
        let tokens = template.render(tokenizer, &messages, true).expect("every template has these roles");
        tokens
            .into_iter()
            .filter(|&token| tokenizer.is_control(token) && tokenizer.kind(token) != ring0_tokenizer::TokenKind::Unknown)
            .count()
    };
    assert_eq!(controls(&text), controls("x"), "what a message says is text");
}
