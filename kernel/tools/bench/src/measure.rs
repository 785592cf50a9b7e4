//! Runs the engine and times it.

use crate::options::Options;
use ring0_abi::TraceRing;
use ring0_engine::api::{Event, GenerateRequest, Generator, Sampling};
use ring0_engine::cores::{Cores, OneCore};
use ring0_engine::threads::Threads;
use ring0_engine::{Isa, Item, Model, Scheduler};
use ring0_gguf::Gguf;
use ring0_gguf::llama::Llama;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// Tokens of one prompt pass.
const CHUNK: usize = 128;

static TRACE: TraceRing = TraceRing::new();

/// A model on an instruction set and a number of threads.
pub struct Bench {
    scheduler: Scheduler,
    isa: Isa,
    threads: usize,
    vocab: u32,
    bytes_per_token: u64,
}

/// What came out.
pub struct Row {
    isa: &'static str,
    threads: usize,
    cores: usize,
    prompt: f64,
    decode: f64,
    /// GB of weights that decoding reads per second.
    weights: f64,
    bandwidth: Option<f64>,
}

impl Row {
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "isa": self.isa, "threads": self.threads, "cores": self.cores,
            "prompt_tokens_per_second": self.prompt, "decode_tokens_per_second": self.decode,
            "weights_gb_per_second": self.weights, "bandwidth_gb_per_second": self.bandwidth,
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:8} {} threads ({} used to decode)  prompt {:9.1} tokens/s  decode {:8.1} tokens/s  {:5.1} GB/s",
            self.isa, self.threads, self.cores, self.prompt, self.decode, self.weights
        )?;
        match self.bandwidth {
            Some(all) => write!(f, " = {:.0} % of {all:.1}", 100.0 * self.weights / all),
            None => Ok(()),
        }
    }
}

fn alloc(bytes: usize) -> Option<&'static mut [u8]> {
    let memory = vec![0_u8; bytes + 4096].leak();
    let start = memory.as_ptr().align_offset(4096);
    memory.get_mut(start..start + bytes)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

impl Bench {
    pub fn new(file: &'static [u8], isa: Isa, threads: usize, options: &Options) -> Result<Bench, String> {
        let gguf = Gguf::parse(file, file.len() as u64).map_err(|e| e.to_string())?;
        let llama = Llama::from_gguf(&gguf).map_err(|e| e.to_string())?;
        let data = file.get(gguf.data_offset as usize..).unwrap_or(&[]);
        let model = Model::new(&llama, data, gguf.data_offset).map_err(|e| e.to_string())?;
        let (vocab, bytes_per_token) = (model.vocab() as u32, model.bytes_per_token());
        let cores: &'static dyn Cores = if threads == 1 { &OneCore } else { Box::leak(Box::new(Threads::new(threads))) };
        let greedy = options.ids.len() + options.greedy.unwrap_or(0);
        let context = options.prompt.max(options.depth + options.decode).max(greedy) + 1;
        let mut scheduler = Scheduler::new(model, isa, cores, context, 1, &mut alloc, &TRACE).map_err(|e| e.to_string())?;
        scheduler.set_cores(options.cores);
        Ok(Bench { scheduler, isa, threads, vocab, bytes_per_token })
    }

    fn token(&self, position: usize) -> u32 {
        (position as u32).wrapping_mul(2_654_435_761) % self.vocab
    }

    /// Computes the positions `from..to` in passes of `chunk`, with the last one's logits.
    fn fill(&mut self, from: usize, to: usize, chunk: usize) {
        let items: Vec<Item> =
            (from..to).map(|n| Item { token: self.token(n), position: n as u32, slot: 0, logits: n + 1 == to }).collect();
        let runner = self.scheduler.runner();
        for chunk in items.chunks(chunk) {
            runner.forward(chunk);
        }
    }

    /// Decodes, drawing greedily after each token as a server would.
    fn decode(&mut self, depth: usize, count: usize) {
        let mut token = self.token(depth);
        let isa = self.isa;
        let runner = self.scheduler.runner();
        for n in depth..depth + count {
            runner.forward(&[Item { token, position: n as u32, slot: 0, logits: true }]);
            token = isa.argmax(runner.logits(0)) as u32;
        }
    }

    pub fn run(&mut self, options: &Options, bandwidth: Option<f64>) -> Row {
        let time = |work: &mut dyn FnMut()| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        };
        self.fill(0, options.prompt.min(8), CHUNK);
        let prompt = median((0..options.runs).map(|_| time(&mut || self.fill(0, options.prompt, CHUNK))).collect());
        self.fill(0, options.depth, CHUNK);
        let decode = median((0..options.runs).map(|_| time(&mut || self.decode(options.depth, options.decode))).collect());
        let decode = options.decode as f64 / decode;
        Row {
            isa: self.isa.name(),
            threads: self.threads,
            cores: self.scheduler.runner().cores_for(1),
            prompt: options.prompt as f64 / prompt,
            decode,
            weights: decode * self.bytes_per_token as f64 / 1e9,
            bandwidth,
        }
    }

    /// Where the time of decoding a token goes, by operation, on core 0.
    pub fn profile(&mut self, options: &Options) {
        // The best time of each operation in each layer: on a shared machine the others are mostly of other programs.
        let mut best = std::collections::HashMap::<u32, u64>::new();
        TRACE.enabled.store(1, Relaxed);
        for n in 0..options.decode {
            let before = TRACE.written();
            self.decode(options.depth + n, 1);
            for n in before..TRACE.written() {
                let span = &TRACE.spans[n as usize % TRACE.spans.len()];
                let ticks = span.end.load(Relaxed) - span.start.load(Relaxed);
                best.entry(span.what.load(Relaxed)).and_modify(|t| *t = ticks.min(*t)).or_insert(ticks);
            }
        }
        TRACE.enabled.store(0, Relaxed);
        let mut ticks = [0_u64; 32];
        for (what, best) in best.iter().filter(|(what, _)| **what >> 24 == 0) {
            ticks[(what >> 16 & 0x1f) as usize] += best;
        }
        const NAMES: [&str; 15] = [
            "embed",
            "attention norm",
            "qkv",
            "rope",
            "attention",
            "attention output",
            "ffn norm",
            "gate and up",
            "activation",
            "down",
            "output norm",
            "logits",
            "sample",
            "barrier",
            "whole pass",
        ];
        for (name, ticks) in NAMES.iter().zip(ticks) {
            println!("    {name:18} {ticks:10} ticks");
        }
    }

    /// The first `count` tokens that the model draws greedily after `ids`.
    pub fn greedy(&mut self, ids: &[u32], count: usize) -> Result<Vec<u32>, String> {
        let request = GenerateRequest {
            prompt: ids.to_vec(),
            max_tokens: count as u32,
            sampling: Sampling::GREEDY,
            end_tokens: Vec::new(),
            top_logprobs: None,
        };
        self.scheduler.submit(request).map_err(|e| format!("{e:?}"))?;
        let mut events = Vec::new();
        while self.scheduler.step(&mut events) {}
        Ok(events.iter().filter_map(|e| if let Event::Token { token, .. } = e { Some(token.token) } else { None }).collect())
    }
}
