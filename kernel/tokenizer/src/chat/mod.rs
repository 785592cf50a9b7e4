//! Chat templates: how a conversation is written down for a model.
//!
//! Models carry their template as a Jinja program. Running programs out of a model file in ring 0 is out of the question, so the
//! well-known ones are recognised by what they contain, as llama.cpp does it (llama-chat.cpp), and written by hand. One that is
//! not recognised is said to be unknown, never guessed.

mod recognise;
mod render;

use alloc::string::String;
use core::fmt;

pub use recognise::Recognised;

/// How a conversation is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatTemplate {
    /// `[INST] <<SYS>>…<</SYS>> … [/INST] … </s>`
    Llama2(Llama2Style),
    /// `<|start_header_id|>user<|end_header_id|>\n\n…<|eot_id|>`
    Llama3,
    /// `<|im_start|>user\n…<|im_end|>\n`
    ChatMl,
    /// `<|user|>\n…</s>\n`
    Zephyr(ZephyrEnd),
    /// `<start_of_turn>user\n…<end_of_turn>\n`
    Gemma,
    /// `[INST] … [/INST] …</s>`
    Mistral(MistralStyle),
    /// The messages alone, one a line: for models that were not trained to chat.
    Plain,
}

/// What the variants of Llama 2's template differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Llama2Style {
    /// Whether there is a `<<SYS>>` block; otherwise the system message goes before the first question.
    pub system_block: bool,
    /// Whether later turns begin with `<s>`.
    pub bos_inside: bool,
    /// Whether white space around messages goes.
    pub strip: bool,
}

/// What ends a message in Zephyr's template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZephyrEnd {
    /// The model's own EOS.
    Eos,
    /// `<|endoftext|>`
    EndOfText,
}

/// The versions of Mistral's template: where the spaces are, and how the system message comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MistralStyle {
    /// ` [INST] … [/INST]`
    V1,
    /// `[INST] …[/INST]`
    V3,
    /// `[INST]…[/INST]`
    V3Tekken,
    /// `[SYSTEM_PROMPT] …[/SYSTEM_PROMPT][INST] …[/INST]`
    V7,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What the model is told to be.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
    /// The result of a tool that the model called.
    Tool,
}

impl Role {
    /// The role of this name in OpenAI's API; `developer` is `system` under its new name.
    pub fn from_name(name: &str) -> Option<Role> {
        match name {
            "system" | "developer" => Some(Role::System),
            "user" => Some(Role::User),
            "assistant" => Some(Role::Assistant),
            "tool" => Some(Role::Tool),
            _ => None,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        }
    }
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What; it is text, whatever it looks like.
    pub content: String,
}

/// Why a conversation cannot be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateError {
    /// There are no messages.
    NoMessages,
    /// The template has no place for the results of tools.
    NoToolRole {
        /// Its name.
        template: &'static str,
        /// Which message it is.
        index: usize,
    },
}

impl core::error::Error for TemplateError {}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TemplateError::NoMessages => f.write_str("there are no messages"),
            TemplateError::NoToolRole { template, index } => {
                write!(f, "message {index} has the role 'tool', which the model's template ({template}) has no place for")
            }
        }
    }
}

impl ChatTemplate {
    /// `llama2`, `llama3`, `chatml`, `zephyr`, `gemma`, `mistral` or `plain`.
    pub const fn name(self) -> &'static str {
        match self {
            ChatTemplate::Llama2(_) => "llama2",
            ChatTemplate::Llama3 => "llama3",
            ChatTemplate::ChatMl => "chatml",
            ChatTemplate::Zephyr(_) => "zephyr",
            ChatTemplate::Gemma => "gemma",
            ChatTemplate::Mistral(_) => "mistral",
            ChatTemplate::Plain => "plain",
        }
    }

    /// The template of this name; of several variants the one of the family's first published model.
    pub fn from_name(name: &str) -> Option<ChatTemplate> {
        Some(match name {
            "llama2" => ChatTemplate::Llama2(Llama2Style { system_block: true, bos_inside: false, strip: true }),
            "llama3" => ChatTemplate::Llama3,
            "chatml" => ChatTemplate::ChatMl,
            "zephyr" => ChatTemplate::Zephyr(ZephyrEnd::Eos),
            "gemma" => ChatTemplate::Gemma,
            "mistral" => ChatTemplate::Mistral(MistralStyle::V1),
            "plain" => ChatTemplate::Plain,
            _ => return None,
        })
    }
}
