//! One sequence of tokens and its place in the KV cache.

use crate::api::{FinishReason, GenerateRequest, RequestId, Timings};
use crate::sampler::Sampler;
use alloc::vec::Vec;

/// What a request asks for, without its prompt.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) id: RequestId,
    pub(crate) sampler: Sampler,
    pub(crate) max_tokens: u32,
    pub(crate) end_tokens: Vec<u32>,
    pub(crate) top_logprobs: Option<u8>,
    pub(crate) timings: Timings,
    pub(crate) prompt_len: usize,
    pub(crate) submitted: u64,
    pub(crate) first_token: u64,
}

/// A place for one sequence. Between requests it remembers what its cache holds.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// The prompt and what was generated after it.
    pub(crate) sequence: Vec<u32>,
    /// Tokens of `sequence`, from its beginning, whose keys and values are in the cache.
    pub(crate) cached: usize,
    pub(crate) running: Option<Running>,
    /// When it was last given out, in requests.
    pub(crate) last_use: u64,
}

impl Slot {
    /// Tokens at the beginning of `prompt` that need no computation. The last one always does: its logits are wanted.
    pub(crate) fn reusable(&self, prompt: &[u32]) -> usize {
        let held = &self.sequence[..self.cached];
        let common = held.iter().zip(prompt).take_while(|(a, b)| a == b).count();
        common.min(prompt.len().saturating_sub(1))
    }

    /// Begins a request that was submitted at tick `submitted`.
    pub(crate) fn begin(&mut self, id: RequestId, request: GenerateRequest, submitted: u64, turn: u64) {
        self.cached = self.reusable(&request.prompt);
        self.last_use = turn;
        self.running = Some(Running {
            id,
            sampler: Sampler::new(request.sampling),
            max_tokens: request.max_tokens,
            end_tokens: request.end_tokens,
            top_logprobs: request.top_logprobs,
            timings: Timings { cached_tokens: self.cached as u32, ..Timings::default() },
            prompt_len: request.prompt.len(),
            submitted,
            first_token: 0,
        });
        self.sequence = request.prompt;
    }

    /// Whether the prompt is not through yet.
    pub(crate) fn in_prompt(&self) -> bool {
        self.running.as_ref().is_some_and(|r| self.cached < r.prompt_len)
    }

    /// Ends the request; what is in the cache stays there for the next one.
    pub(crate) fn end(&mut self) -> Option<Running> {
        self.sequence.truncate(self.cached);
        self.running.take()
    }

    /// Takes a drawn token into the sequence. Returns whether it is to be reported, and why the request ends, if it does.
    pub(crate) fn accept(&mut self, token: u32, now: u64, context: usize) -> (bool, Option<FinishReason>) {
        let Some(running) = &mut self.running else { return (false, None) };
        if running.end_tokens.contains(&token) {
            return (false, Some(FinishReason::EndToken(token)));
        }
        self.sequence.push(token);
        let timings = &mut running.timings;
        if timings.generated_tokens == 0 {
            running.first_token = now;
            timings.first_token_ticks = now.wrapping_sub(running.submitted);
        }
        timings.generated_tokens += 1;
        timings.generate_ticks = now.wrapping_sub(running.first_token);
        let reason = if timings.generated_tokens >= running.max_tokens {
            Some(FinishReason::MaxTokens)
        } else if self.sequence.len() >= context {
            Some(FinishReason::ContextFull)
        } else {
            None
        };
        (true, reason)
    }
}
