//! Answers as JSON, whole and in chunks.

use super::generation::Kind;
use crate::Language;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use ring0_engine::api::{Timings, TokenLogprob};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// What stands for the logarithm of (nearly) nothing: JSON has no infinity. OpenAI's value.
const NO_LOGPROB: f32 = -9999.0;

/// Constant over all chunks of one answer.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub id: String,
    pub created: u64,
    pub model: String,
    pub fingerprint: String,
}

/// Why an answer ended, as `finish_reason` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ending {
    Stop,
    Length,
}

/// One generated token, for `logprobs`.
#[derive(Debug, Clone)]
pub(crate) struct TokenDetail {
    pub token: TokenLogprob,
    pub top: Vec<TokenLogprob>,
    /// Where its text begins, in bytes of the answer.
    pub position: usize,
    /// The same in characters.
    pub characters: usize,
}

/// Tokens counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub prompt: u32,
    pub completion: u32,
    pub cached: u32,
}

impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Details {
            cached_tokens: u32,
        }
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("prompt_tokens", &self.prompt)?;
        map.serialize_entry("completion_tokens", &self.completion)?;
        map.serialize_entry("total_tokens", &(u64::from(self.prompt) + u64::from(self.completion)))?;
        map.serialize_entry("prompt_tokens_details", &Details { cached_tokens: self.cached })?;
        map.end()
    }
}

/// Where the time went, in llama.cpp's names. Rates are tokens over the time that they took: the first generated token belongs to
/// the prompt's time, so `predicted_per_second` counts one token fewer than `predicted_n`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct WireTimings {
    cache_n: u32,
    prompt_n: u32,
    prompt_ms: f64,
    prompt_per_token_ms: f64,
    prompt_per_second: f64,
    predicted_n: u32,
    predicted_ms: f64,
    predicted_per_token_ms: f64,
    predicted_per_second: f64,
    /// Not llama.cpp's: from submission to the first token, waiting for a slot included.
    first_token_ms: f64,
}

impl WireTimings {
    pub fn new(timings: &Timings, ticks_per_second: u64) -> Self {
        let ms = |ticks: u64| milliseconds(ticks, ticks_per_second);
        let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
        let prompt = f64::from(timings.prompt_tokens);
        let intervals = f64::from(timings.generated_tokens.saturating_sub(1));
        let (prompt_ms, predicted_ms) = (ms(timings.prompt_ticks), ms(timings.generate_ticks));
        WireTimings {
            cache_n: timings.cached_tokens,
            prompt_n: timings.prompt_tokens,
            prompt_ms,
            prompt_per_token_ms: ratio(prompt_ms, prompt),
            prompt_per_second: ratio(prompt * 1000.0, prompt_ms),
            predicted_n: timings.generated_tokens,
            predicted_ms,
            predicted_per_token_ms: ratio(predicted_ms, intervals),
            predicted_per_second: ratio(intervals * 1000.0, predicted_ms),
            first_token_ms: ms(timings.first_token_ticks),
        }
    }
}

/// Ticks as milliseconds.
pub(crate) fn milliseconds(ticks: u64, ticks_per_second: u64) -> f64 {
    ticks as f64 * 1000.0 / ticks_per_second.max(1) as f64
}

/// How much of the prompt is done, for `return_progress`: llama.cpp's fields but `cache`, which is known at the end only
/// (`timings.cache_n`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Progress {
    pub total: u32,
    pub processed: u32,
    pub time_ms: f64,
}

/// Writes the JSON of one answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub kind: Kind,
    pub identity: Identity,
    /// `stream_options.include_usage`: every chunk has a `usage`, null but in the last.
    pub include_usage: bool,
}

#[derive(Serialize)]
struct Envelope<'a, C> {
    id: &'a str,
    object: &'a str,
    created: u64,
    model: &'a str,
    system_fingerprint: &'a str,
    choices: &'a [C],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Usage>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timings: Option<WireTimings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_progress: Option<Progress>,
}

#[derive(Default)]
struct Tail {
    usage: Option<Option<Usage>>,
    timings: Option<WireTimings>,
    progress: Option<Progress>,
}

#[derive(Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

#[derive(Serialize)]
struct DeltaChoice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: Option<Logprobs>,
    finish_reason: Option<Ending>,
}

#[derive(Serialize)]
struct TextChoice<'a> {
    index: u32,
    text: &'a str,
    logprobs: Option<Logprobs>,
    finish_reason: Option<Ending>,
}

#[derive(Serialize)]
struct ChatMessage<'a> {
    role: &'a str,
    content: &'a str,
    refusal: Option<&'a str>,
}

#[derive(Serialize)]
struct MessageChoice<'a> {
    index: u32,
    message: ChatMessage<'a>,
    logprobs: Option<Logprobs>,
    finish_reason: Ending,
}

impl Answer {
    /// The chunk that opens a chat's stream, before anything is computed.
    pub fn role_chunk(&self) -> String {
        self.delta(Delta { role: Some("assistant"), content: Some("") }, None, None, Tail::default())
    }

    /// Text, with the details of its tokens where they were asked for.
    pub fn text_chunk(&self, text: &str, logprobs: Option<Logprobs>, timings: Option<WireTimings>) -> String {
        let tail = Tail { timings, ..Tail::default() };
        self.chunk(Some(text), logprobs, None, tail)
    }

    /// Prompt progress.
    pub fn progress_chunk(&self, progress: Progress) -> String {
        self.chunk(None, None, None, Tail { progress: Some(progress), ..Tail::default() })
    }

