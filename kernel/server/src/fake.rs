//! A language model that follows a script, for tests of servers and clients.
//!
//! Its tokens are the 256 bytes, an end token, a control token, and a few tokens of several bytes or of half a character. It answers
//! a prompt by saying it again, drawn by `seed` where the temperature is above 0; one token a step for each of its slots.

use crate::backend::{Backend, Language, ModelCard, RenderError};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use ring0_engine::api::{Event, FinishReason, GenerateRequest, Generator, Load, RequestId, SubmitError, Timings, TokenLogprob};
use ring0_tokenizer::chat::{Message, Role};

/// The token that ends an answer.
pub const END: u32 = 256;
/// Markup: begins a prompt, and is never shown.
pub const BEGIN: u32 = 257;
/// Tokens in all.
pub const VOCABULARY: u32 = 258;

/// The engine: echoes prompts.
#[derive(Debug, Default)]
pub struct Echo {
    /// Requests that run at one time.
    pub slots: usize,
    /// Requests that may wait.
    pub queue: usize,
    /// Tokens of a context.
    pub context: u32,
    /// Prompt tokens in one step.
    pub chunk: u32,
    next: u64,
    active: VecDeque<Active>,
    ended: Vec<(RequestId, FinishReason, Timings)>,
}

#[derive(Debug)]
struct Active {
    id: RequestId,
    request: GenerateRequest,
    processed: u32,
    generated: u32,
    random: u64,
}

impl Active {
    fn timings(&self) -> Timings {
        Timings {
            cached_tokens: 1,
            prompt_tokens: self.processed.saturating_sub(1),
            prompt_ticks: 1000 * u64::from(self.processed),
            generated_tokens: self.generated,
            generate_ticks: 2000 * u64::from(self.generated.saturating_sub(1)),
            first_token_ticks: 1000 * u64::from(self.processed) + 7,
        }
    }

    fn draw(&mut self) -> u32 {
        let body: Vec<u32> = self.request.prompt.iter().copied().filter(|t| *t < 256).collect();
        let at = self.generated as usize;
        if self.request.sampling.temperature > 0.0 {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if let Some(token) = body.get((self.random >> 33) as usize % body.len().max(1)) {
                return if at >= body.len() { END } else { *token };
            }
        }
        body.get(at).copied().unwrap_or(END)
    }
}

impl Generator for Echo {
    fn submit(&mut self, request: GenerateRequest) -> Result<RequestId, SubmitError> {
        if request.prompt.is_empty() {
            return Err(SubmitError::EmptyPrompt);
        }
        if let Some(token) = request.prompt.iter().find(|t| **t >= VOCABULARY) {
            return Err(SubmitError::UnknownToken(*token));
        }
        let prompt_tokens = request.prompt.len() as u32;
        if prompt_tokens >= self.context {
            return Err(SubmitError::ContextOverflow { prompt_tokens, context_tokens: self.context });
        }
        if self.active.len() >= self.slots + self.queue {
            return Err(SubmitError::Busy);
        }
        self.next += 1;
        let id = RequestId(self.next);
        let random = request.sampling.seed;
        self.active.push_back(Active { id, request, processed: 0, generated: 0, random });
        Ok(id)
    }

    fn cancel(&mut self, request: RequestId) {
        let found = self.active.iter().position(|a| a.id == request).and_then(|at| self.active.remove(at));
        self.ended.extend(found.map(|active| (request, FinishReason::Cancelled, active.timings())));
    }

    fn step(&mut self, events: &mut Vec<Event>) -> bool {
        for (request, reason, timings) in self.ended.drain(..) {
            events.push(Event::Finished { request, reason, timings });
        }
        let mut finished = Vec::new();
        for active in self.active.iter_mut().take(self.slots) {
            let request = active.id;
            let total = active.request.prompt.len() as u32;
            if active.processed < total {
                active.processed = total.min(active.processed + self.chunk.max(1));
                events.push(Event::Prefill { request, processed: active.processed, total });
                continue;
            }
            let token = active.draw();
            let reason = if active.request.end_tokens.contains(&token) {
                Some(FinishReason::EndToken(token))
            } else {
                active.generated += 1;
                let like = |n: u32| TokenLogprob { token: (token + n) % 256, logprob: -0.25 - n as f32 };
                let top = active.request.top_logprobs.map(|n| (0..u32::from(n)).map(like).collect());
                let logprob = if top.is_some() { -0.25 } else { f32::NAN };
                events.push(Event::Token { request, token: TokenLogprob { token, logprob }, top: top.unwrap_or_default() });
                if active.generated >= active.request.max_tokens {
                    Some(FinishReason::MaxTokens)
                } else {
                    (total + active.generated >= self.context).then_some(FinishReason::ContextFull)
                }
            };
            finished.extend(reason.map(|reason| (request, reason)));
        }
        for (request, reason) in finished {
            let found = self.active.iter().position(|a| a.id == request).and_then(|at| self.active.remove(at));
            events.extend(found.map(|active| Event::Finished { request, reason, timings: active.timings() }));
        }
        !events.is_empty()
    }

    fn load(&self) -> Load {
        let running = self.active.len().min(self.slots) as u32;
        let kv_tokens = self.active.iter().map(|a| a.processed + a.generated).sum();
        let kv_capacity = self.context * self.slots as u32;
        let waiting = self.active.len() as u32 - running;
        Load { running, waiting, slots: self.slots as u32, kv_tokens, kv_capacity }
    }

