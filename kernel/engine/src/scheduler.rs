//! Requests in, tokens out: which tokens go into the next pass.
//!
//! Every running request gets one token per pass, and one prompt gets a chunk of it computed along with them; prompts take their
//! turns in the order of submission. A request takes the free slot whose cache holds most of its prompt.

use crate::api::{Event, FinishReason, GenerateRequest, Generator, Load, RequestId, SubmitError, Timings, TokenLogprob};
use crate::cores::Cores;
use crate::forward::{Item, Runner, Sizes};
use crate::memory::{Alloc, Arena};
use crate::sampler::{Scratch, logprobs};
use crate::slot::Slot;
use crate::trace::ticks;
use crate::{Error, Isa, Model};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;
use ring0_abi::TraceRing;

/// Requests that may wait for a slot.
pub const MAX_WAITING: usize = 64;
/// Prompt tokens of one pass, at most.
const PROMPT_CHUNK: usize = 128;
/// Prompt tokens of the very first pass, whose speed nobody knows yet.
const FIRST_CHUNK: usize = 16;
/// Alternatives reported, at most.
const MAX_TOP: u8 = 20;
/// Ticks that a pass should take at most where the clock's rate is unknown; else a tenth of a second.
const PASS_TICKS: u64 = 200_000_000;

struct Waiting {
    id: RequestId,
    request: GenerateRequest,
    submitted: u64,
}

/// Takes requests and computes them, several at once.
pub struct Scheduler {
    runner: Runner,
    slots: Vec<Slot>,
    waiting: VecDeque<Waiting>,
    /// Events of what happened between steps.
    pending: Vec<Event>,
    next_id: u64,
    scratch: Scratch,
    items: Vec<Item>,
    /// Of recent passes with prompts; 0 before the first.
    ticks_per_prompt_token: u64,
    context: usize,
    trace: &'static TraceRing,
}

impl Scheduler {
    /// A scheduler for `slots` conversations of up to `context_tokens` tokens each. All memory that is large comes from `alloc`,
    /// which gives page-aligned memory for ever; it is asked for pieces of 2 MiB and more.
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        model: Model,
        isa: Isa,
        cores: &'static dyn Cores,
        context_tokens: usize,
        slots: usize,
        alloc: &mut dyn FnMut(usize) -> Option<&'static mut [u8]>,
        trace: &'static TraceRing,
    ) -> Result<Scheduler, Error> {
        let limit = i32::MAX as usize;
        if context_tokens == 0 || slots == 0 || context_tokens > limit || slots > limit {
            return Err(Error::Sizing { context_tokens, slots });
        }
        let batch = PROMPT_CHUNK.min(context_tokens) + slots;
        let sizes = Sizes { slots, positions: context_tokens, batch, outputs: slots };
        let mut arena = Arena::new(alloc);
        let alloc: Alloc<'_> = &mut |bytes| arena.alloc(bytes);
        Ok(Scheduler {
            runner: Runner::new(model, isa, cores, sizes, alloc, trace)?,
            slots: (0..slots).map(|_| Slot::default()).collect(),
            waiting: VecDeque::new(),
            pending: Vec::new(),
            next_id: 1,
            scratch: Scratch::default(),
            items: Vec::with_capacity(batch),
            ticks_per_prompt_token: 0,
            context: context_tokens,
            trace,
        })
    }

    /// Uses at most `cores` cores; 0 leaves the choice to the engine, pass by pass.
    pub fn set_cores(&mut self, cores: usize) {
        self.runner.set_cores(cores);
    }

    /// The model and its workspace, for benchmarks and tests that want passes of their own. They overwrite what slots hold.
    pub fn runner(&mut self) -> &mut Runner {
        for slot in &mut self.slots {
            slot.cached = 0;
        }
        &mut self.runner
    }

    /// Gives free slots to those who wait, the longest waiting first.
    fn admit(&mut self) {
        while let Some(next) = self.waiting.front() {
            let idle = self.slots.iter_mut().filter(|slot| slot.running.is_none());
            // Most of the prompt cached; of equals, the one unused for longest.
            let best = idle.max_by_key(|slot| (slot.reusable(&next.request.prompt), core::cmp::Reverse(slot.last_use)));
            let Some(slot) = best else { return };
            if let Some(Waiting { id, request, submitted }) = self.waiting.pop_front() {
                slot.begin(id, request, submitted, id.0);
            }
        }
    }

    /// Prompt tokens that the next pass may take.
    fn chunk(&self) -> usize {
        if self.ticks_per_prompt_token == 0 {
            return FIRST_CHUNK;
        }
        let hz = self.trace.tsc_hz.load(Relaxed);
        let budget = if hz > 0 { hz / 10 } else { PASS_TICKS };
        usize::try_from(budget / self.ticks_per_prompt_token).unwrap_or(PROMPT_CHUNK).clamp(1, PROMPT_CHUNK)
    }

    /// Fills `items`; returns, for each slot with a part in the pass, how many tokens.
    fn plan(&mut self) -> Vec<(usize, usize)> {
        self.items.clear();
        let chunk = self.chunk();
        let prompt = (0..self.slots.len())
            .filter(|n| self.slots[*n].in_prompt())
            .min_by_key(|n| self.slots[*n].running.as_ref().map(|r| r.id));
        let mut parts = Vec::new();
        for (n, slot) in self.slots.iter().enumerate().filter(|(_, slot)| slot.running.is_some()) {
            let left = slot.sequence.len() - slot.cached;
            let count = match prompt {
                Some(p) if p == n => left.min(chunk),
                _ if slot.in_prompt() => continue,
                _ => left,
            };
            for at in slot.cached..slot.cached + count {
                self.items.push(Item {
                    token: slot.sequence[at],
                    position: at as u32,
                    slot: n as u32,
                    logits: at + 1 == slot.sequence.len(),
                });
            }
            parts.push((n, count));
        }
        parts
    }

    /// Draws the next token of slot `n` from the `output`-th logits.
    fn draw(&mut self, n: usize, output: usize, events: &mut Vec<Event>) {
        let slot = &mut self.slots[n];
        let Some(running) = &mut slot.running else { return };
        let (isa, logits) = (self.runner.isa(), self.runner.logits(output));
        let start = ticks();
        let token = running.sampler.draw(isa, logits, &slot.sequence, &mut self.scratch);
        self.runner.sampled(start);
        // Only where there is nothing better: all NaN or −∞, or an overflow to +∞.
        if !logits.get(token as usize).is_some_and(|l| l.is_finite()) {
            return finish(slot, FinishReason::NotFinite, events);
        }
        let (drawn, top) = match running.top_logprobs {
            Some(count) => logprobs(isa, logits, token, usize::from(count.min(MAX_TOP))),
            None => (TokenLogprob { token, logprob: f32::NAN }, Vec::new()),
        };
        let request = running.id;
        let (report, finished) = slot.accept(token, ticks(), self.context);
        if report {
            events.push(Event::Token { request, token: drawn, top });
        }
        if let Some(reason) = finished {
            finish(slot, reason, events);
        }
    }
}

