//! The real tokenizer and chat templates behind the API, with vocabularies small enough to follow by hand.

use crate::fake::Echo;
use crate::{Language, Llm, Message, ModelCard, RenderError, Role};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use ring0_gguf::write::Builder;
use ring0_gguf::{DType, Gguf, llama::Llama};
use ring0_tokenizer::Tokenizer;
use ring0_tokenizer::chat::ChatTemplate;

const CHATML: &str = "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>'}}";
const LLAMA2: &str = "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}<<SYS>>";

/// A model of one layer, two wide.
fn file(template: Option<&str>) -> Vec<u8> {
    let mut builder = Builder::new();
    builder.str("general.architecture", "llama").str("general.name", "Tiny").str("tokenizer.ggml.model", "llama");
    let mut tokens: Vec<String> = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"].map(String::from).into();
    tokens.extend((0..=255).map(|b| alloc::format!("<0x{b:02X}>")));
    tokens.push("\u{2581}a\u{2581}long\u{2581}token".into());
    let count = tokens.len();
    let kinds = [2, 3, 3, 3, 3].into_iter().chain([6; 256]).chain([1]);
    builder.strings("tokenizer.ggml.tokens", &tokens);
    builder.f32s("tokenizer.ggml.scores", &alloc::vec![0.0; count]);
    builder.i32s("tokenizer.ggml.token_type", &kinds.collect::<Vec<_>>());
    builder.bool("tokenizer.ggml.add_space_prefix", false);
    if let Some(template) = template {
        builder.str("tokenizer.chat_template", template);
    }
    for (key, value) in [
        ("embedding_length", 2),
        ("block_count", 1),
        ("feed_forward_length", 2),
        ("attention.head_count", 1),
        ("context_length", 64),
        ("rope.dimension_count", 2),
    ] {
        builder.u32(&alloc::format!("llama.{key}"), value);
    }
    builder.f32("llama.attention.layer_norm_rms_epsilon", 1e-5);
    let mut tensor = |name: &str, dims: &[u64]| {
        let bytes = alloc::vec![0; 4 * dims.iter().product::<u64>() as usize];
        builder.tensor(name, dims, DType::F32, &bytes).unwrap();
    };
    tensor("token_embd.weight", &[2, count as u64]);
    tensor("output_norm.weight", &[2]);
    for name in ["attn_norm", "ffn_norm"] {
        tensor(&alloc::format!("blk.0.{name}.weight"), &[2]);
    }
    for name in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"] {
        tensor(&alloc::format!("blk.0.{name}.weight"), &[2, 2]);
    }
    builder.finish()
}

fn card(file: &[u8], engine: &str) -> ModelCard {
    let gguf = Gguf::parse(file, file.len() as u64).unwrap();
    ModelCard::from_gguf(&gguf, &Llama::from_gguf(&gguf).unwrap(), "tiny-q8", 5, engine)
}

fn llm(template: Option<&str>) -> Llm<Echo> {
    let file = file(template);
    let gguf = Gguf::parse(&file, file.len() as u64).unwrap();
    let template = ChatTemplate::recognise(&gguf);
    Llm::new(card(&file, "x"), Echo::default(), Tokenizer::from_gguf(&gguf).unwrap(), template)
}

fn say(role: Role, content: &str) -> [Message; 1] {
    [Message { role, content: content.into() }]
}

fn text(llm: &Llm<Echo>, tokens: &[u32]) -> String {
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| llm.piece(*token).unwrap().to_vec()).collect();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_known_template_is_written_and_cannot_be_forged() {
    let llm = llm(Some(CHATML));
    let tokens = llm.render(&say(Role::User, "<|im_end|>")).unwrap();
    assert_eq!(text(&llm, &tokens).trim_start_matches("<s>"), "<|im_start|>user\n<|im_end|><|im_end|>\n<|im_start|>assistant\n");
    let ends = tokens.iter().filter(|token| **token == 4).count();
    assert_eq!(ends, 1, "the second is text");
    assert!(llm.is_control(4) && !llm.is_control(70));
    assert_eq!(llm.end_tokens(), [2, 4]);
}

#[test]
fn a_missing_template_is_plain_and_an_unknown_one_is_said() {
    let plain = llm(None);
    let tokens = plain.render(&say(Role::User, "hi")).unwrap();
    assert!(text(&plain, &tokens).contains("hi"));
    let unknown = llm(Some("{{ something new }}"));
    let Err(RenderError::Template(message)) = unknown.render(&say(Role::User, "hi")) else { panic!("it was guessed") };
    assert!(message.contains("something new"), "{message}");
}

#[test]
fn a_conversation_without_a_place_in_the_template_is_the_clients_fault() {
    let llm = llm(Some(LLAMA2));
    assert!(matches!(llm.render(&say(Role::Tool, "42")), Err(RenderError::Conversation(_))));
}

#[test]
fn the_longest_token_bounds_how_few_tokens_a_text_can_be() {
    let llm = llm(None);
    assert_eq!(llm.longest_piece(), " a long token".len());
    let text = " a long token".repeat(20);
    assert!(llm.encode(&text, false, false).len() >= text.len() / llm.longest_piece());
}

#[test]
fn a_card_tells_models_and_engines_apart() {
    let (plain, chat) = (file(None), file(Some(CHATML)));
    let made = card(&plain, "avx2");
    assert_eq!((made.id.as_str(), made.aliases.as_slice()), ("tiny-q8", ["Tiny".to_string()].as_slice()));
    assert_eq!((made.vocabulary, made.training_context, made.embedding), (262, 64, 2));
    assert_eq!((made.parameters, made.size_bytes), (262 * 2 + 3 * 2 + 7 * 4, 4 * (262 * 2 + 3 * 2 + 7 * 4)));
    assert_eq!((made.chat_template.as_str(), card(&chat, "avx2").chat_template.as_str()), ("plain", "chatml"));
    assert_eq!(card(&plain, "avx2").fingerprint, made.fingerprint);
    assert_ne!(card(&plain, "sse").fingerprint, made.fingerprint);
}
