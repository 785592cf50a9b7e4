//! What the server needs from the machine that it runs on.

use alloc::string::String;
use alloc::vec::Vec;
use ring0_engine::api::{Event, Generator};
use ring0_tokenizer::chat::Message;

/// The machine: a clock, a source of seeds, and the model once it is loaded.
pub trait Backend {
    /// The loaded model, or `None` while there is none: every request that needs one is then answered 503.
    fn language(&mut self) -> Option<&mut dyn Language>;
    /// The clock that the engine's timings count in (the TSC).
    fn ticks(&self) -> u64;
    /// Its rate. Never 0.
    fn ticks_per_second(&self) -> u64;
    /// Seconds since 1970, for `created`.
    fn unix_time(&self) -> u64;
    /// A number that a client cannot guess, for seeds and ids.
    fn entropy(&mut self) -> u64;
    /// What the machine adds to `/metrics`: uptime, memory, cores.
    fn metrics(&self, _out: &mut Vec<Metric>) {}
    /// An event of a request that is not the server's. The shell generates with the same engine; its events come by here, because
    /// [`Server::poll`](crate::Server::poll) is what steps it.
    fn other_event(&mut self, _event: Event) {}
}

/// A loaded model with its tokenizer. [`Llm`](crate::Llm) is one; tests have a scripted one.
pub trait Language {
    /// Who it is.
    fn card(&self) -> &ModelCard;
    /// The engine.
    fn generator(&mut self) -> &mut dyn Generator;
    /// Text to tokens. `add_special` puts BOS (and EOS) where the model wants them; `parse_special` takes the text of a control
    /// token for the token.
    fn encode(&self, text: &str, add_special: bool, parse_special: bool) -> Vec<u32>;
    /// The bytes of a token, a control token's name included; `None` where the vocabulary has no such token. A token need not be
    /// whole characters.
    fn piece(&self, token: u32) -> Option<&[u8]>;
    /// Whether the token is markup that no answer shows.
    fn is_control(&self, token: u32) -> bool;
    /// Tokens that end an answer.
    fn end_tokens(&self) -> &[u32];
    /// A conversation to prompt tokens, with the opening of the assistant's answer.
    ///
    /// # Errors
    /// A sentence for the client that says what about the conversation, or the model's chat template, forbids it.
    fn render(&self, messages: &[Message]) -> Result<Vec<u32>, RenderError>;
    /// Bytes of the longest token. Text of `n` bytes is at least `n / longest` tokens, which refuses a far too long prompt
    /// before it is tokenized.
    fn longest_piece(&self) -> usize;
}

/// Why a conversation became no prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenderError {
    /// The template does not take this conversation: the client's fault.
    Conversation(String),
    /// The model's chat template is not one that this server knows: nobody's fault, and no retry helps.
    Template(String),
}

/// Who a model is, as `/v1/models` and `/props` show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCard {
    /// What clients call it, such as `stories260K-q8_0`.
    pub id: String,
    /// Other names that requests may use. `default` always works.
    pub aliases: Vec<String>,
    /// Seconds since 1970 of its loading.
    pub created: u64,
    /// Changes whenever answers may: the model's and the engine's version. `system_fingerprint` shows it.
    pub fingerprint: String,
    /// Weights in it.
    pub parameters: u64,
    /// Bytes of its tensors.
    pub size_bytes: u64,
    /// Tokens in its vocabulary.
    pub vocabulary: u32,
    /// Positions that it was trained on.
    pub training_context: u32,
    /// Length of its hidden vectors.
    pub embedding: u32,
    /// The chat template's name, such as `chatml`; empty where it has none that is known.
    pub chat_template: String,
}

impl ModelCard {
    /// Whether a request may mean this model by `name`.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        name == self.id || name == "default" || self.aliases.iter().any(|alias| alias == name)
    }
}

/// Whether a [`Metric`] only rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only rises.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One line of `/metrics`.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Prometheus name, such as `ring0_memory_free_bytes`.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Whether it only rises.
    pub kind: MetricKind,
    /// Now.
    pub value: f64,
}
