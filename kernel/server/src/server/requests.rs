//! From the clients to the answers: requests become pages, or generations.

use super::{ConnId, Server};
use crate::api::{self, Generation, Identity, Kind, Page, Route};
use crate::backend::Backend;
use crate::connection::{Connection, Next, Phase};
use crate::error::ApiError;
use crate::http::{self, Framing, Head, ResponseHead};
use crate::job::{Clock, Job};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use ring0_engine::api::{RequestId, SubmitError};
use serde_json::json;

impl<B: Backend> Server<B> {
    /// Works through a connection's input for as long as answers come at once.
    pub(super) fn advance(&mut self, id: ConnId) {
        let Some(mut connection) = self.connections.remove(&id) else { return };
        let others: usize = self.connections.values().map(Connection::body_bytes).sum();
        let limits = self.config.limits;
        let room = limits.all_bodies_bytes.saturating_sub(others);
        while connection.pending().len() <= limits.output_bytes {
            let key = self.config.api_key.as_deref();
            let admit = |head: &Head| admit(head, key).map(|_| ());
            match connection.next(self.now, &limits, room, &admit) {
                Next::Wait => {
                    if connection.half_closed && matches!(connection.phase, Phase::Head | Phase::Body { .. }) {
                        connection.phase = Phase::Closing;
                    }
                    break;
                }
                Next::Request(head, body) => self.serve(&mut connection, id, &head, &body),
                Next::Refuse(error) => self.refuse(&mut connection, &error),
            }
        }
        self.connections.insert(id, connection);
    }

    /// Answers something that was not read to its end, and ends the connection.
    pub(super) fn refuse(&mut self, connection: &mut Connection, error: &ApiError) {
        let request_id = self.name("req");
        self.answer_error(connection, error, false, &request_id);
        connection.linger(self.now);
    }

    /// Answers a whole request, or begins to.
    fn serve(&mut self, connection: &mut Connection, id: ConnId, head: &Head, body: &[u8]) {
        let request_id = self.name("req");
        let result = match admit(head, self.config.api_key.as_deref()) {
            Ok(Route::Preflight) => return self.preflight(connection, head, &request_id),
            Ok(Route::Completions) => self.submit(connection, id, head, body, Kind::Text, &request_id).map(|()| None),
            Ok(Route::ChatCompletions) => self.submit(connection, id, head, body, Kind::Chat, &request_id).map(|()| None),
            Ok(route) => self.page(&route, body).map(Some),
            Err(error) => Err(error),
        };
        match result {
            Ok(None) => self.totals.requests += 1,
            Ok(Some(page)) => {
                self.totals.requests += 1;
                self.answer(connection, &page, head.keep_alive, &request_id, &[]);
            }
            Err(error) => self.answer_error(connection, &error, head.keep_alive, &request_id),
        }
    }

    fn page(&mut self, route: &Route, body: &[u8]) -> Result<Page, ApiError> {
        // Paths that say something without a model too.
        match route {
            Route::Root => return Ok(api::root(self.backend.language().map(|language| language.card()))),
            Route::Health => return Ok(api::health(self.backend.language().is_some())),
            Route::Metrics => {
                let load = self.backend.language().map(|language| language.generator().load());
                let mut machine = Vec::new();
                self.backend.metrics(&mut machine);
                let rate = self.backend.ticks_per_second();
                let body = api::metrics(&self.totals, load, self.connections.len() + 1, rate, &machine);
                return Ok(Page { status: 200, content_type: "text/plain; version=0.0.4; charset=utf-8", body });
            }
            _ => {}
        }
        let language = self.backend.language().ok_or_else(ApiError::loading)?;
        let context = language.generator().context_tokens();
        let slots = language.generator().load().slots;
        match route {
            Route::Models => Ok(api::models(language.card(), context)),
            Route::Model(id) => api::model(language.card(), context, id),
            Route::Props => Ok(api::props(language.card(), context, slots, &self.config)),
            Route::Tokenize => api::tokenize(body, language, &self.config.limits),
            Route::Detokenize => api::detokenize(body, language),
            Route::ApplyTemplate => api::apply_template(body, language),
            Route::Slots => Ok(self.slots(context)),
            // The others were answered before.
            _ => Err(ApiError::internal(500, "route", "No answer for this path.")),
        }
    }

    /// `/slots`: the generations under way, which is what llama.cpp's page is read for.
    fn slots(&self, context_tokens: u32) -> Page {
        let slot = |(request, job): (&RequestId, &Job)| {
            let (prompt, processed, generated) = job.counts();
            json!({
                "id_task": request.0,
                "is_processing": processed > 0 || generated > 0,
                "is_cancelled": job.conn.is_none(),
                "n_ctx": context_tokens,
                "n_prompt_tokens": prompt,
                "n_prompt_tokens_processed": processed,
                "n_decoded": generated,
            })
        };
        Page::json(&self.jobs.iter().map(slot).collect())
    }

