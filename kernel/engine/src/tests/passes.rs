//! Passes: right, and the same however they are cut up.

use super::reference::{self, Rounded};
use super::support::{ONCE, TRACE, alloc, cores, data, model, oracle, request, scheduler, tokens};
use crate::api::{Generator, RequestId};
use crate::forward::Item;
use crate::{Isa, Scheduler};
use std::format;
use std::vec::Vec;

const MODELS: [&str; 2] = ["stories260K.gguf", "stories260K-q8_0.gguf"];

/// Logits after the last token of `sequence`, computed in batches of `batch` tokens.
pub(super) fn last_logits(scheduler: &mut Scheduler, sequence: &[u32], batch: usize) -> Vec<f32> {
    let runner = scheduler.runner();
    let items: Vec<Item> = sequence
        .iter()
        .enumerate()
        .map(|(n, token)| Item { token: *token, position: n as u32, slot: 0, logits: n + 1 == sequence.len() })
        .collect();
    for batch in items.chunks(batch) {
        runner.forward(batch);
    }
    runner.logits(0).to_vec()
}

/// Logits after each token of `sequence`, computed one by one.
fn all_logits(scheduler: &mut Scheduler, sequence: &[u32]) -> Vec<Vec<f64>> {
    let runner = scheduler.runner();
    let each = sequence.iter().enumerate().map(|(n, token)| {
        runner.forward(&[Item { token: *token, position: n as u32, slot: 0, logits: true }]);
        runner.logits(0).iter().map(|l| f64::from(*l)).collect()
    });
    each.collect()
}

/// Root of the mean square error over all positions, as a share of the logits' own deviation. One position alone would say little:
/// with 8-bit activations single ones are anywhere between a third and three times this.
fn error(got: &[Vec<f64>], want: &[Vec<f64>]) -> f64 {
    let position = |(got, want): (&Vec<f64>, &Vec<f64>)| {
        let mean = want.iter().sum::<f64>() / want.len() as f64;
        let deviation = want.iter().map(|w| (w - mean).powi(2)).sum::<f64>();
        got.iter().zip(want).map(|(g, w)| (g - w).powi(2)).sum::<f64>() / deviation
    };
    (got.iter().zip(want).map(position).sum::<f64>() / want.len() as f64).sqrt()
}

/// What the model in `file` says to `sequence`, by the plain implementation.
pub(super) struct Truth {
    exact: Vec<Vec<f64>>,
    /// Activations rounded as ggml, and every instruction set but `int`, rounds them.
    quantised: Vec<Vec<f64>>,
    /// Activations rounded as `int` does.
    all: Vec<Vec<f64>>,
}

impl Truth {
    pub(super) fn new(file: &[u8], sequence: &[u32]) -> Truth {
        let of = |rounded| reference::logits(file, sequence, rounded);
        Truth { exact: of(Rounded::None), quantised: of(Rounded::Quantised), all: of(Rounded::All) }
    }

    /// Asserts that the engine's error is the one that its arithmetic explains.
    pub(super) fn check(&self, scheduler: &mut Scheduler, sequence: &[u32], what: &str) {
        let got = all_logits(scheduler, sequence);
        if scheduler.runner().isa().name() == "int" {
            // A thousandth of difference (12-bit keys and values) sends many activations to the other side of a half, and a few layers
            // later all roundings are others: the error is as large as that of the plain model rounded so, but not the same one.
            let (error, rounding) = (error(&got, &self.exact), error(&self.all, &self.exact));
            std::println!("{what}: {error:.5}, {rounding:.5} of it by rounding to 8 bits");
            assert!(error < 1.3 * rounding, "{what}: {error}, of which rounding to 8 bits explains {rounding}");
        } else {
            // The same roundings, but for those that lie within an f32's error of a half: none or one of some thousands, which then
            // changes a few more of the layers and tokens after it.
            let (error, rounding) = (error(&got, &self.quantised), error(&self.quantised, &self.exact));
            std::println!("{what}: {error:.5}, and {rounding:.5} by rounding to 8 bits");
            let tolerance = if rounding > 0.0 { 0.4 * rounding } else { 1e-5 };
            assert!(error < tolerance, "{what}: {error}");
        }
    }
}