fn finish(slot: &mut Slot, reason: FinishReason, events: &mut Vec<Event>) {
    if let Some(running) = slot.end() {
        events.push(Event::Finished { request: running.id, reason, timings: running.timings });
    }
}

impl Generator for Scheduler {
    fn submit(&mut self, request: GenerateRequest) -> Result<RequestId, SubmitError> {
        let prompt = &request.prompt;
        if prompt.is_empty() {
            return Err(SubmitError::EmptyPrompt);
        }
        if prompt.len() >= self.context {
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            return Err(SubmitError::ContextOverflow { prompt_tokens: count(prompt.len()), context_tokens: count(self.context) });
        }
        if let Some(token) = prompt.iter().find(|t| **t as usize >= self.runner.model.vocab) {
            return Err(SubmitError::UnknownToken(*token));
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(SubmitError::Busy);
        }
        let id = RequestId(self.next_id);
        self.next_id += 1;
        if request.max_tokens == 0 {
            self.pending.push(Event::Finished { request: id, reason: FinishReason::MaxTokens, timings: Timings::default() });
        } else {
            self.waiting.push_back(Waiting { id, request, submitted: ticks() });
        }
        Ok(id)
    }

    fn cancel(&mut self, request: RequestId) {
        if let Some(at) = self.waiting.iter().position(|w| w.id == request) {
            self.waiting.remove(at);
            self.pending.push(Event::Finished { request, reason: FinishReason::Cancelled, timings: Timings::default() });
        }
        for slot in &mut self.slots {
            if slot.running.as_ref().is_some_and(|r| r.id == request) {
                finish(slot, FinishReason::Cancelled, &mut self.pending);
            }
        }
    }

    fn step(&mut self, events: &mut Vec<Event>) -> bool {
        let told = !self.pending.is_empty();
        events.append(&mut self.pending);
        self.admit();
        let parts = self.plan();
        if parts.is_empty() {
            return told;
        }
        let start = ticks();
        self.runner.forward(&self.items);
        let spent = ticks().wrapping_sub(start);
        let mut output = 0;
        for (n, count) in parts {
            let slot = &mut self.slots[n];
            let in_prompt = slot.in_prompt();
            slot.cached += count;
            let complete = slot.cached == slot.sequence.len();
            if let Some(running) = slot.running.as_mut().filter(|_| in_prompt) {
                running.timings.prompt_tokens += count as u32;
                running.timings.prompt_ticks += spent;
                let per_token = (spent / self.items.len() as u64).max(1);
                // The newest pass counts a quarter, so that one interruption does not decide.
                self.ticks_per_prompt_token = match self.ticks_per_prompt_token {
                    0 => per_token,
                    before => (before * 3 + per_token) / 4,
                };
                events.push(Event::Prefill {
                    request: running.id,
                    processed: slot.cached as u32,
                    total: running.prompt_len as u32,
                });
            }
            if complete {
                self.draw(n, output, events);
                output += 1;
            }
        }
        true
    }

    fn load(&self) -> Load {
        let running = || self.slots.iter().filter(|slot| slot.running.is_some());
        Load {
            running: running().count() as u32,
            waiting: self.waiting.len() as u32,
            slots: self.slots.len() as u32,
            kv_tokens: running().map(|slot| slot.cached as u32).sum(),
            kv_capacity: u32::try_from(self.slots.len().saturating_mul(self.context)).unwrap_or(u32::MAX),
        }
    }

    fn context_tokens(&self) -> u32 {
        self.context as u32
    }
}
