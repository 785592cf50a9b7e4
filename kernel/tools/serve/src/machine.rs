//! The host in the kernel's place: a clock, threads for cores, the heap for regions.

use crate::options::Options;
use ring0_abi::TraceRing;
use ring0_engine::api::Sampling;
use ring0_engine::cores::{Cores, OneCore};
use ring0_engine::threads::Threads;
use ring0_engine::{Isa, Model, Scheduler};
use ring0_gguf::Gguf;
use ring0_gguf::llama::Llama;
use ring0_server::{Backend, Config, Language, Llm, Metric, MetricKind, ModelCard, recommended};
use ring0_tokenizer::Tokenizer;
use ring0_tokenizer::chat::ChatTemplate;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Largest context that is taken without being asked for.
const DEFAULT_CONTEXT: usize = 4096;

static TRACE: TraceRing = TraceRing::new();

/// A host program as the server's backend.
pub struct Machine {
    llm: Llm<Scheduler>,
    sampling: Sampling,
    started: Instant,
    tick_rate: u64,
    random: RandomState,
    drawn: u64,
}

impl Machine {
    /// Reads a model.
    ///
    /// # Errors
    /// What is wrong with the file or the options.
    pub fn load(options: &Options) -> Result<Machine, String> {
        let in_file = |error: String| format!("{}: {error}", options.model);
        // For ever: the engine uses weights where they lie.
        let file: &'static [u8] = Vec::leak(std::fs::read(&options.model).map_err(|e| in_file(e.to_string()))?);
        let gguf = Gguf::parse(file, file.len() as u64).map_err(|e| in_file(e.to_string()))?;
        let llama = Llama::from_gguf(&gguf).map_err(|e| in_file(e.to_string()))?;
        let tokenizer = Tokenizer::from_gguf(&gguf).map_err(|e| in_file(e.to_string()))?;
        let isa = match &options.isa {
            Some(name) => Isa::from_name(name).ok_or_else(|| unknown_isa(name))?,
            None => Isa::detect(),
        };
        let threads = options.cores.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let cores: &'static dyn Cores = if threads <= 1 { &OneCore } else { Box::leak(Box::new(Threads::new(threads))) };
        let data = usize::try_from(gguf.data_offset).ok().and_then(|at| file.get(at..)).unwrap_or_default();
        let model = Model::new(&llama, data, gguf.data_offset).map_err(|e| in_file(e.to_string()))?;
        let context = options.context.unwrap_or(llama.context.min(DEFAULT_CONTEXT));
        let tick_rate = measure_tick_rate();
        TRACE.tsc_hz.store(tick_rate, Relaxed);
        let mut scheduler =
            Scheduler::new(model, isa, cores, context, options.slots, &mut region, &TRACE).map_err(|e| in_file(e.to_string()))?;
        if options.cores.is_some() {
            scheduler.set_cores(threads);
        }
        let id = Path::new(&options.model).file_stem().map_or("model".into(), |stem| stem.to_string_lossy());
        let engine = format!("{} {}", env!("CARGO_PKG_VERSION"), isa.name());
        let card = ModelCard::from_gguf(&gguf, &llama, &id, unix_time(), &engine);
        let llm = Llm::new(card, scheduler, tokenizer, ChatTemplate::recognise(&gguf));
        let sampling = recommended(&gguf, &Config::default().sampling);
        Ok(Machine { llm, sampling, started: Instant::now(), tick_rate, random: RandomState::new(), drawn: 0 })
    }
}

impl Machine {
    /// How requests are sampled that do not say: as the model recommends.
    pub fn sampling(&self) -> &Sampling {
        &self.sampling
    }
}

impl Backend for Machine {
    fn language(&mut self) -> Option<&mut dyn Language> {
        Some(&mut self.llm)
    }
    fn ticks(&self) -> u64 {
        ticks()
    }
    fn ticks_per_second(&self) -> u64 {
        self.tick_rate
    }
    fn unix_time(&self) -> u64 {
        unix_time()
    }
    fn entropy(&mut self) -> u64 {
        self.drawn += 1;
        self.random.hash_one(self.drawn)
    }
    fn metrics(&self, out: &mut Vec<Metric>) {
        out.push(Metric {
            name: "ring0_uptime_seconds",
            help: "Time since the model was loaded.",
            kind: MetricKind::Gauge,
            value: self.started.elapsed().as_secs_f64(),
        });
    }
}

fn unknown_isa(name: &str) -> String {
    let names: Vec<_> = Isa::available().map(Isa::name).collect();
    format!("--isa {name}: this processor has {}", names.join(", "))
}

/// Page-aligned memory for ever.
fn region(bytes: usize) -> Option<&'static mut [u8]> {
    let mut memory = Vec::new();
    memory.try_reserve_exact(bytes.checked_add(4096)?).ok()?;
    memory.resize(bytes + 4096, 0);
    let memory = Vec::leak(memory);
    let start = memory.as_ptr().align_offset(4096);
    memory.get_mut(start..start + bytes)
}

fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has RDTSC, and hosts let programs use it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The engine counts in TSC ticks, whose rate the host does not tell.
fn measure_tick_rate() -> u64 {
    let (instant, before) = (Instant::now(), ticks());
    std::thread::sleep(Duration::from_millis(50));
    let (elapsed, after) = (instant.elapsed(), ticks());
    (after.saturating_sub(before) as f64 / elapsed.as_secs_f64()).max(1.0) as u64
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
