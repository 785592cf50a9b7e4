//! From a disk to a model that answers: header, tensors, tokenizer, engine.
//!
//! The file lies on the disk as raw sectors from the first one on. Its header is read in growing pieces until the parser has all
//! of it; then all tensors come in one transfer, straight into the memory in which the engine uses them.

use crate::boot::phase;
use crate::clock::{now_ns, seconds};
use crate::devices::Disk;
use crate::records::{RING0_BOOT_REPORT, RING0_TRACE_RING};
use crate::units::bytes;
use crate::watch::Watch;
use crate::{log, team};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use ring0_arch::{alloc_region, free_region, now_ticks};
use ring0_engine::api::{Generator, Sampling};
use ring0_engine::{Isa, Model, Scheduler};
use ring0_gguf::{Gguf, llama::Llama};
use ring0_server::{Config, Llm, ModelCard, recommended};
use ring0_shell::Options;
use ring0_tokenizer::{
    Tokenizer,
    chat::{ChatTemplate, Recognised},
};

const SECTOR: u64 = 512;
/// First piece of the header that is read.
const FIRST_PIECE: u64 = 256 << 10;
/// Largest header: vocabularies of real models need some 10 MiB.
const LARGEST_HEADER: u64 = 256 << 20;
/// Requests worked on at once, unless the command line or memory says otherwise.
const SLOTS: u32 = 4;
/// Context below which a model is not worth starting.
const SMALLEST_CONTEXT: usize = 64;

/// A model that can answer, and what is said about it.
pub struct Loaded {
    /// Tokenizer, template and engine.
    pub llm: Llm<Watch<Scheduler>>,
    /// For `ai-info`, one line each.
    pub facts: Vec<(&'static str, String)>,
    /// The disk that it came from.
    pub disk: String,
    /// How requests are sampled that do not say: as the model recommends.
    pub sampling: Sampling,
    regions: Regions,
}

/// Memory outside of the heap, given back when the model goes.
#[derive(Default)]
struct Regions(Vec<(*mut u8, usize)>);

impl Regions {
    fn alloc(&mut self, bytes: usize) -> Option<&'static mut [u8]> {
        let region = alloc_region(bytes)?;
        self.0.push((region.as_mut_ptr(), region.len()));
        Some(region)
    }

    /// Frees all but the first `keep` regions.
    ///
    /// # Safety
    /// Nobody may hold a reference into them any more.
    unsafe fn free(&mut self, keep: usize) {
        for (start, len) in self.0.drain(keep..) {
            // SAFETY: exactly what `alloc_region` gave; the caller answers for the references.
            unsafe { free_region(core::slice::from_raw_parts_mut(start, len)) };
        }
    }
}

impl Loaded {
    /// Frees the model's memory.
    pub fn unload(self) {
        let Loaded { llm, mut regions, .. } = self;
        drop(llm);
        // SAFETY: the engine was the only user of the regions, and is gone.
        unsafe { regions.free(0) };
    }
}

/// The disk that `name` means; without a name, the first that begins with a GGUF header.
pub fn find<'a>(disks: &'a mut [Disk], name: Option<&str>) -> Result<&'a mut Disk, String> {
    let known: Vec<String> = disks.iter().map(|d| d.name().to_string()).collect();
    if known.is_empty() {
        return Err("there is no disk; attach one that holds a GGUF file (virtio-blk)".into());
    }
    match name {
        Some(name) => {
            let name = name.strip_prefix("/dev/").unwrap_or(name);
            disks.iter_mut().find(|d| d.name() == name).ok_or_else(|| format!("no disk '{name}'; there are: {}", known.join(" ")))
        }
        None => disks
            .iter_mut()
            .find_map(|disk| holds_gguf(disk).then_some(disk))
            .ok_or_else(|| format!("no disk begins with a GGUF header (looked at: {})", known.join(" "))),
    }
}

/// Whether the disk's first bytes are GGUF's magic.
pub fn holds_gguf(disk: &mut Disk) -> bool {
    let mut sector = vec![0; SECTOR as usize];
    disk.read(0, &mut sector, &mut |_| {}).is_ok() && sector.starts_with(b"GGUF")
}

/// A header that has been checked, and with it all that a model needs but its weights.
pub struct Candidate<'a> {
    gguf: Gguf<'a>,
    llama: Llama<'a>,
    tokenizer: Tokenizer,
    template: Recognised,
}

