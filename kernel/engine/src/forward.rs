//! One pass of the model over a batch of tokens, on all cores at once.
//!
//! Every core runs the same steps; each computes a share of the rows (or heads, or tokens) and waits for the others where the next
//! step reads what they wrote. Which core computes what never changes a result: each output has one order of summation, and each
//! token's outputs depend on that token's inputs alone.

use crate::barrier::Barrier;
use crate::choice::{Choice, Way};
use crate::cores::Cores;
use crate::kv::Kv;
use crate::memory::Alloc;
use crate::rope::Turns;
use crate::trace::{NO_LAYER, Tracer, ticks};
use crate::{Error, Model};
use alloc::vec::Vec;
use pass::Pass;
use ring0_abi::{Operation, TraceRing};
use ring0_simd::Isa;
use work::Work;

mod pass;
mod work;

/// Up to so many tokens, each core normalises and quantises all of them for itself, which is cheaper than to share them out and to
/// wait for each other.
const PRIVATE_TOKENS: usize = 4;

/// One token of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Vocabulary index.
    pub token: u32,
    /// Position in its sequence; all positions before it have been computed, or are in the batch before it.
    pub position: u32,
    /// Which sequence.
    pub slot: u32,
    /// Whether logits are wanted.
    pub logits: bool,
}

/// A model with its cache and workspace, ready to compute.
pub struct Runner {
    pub(crate) model: Model,
    isa: Isa,
    cores: &'static dyn Cores,
    /// Most cores to use; 0 leaves it to [`Runner::cores_for`].
    limit: usize,
    /// Whether so many cores pay, by tokens of a pass: 1 to [`PRIVATE_TOKENS`], and more.
    choices: [Choice; PRIVATE_TOKENS + 1],
    barrier: Barrier,
    kv: Kv,
    turns: Turns,
    work: Work,
    sizes: Sizes,
    trace: &'static TraceRing,
    passes: u32,
}

/// Capacities.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) slots: usize,
    pub(crate) positions: usize,
    /// Tokens of a batch.
    pub(crate) batch: usize,
    /// Tokens of a batch with logits.
    pub(crate) outputs: usize,
}

impl Runner {
    pub(crate) fn new(
        mut model: Model,
        isa: Isa,
        cores: &'static dyn Cores,
        sizes: Sizes,
        alloc: Alloc<'_>,
        trace: &'static TraceRing,
    ) -> Result<Runner, Error> {
        model.pack(isa, alloc);
        let turns = Turns::new(&model.frequencies, sizes.positions, alloc)?;
        let shape = [sizes.slots, model.layers.len(), model.kv_heads, sizes.positions, model.head_dim];
        let kv = Kv::new(isa, shape, alloc)?;
        let work = Work::new(&model, sizes, cores.count(), alloc)?;
        Ok(Runner {
            model,
            isa,
            cores,
            limit: 0,
            choices: Default::default(),
            barrier: Barrier::default(),
            kv,
            turns,
            work,
            sizes,
            trace,
            passes: 0,
        })
    }

    /// Uses at most `cores` cores, without measuring; 0 returns the choice to the engine: [`Runner::cores_for`], or one where that
    /// proves cheaper.
    pub fn set_cores(&mut self, cores: usize) {
        self.limit = cores;
    }

    /// Cores that a pass over `tokens` tokens is given at most: as many as leave each of them enough work between two waits. A wait costs
    /// about as much as this many weights on one core; under an emulator more, because its cores are threads of a host that may
    /// just be running something else. See the benchmark's `--cores`.
    pub fn cores_for(&self, tokens: usize) -> usize {
        let most = self.cores.count();
        if self.limit > 0 {
            return self.limit.min(most);
        }
        let worthwhile: u64 = if self.isa.name() == "int" { 100_000 } else { 30_000 };
        let waits = 5 * self.model.layers.len() as u64 + 2;
        let per_wait = self.model.weights_per_token().saturating_mul(tokens as u64) / waits;
        usize::try_from(per_wait / worthwhile).unwrap_or(most).clamp(1, most)
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Records that a token was drawn from `start` until now.
    pub(crate) fn sampled(&self, start: u64) {
        let ring = self.trace.is_enabled().then_some(self.trace);
        Tracer { ring, pass: self.passes, position: 0, core: 0 }.span(Operation::Sample, NO_LAYER, start);
    }

    /// The logits of the `n`-th item that asked for them, in the last pass.
    pub fn logits(&self, n: usize) -> &[f32] {
        // SAFETY: passes need `&mut self`, so none runs.
        unsafe { self.work.logits.get(n * self.model.vocab..(n + 1) * self.model.vocab) }
    }

    /// Computes a batch.
    ///
    /// # Panics
    /// Where an item is outside of the vocabulary, context, slots or batch. The scheduler never asks for such.
    pub fn forward(&mut self, items: &[Item]) {
        let outputs: Vec<usize> = (0..items.len()).filter(|i| items[*i].logits).collect();
        assert!(items.len() <= self.sizes.batch && outputs.len() <= self.sizes.outputs, "the batch is too large");
        for item in items {
            assert!((item.token as usize) < self.model.vocab, "token {} is not in the vocabulary", item.token);
            assert!((item.position as usize) < self.sizes.positions, "position {} is not in the context", item.position);
            assert!((item.slot as usize) < self.sizes.slots, "there is no slot {}", item.slot);
        }
        let Some(first) = items.first() else { return };
        self.passes = self.passes.wrapping_add(1);
        let most = self.cores_for(items.len());
        let class = items.len().min(self.choices.len()) - 1;
        let measured = self.limit == 0 && most > 1;
        if measured {
            let single = self.choices[0];
            self.choices[class].learn_from(&single);
        }
        let active = if measured && self.choices[class].way() == Way::One { 1 } else { most };
        let began = ticks();
        let ring = self.trace.is_enabled().then_some(self.trace);
        let tracer = |core| Tracer { ring, pass: self.passes, position: first.position, core: core as u8 };
        let start = tracer(0).start();
        let job = |core: usize| {
            if core < active {
                Pass { runner: self, items, outputs: &outputs, core, active, trace: tracer(core) }.run();
            }
        };
        if active == 1 {
            job(0);
        } else {
            self.cores.run(&job);
        }
        tracer(0).span(Operation::Forward, NO_LAYER, start);
        if measured {
            self.choices[class].record(ticks().wrapping_sub(began) / items.len() as u64);
        }
    }
}
