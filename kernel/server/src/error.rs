//! A refusal in OpenAI's shape: `{"error":{"message","type","param","code"}}` with the status that fits.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use serde::Serialize;

/// Longest message in bytes: serde's messages quote the client's own input.
const MESSAGE_BYTES: usize = 300;

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub status: u16,
    pub kind: &'static str,
    pub message: String,
    pub param: Option<String>,
    pub code: Option<&'static str>,
    /// When the client should come back; the official clients read it from `retry-after-ms`.
    pub retry_after_ms: Option<u32>,
    /// Methods that the path has, for 405.
    pub allow: Option<&'static str>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

impl ApiError {
    /// A request that HTTP or the API does not allow, with `status` of 4xx.
    pub fn bad(status: u16, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MESSAGE_BYTES {
            let mut end = MESSAGE_BYTES;
            while !message.is_char_boundary(end) {
                end -= 1;
            }
            message.truncate(end);
            message.push('…');
        }
        ApiError { status, kind: "invalid_request_error", message, param: None, code: None, retry_after_ms: None, allow: None }
    }

    /// A parameter with a wrong type or value.
    pub fn parameter(param: &str, message: impl Into<String>) -> Self {
        ApiError { param: Some(param.to_owned()), ..Self::bad(400, message) }
    }

    /// A parameter that this server does not implement, and does not silently ignore.
    pub fn unsupported(param: &str, what: &str) -> Self {
        ApiError {
            code: Some("unsupported_parameter"),
            ..Self::parameter(param, format!("{what} is not supported by this server. Leave out `{param}`."))
        }
    }

    /// The model is not there yet.
    pub fn loading() -> Self {
        ApiError {
            kind: "unavailable_error",
            code: Some("model_loading"),
            retry_after_ms: Some(500),
            ..Self::bad(503, "Loading model")
        }
    }

    /// All slots and the queue are full.
    pub fn busy() -> Self {
        ApiError {
            kind: "rate_limit_error",
            code: Some("server_busy"),
            retry_after_ms: Some(1000),
            ..Self::bad(429, "All slots are taken and the queue is full. Try again in a second.")
        }
    }

    /// Too little memory for this now.
    pub fn overloaded(message: &str) -> Self {
        ApiError {
            kind: "unavailable_error",
            code: Some("server_overloaded"),
            retry_after_ms: Some(1000),
            ..Self::bad(503, message)
        }
    }

    /// Something on this side failed; trying again gives the same.
    pub fn internal(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        ApiError { kind: "server_error", code: Some(code), ..Self::bad(status, message) }
    }

    /// The key is missing or wrong.
    pub fn unauthorized() -> Self {
        ApiError {
            kind: "authentication_error",
            code: Some("invalid_api_key"),
            ..Self::bad(401, "Incorrect or missing API key. Send it as `Authorization: Bearer KEY`.")
        }
    }

    /// The prompt leaves no room for an answer. `at_least`: it was refused before it was tokenized.
    pub fn context_overflow(param: &str, prompt_tokens: u64, context_tokens: u32, at_least: bool) -> Self {
        let about = if at_least { "at least " } else { "" };
        ApiError {
            code: Some("context_length_exceeded"),
            ..Self::parameter(
                param,
                format!(
                    "This model's context holds {context_tokens} tokens, but the prompt is {about}{prompt_tokens} tokens and \
                     leaves no room for an answer. Shorten it."
                ),
            )
        }
    }

    /// The JSON body.
    pub fn to_json(&self) -> String {
        let body = Body { message: &self.message, r#type: self.kind, param: self.param.as_deref(), code: self.code };
        // Serializing strings into memory cannot fail.
        serde_json::to_string(&Envelope { error: body }).unwrap_or_default()
    }

    /// Whether the official clients, which repeat every 5xx twice, must be told not to.
    pub fn is_deterministic_failure(&self) -> bool {
        self.status >= 500 && self.retry_after_ms.is_none()
    }
}