/// Reads the header, however long it is.
pub fn read_header(disk: &mut Disk) -> Result<Vec<u8>, String> {
    let size = disk.info().sectors.saturating_mul(SECTOR);
    let mut header: Vec<u8> = Vec::new();
    let mut wanted = FIRST_PIECE;
    loop {
        let end = wanted.min(size).next_multiple_of(SECTOR);
        let have = header.len() as u64;
        header.try_reserve_exact((end - have) as usize).map_err(|_| format!("no memory for a header of {}", bytes(end)))?;
        header.resize(end as usize, 0);
        let piece = &mut header[have as usize..];
        disk.read(have / SECTOR, piece, &mut |_| {}).map_err(|e| e.to_string())?;
        match Gguf::parse(&header, size) {
            Err(error) => match error.needs() {
                Some(needs) if needs > header.len() as u64 && needs <= LARGEST_HEADER => {
                    wanted = needs.max(header.len() as u64 * 2)
                }
                Some(needs) => {
                    return Err(format!(
                        "the header needs {}, more than the {} that are allowed",
                        bytes(needs),
                        bytes(LARGEST_HEADER)
                    ));
                }
                None => return Err(error.to_string()),
            },
            Ok(_) => return Ok(header),
        }
    }
}

/// Checks everything that the header says.
pub fn check(header: &[u8], file_bytes: u64) -> Result<Candidate<'_>, String> {
    let gguf = Gguf::parse(header, file_bytes).map_err(|e| e.to_string())?;
    let llama = Llama::from_gguf(&gguf).map_err(|e| e.to_string())?;
    let tokenizer = Tokenizer::from_gguf(&gguf).map_err(|e| e.to_string())?;
    let template = ChatTemplate::recognise(&gguf);
    Ok(Candidate { gguf, llama, tokenizer, template })
}

/// What goes on around a load.
pub trait Surroundings {
    /// The header has proved good, and memory is about to be taken for the weights: the model that is there must go.
    fn make_room(&mut self);
    /// Time has passed: others want their turn. Called some thousand times a second while the disk is read.
    fn turn(&mut self);
}

/// Loads the model on `disk`.
pub fn load(disk: &mut Disk, options: &Options, around: &mut dyn Surroundings) -> Result<Loaded, String> {
    let name = disk.name().to_string();
    let at = |error: String| format!("{name}: {error}");
    let isa = choose_isa(options.isa.as_deref());
    let header = phase("model header", || read_header(disk)).map_err(at)?;
    let candidate = phase("tokenizer", || check(&header, disk.info().sectors.saturating_mul(SECTOR))).map_err(at)?;
    around.make_room();
    let mut regions = Regions::default();
    let result = phase("model read", || read_tensors(disk, &candidate.gguf, &mut regions, around))
        .and_then(|data| phase("engine", || start(&candidate, data, isa, options, &mut regions)));
    match result {
        Ok(mut scheduler) => {
            let working = regions.0[1..].iter().map(|(_, len)| *len as u64).sum();
            let engine = format!("ring0 {} {}", env!("CARGO_PKG_VERSION"), isa.name());
            let created = crate::rtc::unix_time().unwrap_or(0);
            let card = ModelCard::from_gguf(&candidate.gguf, &candidate.llama, &id(&candidate.llama), created, &engine);
            let facts = facts(&candidate, &card, &mut scheduler, isa, working);
            RING0_BOOT_REPORT.engine.set(isa.name());
            RING0_BOOT_REPORT.model.set(&card.id);
            let llm = Llm::new(card, Watch::new(scheduler), candidate.tokenizer, candidate.template);
            let sampling = recommended(&candidate.gguf, &Config::default().sampling);
            Ok(Loaded { llm, facts, disk: name, sampling, regions })
        }
        Err(error) => {
            // SAFETY: the engine that might have used them was not made, or is gone.
            unsafe { regions.free(0) };
            Err(at(error))
        }
    }
}

/// The engine path that the command line names, or the best; one that this processor lacks is said and passed over.
fn choose_isa(wanted: Option<&str>) -> Isa {
    let best = Isa::detect();
    let Some(wanted) = wanted else { return best };
    Isa::from_name(wanted).unwrap_or_else(|| {
        let known: Vec<&str> = Isa::available().map(Isa::name).collect();
        log!("isa={wanted}: this processor has {}; using {}", known.join(" "), best.name());
        best
    })
}

/// Reads all tensors in one transfer, and says how fast it was.
fn read_tensors(
    disk: &mut Disk,
    gguf: &Gguf<'_>,
    regions: &mut Regions,
    around: &mut dyn Surroundings,
) -> Result<&'static [u8], String> {
    let first = gguf.data_offset / SECTOR * SECTOR;
    let length = gguf.end_offset.next_multiple_of(SECTOR) - first;
    let region = regions.alloc(length as usize).ok_or_else(|| no_memory("weights", length))?;
    let begin = now_ns();
    let mut shown = begin;
    disk.read(first / SECTOR, region, &mut |done| {
        around.turn();
        let now = now_ns();
        if now - shown >= 500_000_000 {
            shown = now;
            ring0_arch::print!("\r  {:3} % of {}", done as u64 * 100 / length.max(1), bytes(length));
        }
    })
    .map_err(|e| e.to_string())?;
    if shown != begin {
        ring0_arch::print!("\r\x1b[K");
    }
    let taken = (now_ns() - begin).max(1);
    log!("{}: {} in {:.3} s, {:.0} MB/s", disk.name(), bytes(length), taken as f64 / 1e9, length as f64 * 1e3 / taken as f64);
    let skip = (gguf.data_offset - first) as usize;
    Ok(&region[skip..skip + (gguf.end_offset - gguf.data_offset) as usize])
}

