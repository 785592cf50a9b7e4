//! Trains the demo model from `kernel/demo/corpus` and writes `kernel/demo/ring0-demo-q8_0.gguf`.
//!
//!     cargo run --release -p ring0-train                  train (or go on with an interrupted run), write, check
//!     cargo run --release -p ring0-train -- --check       only ask the written model everything
//!     cargo run --release -p ring0-train -- --ask TEXT    only ask it one question
//!     cargo run --release -p ring0-train -- --list        print every question with its answer, one JSON object a line
//!
//! `--steps N` makes a shorter or longer run, `--out FILE` writes elsewhere, `--fresh` forgets an interrupted run. `--from FILE` begins
//! with the weights of a model that this program made, and only repairs what it says wrong: after a small change of the corpus that takes
//! minutes instead of an hour.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use serde_json::json;

use crate::corpus::{Corpus, expand};
use crate::lesson::Teacher;
use crate::model::{Model, Shape};
use crate::training::Plan;
use crate::vocabulary::Vocabulary;

mod check;
mod corpus;
mod file;
mod lesson;
mod model;
mod ops;
mod optimizer;
mod random;
mod training;
mod vocabulary;

const SEED: u64 = 2026;
const STEPS: u64 = 2952;
const RATE: f32 = 2e-3;
/// Rounds of repair at most.
const ROUNDS: u64 = 40;
const VOCABULARY: usize = 1280;

fn shape(vocabulary: usize) -> Shape {
    Shape {
        vocabulary,
        width: 160,
        layers: 5,
        heads: 5,
        kv_heads: 5,
        head_size: 32,
        feed_forward: 416,
        rope_base: 10000.0,
        epsilon: 1e-5,
    }
}

/// `kernel/demo` of this checkout.
fn demo_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo")
}

/// The vocabulary for the corpus: answers count as often as they have wordings, as they are learned as often. At
/// most `size` tokens.
fn learn_vocabulary(corpus: &Corpus, size: usize) -> Vocabulary {
    let questions = corpus.all_questions();
    let lower: Vec<String> = questions.iter().map(|(question, _)| question.to_lowercase()).collect();
    let texts = questions.iter().map(|(question, _)| (question.as_str(), 2)).chain(lower.iter().map(|text| (text.as_str(), 1)));
    let answers = corpus.entries.iter().map(|entry| (entry.answer.as_str(), 60));
    let roles = [("user", 1000), ("assistant", 1000), ("system", 1000)];
    Vocabulary::learn(texts.chain(answers).chain(roles), size)
}

struct Options {
    steps: u64,
    out: PathBuf,
    from: Option<PathBuf>,
    fresh: bool,
    check: bool,
    list: bool,
    ask: Option<String>,
}

fn options() -> Result<Options, String> {
    let out = demo_folder().join("ring0-demo-q8_0.gguf");
    let mut options = Options { steps: STEPS, out, from: None, fresh: false, check: false, list: false, ask: None };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--steps" => options.steps = value()?.parse().map_err(|_| "--steps needs a number".to_owned())?,
            "--out" => options.out = value()?.into(),
            "--from" => options.from = Some(value()?.into()),
            "--ask" => options.ask = Some(value()?),
            "--fresh" => options.fresh = true,
            "--check" => options.check = true,
            "--list" => options.list = true,
            _ => {
                return Err(format!(
                    "unknown argument {argument}; known are --steps N, --out FILE, --from FILE, --fresh, --check, --ask TEXT, --list"
                ));
            }
        }
    }
    Ok(options)
}

