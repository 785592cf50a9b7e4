//! `/v1/completions` and `/v1/chat/completions`: a body to a piece of work.

use super::{chat, parameters};
use crate::config::Config;
use crate::error::ApiError;
use crate::json::{Fields, elements, first_character, parse};
use crate::{Language, RenderError};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use ring0_engine::api::GenerateRequest;
use serde_json::value::RawValue;

/// Fields that mean something here. All others, such as `user` and `metadata`, are ignored.
const FIELDS: &[&str] = &[
    "model",
    "messages",
    "prompt",
    "stream",
    "stream_options",
    "max_completion_tokens",
    "max_tokens",
    "n_predict",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repeat_penalty",
    "repeat_last_n",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "stop",
    "logprobs",
    "top_logprobs",
    "n",
    "best_of",
    "echo",
    "suffix",
    "logit_bias",
    "tools",
    "tool_choice",
    "functions",
    "function_call",
    "response_format",
    "modalities",
    "audio",
    "grammar",
    "json_schema",
    "web_search_options",
    "return_progress",
    "timings_per_token",
];

/// What OpenAI generates where `/v1/completions` names no limit.
const DEFAULT_COMPLETION_TOKENS: u32 = 16;
/// Most alternatives to a token.
const MAX_TOP: i64 = 20;

/// Which API the answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Chat,
    Text,
}

/// How the answer is to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub kind: Kind,
    pub stream: bool,
    pub include_usage: bool,
    pub return_progress: bool,
    pub timings_per_token: bool,
    /// Whether tokens' probabilities are reported.
    pub logprobs: bool,
    /// The prompt, where the answer is to begin with it.
    pub echo: String,
    pub stops: Vec<String>,
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Generation {
    pub request: GenerateRequest,
    pub options: Options,
}

/// A body of `/v1/completions`.
pub(crate) fn completion(body: &[u8], language: &mut dyn Language, config: &Config, seed: u64) -> Result<Generation, ApiError> {
    let fields = Fields::from_body(body, FIELDS)?;
    parameters::check_model(&fields, language.card())?;
    parameters::refuse_unsupported(&fields)?;
    let top = fields.integer("logprobs", 0, MAX_TOP)?.map(|n| n as u8);
    let max_tokens = parameters::max_tokens(&fields, DEFAULT_COMPLETION_TOKENS, language.generator().context_tokens())?;
    let echo = fields.get::<bool>("echo")?.unwrap_or(false);
    if echo && top.is_some() {
        return Err(ApiError::unsupported("echo", "Echoing the prompt together with logprobs"));
    }
    let raw = fields.raw("prompt").ok_or_else(|| ApiError::parameter("prompt", "`prompt` is missing."))?;
    let (prompt, text) = prompt(raw, language)?;
    let echo = if echo { text } else { String::new() };
    finish(&fields, Kind::Text, prompt, max_tokens, top, echo, language, config, seed)
}

/// A body of `/v1/chat/completions`.
pub(crate) fn chat_completion(
    body: &[u8],
    language: &mut dyn Language,
    config: &Config,
    seed: u64,
) -> Result<Generation, ApiError> {
    let fields = Fields::from_body(body, FIELDS)?;
    parameters::check_model(&fields, language.card())?;
    parameters::refuse_unsupported(&fields)?;
    let logprobs = fields.get::<bool>("logprobs")?.unwrap_or(false);
    let top = fields.integer("top_logprobs", 0, MAX_TOP)?;
    if top.is_some() && !logprobs {
        return Err(ApiError::parameter("top_logprobs", "`top_logprobs` needs `logprobs` to be true."));
    }
    let top = logprobs.then_some(top.unwrap_or(0) as u8);
    let context = language.generator().context_tokens();
    let max_tokens = parameters::max_tokens(&fields, context, context)?;
    let prompt = conversation(&fields, language)?;
    finish(&fields, Kind::Chat, prompt, max_tokens, top, String::new(), language, config, seed)
}

