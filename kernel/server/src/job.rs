//! One generation under way: what the engine reports, turned into what the client is told.

use crate::Language;
use crate::api::{Answer, Ending, Generation, Identity, Kind, Options, Progress, TokenDetail, Usage, WireTimings, milliseconds};
use crate::error::ApiError;
use crate::server::ConnId;
use crate::text::TextStream;
use alloc::string::String;
use alloc::vec::Vec;
use ring0_engine::api::{FinishReason, Timings, TokenLogprob};

/// Most token details that an answer in one piece may hold, alternatives included; it ends as if by `max_tokens` there. Only a
/// stream can have more.
const MAX_DETAILS: usize = 1 << 18;

/// The backend's clock at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub ticks: u64,
    pub per_second: u64,
}

/// A generation and the client that waits for it.
#[derive(Debug)]
pub(crate) struct Job {
    /// `None` once the client has gone: the engine is yet to say that it has stopped.
    pub conn: Option<ConnId>,
    pub keep_alive: bool,
    pub is_1_1: bool,
    pub request_id: String,
    /// Last time that something was written, in the server's nanoseconds.
    pub spoke: u64,
    pub options: Options,
    answer: Answer,
    text: TextStream,
    /// The answer so far, where it is given in one piece.
    content: String,
    /// Details of tokens whose text is not out yet, or of all where it is given in one piece.
    details: Vec<TokenDetail>,
    held_details: usize,
    prompt_tokens: u32,
    processed: u32,
    completion_tokens: u32,
    submitted: u64,
    first_token: Option<u64>,
    latest_token: u64,
    /// The server ended the answer itself; the engine is asked to stop.
    ending: Option<Ending>,
}

impl Job {
    pub fn new(generation: &Generation, identity: Identity, clock: Clock) -> Self {
        let options = generation.options.clone();
        Job {
            conn: None,
            keep_alive: false,
            is_1_1: true,
            request_id: String::new(),
            spoke: 0,
            answer: Answer { kind: options.kind, identity, include_usage: options.include_usage },
            text: TextStream::new(options.stops.clone()),
            content: String::new(),
            details: Vec::new(),
            held_details: 0,
            prompt_tokens: u32::try_from(generation.request.prompt.len()).unwrap_or(u32::MAX),
            processed: 0,
            completion_tokens: 0,
            submitted: clock.ticks,
            first_token: None,
            latest_token: clock.ticks,
            ending: None,
            options,
        }
    }

    /// `/slots`' view: prompt tokens, those done, tokens generated.
    pub fn counts(&self) -> (u32, u32, u32) {
        (self.prompt_tokens, self.processed, self.completion_tokens)
    }

    /// Whether the engine is to be stopped.
    pub fn has_ended(&self) -> bool {
        self.ending.is_some()
    }

    /// The events that open a stream, before anything is computed.
    pub fn open(&mut self) -> Vec<u8> {
        let mut events = Vec::new();
        if self.options.kind == Kind::Chat {
            event(&mut events, &self.answer.role_chunk());
        }
        let echo = core::mem::take(&mut self.options.echo);
        if !self.options.stream {
            self.content = echo;
        } else if !echo.is_empty() {
            event(&mut events, &self.answer.text_chunk(&echo, None, None));
        }
        events
    }

    /// Part of the prompt is done.
    pub fn on_prefill(&mut self, processed: u32, total: u32, clock: Clock) -> Vec<u8> {
        let mut events = Vec::new();
        self.processed = processed;
        if self.options.return_progress && self.options.stream {
            let time_ms = milliseconds(clock.ticks.saturating_sub(self.submitted), clock.per_second);
            let progress = Progress { total, processed, time_ms };
            event(&mut events, &self.answer.progress_chunk(progress));
        }
        events
    }

