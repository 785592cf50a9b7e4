//! `ai` and `ai-bench`: requests to the engine whose tokens come back to the console. They share the engine with the API's
//! clients; [`Server::poll`](ring0_server::Server::poll) steps it for both.

use crate::clock::milliseconds;
use crate::kernel::Kernel;
use crate::loader::Loaded;
use alloc::{string::String, vec, vec::Vec};
use ring0_arch::println;
use ring0_engine::api::{Event, FinishReason, GenerateRequest, RequestId, Sampling, Timings};
use ring0_server::{Backend, Language, Message, Role};
use ring0_tokenizer::Utf8Stream;

/// Tokens generated when `-n` is not given.
const TOKENS: u32 = 256;
/// `ai-bench` without numbers, as llama-bench's usual pair.
const BENCH: (u32, u32) = (128, 64);

/// A request of the shell's that runs.
pub struct Generation {
    request: RequestId,
    show: Show,
}

enum Show {
    /// The words, as they come.
    Answer { text: Utf8Stream, raw: bool },
    /// The speed, at the end.
    Bench { prompt: u32, decode: u32 },
}

impl Generation {
    /// Asks the engine to stop; the job ends with its next events.
    pub fn cancel(&mut self, kernel: &mut Kernel) {
        if let Some(loaded) = &mut kernel.server.backend_mut().loaded {
            loaded.llm.generator().cancel(self.request);
        }
    }