/// The prompt tokens of `messages`. Also what `/apply-template` shows.
pub(crate) fn conversation(fields: &Fields, language: &mut dyn Language) -> Result<Vec<u32>, ApiError> {
    let messages = chat::messages(fields)?;
    refuse_far_too_long(messages.iter().map(|m| m.content.len()).sum(), "messages", language)?;
    language.render(&messages).map_err(|e| match e {
        RenderError::Conversation(text) => ApiError::parameter("messages", text),
        RenderError::Template(text) => ApiError::internal(501, "chat_template", text),
    })
}

#[expect(clippy::too_many_arguments, reason = "the two callers' last step, and nobody else's")]
fn finish(
    fields: &Fields,
    kind: Kind,
    prompt: Vec<u32>,
    max_tokens: u32,
    top_logprobs: Option<u8>,
    echo: String,
    language: &mut dyn Language,
    config: &Config,
    seed: u64,
) -> Result<Generation, ApiError> {
    let flag = |name| Ok(fields.get::<bool>(name)?.unwrap_or(false));
    let stream = flag("stream")?;
    let include_usage = match fields.raw("stream_options") {
        Some(_) if !stream => {
            return Err(ApiError::parameter("stream_options", "`stream_options` needs `stream` to be true."));
        }
        Some(raw) => Fields::from_raw(raw, &["include_usage"], "stream_options")?.get("include_usage")?.unwrap_or(false),
        None => false,
    };
    let options = Options {
        kind,
        stream,
        include_usage,
        return_progress: flag("return_progress")?,
        timings_per_token: flag("timings_per_token")?,
        logprobs: top_logprobs.is_some(),
        echo,
        stops: parameters::stops(fields)?,
    };
    let sampling = parameters::sampling(fields, config, seed)?;
    let end_tokens = language.end_tokens().to_vec();
    Ok(Generation { request: GenerateRequest { prompt, max_tokens, sampling, end_tokens, top_logprobs }, options })
}

/// A string, an array of one string, an array of tokens, or an array of one such array; with its text.
///
/// Special tokens are parsed in the text: it is the whole of what the model sees, so whoever wrote it put them there. In a chat's
/// messages they are not.
fn prompt(raw: &RawValue, language: &mut dyn Language) -> Result<(Vec<u32>, String), ApiError> {
    let mut raw = raw;
    if first_character(raw) == '[' {
        let inner = raw.get().get(1..).unwrap_or_default().trim_start();
        if inner.starts_with(['"', '[']) {
            let many = |_| ApiError::unsupported("prompt", "More than one prompt in a request");
            raw = elements(raw, "prompt", 1).map_err(many)?.first().copied().unwrap_or(raw);
        }
    }
    if first_character(raw) != '[' {
        let text = parse::<String>(raw, "prompt")?;
        refuse_far_too_long(text.len(), "prompt", language)?;
        return Ok((language.encode(&text, true, true), text));
    }
    let tokens = parse::<Vec<u32>>(raw, "prompt")?;
    let mut bytes = Vec::new();
    for token in &tokens {
        match language.piece(*token) {
            Some(_) if language.is_control(*token) => {}
            Some(piece) => bytes.extend_from_slice(piece),
            None => return Err(ApiError::parameter("prompt", format!("The vocabulary has no token {token}."))),
        }
    }
    Ok((tokens, String::from_utf8_lossy(&bytes).into_owned()))
}

/// Tokenizing takes time for every byte; a text that cannot fit, however it is cut, is refused before.
fn refuse_far_too_long(bytes: usize, param: &str, language: &mut dyn Language) -> Result<(), ApiError> {
    let least = bytes as u64 / language.longest_piece().max(4) as u64;
    let context = language.generator().context_tokens();
    if least > u64::from(context) { Err(ApiError::context_overflow(param, least, context, true)) } else { Ok(()) }
}
