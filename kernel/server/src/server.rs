//! The server: connections on one side, the engine on the other.

use crate::api::{self, Generation, Identity, Kind, Page, Route, Totals};
use crate::backend::Backend;
use crate::config::Config;
use crate::connection::{Connection, Next, Phase};
use crate::error::ApiError;
use crate::http::{self, Framing, Head, ResponseHead};
use crate::job::{self, Clock, Job};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use ring0_engine::api::{Event, FinishReason, RequestId, SubmitError};
use serde_json::json;

/// Names a connection for as long as it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// The API over any number of byte streams.
///
/// The owner of the sockets calls, for each connection: [`open`](Self::open) once, [`receive`](Self::receive) with what arrived,
/// [`output`](Self::output) and [`consume`](Self::consume) with what was sent, and [`close`](Self::close) when
/// [`wants_close`](Self::wants_close) says so or the socket is gone; and [`poll`](Self::poll) over and over. Unknown ids are
/// ignored everywhere.
#[derive(Debug)]
pub struct Server<B: Backend> {
    backend: B,
    config: Config,
    now: u64,
    opened: u64,
    connections: BTreeMap<ConnId, Connection>,
    jobs: BTreeMap<RequestId, Job>,
    events: Vec<Event>,
    totals: Totals,
    /// Mixed into ids, that two runs do not share them.
    salt: u64,
    named: u64,
}

impl<B: Backend> Server<B> {
    /// A server with [`Config::default`].
    pub fn new(backend: B) -> Self {
        Self::with_config(backend, Config::default())
    }

    /// A server.
    pub fn with_config(mut backend: B, config: Config) -> Self {
        let salt = backend.entropy();
        Server {
            backend,
            config,
            now: 0,
            opened: 0,
            connections: BTreeMap::new(),
            jobs: BTreeMap::new(),
            events: Vec::new(),
            totals: Totals::default(),
            salt,
            named: 0,
        }
    }

    /// The machine.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The machine, to load a model into it. Call [`abandon`](Self::abandon) first if there was one: requests of the old engine
    /// mean nothing to a new one.
    pub fn backend_mut(&mut self) -> &mut B {
        &mut self.backend
    }

    /// How it behaves.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// A new connection. Beyond `limits.connections` it is told 503 and closed.
    pub fn open(&mut self, now_ns: u64) -> ConnId {
        self.now = self.now.max(now_ns);
        self.opened += 1;
        let id = ConnId(self.opened);
        let mut connection = Connection::new(self.now);
        if self.connections.len() >= self.config.limits.connections {
            let error = ApiError::overloaded("Too many connections. Try again in a second.");
            self.refuse(&mut connection, &error);
        }
        self.connections.insert(id, connection);
        id
    }

    /// Takes bytes that arrived, and returns how many. The rest must be given again after the next [`poll`](Self::poll), and is best
    /// left in the socket until then.
    pub fn receive(&mut self, id: ConnId, bytes: &[u8]) -> usize {
        let mut taken = 0;
        loop {
            let Some(connection) = self.connections.get_mut(&id) else { return bytes.len() };
            let count = connection.accept(bytes.get(taken..).unwrap_or_default(), self.now, &self.config.limits);
            taken += count;
            if count == 0 {
                return taken;
            }
            self.advance(id);
        }
    }

    /// Bytes to be sent.
    pub fn output(&self, id: ConnId) -> &[u8] {
        self.connections.get(&id).map_or(&[], Connection::pending)
    }