#[test]
fn logits_are_those_of_the_plain_model() {
    for name in MODELS {
        let Some(file) = data(name) else { return };
        let sequence: Vec<u32> = ONCE.into_iter().chain(oracle()).take(60).collect();
        let truth = Truth::new(file, &sequence);
        for isa in Isa::available() {
            truth.check(&mut scheduler(file, isa, cores(1), 64, 1), &sequence, &format!("{name} {}", isa.name()));
        }
    }
}

#[test]
fn greedy_tokens_are_llama_cpps_on_every_path() {
    for name in MODELS {
        let Some(file) = data(name) else { return };
        let want = oracle();
        for isa in Isa::available() {
            for threads in [1, 2] {
                let mut scheduler = scheduler(file, isa, cores(threads), 128, 1);
                assert_eq!(scheduler.submit(request(&ONCE, 64)), Ok(RequestId(1)));
                let events = super::support::drain(&mut scheduler);
                assert_eq!(tokens(&events), want, "{name} {} {threads}", isa.name());
            }
        }
    }
}

#[test]
fn logits_do_not_depend_on_batches_or_cores() {
    for name in MODELS {
        let Some(file) = data(name) else { return };
        let sequence: Vec<u32> = ONCE.into_iter().chain(oracle()).take(50).collect();
        for isa in Isa::available() {
            let want = last_logits(&mut scheduler(file, isa, cores(1), 64, 1), &sequence, 1);
            for (threads, batch) in [(1, 50), (1, 7), (2, 50), (2, 3), (3, 17)] {
                let got = last_logits(&mut scheduler(file, isa, cores(threads), 64, 1), &sequence, batch);
                assert!(got == want, "{name} {} threads {threads} batch {batch}", isa.name());
            }
        }
    }
}

#[test]
fn spans_name_the_work() {
    let Some(file) = data(MODELS[1]) else { return };
    let ring = std::boxed::Box::leak(std::boxed::Box::new(ring0_abi::TraceRing::new()));
    let mut scheduler = Scheduler::new(model(file), Isa::SCALAR, cores(2), 64, 1, &mut alloc, ring).unwrap();
    scheduler.set_cores(2);
    last_logits(&mut scheduler, &ONCE, 8);
    assert_eq!(ring.written(), 0, "nobody asked for spans");
    ring.enabled.store(1, core::sync::atomic::Ordering::Relaxed);
    last_logits(&mut scheduler, &ONCE, 8);
    let seen: Vec<(u32, u64)> = ring.spans[..ring.written() as usize]
        .iter()
        .map(|s| {
            let load = |v: &core::sync::atomic::AtomicU64| v.load(core::sync::atomic::Ordering::Relaxed);
            (s.what.load(core::sync::atomic::Ordering::Relaxed), load(&s.end) - load(&s.start))
        })
        .collect();
    for core in 0..2 {
        for layer in 0..5_u32 {
            for operation in 1..=9_u32 {
                let what = layer | operation << 16 | core << 24;
                assert!(seen.iter().any(|s| s.0 == what), "core {core} layer {layer} operation {operation}");
            }
        }
    }
    let forward = seen.iter().filter(|s| s.0 >> 16 & 0xff == ring0_abi::Operation::Forward as u32);
    let all: u64 = seen.iter().filter(|s| s.0 >> 24 == 0).map(|s| s.1).sum();
    assert!(forward.map(|s| s.1).sum::<u64>() * 2 >= all, "the parts are inside of the whole");
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let Some(file) = data(MODELS[1]) else { return };
    for (context, slots) in [(0, 1), (1, 0), (usize::MAX, 1), (1 << 31, 1)] {
        assert!(Scheduler::new(model(file), Isa::SCALAR, cores(1), context, slots, &mut alloc, &TRACE).is_err());
    }
    let refused = Scheduler::new(model(file), Isa::SCALAR, cores(1), 64, 1, &mut |_| None, &TRACE);
    assert!(format!("{}", refused.err().unwrap()).contains("more memory"));
}
