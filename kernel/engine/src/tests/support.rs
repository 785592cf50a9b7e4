//! Models, memory and requests for tests.

use crate::api::{Event, GenerateRequest, Generator, Sampling};
use crate::cores::{Cores, OneCore};
use crate::threads::Threads;
use crate::{Isa, Model, Scheduler};
use ring0_abi::TraceRing;
use ring0_gguf::Gguf;
use ring0_gguf::llama::Llama;
use std::boxed::Box;
use std::string::String;
use std::vec::Vec;
use std::{format, fs, println, vec};

pub(super) static TRACE: TraceRing = TraceRing::new();

/// "Once upon a time", BOS first.
pub(super) const ONCE: [u32; 5] = [1, 403, 407, 261, 378];

/// Memory for ever, aligned as a page would be.
pub(crate) fn alloc(bytes: usize) -> Option<&'static mut [u8]> {
    // Not zeros: nothing may rely on them.
    let memory = vec![0xa5; bytes + 4096].leak();
    let start = memory.as_ptr().align_offset(4096);
    Some(&mut memory[start..start + bytes])
}

/// A file from outside of the project; `None`, having said so, where it is absent.
pub(super) fn data(name: &str) -> Option<&'static [u8]> {
    let path = format!("{}/../../../shared/data/{name}", env!("CARGO_MANIFEST_DIR"));
    match fs::read(&path) {
        Ok(bytes) => Some(Vec::leak(bytes)),
        Err(error) => {
            println!("skipped: ../shared/data/{name} cannot be read ({error})");
            None
        }
    }
}

/// llama.cpp's 64 tokens after [`ONCE`].
pub(super) fn oracle() -> Vec<u32> {
    let text = String::from_utf8(data("oracle/ids64.txt").expect("lies beside the models").to_vec()).unwrap();
    let line = text.lines().find_map(|l| l.strip_prefix("out ids [")).unwrap();
    line.trim_end_matches(']').split(", ").map(|id| id.parse().unwrap()).collect()
}

pub(super) fn model(file: &'static [u8]) -> Model {
    let gguf = Gguf::parse(file, file.len() as u64).unwrap();
    let llama = Llama::from_gguf(&gguf).unwrap();
    Model::new(&llama, &file[gguf.data_offset as usize..], gguf.data_offset).unwrap()
}

/// One core, or a team that lives for ever.
pub(super) fn cores(count: usize) -> &'static dyn Cores {
    if count == 1 { &OneCore } else { Box::leak(Box::new(Threads::new(count))) }
}

pub(super) fn scheduler(file: &'static [u8], isa: Isa, cores: &'static dyn Cores, context: usize, slots: usize) -> Scheduler {
    let mut scheduler = Scheduler::new(model(file), isa, cores, context, slots, &mut alloc, &TRACE).unwrap();
    // Small models would be left to one core.
    scheduler.set_cores(cores.count());
    scheduler
}

pub(super) fn request(prompt: &[u32], max_tokens: u32) -> GenerateRequest {
    GenerateRequest {
        prompt: prompt.to_vec(),
        max_tokens,
        sampling: Sampling::GREEDY,
        end_tokens: Vec::new(),
        top_logprobs: None,
    }
}

/// Steps until nothing is left to do.
pub(super) fn drain(scheduler: &mut Scheduler) -> Vec<Event> {
    let mut events = Vec::new();
    while scheduler.step(&mut events) {}
    events
}

pub(super) fn tokens(events: &[Event]) -> Vec<u32> {
    events.iter().filter_map(|e| if let Event::Token { token, .. } = e { Some(token.token) } else { None }).collect()
}
