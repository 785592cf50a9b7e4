//! A real model: engine, tokenizer and chat template in one.

use crate::backend::{Language, ModelCard, RenderError};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use ring0_engine::api::Generator;
use ring0_gguf::Gguf;
use ring0_gguf::llama::Llama;
use ring0_tokenizer::Tokenizer;
use ring0_tokenizer::chat::{ChatTemplate, Message, Recognised};

/// A loaded model over any engine.
#[derive(Debug)]
pub struct Llm<G> {
    generator: G,
    tokenizer: Tokenizer,
    template: Recognised,
    card: ModelCard,
    end_tokens: Vec<u32>,
    longest_piece: usize,
}

impl<G: Generator> Llm<G> {
    /// Joins what was made from one GGUF file. `template` is [`ChatTemplate::recognise`]'s answer: a model without a template gets
    /// the plain one, one with an unknown template refuses conversations and completes texts only.
    pub fn new(card: ModelCard, generator: G, tokenizer: Tokenizer, template: Recognised) -> Self {
        let end_tokens = tokenizer.end_tokens();
        let tokens = 0..u32::try_from(tokenizer.vocab_len()).unwrap_or(u32::MAX);
        let longest_piece = tokens.filter_map(|token| tokenizer.piece(token)).map(<[u8]>::len).max().unwrap_or(0);
        Llm { generator, tokenizer, template, card, end_tokens, longest_piece }
    }

    /// The engine.
    pub fn engine(&mut self) -> &mut G {
        &mut self.generator
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The chat template.
    pub fn template(&self) -> &Recognised {
        &self.template
    }
}

impl<G: Generator> Language for Llm<G> {
    fn card(&self) -> &ModelCard {
        &self.card
    }
    fn generator(&mut self) -> &mut dyn Generator {
        &mut self.generator
    }
    fn encode(&self, text: &str, add_special: bool, parse_special: bool) -> Vec<u32> {
        self.tokenizer.encode(text, add_special, parse_special)
    }
    fn piece(&self, token: u32) -> Option<&[u8]> {
        self.tokenizer.piece(token)
    }
    fn is_control(&self, token: u32) -> bool {
        self.tokenizer.is_control(token)
    }
    fn end_tokens(&self) -> &[u32] {
        &self.end_tokens
    }
    fn render(&self, messages: &[Message]) -> Result<Vec<u32>, RenderError> {
        let template = match &self.template {
            Recognised::Known(template) => *template,
            Recognised::Missing => ChatTemplate::Plain,
            Recognised::Unknown(beginning) => {
                return Err(RenderError::Template(format!(
                    "The model's chat template is not one that this server knows, and it is not guessed. Use /v1/completions with \
                     the whole prompt. It begins: {beginning}"
                )));
            }
        };
        template
            .render(&self.tokenizer, messages, true)
            .map_err(|error| RenderError::Conversation(format!("The conversation cannot be written for this model: {error}.")))
    }
    fn longest_piece(&self) -> usize {
        self.longest_piece
    }
}

impl ModelCard {
    /// The card of a GGUF file. `id`: what clients are to call it, such as the file's name without its ending. `created`: when it
    /// was loaded, in seconds since 1970. `engine`: all else that answers depend on, such as the kernel's version and the engine's
    /// instruction set.
    pub fn from_gguf(gguf: &Gguf<'_>, llama: &Llama<'_>, id: &str, created: u64, engine: &str) -> ModelCard {
        let aliases = llama.name.filter(|name| !name.is_empty() && *name != id).map(ToOwned::to_owned);
        let template = match ChatTemplate::recognise(gguf) {
            Recognised::Known(template) => template.name(),
            Recognised::Missing => ChatTemplate::Plain.name(),
            Recognised::Unknown(_) => "",
        };
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        ModelCard {
            id: id.to_string(),
            aliases: aliases.into_iter().collect(),
            created,
            fingerprint: fingerprint(gguf, id, engine),
            parameters: gguf.tensors().iter().fold(0, |all, tensor| all.saturating_add(tensor.elements())),
            size_bytes: gguf.tensors().iter().fold(0, |all, tensor| all.saturating_add(tensor.size)),
            vocabulary: count(llama.vocab),
            training_context: count(llama.context),
            embedding: count(llama.embedding),
            chat_template: template.to_string(),
        }
    }
}

/// A hash (FNV-1a) of what tells one model and engine from another without reading the weights.
fn fingerprint(gguf: &Gguf<'_>, id: &str, engine: &str) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        // Between fields: no two lists of them run together.
        hash = (hash ^ 0xff).wrapping_mul(0x0000_0100_0000_01b3);
    };
    add(engine.as_bytes());
    add(id.as_bytes());
    for tensor in gguf.tensors() {
        add(tensor.name.as_bytes());
        add(&tensor.offset.to_le_bytes());
        add(&tensor.size.to_le_bytes());
    }
    format!("fp_{hash:016x}")
}
