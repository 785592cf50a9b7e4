//! From the engine to the clients: events become chunks, ends become answers.

use super::Server;
use crate::backend::Backend;
use crate::error::ApiError;
use crate::http::{self, Framing, ResponseHead};
use crate::job::{self, Clock, Job};
use alloc::vec::Vec;
use ring0_engine::api::{Event, FinishReason, RequestId};

impl<B: Backend> Server<B> {
    pub(super) fn dispatch(&mut self, event: Event) {
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
    pub(super) fn fail(&mut self, request: RequestId, error: &ApiError) {
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
    pub(super) fn orphan(&mut self, request: RequestId) {
        if let Some(job) = self.jobs.get_mut(&request) {
            job.conn = None;
        }
        if let Some(language) = self.backend.language() {
            language.generator().cancel(request);
        }
    }

    /// Keeps silent streams alive: clients and proxies give up after some minutes without a byte.
    pub(super) fn ping(&mut self) {
        let (now, limit) = (self.now, self.config.limits.ping_ns);
        let silent = |job: &Job| job.conn.is_some() && job.options.stream && now.saturating_sub(job.spoke) > limit;
        let requests: Vec<_> = self.jobs.iter().filter(|(_, job)| silent(job)).map(|(request, _)| *request).collect();
        for request in requests {
            self.stream(request, b": ping\n\n");
        }
    }
}