    /// Shows what has come. Returns whether the job is over.
    pub fn poll(&mut self, kernel: &mut Kernel) -> bool {
        let machine = kernel.server.backend_mut();
        let events = core::mem::take(&mut machine.shell_events);
        let Some(loaded) = &machine.loaded else { return true };
        for event in events {
            match event {
                Event::Token { request, token, .. } if request == self.request => self.token(token.token, loaded),
                Event::Finished { request, reason, timings } if request == self.request => {
                    self.finish(reason, &timings);
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    fn token(&mut self, token: u32, loaded: &Loaded) {
        let Show::Answer { text, raw } = &mut self.show else { return };
        if loaded.llm.is_control(token) && !*raw {
            return;
        }
        let mut whole = String::new();
        text.push(loaded.llm.piece(token).unwrap_or_default(), &mut whole);
        ring0_arch::print!("{}", printable(&whole));
    }

    fn finish(&mut self, reason: FinishReason, t: &Timings) {
        let rate = |tokens: u32, ticks: u64| f64::from(tokens) * 1e3 / milliseconds(ticks).max(1e-6);
        let decoded = t.generated_tokens.saturating_sub(1);
        match &mut self.show {
            Show::Answer { text, .. } => {
                let mut rest = String::new();
                text.finish(&mut rest);
                println!("{}", printable(&rest));
                let end = match reason {
                    FinishReason::EndToken(_) => "",
                    FinishReason::MaxTokens => "; stopped at -n",
                    FinishReason::ContextFull => "; the context is full",
                    FinishReason::Cancelled => "; stopped",
                    FinishReason::NotFinite => "; no token has a finite logit: the model's weights are damaged",
                };
                println!(
                    "[{} tokens, {:.1} tokens/s; prompt {} tokens ({} cached), {:.1} tokens/s; first token after {:.1} ms{end}]",
                    t.generated_tokens,
                    rate(decoded, t.generate_ticks),
                    t.prompt_tokens + t.cached_tokens,
                    t.cached_tokens,
                    rate(t.prompt_tokens, t.prompt_ticks),
                    milliseconds(t.first_token_ticks),
                );
            }
            Show::Bench { prompt, decode } => {
                println!("prefill {:>5} tokens {:>10.1} tokens/s", t.prompt_tokens, rate(t.prompt_tokens, t.prompt_ticks));
                println!("decode  {decoded:>5} tokens {:>10.1} tokens/s", rate(decoded, t.generate_ticks));
                if reason != FinishReason::MaxTokens {
                    println!("ended early ({reason:?}) of {prompt} and {decode}");
                }
            }
        }
    }
}

/// Text from the model, without what would command the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

fn submit(kernel: &mut Kernel, request: GenerateRequest, show: Show) -> Option<Generation> {
    let machine = kernel.server.backend_mut();
    machine.shell_events.clear();
    let loaded = machine.loaded.as_mut()?;
    match loaded.llm.generator().submit(request) {
        Ok(request) => Some(Generation { request, show }),
        Err(error) => {
            println!("the engine refuses: {error:?}");
            None
        }
    }
}

struct AskOptions {
    tokens: u32,
    temperature: f32,
    raw: bool,
    prompt: String,
}

impl AskOptions {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = AskOptions { tokens: TOKENS, temperature: 0.0, raw: false, prompt: String::new() };
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            let mut value = || rest.next().map(String::as_str).unwrap_or_default();
            match word.as_str() {
                "-n" => options.tokens = value().parse().ok().filter(|n| *n > 0).ok_or("-n wants a number of tokens")?,
                "-t" => {
                    let t: Option<f32> = value().parse().ok();
                    options.temperature = t.filter(|t| (0.0..=2.0).contains(t)).ok_or("-t wants a temperature from 0 to 2")?;
                }
                "--raw" => options.raw = true,
                word => {
                    let words: Vec<&str> = core::iter::once(word).chain(rest.by_ref().map(String::as_str)).collect();
                    options.prompt = words.join(" ");
                }
            }
        }
        if options.prompt.is_empty() { Err("ai wants a prompt: ai What is a GDT?".into()) } else { Ok(options) }
    }
}

/// `ai`.
pub fn ask(kernel: &mut Kernel, arguments: &[String]) -> Option<Generation> {
    let options = match AskOptions::parse(arguments) {
        Ok(options) => options,
        Err(error) => {
            println!("{error}");
            return None;
        }
    };
    let seed = kernel.options.seed.unwrap_or_else(|| kernel.server.backend_mut().entropy());
    let defaults = kernel.server.config().sampling.clone();
    let Some(loaded) = &kernel.server.backend().loaded else {
        println!("no model is loaded; ai-load loads one");
        return None;
    };
    let llm = &loaded.llm;
    let prompt = if options.raw || llm.card().chat_template.is_empty() {
        llm.encode(&options.prompt, true, options.raw)
    } else {
        match llm.render(&[Message { role: Role::User, content: options.prompt }]) {
            Ok(prompt) => prompt,
            Err(error) => {
                println!("{error:?}");
                return None;
            }
        }
    };
    let request = GenerateRequest {
        prompt,
        max_tokens: options.tokens,
        sampling: if options.temperature > 0.0 {
            Sampling { temperature: options.temperature, seed, ..defaults }
        } else {
            Sampling::GREEDY
        },
        end_tokens: llm.end_tokens().to_vec(),
        top_logprobs: None,
    };
    submit(kernel, request, Show::Answer { text: Utf8Stream::new(), raw: options.raw })
}

/// `ai-bench`: a prompt that no cache knows, then greedy decoding that nothing ends.
pub fn bench(kernel: &mut Kernel, prompt: Option<&str>, decode: Option<&str>) -> Option<Generation> {
    let number = |text: Option<&str>, default: u32| text.map_or(Some(default), |t| t.parse().ok().filter(|n| *n > 0));
    let (Some(prompt), Some(decode)) = (number(prompt, BENCH.0), number(decode, BENCH.1)) else {
        println!("ai-bench [PROMPT_TOKENS] [DECODE_TOKENS]: two numbers above 0");
        return None;
    };
    let salt = kernel.server.backend_mut().entropy();
    let Some(loaded) = &mut kernel.server.backend_mut().loaded else {
        println!("no model is loaded; ai-load loads one");
        return None;
    };
    let context = loaded.llm.generator().context_tokens();
    if prompt.saturating_add(decode) > context {
        println!("{prompt} + {decode} tokens do not fit into the context of {context}");
        return None;
    }
    let vocabulary = u64::from(loaded.llm.card().vocabulary.max(1));
    let mut tokens = vec![0; prompt as usize];
    let mut state = salt | 1;
    for token in &mut tokens {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *token = ((state >> 33) % vocabulary) as u32;
    }
    // One more: decode speed counts from the first generated token to the last.
    let request = GenerateRequest {
        prompt: tokens,
        max_tokens: decode.saturating_add(1),
        sampling: Sampling::GREEDY,
        end_tokens: Vec::new(),
        top_logprobs: None,
    };
    submit(kernel, request, Show::Bench { prompt, decode })
}
