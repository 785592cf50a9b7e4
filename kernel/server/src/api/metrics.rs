//! `/metrics` in Prometheus' text format, with llama.cpp's names where the meaning is the same.

use super::reply::milliseconds;
use crate::{Metric, MetricKind};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use ring0_engine::api::{Load, Timings};

/// What has been done since the start. Ticks are the backend's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    pub prompt_tokens: u64,
    pub cached_tokens: u64,
    pub prompt_ticks: u64,
    pub generated_tokens: u64,
    pub generate_ticks: u64,
    /// Steps of the engine that drew at least one token, and tokens drawn in them.
    pub decodes: u64,
    pub decoded: u64,
    pub requests: u64,
    pub refusals: u64,
    pub cancelled: u64,
}

impl Totals {
    /// Adds a finished request.
    pub fn add(&mut self, timings: &Timings) {
        let add = |to: &mut u64, what: u64| *to = to.saturating_add(what);
        add(&mut self.prompt_tokens, timings.prompt_tokens.into());
        add(&mut self.cached_tokens, timings.cached_tokens.into());
        add(&mut self.prompt_ticks, timings.prompt_ticks);
        add(&mut self.generated_tokens, timings.generated_tokens.into());
        add(&mut self.generate_ticks, timings.generate_ticks);
    }
}

/// The page. `load` is `None` while no model is loaded.
pub(crate) fn metrics(
    totals: &Totals,
    load: Option<Load>,
    connections: usize,
    ticks_per_second: u64,
    machine: &[Metric],
) -> String {
    let seconds = |ticks: u64| milliseconds(ticks, ticks_per_second) / 1000.0;
    let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
    let (prompt_seconds, generate_seconds) = (seconds(totals.prompt_ticks), seconds(totals.generate_ticks));
    let counter = |name, help, value| Metric { name, help, kind: MetricKind::Counter, value };
    let gauge = |name, help, value| Metric { name, help, kind: MetricKind::Gauge, value };
    let mut all: Vec<Metric> = Vec::from([
        counter("llamacpp:prompt_tokens_total", "Prompt tokens computed.", totals.prompt_tokens as f64),
        counter("llamacpp:prompt_seconds_total", "Time spent on prompts.", prompt_seconds),
        counter("llamacpp:tokens_predicted_total", "Tokens generated.", totals.generated_tokens as f64),
        counter("llamacpp:tokens_predicted_seconds_total", "Time spent on generating.", generate_seconds),
        counter("llamacpp:n_decode_total", "Engine steps that drew tokens.", totals.decodes as f64),
        gauge(
            "llamacpp:n_busy_slots_per_decode",
            "Tokens drawn in one engine step, on average.",
            ratio(totals.decoded as f64, totals.decodes as f64),
        ),
        gauge(
            "llamacpp:prompt_tokens_seconds",
            "Prompt tokens per second, on average.",
            ratio(totals.prompt_tokens as f64, prompt_seconds),
        ),
        gauge(
            "llamacpp:predicted_tokens_seconds",
            "Generated tokens per second of one request, on average.",
            ratio(totals.generated_tokens as f64, generate_seconds),
        ),
        counter("ring0_prompt_cached_tokens_total", "Prompt tokens found in the KV cache.", totals.cached_tokens as f64),
        counter("ring0_http_requests_total", "Requests answered, refusals included.", totals.requests as f64),
        counter("ring0_http_refusals_total", "Requests answered with an error.", totals.refusals as f64),
        counter("ring0_requests_cancelled_total", "Generations whose client left.", totals.cancelled as f64),
        gauge("ring0_http_connections", "Open connections.", connections as f64),
        gauge("ring0_model_loaded", "1 when a model is loaded.", f64::from(u8::from(load.is_some()))),
    ]);
    if let Some(load) = load {
        let (used, capacity) = (f64::from(load.kv_tokens), f64::from(load.kv_capacity));
        all.extend([
            gauge("llamacpp:requests_processing", "Requests that hold a slot.", load.running.into()),
            gauge("llamacpp:requests_deferred", "Requests that wait for a slot.", load.waiting.into()),
            gauge("llamacpp:kv_cache_tokens", "Positions of the KV cache in use.", used),
            gauge("llamacpp:kv_cache_usage_ratio", "Share of the KV cache in use.", ratio(used, capacity)),
            gauge("ring0_slots", "Requests that can run at one time.", load.slots.into()),
        ]);
    }
    let mut text = String::new();
    for metric in all.iter().chain(machine) {
        let kind = if metric.kind == MetricKind::Counter { "counter" } else { "gauge" };
        let (name, help, value) = (metric.name, metric.help, metric.value);
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"));
    }
    text
}