    /// A token was drawn. `has_ended` may be true afterwards.
    pub fn on_token(&mut self, token: TokenLogprob, top: Vec<TokenLogprob>, language: &dyn Language, clock: Clock) -> Vec<u8> {
        let mut events = Vec::new();
        if self.has_ended() {
            return events;
        }
        self.completion_tokens = self.completion_tokens.saturating_add(1);
        self.first_token.get_or_insert(clock.ticks);
        self.latest_token = clock.ticks;
        if self.options.logprobs {
            self.held_details += 1 + top.len();
            let (position, characters) = (self.text.position(), self.text.characters());
            self.details.push(TokenDetail { token, top, position, characters });
        }
        let piece = if language.is_control(token.token) { &[] } else { language.piece(token.token).unwrap_or_default() };
        let progress = self.text.push(piece);
        if progress.stopped {
            self.ending = Some(Ending::Stop);
            let given = self.text.given();
            self.details.retain(|detail| detail.position < given);
        } else if !self.options.stream && self.held_details > MAX_DETAILS {
            self.ending = Some(Ending::Length);
        }
        self.give(&progress.text, language, clock, &mut events);
        events
    }

    /// Text that is certain, with the tokens that it came from.
    fn give(&mut self, text: &str, language: &dyn Language, clock: Clock, events: &mut Vec<u8>) {
        if !self.options.stream {
            self.content.push_str(text);
            return;
        }
        if text.is_empty() {
            return;
        }
        let given = self.text.given();
        let count = self.details.partition_point(|detail| detail.position < given);
        let logprobs = self.options.logprobs.then(|| {
            let details: Vec<_> = self.details.drain(..count).collect();
            self.answer.logprobs(&details, language)
        });
        let timings = self.options.timings_per_token.then(|| WireTimings::new(&self.partial_timings(clock), clock.per_second));
        event(events, &self.answer.text_chunk(text, logprobs, timings));
    }

    /// Timings before the engine gives its own. Waiting for a slot counts as prompt time here.
    fn partial_timings(&self, clock: Clock) -> Timings {
        let first = self.first_token.unwrap_or(clock.ticks);
        Timings {
            cached_tokens: 0,
            prompt_tokens: self.processed,
            prompt_ticks: first.saturating_sub(self.submitted),
            generated_tokens: self.completion_tokens,
            generate_ticks: self.latest_token.saturating_sub(first),
            first_token_ticks: first.saturating_sub(self.submitted),
        }
    }

    /// The engine is done: the events that end the stream, or the whole answer.
    ///
    /// # Errors
    /// Where somebody else cancelled the generation, and where the model's numbers are not finite.
    pub fn on_finished(
        &mut self,
        reason: FinishReason,
        timings: &Timings,
        language: &dyn Language,
        clock: Clock,
    ) -> Result<Vec<u8>, ApiError> {
        let ending = match (self.ending, reason) {
            (Some(ending), _) => ending,
            (None, FinishReason::EndToken(_)) => Ending::Stop,
            (None, FinishReason::MaxTokens | FinishReason::ContextFull) => Ending::Length,
            (None, FinishReason::Cancelled) => {
                return Err(ApiError::overloaded("The generation was cancelled on the server."));
            }
            (None, FinishReason::NotFinite) => {
                let message = "The model computed no finite number for any token: its weights are damaged. Load another model.";
                return Err(ApiError::internal(500, "model_not_finite", message));
            }
        };
        let mut events = Vec::new();
        let rest = self.text.finish();
        self.give(&rest, language, clock, &mut events);
        let wire = WireTimings::new(timings, clock.per_second);
        let usage = Usage { prompt: self.prompt_tokens, completion: self.completion_tokens, cached: timings.cached_tokens };
        if !self.options.stream {
            let logprobs = self.options.logprobs.then(|| self.answer.logprobs(&self.details, language));
            return Ok(self.answer.whole(&self.content, logprobs, ending, usage, wire).into_bytes());
        }
        if !self.details.is_empty() {
            // Tokens without text, such as control tokens at the very end.
            let details = core::mem::take(&mut self.details);
            let logprobs = self.answer.logprobs(&details, language);
            event(&mut events, &self.answer.text_chunk("", Some(logprobs), None));
        }
        event(&mut events, &self.answer.finish_chunk(ending, wire));
        if self.options.include_usage {
            event(&mut events, &self.answer.usage_chunk(usage));
        }
        event(&mut events, "[DONE]");
        Ok(events)
    }
}

/// One server-sent event. JSON has no line breaks outside its strings, and none unescaped within.
pub(crate) fn event(out: &mut Vec<u8>, data: &str) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data.as_bytes());
    out.extend_from_slice(b"\n\n");
}