fn no_memory(what: &str, wanted: u64) -> String {
    let free = ring0_arch::memory_stats().largest_free;
    format!("no memory for {what}: {} wanted in one piece, {} free; give the machine more memory", bytes(wanted), bytes(free))
}

/// Makes the engine. Slots, then context, shrink until memory suffices, unless the command line fixed them.
fn start(
    candidate: &Candidate<'_>,
    data: &'static [u8],
    isa: Isa,
    options: &Options,
    regions: &mut Regions,
) -> Result<Scheduler, String> {
    let trained = u32::try_from(candidate.llama.context).unwrap_or(u32::MAX);
    let mut context = options.context.unwrap_or(trained) as usize;
    let mut slots = options.slots.unwrap_or(SLOTS) as usize;
    let keep = regions.0.len();
    loop {
        let model = Model::new(&candidate.llama, data, candidate.gguf.data_offset).map_err(|e| e.to_string())?;
        match Scheduler::new(model, isa, team::cores(), context, slots, &mut |n| regions.alloc(n), &RING0_TRACE_RING) {
            Ok(mut scheduler) => {
                if let Some(cores) = options.cores {
                    scheduler.set_cores(cores as usize);
                }
                return Ok(scheduler);
            }
            Err(error @ ring0_engine::Error::NoMemory { .. }) => {
                // SAFETY: the engine was not made, so nobody has them.
                unsafe { regions.free(keep) };
                if slots > 1 && options.slots.is_none() {
                    slots /= 2;
                } else if context / 2 >= SMALLEST_CONTEXT && options.context.is_none() {
                    context /= 2;
                } else {
                    return Err(format!("{error}; {} free in one piece", bytes(ring0_arch::memory_stats().largest_free)));
                }
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// What clients put into `model`: the model's own name, in letters that need no quoting.
fn id(llama: &Llama<'_>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c.to_ascii_lowercase() } else { '-' };
    llama.name.filter(|name| !name.is_empty()).unwrap_or("model").chars().map(plain).take(64).collect()
}

fn facts(
    candidate: &Candidate<'_>,
    card: &ModelCard,
    scheduler: &mut Scheduler,
    isa: Isa,
    working: u64,
) -> Vec<(&'static str, String)> {
    let l = &candidate.llama;
    let load = scheduler.load();
    let cores = scheduler.runner().cores_for(1);
    let mut types: Vec<(String, usize)> = Vec::new();
    for tensor in candidate.gguf.tensors() {
        let name = tensor.dtype.to_string();
        match types.iter_mut().find(|(n, _)| *n == name) {
            Some((_, count)) => *count += 1,
            None => types.push((name, 1)),
        }
    }
    let types: Vec<String> = types.iter().map(|(name, count)| format!("{count} {name}")).collect();
    vec![
        ("name", l.name.unwrap_or("(none)").into()),
        ("id", card.id.clone()),
        ("file", format!("GGUF v{}, {} tensors ({})", candidate.gguf.version, candidate.gguf.tensors().len(), types.join(", "))),
        ("weights", format!("{} parameters, {}", card.parameters, bytes(card.size_bytes))),
        (
            "shape",
            format!(
                "{} layers, {} wide, {} heads of {}, {} KV heads, FFN {}",
                l.layers, l.embedding, l.heads, l.head_dim, l.kv_heads, l.ffn
            ),
        ),
        (
            "rope",
            format!(
                "{} dimensions, base {}, {:?}{}",
                l.rope.dim,
                l.rope.base,
                l.rope.scaling,
                if l.rope_freqs.is_some() { ", frequency factors" } else { "" }
            ),
        ),
        ("vocabulary", format!("{} tokens, {}", l.vocab, candidate.tokenizer.name())),
        (
            "template",
            match &candidate.template {
                Recognised::Known(template) => template.name().into(),
                Recognised::Missing => "none: conversations go in as plain text".into(),
                Recognised::Unknown(text) => format!("not one that this kernel knows; chat is refused. It begins: {text}"),
            },
        ),
        (
            "context",
            format!("{} tokens for each of {} slots (trained for {})", scheduler.context_tokens(), load.slots, l.context),
        ),
        (
            "engine",
            format!(
                "{}, up to {cores} of {} cores, KV cache and workspace {}",
                isa.name(),
                team::cores().count(),
                bytes(working)
            ),
        ),
    ]
}

/// Says when the model was ready.
pub fn report(loaded: &Loaded) {
    let get = |key| loaded.facts.iter().find(|(k, _)| *k == key).map_or("", |(_, v)| v.as_str());
    log!("model '{}' on {}: {}; {}", get("id"), loaded.disk, get("weights"), get("context"));
    log!("engine {}; ready at {:.3} s", get("engine"), seconds(now_ticks()));
}
