//! What the engine and its callers (server, shell, benchmark) say to each other. Token ids only: text is the tokenizer's.

use alloc::vec::Vec;

/// Names one request for as long as it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// How the next token is drawn. The order is llama.cpp's: penalties, top-k, top-p, min-p, temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// 0 is greedy.
    pub temperature: f32,
    /// Keep this many likeliest tokens; 0 keeps all.
    pub top_k: u32,
    /// Keep the smallest set whose probability reaches this; 1 keeps all.
    pub top_p: f32,
    /// Drop tokens below this share of the likeliest; 0 keeps all.
    pub min_p: f32,
    /// Divides positive and multiplies negative logits of tokens seen lately; 1 is off.
    pub repeat_penalty: f32,
    /// Tokens looked back on by the penalties; 0 turns them off.
    pub repeat_last_n: u32,
    /// Taken off once for a token seen lately.
    pub presence_penalty: f32,
    /// Taken off for each time that a token was seen lately.
    pub frequency_penalty: f32,
    /// Same seed, same request, same model: same tokens.
    pub seed: u64,
}

impl Sampling {
    /// The likeliest token, always.
    pub const GREEDY: Sampling = Sampling {
        temperature: 0.0,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        repeat_penalty: 1.0,
        repeat_last_n: 64,
        presence_penalty: 0.0,
        frequency_penalty: 0.0,
        seed: 0,
    };
}

/// One piece of work.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateRequest {
    /// The prompt, BOS included where the model wants it. Never empty.
    pub prompt: Vec<u32>,
    /// Most tokens to generate; the context size bounds it as well.
    pub max_tokens: u32,
    /// How to draw.
    pub sampling: Sampling,
    /// Tokens that end the answer; they are not reported as [`Event::Token`].
    pub end_tokens: Vec<u32>,
    /// Alternatives to report with each token, likeliest first, 0–20; `None` reports no probabilities.
    pub top_logprobs: Option<u8>,
}

/// Why a request was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmitError {
    /// The prompt is empty.
    EmptyPrompt,
    /// Prompt tokens leave no room for one more.
    ContextOverflow {
        /// Tokens in the prompt.
        prompt_tokens: u32,
        /// Tokens that the context holds.
        context_tokens: u32,
    },
    /// A token id that the vocabulary does not have.
    UnknownToken(u32),
    /// The queue is full; try later.
    Busy,
}

/// Why a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// An end token was drawn.
    EndToken(u32),
    /// `max_tokens` were drawn.
    MaxTokens,
    /// The context is full.
    ContextFull,
    /// [`Generator::cancel`] was called.
    Cancelled,
    /// The likeliest token has no finite logit, so there is nothing to draw from: the model's weights are damaged.
    NotFinite,
}

/// A token and its natural-log probability under the model's unmodified distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenLogprob {
    /// Vocabulary index.
    pub token: u32,
    /// ln p, at temperature 1.
    pub logprob: f32,
}

/// Where a request's time went, in TSC ticks and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// Prompt tokens found in the KV cache of an earlier request.
    pub cached_tokens: u32,
    /// Prompt tokens computed.
    pub prompt_tokens: u32,
    /// Ticks spent computing them.
    pub prompt_ticks: u64,
    /// Tokens generated.
    pub generated_tokens: u32,
    /// Ticks from the first generated token to the last.
    pub generate_ticks: u64,
    /// Ticks from submission to the first generated token (time to first token).
    pub first_token_ticks: u64,
}

/// What one [`Generator::step`] brought about.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Part of a prompt has been computed.
    Prefill {
        /// Whose.
        request: RequestId,
        /// Prompt tokens done, cached ones included.
        processed: u32,
        /// Prompt tokens in all.
        total: u32,
    },
    /// A token was drawn.
    Token {
        /// Whose.
        request: RequestId,
        /// The token and its probability; `logprob` is NaN where none were asked for.
        token: TokenLogprob,
        /// The likeliest alternatives, the drawn token among them where it ranks.
        top: Vec<TokenLogprob>,
    },
    /// The request is over; its slot is free.
    Finished {
        /// Whose.
        request: RequestId,
        /// Why.
        reason: FinishReason,
        /// Where its time went.
        timings: Timings,
    },
}

/// How busy the engine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Requests that hold a slot.
    pub running: u32,
    /// Requests that wait for one.
    pub waiting: u32,
    /// Slots in all.
    pub slots: u32,
    /// Positions of the KV cache in use, over all slots.
    pub kv_tokens: u32,
    /// Positions in all.
    pub kv_capacity: u32,
}

/// Takes requests and works on them a step at a time. The scheduler is one; tests have fakes.
pub trait Generator {
    /// Queues a request. Slots are given in the order of submission.
    fn submit(&mut self, request: GenerateRequest) -> Result<RequestId, SubmitError>;
    /// Ends a request; its `Finished` event comes with the next step. Unknown ids are ignored: it may just have finished.
    fn cancel(&mut self, request: RequestId);
    /// One forward pass over everything that runs: at most one prompt chunk, and one token for each decoding request. Events are
    /// appended to `events`. Returns whether there was anything to do.
    fn step(&mut self, events: &mut Vec<Event>) -> bool;
    /// How busy it is.
    fn load(&self) -> Load;
    /// Tokens that one request's context holds.
    fn context_tokens(&self) -> u32;
}
