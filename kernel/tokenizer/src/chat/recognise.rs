//! Which template a model's Jinja program is.

use alloc::string::String;

use ring0_gguf::Gguf;

use super::{ChatTemplate, Llama2Style, MistralStyle, ZephyrEnd};
use crate::error::printable;

/// What a model says about its template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognised {
    /// One that can be written.
    Known(ChatTemplate),
    /// None: not a model for conversations.
    Missing,
    /// One that cannot; its beginning, escaped.
    Unknown(String),
}

impl ChatTemplate {
    /// Looks at `tokenizer.chat_template`.
    pub fn recognise(gguf: &Gguf<'_>) -> Recognised {
        let Some(value) = gguf.get("tokenizer.chat_template") else { return Recognised::Missing };
        let source = value.as_bytes().unwrap_or_default();
        match value.as_str().and_then(ChatTemplate::from_source) {
            Some(template) => Recognised::Known(template),
            None => Recognised::Unknown(printable(source).into()),
        }
    }

    /// Recognises a Jinja program, or one of the names that llama.cpp takes in its place. The order of the questions matters:
    /// later families contain marks of earlier ones.
    pub fn from_source(source: &str) -> Option<ChatTemplate> {
        let has = |text: &str| source.contains(text);
        if let Some(template) = ChatTemplate::from_name(source) {
            return Some(template);
        }
        if has("<|im_start|>") {
            // Phi-4 and SmolVLM have the mark, and another form.
            return (!has("<|im_sep|>") && !has("<end_of_utterance>")).then_some(ChatTemplate::ChatMl);
        }
        if source.starts_with("mistral") || has("[INST]") {
            return Some(instruction_family(source));
        }
        if has("<|user|>") {
            // Phi-3, Falcon 3 and GLM have the mark, and another form.
            return if has("<|end|>") || has("[gMASK]") { None } else { zephyr_end(source).map(ChatTemplate::Zephyr) };
        }
        if has("<|endoftext|>") && has("'<|' + message['role'] + '|>") {
            return Some(ChatTemplate::Zephyr(ZephyrEnd::EndOfText));
        }
        if has("<start_of_turn>") {
            return Some(ChatTemplate::Gemma);
        }
        (has("<|start_header_id|>") && has("<|end_header_id|>")).then_some(ChatTemplate::Llama3)
    }
}

/// Llama 2 and the Mistrals: all have `[INST]`.
fn instruction_family(source: &str) -> ChatTemplate {
    let has = |text: &str| source.contains(text);
    if has("[SYSTEM_PROMPT]") {
        return ChatTemplate::Mistral(MistralStyle::V7);
    }
    if has("' [INST] ' + system_message") || has("[AVAILABLE_TOOLS]") {
        return ChatTemplate::Mistral(if has(" [INST]") {
            MistralStyle::V1
        } else if has("\"[INST]\"") {
            MistralStyle::V3Tekken
        } else {
            MistralStyle::V3
        });
    }
    let strip = has("content.strip()");
    let bos_inside = !strip && has("bos_token + '[INST]");
    ChatTemplate::Llama2(Llama2Style { system_block: strip || bos_inside || has("<<SYS>>"), bos_inside, strip })
}

/// What follows a user's message: Zephyr's family ends it, the others that have `<|user|>` do not.
fn zephyr_end(source: &str) -> Option<ZephyrEnd> {
    let (_, after) = source.split_once("<|user|>")?;
    let turn = after.split("}}").next().unwrap_or(after);
    if turn.contains("<|endoftext|>") {
        Some(ZephyrEnd::EndOfText)
    } else if turn.contains("eos_token") || turn.contains("</s>") {
        Some(ZephyrEnd::Eos)
    } else {
        None
    }
}