    /// Begins a generation.
    fn submit(
        &mut self,
        connection: &mut Connection,
        id: ConnId,
        head: &Head,
        body: &[u8],
        kind: Kind,
        request_id: &str,
    ) -> Result<(), ApiError> {
        let (seed, created) = (self.backend.entropy(), self.backend.unix_time());
        let clock = Clock { ticks: self.backend.ticks(), per_second: self.backend.ticks_per_second() };
        let answer_id = self.name(if kind == Kind::Chat { "chatcmpl" } else { "cmpl" }).replace('_', "-");
        let language = self.backend.language().ok_or_else(ApiError::loading)?;
        let generation = match kind {
            Kind::Chat => api::chat_completion(body, language, &self.config, seed)?,
            Kind::Text => api::completion(body, language, &self.config, seed)?,
        };
        self.make_way();
        let language = self.backend.language().ok_or_else(ApiError::loading)?;
        let card = language.card();
        let identity = Identity { id: answer_id, created, model: card.id.clone(), fingerprint: card.fingerprint.clone() };
        let mut job = Job::new(&generation, identity, clock);
        let Generation { request, options } = generation;
        let request = language.generator().submit(request).map_err(|error| refusal(error, kind))?;
        job.conn = Some(id);
        job.keep_alive = head.keep_alive;
        job.is_1_1 = head.is_1_1;
        job.request_id = request_id.to_string();
        job.spoke = self.now;
        connection.phase = Phase::Busy { job: request };
        let opening = job.open();
        if options.stream {
            let head = ResponseHead {
                status: 200,
                content_type: "text/event-stream",
                framing: if head.is_1_1 { Framing::Chunked } else { Framing::UntilClose },
                keep_alive: head.keep_alive,
                request_id,
                extra: &[("Cache-Control", "no-cache".to_string())],
            };
            let out = connection.writer(self.now);
            http::write_head(out, &head);
            if job.is_1_1 {
                http::write_chunk(out, &opening);
            } else {
                out.extend_from_slice(&opening);
            }
        }
        self.jobs.insert(request, job);
        Ok(())
    }

    /// Where no slot is free, the oldest generation whose client may be gone gives way.
    fn make_way(&mut self) {
        let load = self.backend.language().map(|language| language.generator().load());
        if load.is_none_or(|load| load.running + load.waiting < load.slots) {
            return;
        }
        let may_be_gone = |id: &ConnId| self.connections.get(id).is_some_and(|connection| connection.half_closed);
        let doubtful = self.jobs.iter().find_map(|(request, job)| Some((*request, job.conn.filter(may_be_gone)?)));
        if let Some((request, id)) = doubtful {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.kill();
            }
            self.orphan(request);
        }
    }

    fn preflight(&mut self, connection: &mut Connection, head: &Head, request_id: &str) {
        self.totals.requests += 1;
        let headers = head.cors_headers.clone().unwrap_or_else(|| "authorization, content-type".to_string());
        let extra = [
            ("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS".to_string()),
            ("Access-Control-Allow-Headers", headers),
            ("Access-Control-Max-Age", "86400".to_string()),
        ];
        let head = &ResponseHead {
            status: 204,
            content_type: "",
            framing: Framing::Empty,
            keep_alive: head.keep_alive,
            request_id,
            extra: &extra,
        };
        http::write_head(connection.writer(self.now), head);
        connection.answered(head.keep_alive, self.now);
    }

    fn answer(&mut self, connection: &mut Connection, page: &Page, keep_alive: bool, request_id: &str, extra: &[(&str, String)]) {
        let framing = Framing::Length(page.body.len());
        let Page { status, content_type, .. } = *page;
        let headers_only = connection.headers_only;
        let out = connection.writer(self.now);
        http::write_head(out, &ResponseHead { status, content_type, framing, keep_alive, request_id, extra });
        if !headers_only {
            out.extend_from_slice(page.body.as_bytes());
        }
        connection.answered(keep_alive, self.now);
    }

    pub(super) fn answer_error(&mut self, connection: &mut Connection, error: &ApiError, keep_alive: bool, request_id: &str) {
        self.totals.requests += 1;
        self.totals.refusals += 1;
        let mut extra = Vec::new();
        if let Some(ms) = error.retry_after_ms {
            extra.push(("retry-after-ms", format!("{ms}")));
            extra.push(("Retry-After", format!("{}", ms.div_ceil(1000))));
        }
        if error.is_deterministic_failure() {
            extra.push(("x-should-retry", "false".to_string()));
        }
        if let Some(allow) = error.allow {
            extra.push(("Allow", allow.to_string()));
        }
        if error.status == 401 {
            extra.push(("WWW-Authenticate", "Bearer".to_string()));
        }
        let page = Page { status: error.status, content_type: "application/json", body: error.to_json() };
        self.answer(connection, &page, keep_alive, request_id, &extra);
    }
}

/// The route of a request that may be made.
fn admit(head: &Head, key: Option<&str>) -> Result<Route, ApiError> {
    let route = api::find(head.method, &head.path);
    let is_public = route.as_ref().is_ok_and(Route::is_public);
    match key {
        // Before 404 and 405: strangers do not learn the paths.
        Some(key) if !is_public && !head.bearer.as_deref().is_some_and(|given| same(given, key)) => Err(ApiError::unauthorized()),
        _ => route,
    }
}

/// Compares in a time that does not tell how much of the key was right.
fn same(given: &str, key: &str) -> bool {
    let differences = given.bytes().zip(key.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == key.len() && differences == 0
}

fn refusal(error: SubmitError, kind: Kind) -> ApiError {
    let param = if kind == Kind::Chat { "messages" } else { "prompt" };
    match error {
        SubmitError::EmptyPrompt => ApiError::parameter(param, "The prompt has no tokens."),
        SubmitError::ContextOverflow { prompt_tokens, context_tokens } => {
            ApiError::context_overflow(param, prompt_tokens.into(), context_tokens, false)
        }
        SubmitError::UnknownToken(token) => ApiError::parameter(param, format!("The vocabulary has no token {token}.")),
        SubmitError::Busy => ApiError::busy(),
    }
}