fn run() -> Result<(), String> {
    keep_memory();
    // candle's own threads are not needed: each half of a batch has its thread, and sums keep their order.
    // SAFETY: no other thread exists yet that could read the environment.
    unsafe { env::set_var("RAYON_NUM_THREADS", "1") };
    let options = options()?;
    let corpus = Corpus::read(&demo_folder())?;
    if options.list {
        for (question, entry) in corpus.all_questions() {
            println!("{}", json!({ "question": question, "answer": corpus.entries[entry].answer }));
        }
        return Ok(());
    }
    let load = || file::read(&fs::read(&options.out).map_err(|e| format!("{}: {e}", options.out.display()))?);
    if let Some(question) = &options.ask {
        let (model, vocabulary) = load()?;
        println!("{}", check::generate(&model, &vocabulary, &[("user", question)], 128).map_err(|e| e.to_string())?);
        return Ok(());
    }
    if !options.check {
        let vocabulary = learn_vocabulary(&corpus, VOCABULARY);
        let model = Model::new(shape(vocabulary.len()), SEED).map_err(|e| e.to_string())?;
        eprintln!(
            "{} answers, {} questions, {} tokens, {} weights",
            corpus.entries.len(),
            corpus.all_questions().len(),
            vocabulary.len(),
            model.len()
        );
        let kind = if options.from.is_some() { "repair" } else { "steps" };
        let checkpoint = env::temp_dir().join(format!("ring0-train-{kind}-{}.checkpoint", options.steps));
        if options.fresh && checkpoint.exists() {
            fs::remove_file(&checkpoint).map_err(|e| format!("{}: {e}", checkpoint.display()))?;
        }
        if let Some(from) = &options.from {
            let bytes = fs::read(from).map_err(|e| format!("{}: {e}", from.display()))?;
            file::adopt(&model, &vocabulary, &bytes).map_err(|e| format!("{}: {e}", from.display()))?;
        }
        let plan = Plan { seed: SEED, steps: options.steps, rate: RATE, rounds: ROUNDS };
        training::train(&model, &mut Teacher::new(&corpus, &vocabulary), &plan, options.from.is_some(), &checkpoint)?;
        let bytes = file::write(&model, &vocabulary)?;
        fs::write(&options.out, &bytes).map_err(|e| format!("{}: {e}", options.out.display()))?;
        fs::write(options.out.with_file_name("questions.json"), sample(&corpus)).map_err(|e| e.to_string())?;
        println!("{}: {} bytes", options.out.display(), bytes.len());
    }
    let (model, vocabulary) = load()?;
    report(&model, &vocabulary, &corpus).map_err(|e| e.to_string())
}

/// candle allocates each intermediate anew. Left alone, glibc gives every large one back to the kernel at once, and a quarter of
/// the time goes into faulting the same pages in again.
fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only changes tuning values; a value that it refuses is left as it was.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}

/// For tests that ask a booted machine: each answer with its first wordings.
fn sample(corpus: &Corpus) -> String {
    let entries = corpus.entries.iter().map(|entry| {
        let questions: Vec<String> =
            entry.framed.iter().take(1).chain(&entry.questions).filter_map(|p| expand(p).into_iter().next()).take(4).collect();
        json!({ "id": entry.id, "topic": entry.topic, "questions": questions, "answer": entry.answer }).to_string()
    });
    format!("[\n{}\n]\n", entries.collect::<Vec<_>>().join(",\n"))
}

/// Asks the model everything, as it is in the file, and prints what it knows.
fn report(model: &Model, vocabulary: &Vocabulary, corpus: &Corpus) -> candle_core::Result<()> {
    for (name, result) in [
        ("questions of the corpus", check::questions(model, vocabulary, corpus)?),
        ("conversations of the corpus", check::conversations(model, vocabulary, corpus)?),
    ] {
        println!("{name}: {} of {} answered word for word", result.right(), result.asked);
        result.wrong.iter().for_each(|question| println!("  not: {question}"));
    }
    let mut right = 0;
    for (question, entry) in &corpus.paraphrases {
        let said = check::generate(model, vocabulary, &[("user", question)], 128)?;
        let entry = &corpus.entries[*entry];
        right += usize::from(said == entry.answer);
        if said != entry.answer {
            println!("  {question} ({}): {said}", entry.id);
        }
    }
    println!("paraphrases never trained on: {right} of {} answered word for word", corpus.paraphrases.len());
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("ring0-train: {message}");
            ExitCode::FAILURE
        }
    }
}
