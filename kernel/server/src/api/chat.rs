//! Conversations as the API has them.

use crate::error::ApiError;
use crate::json::{Fields, elements, first_character, parse};
use crate::{Message, Role};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde_json::value::RawValue;

const MAX_MESSAGES: usize = 4096;
const MAX_PARTS: usize = 1024;

/// `messages`: at least one.
pub(crate) fn messages(fields: &Fields) -> Result<Vec<Message>, ApiError> {
    let raw = fields.raw("messages").ok_or_else(|| ApiError::parameter("messages", "`messages` is missing."))?;
    let raws = elements(raw, "messages", MAX_MESSAGES)?;
    if raws.is_empty() {
        return Err(ApiError::parameter("messages", "`messages` is empty."));
    }
    raws.into_iter().enumerate().map(|(index, raw)| message(raw, &format!("messages[{index}]"))).collect()
}

fn message(raw: &RawValue, path: &str) -> Result<Message, ApiError> {
    let fields = Fields::from_raw(raw, &["role", "content", "tool_calls", "function_call"], path)?;
    let role_path = fields.path("role");
    let name = fields.get::<String>("role")?;
    let name = name.ok_or_else(|| ApiError::parameter(&role_path, format!("`{role_path}` is missing.")))?;
    let role = Role::from_name(&name).ok_or_else(|| {
        let text = format!("{name:?} is no role; use system, developer, user, assistant or tool.");
        ApiError::parameter(&role_path, text)
    })?;
    for name in ["tool_calls", "function_call"] {
        if fields.raw(name).is_some_and(|raw| raw.get() != "[]") {
            return Err(ApiError::unsupported(&fields.path(name), "Tool calling"));
        }
    }
    let content_path = fields.path("content");
    let content = match fields.raw("content") {
        Some(raw) => content(raw, &content_path)?,
        // An assistant's turn may be empty; nobody else's may.
        None if role == Role::Assistant => String::new(),
        None => return Err(ApiError::parameter(&content_path, format!("`{content_path}` is missing."))),
    };
    Ok(Message { role, content })
}

/// A string, or parts of text.
fn content(raw: &RawValue, path: &str) -> Result<String, ApiError> {
    if first_character(raw) != '[' {
        return parse(raw, path);
    }
    let mut all = String::new();
    for (index, raw) in elements(raw, path, MAX_PARTS)?.into_iter().enumerate() {
        let part = Fields::from_raw(raw, &["type", "text", "refusal"], &format!("{path}[{index}]"))?;
        let name = match part.get::<String>("type")?.as_deref() {
            Some("text") => "text",
            Some("refusal") => "refusal",
            _ => return Err(ApiError::unsupported(&part.path("type"), "Content that is not text")),
        };
        let missing = || ApiError::parameter(&part.path(name), format!("`{}` is missing.", part.path(name)));
        all.push_str(&part.get::<String>(name)?.ok_or_else(missing)?);
    }
    Ok(all)
}
