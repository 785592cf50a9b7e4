//! Parameters that both kinds of completion share.

use crate::config::Config;
use crate::error::ApiError;
use crate::json::{Fields, elements, first_character, parse};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use ring0_engine::api::Sampling;

/// Most stop strings, as OpenAI has it.
const MAX_STOPS: usize = 4;
/// Longest stop string in bytes.
const MAX_STOP_BYTES: usize = 1024;

/// How tokens are drawn. `fresh_seed` is used where neither request nor configuration names a seed.
pub(crate) fn sampling(fields: &Fields, config: &Config, fresh_seed: u64) -> Result<Sampling, ApiError> {
    let default = &config.sampling;
    let number = |name, least, most, default: f32| -> Result<f32, ApiError> {
        Ok(fields.number(name, least, most)?.map_or(default, |v| v as f32))
    };
    let most = i64::from(u32::MAX);
    // -1 is llama.cpp's "all"; for the window that is as far back as the context goes.
    let top_k = fields.integer("top_k", -1, most)?.map_or(default.top_k, |k| u32::try_from(k).unwrap_or(0));
    let window = fields.integer("repeat_last_n", -1, most)?;
    Ok(Sampling {
        temperature: number("temperature", 0.0, 2.0, default.temperature)?,
        top_k,
        top_p: number("top_p", 0.0, 1.0, default.top_p)?,
        min_p: number("min_p", 0.0, 1.0, default.min_p)?,
        repeat_penalty: number("repeat_penalty", 0.01, 10.0, default.repeat_penalty)?,
        repeat_last_n: window.map_or(default.repeat_last_n, |n| u32::try_from(n).unwrap_or(u32::MAX)),
        presence_penalty: number("presence_penalty", -2.0, 2.0, default.presence_penalty)?,
        frequency_penalty: number("frequency_penalty", -2.0, 2.0, default.frequency_penalty)?,
        // A seed is any integer; its bits are what counts.
        seed: fields.get::<i64>("seed")?.map(|seed| seed as u64).or(config.seed).unwrap_or(fresh_seed),
    })
}

/// Most tokens to generate: `max_completion_tokens`, or else the older names. -1, llama.cpp's "no limit", is `unlimited`.
pub(crate) fn max_tokens(fields: &Fields, default: u32, unlimited: u32) -> Result<u32, ApiError> {
    let mut chosen = None;
    // All are checked, the first counts.
    for name in ["max_completion_tokens", "max_tokens", "n_predict"] {
        let Some(value) = fields.get::<i64>(name)? else { continue };
        if value == 0 || value < -1 {
            return Err(ApiError::parameter(name, format!("`{name}` is {value}; it must be at least 1.")));
        }
        chosen = chosen.or(Some(u32::try_from(value).unwrap_or(if value < 0 { unlimited } else { u32::MAX })));
    }
    Ok(chosen.unwrap_or(default))
}

/// `stop`: a string or up to four.
pub(crate) fn stops(fields: &Fields) -> Result<Vec<String>, ApiError> {
    let Some(raw) = fields.raw("stop") else { return Ok(Vec::new()) };
    let raws = if first_character(raw) == '[' { elements(raw, "stop", MAX_STOPS)? } else { Vec::from([raw]) };
    let stops = raws.into_iter().map(|raw| parse::<String>(raw, "stop")).collect::<Result<Vec<_>, _>>()?;
    if stops.iter().any(|stop| stop.len() > MAX_STOP_BYTES) {
        return Err(ApiError::parameter("stop", format!("A stop string is longer than {MAX_STOP_BYTES} bytes.")));
    }
    Ok(stops)
}

/// The model that a request names must be the one that is loaded; a request that names none means it.
pub(crate) fn check_model(fields: &Fields, card: &crate::ModelCard) -> Result<(), ApiError> {
    match fields.get::<String>("model")? {
        Some(name) if !card.answers_to(&name) => Err(unknown_model(&name, card)),
        _ => Ok(()),
    }
}

/// 404 for a model that is not here.
pub(crate) fn unknown_model(name: &str, card: &crate::ModelCard) -> ApiError {
    ApiError {
        code: Some("model_not_found"),
        param: Some("model".into()),
        ..ApiError::bad(404, format!("The model loaded here is {:?} (also called \"default\"), not {name:?}.", card.id))
    }
}

/// Refuses what would change the answer's meaning if it were ignored.
pub(crate) fn refuse_unsupported(fields: &Fields) -> Result<(), ApiError> {
    for name in ["n", "best_of"] {
        if fields.get::<i64>(name)?.is_some_and(|n| n != 1) {
            return Err(ApiError::unsupported(name, "More than one choice"));
        }
    }
    // Empty is the same as missing.
    let emptiable =
        [("tools", "[]", "Tool calling"), ("functions", "[]", "Function calling"), ("logit_bias", "{}", "Biasing tokens")];
    for (name, empty, what) in emptiable {
        let given = fields.raw(name).map(|raw| raw.get().chars().filter(|c| !c.is_ascii_whitespace()).take(3));
        if given.is_some_and(|given| given.collect::<String>() != empty) {
            return Err(ApiError::unsupported(name, what));
        }
    }
    for (name, harmless) in [("tool_choice", ["none", "auto"]), ("function_call", ["none", "auto"])] {
        let Some(raw) = fields.raw(name) else { continue };
        if !parse::<String>(raw, name).is_ok_and(|choice| harmless.contains(&choice.as_str())) {
            return Err(ApiError::unsupported(name, "Forcing a tool call"));
        }
    }
    if let Some(raw) = fields.raw("response_format") {
        let format = Fields::from_raw(raw, &["type"], "response_format")?;
        if format.get::<String>("type")?.as_deref() != Some("text") {
            return Err(ApiError::unsupported("response_format", "Any response format but {\"type\":\"text\"}"));
        }
    }
    if let Some(raw) = fields.raw("modalities") {
        for raw in elements(raw, "modalities", 8)? {
            if parse::<String>(raw, "modalities")? != "text" {
                return Err(ApiError::unsupported("modalities", "Any modality but text"));
            }
        }
    }
    for (name, what) in [
        ("audio", "Audio"),
        ("grammar", "Constraining the answer by a grammar"),
        ("json_schema", "Constraining the answer by a JSON schema"),
        ("web_search_options", "Searching the web"),
    ] {
        if fields.raw(name).is_some() {
            return Err(ApiError::unsupported(name, what));
        }
    }
    if fields.get::<String>("suffix")?.is_some_and(|suffix| !suffix.is_empty()) {
        return Err(ApiError::unsupported("suffix", "Filling in the middle"));
    }
    Ok(())
}