    /// The end of the answer.
    pub fn finish_chunk(&self, ending: Ending, timings: WireTimings) -> String {
        self.chunk(None, None, Some(ending), Tail { timings: Some(timings), ..Tail::default() })
    }

    /// The chunk behind the end that `include_usage` asks for.
    pub fn usage_chunk(&self, usage: Usage) -> String {
        self.envelope::<DeltaChoice>(&[], true, Tail { usage: Some(Some(usage)), ..Tail::default() })
    }

    /// A whole answer.
    pub fn whole(
        &self,
        text: &str,
        logprobs: Option<Logprobs>,
        finish_reason: Ending,
        usage: Usage,
        timings: WireTimings,
    ) -> String {
        let tail = Tail { usage: Some(Some(usage)), timings: Some(timings), progress: None };
        match self.kind {
            Kind::Chat => {
                let message = ChatMessage { role: "assistant", content: text, refusal: None };
                self.envelope(&[MessageChoice { index: 0, message, logprobs, finish_reason }], false, tail)
            }
            Kind::Text => {
                let finish_reason = Some(finish_reason);
                self.envelope(&[TextChoice { index: 0, text, logprobs, finish_reason }], false, tail)
            }
        }
    }

    fn chunk(&self, text: Option<&str>, logprobs: Option<Logprobs>, finish_reason: Option<Ending>, tail: Tail) -> String {
        match self.kind {
            Kind::Chat => self.delta(Delta { role: None, content: text }, logprobs, finish_reason, tail),
            Kind::Text => {
                let text = text.unwrap_or("");
                self.envelope(&[TextChoice { index: 0, text, logprobs, finish_reason }], true, tail)
            }
        }
    }

    fn delta(&self, delta: Delta, logprobs: Option<Logprobs>, finish_reason: Option<Ending>, tail: Tail) -> String {
        self.envelope(&[DeltaChoice { index: 0, delta, logprobs, finish_reason }], true, tail)
    }

    fn envelope<C: Serialize>(&self, choices: &[C], chunk: bool, tail: Tail) -> String {
        let envelope = Envelope {
            id: &self.identity.id,
            object: match (self.kind, chunk) {
                (Kind::Chat, true) => "chat.completion.chunk",
                (Kind::Chat, false) => "chat.completion",
                (Kind::Text, _) => "text_completion",
            },
            created: self.identity.created,
            model: &self.identity.model,
            system_fingerprint: &self.identity.fingerprint,
            choices,
            usage: tail.usage.or((chunk && self.include_usage).then_some(None)),
            timings: tail.timings,
            prompt_progress: tail.progress,
        };
        // Serializing plain data into memory cannot fail.
        serde_json::to_string(&envelope).unwrap_or_default()
    }

    /// The details of some tokens in this API's shape.
    pub fn logprobs(&self, details: &[TokenDetail], language: &dyn Language) -> Logprobs {
        match self.kind {
            Kind::Chat => Logprobs::Chat { content: details.iter().map(|d| chat_token(d, language)).collect(), refusal: None },
            Kind::Text => {
                let key = |token: &TokenLogprob| text_key(language.piece(token.token).unwrap_or_default());
                Logprobs::Text {
                    tokens: details.iter().map(|d| key(&d.token)).collect(),
                    token_logprobs: details.iter().map(|d| finite(d.token.logprob)).collect(),
                    top_logprobs: details
                        .iter()
                        .map(|d| {
                            let mut seen = BTreeSet::new();
                            let pairs = d.top.iter().map(|t| (key(t), finite(t.logprob)));
                            // Two tokens may have one text; a JSON object has room for the likelier.
                            TopMap(pairs.filter(|(text, _)| seen.insert(text.clone())).collect())
                        })
                        .collect(),
                    text_offset: details.iter().map(|d| d.characters).collect(),
                }
            }
        }
    }
}

/// `logprobs` of a choice.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Logprobs {
    Chat { content: Vec<ChatToken>, refusal: Option<()> },
    Text { tokens: Vec<String>, token_logprobs: Vec<f32>, top_logprobs: Vec<TopMap>, text_offset: Vec<usize> },
}

#[derive(Serialize)]
pub(crate) struct ChatToken {
    #[serde(flatten)]
    token: NamedToken,
    top_logprobs: Vec<NamedToken>,
}

#[derive(Serialize)]
struct NamedToken {
    token: String,
    logprob: f32,
    bytes: Vec<u8>,
}

pub(crate) struct TopMap(Vec<(String, f32)>);

impl Serialize for TopMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(text, logprob)| (text, logprob)))
    }
}

fn chat_token(detail: &TokenDetail, language: &dyn Language) -> ChatToken {
    let named = |token: &TokenLogprob| {
        let bytes = language.piece(token.token).unwrap_or_default();
        let text = core::str::from_utf8(bytes).map_or_else(|_| escaped(bytes), ToString::to_string);
        NamedToken { token: text, logprob: finite(token.logprob), bytes: bytes.to_vec() }
    };
    ChatToken { token: named(&detail.token), top_logprobs: detail.top.iter().map(named).collect() }
}

/// A token that is no whole character, in the form of OpenAI's completions: `bytes:\xe2\x82`.
fn text_key(bytes: &[u8]) -> String {
    core::str::from_utf8(bytes).map_or_else(|_| format!("bytes:{}", escaped(bytes)), ToString::to_string)
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("\\x{b:02x}")).collect()
}

fn finite(logprob: f32) -> f32 {
    if logprob.is_finite() { logprob } else { NO_LOGPROB }
}
