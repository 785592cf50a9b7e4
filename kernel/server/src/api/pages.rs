//! Paths that are answered at once.

use super::generation::conversation;
use super::parameters::unknown_model;
use crate::config::{Config, Limits};
use crate::error::ApiError;
use crate::json::Fields;
use crate::{Language, ModelCard};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde_json::{Value, json};

/// An answer that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

impl Page {
    pub fn json(value: &Value) -> Self {
        Page { status: 200, content_type: "application/json", body: format!("{value}") }
    }
}

/// `/`: what is here.
pub(crate) fn root(card: Option<&ModelCard>) -> Page {
    let model = card.map_or("no model is loaded yet", |card| card.id.as_str());
    let body = format!(
        "Ring0: an operating system that serves one language model.\n\n\
         Model: {model}\n\n\
         GET  /health  /metrics  /props  /slots  /v1/models  /v1/models/ID\n\
         POST /v1/chat/completions  /v1/completions  /tokenize  /detokenize  /apply-template\n"
    );
    Page { status: 200, content_type: "text/plain; charset=utf-8", body }
}

/// `/health`, in llama.cpp's two shapes.
pub(crate) fn health(loaded: bool) -> Page {
    if loaded {
        return Page::json(&json!({ "status": "ok" }));
    }
    let error = json!({ "error": { "code": 503, "message": "Loading model", "type": "unavailable_error" } });
    Page { status: 503, ..Page::json(&error) }
}

/// `/v1/models`.
pub(crate) fn models(card: &ModelCard, context_tokens: u32) -> Page {
    Page::json(&json!({ "object": "list", "data": [model_object(card, context_tokens)] }))
}

/// `/v1/models/{id}`.
pub(crate) fn model(card: &ModelCard, context_tokens: u32, id: &str) -> Result<Page, ApiError> {
    if !card.answers_to(id) {
        return Err(unknown_model(id, card));
    }
    Ok(Page::json(&model_object(card, context_tokens)))
}

fn model_object(card: &ModelCard, context_tokens: u32) -> Value {
    json!({
        "id": card.id,
        "object": "model",
        "created": card.created,
        "owned_by": "ring0",
        "aliases": card.aliases,
        "meta": {
            "n_vocab": card.vocabulary,
            "n_ctx": context_tokens,
            "n_ctx_train": card.training_context,
            "n_embd": card.embedding,
            "n_params": card.parameters,
            "size": card.size_bytes,
        },
    })
}

/// `/props`: what a request without parameters gets.
pub(crate) fn props(card: &ModelCard, context_tokens: u32, slots: u32, config: &Config) -> Page {
    let sampling = &config.sampling;
    Page::json(&json!({
        "default_generation_settings": {
            "n_ctx": context_tokens,
            "params": {
                "seed": config.seed,
                "temperature": sampling.temperature,
                "top_k": sampling.top_k,
                "top_p": sampling.top_p,
                "min_p": sampling.min_p,
                "repeat_penalty": sampling.repeat_penalty,
                "repeat_last_n": sampling.repeat_last_n,
                "presence_penalty": sampling.presence_penalty,
                "frequency_penalty": sampling.frequency_penalty,
            },
        },
        "total_slots": slots,
        "model_alias": card.id,
        "chat_template_name": card.chat_template,
        "build_info": card.fingerprint,
    }))
}

/// `/tokenize`, as llama.cpp has it: `content`, `add_special` (false), `parse_special` (true), `with_pieces` (false).
pub(crate) fn tokenize(body: &[u8], language: &dyn Language, limits: &Limits) -> Result<Page, ApiError> {
    let fields = Fields::from_body(body, &["content", "add_special", "parse_special", "with_pieces"])?;
    let flag = |name, default| Ok(fields.get::<bool>(name)?.unwrap_or(default));
    let content = fields.get::<String>("content")?.ok_or_else(|| ApiError::parameter("content", "`content` is missing."))?;
    if content.len() > limits.tokenize_bytes {
        let message = format!("`content` is larger than {} bytes.", limits.tokenize_bytes);
        return Err(ApiError { status: 413, ..ApiError::parameter("content", message) });
    }
    let tokens = language.encode(&content, flag("add_special", false)?, flag("parse_special", true)?);
    if !flag("with_pieces", false)? {
        return Ok(Page::json(&json!({ "tokens": tokens })));
    }
    let piece = |id: &u32| {
        let bytes = language.piece(*id).unwrap_or_default();
        // A token that is no whole character is given as its bytes.
        match core::str::from_utf8(bytes) {
            Ok(text) => json!({ "id": id, "piece": text }),
            Err(_) => json!({ "id": id, "piece": bytes }),
        }
    };
    Ok(Page::json(&json!({ "tokens": tokens.iter().map(piece).collect::<Vec<_>>() })))
}

/// `/detokenize`: `tokens` to `content`, control tokens by their names.
pub(crate) fn detokenize(body: &[u8], language: &dyn Language) -> Result<Page, ApiError> {
    let fields = Fields::from_body(body, &["tokens"])?;
    let tokens = fields.get::<Vec<u32>>("tokens")?.ok_or_else(|| ApiError::parameter("tokens", "`tokens` is missing."))?;
    Ok(Page::json(&json!({ "content": text_of(&tokens, "tokens", language)? })))
}

/// `/apply-template`: `messages` to the `prompt` that the model would see.
pub(crate) fn apply_template(body: &[u8], language: &mut dyn Language) -> Result<Page, ApiError> {
    let fields = Fields::from_body(body, &["messages"])?;
    let tokens = conversation(&fields, language)?;
    Ok(Page::json(&json!({ "prompt": text_of(&tokens, "messages", language)? })))
}

fn text_of(tokens: &[u32], param: &str, language: &dyn Language) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    for token in tokens {
        let missing = || ApiError::parameter(param, format!("The vocabulary has no token {token}."));
        bytes.extend_from_slice(language.piece(*token).ok_or_else(missing)?);
        // A short token may stand for a long text, and a body holds millions of them.
        if bytes.len() > 1 << 20 {
            return Err(ApiError::parameter(param, "The text is larger than 1 MiB.".to_owned()));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