    /// The first `count` bytes of [`output`](Self::output) were sent.
    pub fn consume(&mut self, id: ConnId, count: usize) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.consume(count, self.now);
        self.advance(id);
    }

    /// The other side sends no more. A generation for it is cancelled and its slot is freed; an answer that is complete is still to
    /// be sent.
    pub fn peer_closed(&mut self, id: ConnId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match connection.phase {
            Phase::Busy { job } => {
                connection.kill();
                self.orphan(job);
            }
            Phase::Head | Phase::Body { .. } | Phase::Linger { .. } => connection.phase = Phase::Closing,
            Phase::Closing | Phase::Dead => {}
        }
    }

    /// Whether the connection is to be closed now: everything is sent, or nothing more is worth sending.
    pub fn wants_close(&self, id: ConnId) -> bool {
        self.connections.get(&id).is_none_or(Connection::wants_close)
    }

    /// The connection is gone.
    pub fn close(&mut self, id: ConnId) {
        if let Some(Connection { phase: Phase::Busy { job }, .. }) = self.connections.remove(&id) {
            self.orphan(job);
        }
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Generations under way.
    pub fn generations(&self) -> usize {
        self.jobs.len()
    }

    /// Ends every generation with an error that says `why`, before the model is replaced.
    pub fn abandon(&mut self, why: &str) {
        let requests: Vec<_> = self.jobs.keys().copied().collect();
        for request in requests {
            if let Some(language) = self.backend.language() {
                language.generator().cancel(request);
            }
            self.fail(request, &ApiError::overloaded(why));
        }
    }

    /// One step of the engine, and everybody's clocks. Returns whether there was work; if not, sleeping is fine.
    pub fn poll(&mut self, now_ns: u64) -> bool {
        self.now = self.now.max(now_ns);
        let mut events = core::mem::take(&mut self.events);
        let worked = match self.backend.language() {
            Some(language) => language.generator().step(&mut events),
            None => {
                self.abandon("The model was unloaded.");
                false
            }
        };
        let idle = !worked && events.is_empty();
        let drawn = events.iter().filter(|event| matches!(event, Event::Token { .. })).count() as u64;
        self.totals.decodes += u64::from(drawn > 0);
        self.totals.decoded += drawn;
        for event in events.drain(..) {
            self.dispatch(event);
        }
        self.events = events;
        if idle && !self.jobs.is_empty() {
            // Jobs that the engine does not know: it was replaced under them.
            let lost: Vec<_> = self.jobs.keys().copied().collect();
            for request in lost {
                self.fail(request, &ApiError::internal(500, "generation_lost", "The engine lost this request."));
            }
        }
        self.ping();
        self.expire();
        !idle
    }

    fn dispatch(&mut self, event: Event) {
        let request = match &event {
            Event::Prefill { request, .. } | Event::Token { request, .. } | Event::Finished { request, .. } => *request,
        };
        let Some(job) = self.jobs.get_mut(&request) else { return self.backend.other_event(event) };
        let clock = Clock { ticks: self.backend.ticks(), per_second: self.backend.ticks_per_second() };
        let Some(language) = self.backend.language() else { return };
        match event {
            Event::Finished { reason, timings, .. } => {
                self.totals.add(&timings);
                let end = job.on_finished(reason, &timings, language, clock);
                self.finish(request, reason, end);
            }
            // Nobody listens; only the end matters.
            _ if job.conn.is_none() => {}
            Event::Prefill { processed, total, .. } => {
                let events = job.on_prefill(processed, total, clock);
                self.stream(request, &events);
            }
            Event::Token { token, top, .. } => {
                let events = job.on_token(token, top, language, clock);
                if job.has_ended() {
                    language.generator().cancel(request);
                }
                self.stream(request, &events);
            }
        }
    }

    /// Writes part of a stream. A reader that is too far behind is given up.
    fn stream(&mut self, request: RequestId, events: &[u8]) {
        let Some(job) = self.jobs.get_mut(&request) else { return };
        let Some(connection) = job.conn.and_then(|id| self.connections.get_mut(&id)) else { return };
        if events.is_empty() {
            return;
        }
        job.spoke = self.now;
        let out = connection.writer(self.now);
        if job.is_1_1 {
            http::write_chunk(out, events);
        } else {
            out.extend_from_slice(events);
        }
        if connection.pending().len() > self.config.limits.output_bytes {
            connection.kill();
            self.orphan(request);
        }
    }

    /// The engine is done with a request.
    fn finish(&mut self, request: RequestId, reason: FinishReason, end: Result<Vec<u8>, ApiError>) {
        let end = match end {
            Ok(end) => end,
            Err(error) => return self.fail(request, &error),
        };
        let Some(mut job) = self.jobs.remove(&request) else { return };
        let Some(id) = job.conn.take() else {
            self.totals.cancelled += u64::from(reason == FinishReason::Cancelled);
            return;
        };
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if job.options.stream {
            let out = connection.writer(self.now);
            if job.is_1_1 {
                http::write_chunk(out, &end);
                http::finish_chunks(out);
            } else {
                out.extend_from_slice(&end);
            }
        } else {
            let head = ResponseHead {
                status: 200,
                content_type: "application/json",
                framing: Framing::Length(end.len()),
                keep_alive: job.keep_alive,
                request_id: &job.request_id,
                extra: &[],
            };
            let out = connection.writer(self.now);
            http::write_head(out, &head);
            out.extend_from_slice(&end);
        }
        connection.answered(job.keep_alive, self.now);
        self.advance(id);
    }

    /// A generation ends with an error: in the stream where one has begun, else as the answer.
    fn fail(&mut self, request: RequestId, error: &ApiError) {
        let Some(job) = self.jobs.remove(&request) else { return };
        let Some(id) = job.conn else {
            self.totals.cancelled += 1;
            return;
        };
        let Some(mut connection) = self.connections.remove(&id) else { return };
        if job.options.stream {
            self.totals.refusals += 1;
            let mut events = Vec::new();
            job::event(&mut events, &error.to_json());
            let out = connection.writer(self.now);
            if job.is_1_1 {
                http::write_chunk(out, &events);
                http::finish_chunks(out);
            } else {
                out.extend_from_slice(&events);
            }
            connection.answered(job.keep_alive, self.now);
        } else {
            self.answer_error(&mut connection, error, job.keep_alive, &job.request_id);
        }
        self.connections.insert(id, connection);
        self.advance(id);
    }

    /// Nobody waits for this generation any more.
    fn orphan(&mut self, request: RequestId) {
        if let Some(job) = self.jobs.get_mut(&request) {
            job.conn = None;
        }
        if let Some(language) = self.backend.language() {
            language.generator().cancel(request);
        }
    }

    /// Keeps silent streams alive: clients and proxies give up after some minutes without a byte.
    fn ping(&mut self) {
        let (now, limit) = (self.now, self.config.limits.ping_ns);
        let silent = |job: &Job| job.conn.is_some() && job.options.stream && now.saturating_sub(job.spoke) > limit;
        let requests: Vec<_> = self.jobs.iter().filter(|(_, job)| silent(job)).map(|(request, _)| *request).collect();
        for request in requests {
            self.stream(request, b": ping\n\n");
        }
    }

    /// Ends connections whose time is up.
    fn expire(&mut self) {
        let (now, limits) = (self.now, self.config.limits);
        let expired = |(id, connection): (&ConnId, &Connection)| Some((*id, connection.expired(now, &limits)?));
        let expired: Vec<_> = self.connections.iter().filter_map(expired).collect();
        for (id, error) in expired {
            let Some(mut connection) = self.connections.remove(&id) else { continue };
            match (error, &connection.phase) {
                (Some(error), _) => self.refuse(&mut connection, &error),
                (None, Phase::Busy { job }) => {
                    let job = *job;
                    connection.kill();
                    self.orphan(job);
                }
                (None, _) => connection.kill(),
            }
            self.connections.insert(id, connection);
        }
    }

    /// Works through a connection's input for as long as answers come at once.
    fn advance(&mut self, id: ConnId) {
        let Some(mut connection) = self.connections.remove(&id) else { return };
        let others: usize = self.connections.values().map(Connection::body_bytes).sum();
        let limits = self.config.limits;
        let room = limits.all_bodies_bytes.saturating_sub(others);
        while connection.pending().len() <= limits.output_bytes {
            let key = self.config.api_key.as_deref();
            let admit = |head: &Head| admit(head, key).map(|_| ());
            match connection.next(self.now, &limits, room, &admit) {
                Next::Wait => break,
                Next::Request(head, body) => self.serve(&mut connection, id, &head, &body),
                Next::Refuse(error) => self.refuse(&mut connection, &error),
            }
        }
        self.connections.insert(id, connection);
    }

    /// Answers something that was not read to its end, and ends the connection.
    fn refuse(&mut self, connection: &mut Connection, error: &ApiError) {
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

    fn answer_error(&mut self, connection: &mut Connection, error: &ApiError, keep_alive: bool, request_id: &str) {
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

    /// A name that no other request has: a counter, mixed (splitmix64).
    fn name(&mut self, prefix: &str) -> String {
        self.named += 1;
        let mut z = self.salt.wrapping_add(self.named.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        format!("{prefix}_{z:016x}{:08x}", self.named)
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