    fn context_tokens(&self) -> u32 {
        self.context
    }
}

/// The machine: a clock that ticks at each look, and the model unless it is "loading".
#[derive(Debug)]
pub struct Fake {
    /// The engine.
    pub echo: Echo,
    /// While true there is no model.
    pub loading: bool,
    /// Events that were not the server's.
    pub others: Vec<Event>,
    card: ModelCard,
    pieces: Vec<Vec<u8>>,
    random: u64,
    ticks: core::cell::Cell<u64>,
}

impl Default for Fake {
    fn default() -> Self {
        let card = ModelCard {
            id: "echo-1".to_string(),
            aliases: Vec::from(["echo".to_string()]),
            created: 1_700_000_000,
            fingerprint: "fp_echo".to_string(),
            parameters: 0,
            size_bytes: 0,
            vocabulary: VOCABULARY,
            training_context: 4096,
            embedding: 1,
            chat_template: "echo".to_string(),
        };
        let mut pieces: Vec<Vec<u8>> = (0..=255).map(|b| Vec::from([b])).collect();
        pieces.push(b"</s>".to_vec());
        pieces.push(b"<s>".to_vec());
        let echo = Echo { slots: 2, queue: 2, context: 512, chunk: 16, ..Echo::default() };
        Fake { echo, loading: false, others: Vec::new(), card, pieces, random: 0, ticks: core::cell::Cell::new(0) }
    }
}

impl Backend for Fake {
    fn language(&mut self) -> Option<&mut dyn Language> {
        if self.loading { None } else { Some(self) }
    }
    fn ticks(&self) -> u64 {
        self.ticks.set(self.ticks.get() + 1000);
        self.ticks.get()
    }
    fn ticks_per_second(&self) -> u64 {
        1_000_000
    }
    fn unix_time(&self) -> u64 {
        1_763_900_000
    }
    fn entropy(&mut self) -> u64 {
        self.random += 1;
        self.random
    }
    fn other_event(&mut self, event: Event) {
        self.others.push(event);
    }
}

impl Language for Fake {
    fn card(&self) -> &ModelCard {
        &self.card
    }
    fn generator(&mut self) -> &mut dyn Generator {
        &mut self.echo
    }
    fn encode(&self, text: &str, add_special: bool, parse_special: bool) -> Vec<u32> {
        let mut tokens = if add_special { Vec::from([BEGIN]) } else { Vec::new() };
        let mut rest = text;
        while let Some(byte) = rest.bytes().next() {
            if let Some(after) = rest.strip_prefix("<s>").filter(|_| parse_special) {
                tokens.push(BEGIN);
                rest = after;
                continue;
            }
            let length = rest.chars().next().map_or(1, char::len_utf8);
            tokens.push(u32::from(byte));
            tokens.extend(rest.bytes().take(length).skip(1).map(u32::from));
            rest = rest.get(length..).unwrap_or("");
        }
        tokens
    }
    fn piece(&self, token: u32) -> Option<&[u8]> {
        self.pieces.get(token as usize).map(Vec::as_slice)
    }
    fn is_control(&self, token: u32) -> bool {
        token >= END
    }
    fn end_tokens(&self) -> &[u32] {
        &[END]
    }
    fn render(&self, messages: &[Message]) -> Result<Vec<u32>, RenderError> {
        let mut text = String::new();
        for message in messages {
            let name = match message.role {
                Role::System => "S",
                Role::User => "U",
                Role::Assistant => "A",
                Role::Tool => "T",
            };
            text.push_str(name);
            text.push_str(&message.content);
            text.push('\n');
        }
        if text.contains("impossible") {
            return Err(RenderError::Conversation("This conversation is impossible.".to_string()));
        }
        if text.contains("unknown template") {
            return Err(RenderError::Template("The chat template is not known.".to_string()));
        }
        Ok(self.encode(&text, true, false))
    }
    fn longest_piece(&self) -> usize {
        4
    }
}

/// Requests that reach most of the server: where mutation and fuzzing begin.
#[must_use]
pub fn requests() -> Vec<String> {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let post =
        |path: &str, body: &str| format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let chat = r#"{"model":"echo","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"\u00e9"}]}],"stream":true,"stop":["x","yz"],"logprobs":true,"top_logprobs":3,"seed":-5,"stream_options":{"include_usage":true}}"#;
    let text = r#"{"prompt":[97,98,257],"max_tokens":5,"echo":true,"temperature":0.5,"return_progress":true}"#;
    let chunked = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
    Vec::from([
        get("/health"),
        get("/v1/models/echo%2d1"),
        get("/metrics").replace("GET", "HEAD"),
        get("/slots").replace("1.1", "1.0"),
        post("/v1/chat/completions", chat),
        post("/v1/completions", text),
        post("/v1/completions", r#"{"prompt":["ab"],"logprobs":2,"top_p":0.9,"response_format":{"type":"text"},"tools":[]}"#),
        post("/tokenize", r#"{"content":"<s>\ud83d\ude00","with_pieces":true}"#),
        post("/detokenize", r#"{"tokens":[240,159,152,128]}"#),
        post("/apply-template", r#"{"messages":[{"role":"tool","content":"t"}]}"#),
        format!("{chunked}7;x\r\n{{\"promp\r\n6\r\nt\":\"a\"\r\n1\r\n}}\r\n0\r\nT: u\r\n\r\n"),
        "OPTIONS * HTTP/1.1\r\nHost: a\r\nAccess-Control-Request-Headers: x\r\n\r\n".to_string(),
    ])
}
