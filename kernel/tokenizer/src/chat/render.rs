//! Writes a conversation down as tokens.

use alloc::string::String;
use alloc::vec::Vec;

use super::{ChatTemplate, Llama2Style, Message, MistralStyle, Role, TemplateError, ZephyrEnd};
use crate::tokenizer::{Part, Tokenizer};

/// The parts of a rendered conversation: the template's own, in which control tokens are recognised, and the messages', in
/// which they are not.
#[derive(Default)]
struct Script {
    text: String,
    /// Where each part ends, and whether it is the template's.
    ends: Vec<(usize, bool)>,
}

impl Script {
    fn template(&mut self, text: &str) -> &mut Script {
        self.append(text, true)
    }

    fn content(&mut self, text: &str) -> &mut Script {
        self.append(text, false)
    }

    /// Neighbours of one kind are one part: `<|`, `user`, `|>` may be a token.
    fn append(&mut self, text: &str, is_template: bool) -> &mut Script {
        self.text.push_str(text);
        match self.ends.last_mut() {
            Some((end, kind)) if *kind == is_template => *end = self.text.len(),
            _ => self.ends.push((self.text.len(), is_template)),
        }
        self
    }

    fn parts(&self) -> Vec<Part<'_>> {
        let mut start = 0;
        let part = |&(end, parse_special): &(usize, bool)| {
            let text = self.text.get(start..end).unwrap_or_default();
            start = end;
            Part { text, parse_special }
        };
        self.ends.iter().map(part).collect()
    }
}

/// White space as C's `isspace` has it, which is what llama.cpp trims.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}'])
}

impl ChatTemplate {
    /// The tokens of a conversation, BOS first where the model wants it; with `add_generation_prompt`, the beginning of the
    /// answer that is to be generated follows. Control tokens come from the template alone: a message that contains
    /// `<|im_end|>` is a message that contains these ten characters.
    pub fn render(
        self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<Vec<u32>, TemplateError> {
        if messages.is_empty() {
            return Err(TemplateError::NoMessages);
        }
        let tools = matches!(self, ChatTemplate::ChatMl | ChatTemplate::Llama3 | ChatTemplate::Zephyr(_) | ChatTemplate::Plain);
        if let Some(index) = messages.iter().position(|message| message.role == Role::Tool && !tools) {
            return Err(TemplateError::NoToolRole { template: self.name(), index });
        }
        let mut script = Script::default();
        match self {
            ChatTemplate::Llama2(style) => llama2(&mut script, style, messages),
            ChatTemplate::Llama3 => llama3(&mut script, messages, add_generation_prompt),
            ChatTemplate::ChatMl => chatml(&mut script, messages, add_generation_prompt),
            ChatTemplate::Zephyr(end) => {
                let eos = tokenizer.eos().and_then(|eos| core::str::from_utf8(tokenizer.piece(eos)?).ok());
                let end = if end == ZephyrEnd::Eos { eos.unwrap_or("</s>") } else { "<|endoftext|>" };
                zephyr(&mut script, end, messages, add_generation_prompt);
            }
            ChatTemplate::Gemma => gemma(&mut script, messages, add_generation_prompt),
            ChatTemplate::Mistral(MistralStyle::V7) => mistral_v7(&mut script, messages),
            ChatTemplate::Mistral(style) => mistral(&mut script, style, messages),
            ChatTemplate::Plain => plain(&mut script, messages),
        }
        Ok(tokenizer.encode_parts(&script.parts(), true))
    }
}

fn chatml(script: &mut Script, messages: &[Message], answer: bool) {
    for message in messages {
        script.template("<|im_start|>").template(message.role.name()).template("\n");
        script.content(&message.content).template("<|im_end|>\n");
    }
    if answer {
        script.template("<|im_start|>assistant\n");
    }
}

fn llama3(script: &mut Script, messages: &[Message], answer: bool) {
    for message in messages {
        // Llama 3.1 calls the role of tools after its Python interpreter.
        let role = if message.role == Role::Tool { "ipython" } else { message.role.name() };
        script.template("<|start_header_id|>").template(role).template("<|end_header_id|>\n\n");
        script.content(trim(&message.content)).template("<|eot_id|>");
    }
    if answer {
        script.template("<|start_header_id|>assistant<|end_header_id|>\n\n");
    }
}

fn zephyr(script: &mut Script, end: &str, messages: &[Message], answer: bool) {
    for message in messages {
        script.template("<|").template(message.role.name()).template("|>\n");
        script.content(&message.content).template(end).template("\n");
    }
    if answer {
        script.template("<|assistant|>\n");
    }
}

/// Gemma knows no system messages: they go before the next question.
fn gemma(script: &mut Script, messages: &[Message], answer: bool) {
    let mut system = Vec::new();
    for message in messages {
        match message.role {
            Role::System => {
                system.push(trim(&message.content));
                continue;
            }
            Role::Assistant => {
                script.template("<start_of_turn>model\n");
            }
            Role::User | Role::Tool => {
                script.template("<start_of_turn>user\n");
                for text in system.drain(..) {
                    script.content(text).template("\n\n");
                }
            }
        }
        script.content(trim(&message.content)).template("<end_of_turn>\n");
    }
    if answer {
        script.template("<start_of_turn>model\n");
    }
}

fn llama2(script: &mut Script, style: Llama2Style, messages: &[Message]) {
    script.template("[INST] ");
    let mut inside = true;
    for message in messages {
        let content = if style.strip { trim(&message.content) } else { &message.content };
        if !inside {
            inside = true;
            script.template(if style.bos_inside { "<s>[INST] " } else { "[INST] " });
        }
        match message.role {
            Role::System if style.system_block => {
                script.template("<<SYS>>\n").content(content).template("\n<</SYS>>\n\n");
            }
            Role::System => {
                script.content(content).template("\n");
            }
            Role::User | Role::Tool => {
                script.content(content).template(" [/INST]");
            }
            Role::Assistant => {
                script.content(content).template("</s>");
                inside = false;
            }
        }
    }
}

fn mistral(script: &mut Script, style: MistralStyle, messages: &[Message]) {
    let lead = if style == MistralStyle::V1 { " " } else { "" };
    let trail = if style == MistralStyle::V3Tekken { "" } else { " " };
    let mut inside = false;
    for message in messages {
        if !inside {
            inside = true;
            script.template(lead).template("[INST]").template(trail);
        }
        match message.role {
            Role::System => {
                script.content(&message.content).template("\n\n");
            }
            Role::User | Role::Tool => {
                script.content(&message.content).template(lead).template("[/INST]");
            }
            Role::Assistant => {
                let content = if style == MistralStyle::V3 { trim(&message.content) } else { &message.content };
                script.template(trail).content(content).template("</s>");
                inside = false;
            }
        }
    }
}

fn mistral_v7(script: &mut Script, messages: &[Message]) {
    for message in messages {
        match message.role {
            Role::System => script.template("[SYSTEM_PROMPT] ").content(&message.content).template("[/SYSTEM_PROMPT]"),
            Role::User | Role::Tool => script.template("[INST] ").content(&message.content).template("[/INST]"),
            Role::Assistant => script.template(" ").content(&message.content).template("</s>"),
        };
    }
}

fn plain(script: &mut Script, messages: &[Message]) {
    for (index, message) in messages.iter().enumerate() {
        script.content(if index > 0 { "\n" } else { "" }).content(&message.content);
    }
}
