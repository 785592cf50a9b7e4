//! One pass of the model over a batch of tokens, on all cores at once.
//!
//! Every core runs the same steps; each computes a share of the rows (or heads, or tokens) and waits for the others where the next
//! step reads what they wrote. Which core computes what never changes a result: each output has one order of summation, and each
//! token's outputs depend on that token's inputs alone.

use crate::barrier::Barrier;
use crate::choice::{Choice, Way};
use crate::cores::Cores;
use crate::kv::{Kv, Part, Place};
use crate::memory::{Alloc, Shared, share};
use crate::rope::Turns;
use crate::trace::{NO_LAYER, Tracer, ticks};
use crate::{Error, Model};
use alloc::vec::Vec;
use core::ops::Range;
use ring0_abi::{Operation, TraceRing};
use ring0_simd::{Acts, Attention, Isa, Matrix, Out};
use ring0_tensor::{BLOCK, dequantize_row};

/// Up to so many tokens, each core normalises and quantises all of them for itself, which is cheaper than to share them out and to
/// wait for each other.
const PRIVATE_TOKENS: usize = 4;
/// Rows are shared out in bundles of so many, so that the kernels' groups stay whole.
const ROW_GRAIN: usize = 16;

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

/// Quantised activations of a batch.
#[derive(Debug)]
struct Quants {
    q: Shared<i8>,
    d: Shared<f32>,
    s: Shared<i32>,
}

impl Quants {
    fn new(tokens: usize, columns: usize, alloc: Alloc<'_>) -> Result<Quants, Error> {
        let what = "quantised activations";
        let blocks = tokens.checked_mul(Acts::blocks(columns)).ok_or(Error::TooLarge(what))?;
        Ok(Quants {
            q: Shared::new(blocks * BLOCK, what, alloc)?,
            d: Shared::new(blocks, what, alloc)?,
            s: Shared::new(blocks, what, alloc)?,
        })
    }

    /// Quantises a vector, or a part of it that begins at a block, to the blocks from `block` on.
    ///
    /// # Safety
    /// Nobody else uses those blocks meanwhile.
    unsafe fn store(&self, isa: Isa, x: &[f32], block: usize) {
        let end = block + Acts::blocks(x.len());
        // SAFETY: the caller's.
        unsafe {
            isa.quantize(x, self.q.get_mut(block * BLOCK..end * BLOCK), self.d.get_mut(block..end), self.s.get_mut(block..end))
        }
    }

    /// # Safety
    /// Nobody writes `x` or these quants while the activations live.
    unsafe fn acts<'a>(&'a self, tokens: usize, columns: usize, x: &'a [f32]) -> Acts<'a> {
        let blocks = tokens * Acts::blocks(columns);
        // SAFETY: the caller's.
        unsafe {
            Acts { tokens, columns, x, q: self.q.get(0..blocks * BLOCK), d: self.d.get(0..blocks), s: self.s.get(0..blocks) }
        }
    }
}

/// Inputs of matrices: normalised values and quants.
#[derive(Debug)]
struct Area {
    h: Shared<f32>,
    quants: Quants,
}

/// What lies between the steps. Arrays are token after token.
#[derive(Debug)]
struct Work {
    /// The residual stream.
    x: Shared<f32>,
    /// What is added to it.
    y: Shared<f32>,
    queries: Shared<f32>,
    keys: Shared<f32>,
    values: Shared<f32>,
    attended: Shared<f32>,
    gate: Shared<f32>,
    up: Shared<f32>,
    ffn_quants: Quants,
    logits: Shared<f32>,
    /// The batch's area, then one for each core.
    areas: Vec<Area>,
    /// Attention scores, for each core.
    scores: Vec<Shared<f32>>,
}

impl Work {
    fn new(model: &Model, sizes: Sizes, cores: usize, alloc: Alloc<'_>) -> Result<Work, Error> {
        let what = "the workspace";
        let heads = model.heads * model.head_dim;
        let kv = model.kv_heads * model.head_dim;
        let group = (model.heads / model.kv_heads.max(1)).next_multiple_of(2);
        let mut floats =
            |tokens: usize, columns: usize| Shared::new(tokens.checked_mul(columns).ok_or(Error::TooLarge(what))?, what, alloc);
        let x = floats(sizes.batch, model.embedding)?;
        let y = floats(sizes.batch, model.embedding)?;
        let queries = floats(sizes.batch, heads)?;
        let keys = floats(sizes.batch, kv)?;
        let values = floats(sizes.batch, kv)?;
        let attended = floats(sizes.batch, heads)?;
        let gate = floats(sizes.batch, model.ffn)?;
        let up = floats(sizes.batch, model.ffn)?;
        let logits = floats(sizes.outputs, model.vocab)?;
        let scores = (0..cores).map(|_| floats(group, sizes.positions)).collect::<Result<_, _>>()?;
        let widest = model.embedding.max(heads);
        let areas = (0..=cores)
            .map(|n| {
                let tokens = if n == 0 { sizes.batch.max(sizes.outputs) } else { PRIVATE_TOKENS };
                let values = tokens.checked_mul(model.embedding).ok_or(Error::TooLarge(what))?;
                Ok(Area { h: Shared::new(values, what, alloc)?, quants: Quants::new(tokens, widest, alloc)? })
            })
            .collect::<Result<_, Error>>()?;
        let ffn_quants = Quants::new(sizes.batch, model.ffn, alloc)?;
        Ok(Work { x, y, queries, keys, values, attended, gate, up, ffn_quants, logits, areas, scores })
    }
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

/// One core's part of one pass.
struct Pass<'a> {
    runner: &'a Runner,
    items: &'a [Item],
    /// Items with logits.
    outputs: &'a [usize],
    core: usize,
    active: usize,
    trace: Tracer<'a>,
}

// SAFETY of the memory that the cores share, for every `unsafe` below: each array is written by the core that owns the token, head or
// row concerned (`share`, or the residue of the attention's tasks), and read by others only after a `wait` that follows the writing and
// precedes the next writing. Private areas are used by their core alone.
impl Pass<'_> {
    fn wait(&self, layer: u16, start: u64) -> u64 {
        self.runner.barrier.wait(self.active);
        if self.active > 1 { self.trace.span(Operation::Barrier, layer, start) } else { start }
    }

    fn share(&self, count: usize, grain: usize) -> Range<usize> {
        share(count, grain, self.core, self.active)
    }

    /// Whether each core prepares all of `tokens` tokens for itself.
    fn alone(&self, tokens: usize) -> bool {
        self.active == 1 || tokens <= PRIVATE_TOKENS
    }

    /// The area for `tokens` tokens, and which of them this core prepares.
    fn area(&self, tokens: usize) -> (&Area, Range<usize>) {
        let areas = &self.runner.work.areas;
        if self.active > 1 && self.alone(tokens) {
            (&areas[1 + self.core], 0..tokens)
        } else {
            (&areas[0], self.share(tokens, 1))
        }
    }

    /// After preparing: waits, unless the core did it all for itself.
    fn prepared(&self, tokens: usize, layer: u16, time: u64) -> u64 {
        if self.alone(tokens) { time } else { self.wait(layer, time) }
    }

    fn run(&self) {
        let mut time = self.trace.start();
        self.embed();
        time = self.trace.span(Operation::Embed, NO_LAYER, time);
        time = self.wait(NO_LAYER, time);
        for layer in 0..self.runner.model.layers.len() {
            time = self.attention(layer, time);
            time = self.feed_forward(layer, time);
        }
        self.output(time);
    }

    fn embed(&self) {
        let Runner { model, work, .. } = self.runner;
        for t in self.share(self.items.len(), 1) {
            let row = model.token_embedding.row(self.items[t].token as usize);
            // SAFETY: see above; this core owns token t.
            let x = unsafe { work.x.get_mut(t * model.embedding..(t + 1) * model.embedding) };
            let whole = dequantize_row(model.token_embedding.kind(), row, x);
            debug_assert!(whole, "rows are as wide as the embedding");
        }
    }

    /// Normalises x of the tokens `from` lists, and quantises where `matrices` ask for it.
    fn normalise(&self, weight: &[f32], tokens: usize, from: impl Fn(usize) -> usize, matrices: &[&Matrix<'_>]) {
        let Runner { model, work, isa, .. } = self.runner;
        let width = model.embedding;
        let quantized = matrices.iter().any(|m| m.wants_quants());
        let (area, mine) = self.area(tokens);
        for t in mine {
            let source = from(t) * width;
            // SAFETY: see above; x is not written in this step, and the area's token t is ours.
            unsafe {
                let h = area.h.get_mut(t * width..(t + 1) * width);
                isa.rms_norm(work.x.get(source..source + width), weight, model.epsilon, h);
                if quantized {
                    area.quants.store(*isa, h, t * Acts::blocks(width));
                }
            }
        }
    }

    /// What `normalise` made.
    fn normalised(&self, tokens: usize) -> Acts<'_> {
        let width = self.runner.model.embedding;
        let (area, _) = self.area(tokens);
        // SAFETY: see above; the step that reads the area does not write it.
        unsafe { area.quants.acts(tokens, width, area.h.get(0..tokens * width)) }
    }

    /// Rows of a matrix for all tokens, to an array of `matrix.rows()` elements per token.
    fn multiply(&self, matrix: &Matrix<'_>, rows: Range<usize>, acts: &Acts<'_>, out: &Shared<f32>) {
        let len = acts.tokens * matrix.rows();
        assert!(len <= out.len());
        // SAFETY: see above; these rows are this core's.
        let mut out = unsafe { Out::from_raw(out.pointer(0), len, matrix.rows()) };
        self.runner.isa.matmul(matrix, rows, acts, &mut out);
    }

    fn attention(&self, layer: usize, mut time: u64) -> u64 {
        let Runner { model, work, .. } = self.runner;
        let (weights, n, number) = (&model.layers[layer], self.items.len(), layer as u16);
        self.normalise(&weights.attn_norm, n, |t| t, &[&weights.q, &weights.k, &weights.v]);
        time = self.trace.span(Operation::AttentionNorm, number, time);
        time = self.prepared(n, number, time);

        let (heads, kv_heads, dim) = (model.heads, model.kv_heads, model.head_dim);
        let mine = self.share(heads + 2 * kv_heads, 1);
        let part =
            |start: usize, len: usize| mine.start.clamp(start, start + len) - start..mine.end.clamp(start, start + len) - start;
        let (q, k, v) = (part(0, heads), part(heads, kv_heads), part(heads + kv_heads, kv_heads));
        let acts = self.normalised(n);
        let rows = |heads: &Range<usize>| heads.start * dim..heads.end * dim;
        self.multiply(&weights.q, rows(&q), &acts, &work.queries);
        self.multiply(&weights.k, rows(&k), &acts, &work.keys);
        self.multiply(&weights.v, rows(&v), &acts, &work.values);
        time = self.trace.span(Operation::Qkv, number, time);
        self.turn_and_store(layer, [q, k, v]);
        time = self.trace.span(Operation::Rope, number, time);
        time = self.wait(number, time);

        self.attend(layer);
        time = self.trace.span(Operation::Attention, number, time);
        time = self.wait(number, time);

        let width = heads * dim;
        let (area, mine) = self.area(n);
        if weights.o.wants_quants() {
            for t in mine {
                // SAFETY: see above; `attended` is only read in this step.
                unsafe {
                    area.quants.store(self.runner.isa, work.attended.get(t * width..(t + 1) * width), t * Acts::blocks(width))
                };
            }
            time = self.prepared(n, number, time);
        }
        // SAFETY: see above.
        let acts = unsafe { area.quants.acts(n, width, work.attended.get(0..n * width)) };
        self.add_product(&weights.o, &acts);
        time = self.trace.span(Operation::AttentionOutput, number, time);
        self.wait(number, time)
    }

    /// Turns this core's query and key heads, and puts keys and values into the cache.
    fn turn_and_store(&self, layer: usize, [q, k, v]: [Range<usize>; 3]) {
        let Runner { model, work, isa, kv, turns, .. } = self.runner;
        let dim = model.head_dim;
        for (t, item) in self.items.iter().enumerate() {
            let (slot, position) = (item.slot as usize, item.position as usize);
            let turns = turns.at(position);
            let of = |heads: &Range<usize>, all: usize| (t * all + heads.start) * dim..(t * all + heads.end) * dim;
            // SAFETY: see above; these heads are this core's, in the batch and in the cache.
            unsafe {
                isa.rope(work.queries.get_mut(of(&q, model.heads)), turns);
                let keys = work.keys.get_mut(of(&k, model.kv_heads));
                isa.rope(keys, turns);
                for (head, row) in k.clone().zip(keys.chunks_exact(dim)) {
                    isa.store_kv(row, kv.row_mut(Place { slot, layer, part: Part::Keys, head }, position));
                }
                let values = work.values.get(of(&v, model.kv_heads));
                for (head, row) in v.clone().zip(values.chunks_exact(dim)) {
                    isa.store_kv(row, kv.row_mut(Place { slot, layer, part: Part::Values, head }, position));
                }
            }
        }
    }

    fn attend(&self, layer: usize) {
        let Runner { model, work, isa, kv, .. } = self.runner;
        let width = model.heads * model.head_dim;
        let group = width / model.kv_heads;
        // Tasks go round: those of late positions take longer, and neighbours are alike.
        for task in (self.core..self.items.len() * model.kv_heads).step_by(self.active) {
            let (t, head) = (task / model.kv_heads, task % model.kv_heads);
            let Item { slot, position, .. } = self.items[t];
            let (slot, positions) = (slot as usize, position as usize + 1);
            let at = t * width + head * group;
            // SAFETY: see above; the cache is only read in this step, the task's output and the scores are this core's.
            unsafe {
                isa.attend(Attention {
                    head_dim: model.head_dim,
                    positions,
                    keys: kv.rows(Place { slot, layer, part: Part::Keys, head }, positions),
                    values: kv.rows(Place { slot, layer, part: Part::Values, head }, positions),
                    queries: work.queries.get(at..at + group),
                    scores: work.scores[self.core].get_mut(0..work.scores[self.core].len()),
                    out: work.attended.get_mut(at..at + group),
                });
            }
        }
    }

    /// x += matrix · acts, for this core's rows.
    fn add_product(&self, matrix: &Matrix<'_>, acts: &Acts<'_>) {
        let Runner { model, work, isa, .. } = self.runner;
        let rows = self.share(matrix.rows(), ROW_GRAIN);
        self.multiply(matrix, rows.clone(), acts, &work.y);
        for t in 0..acts.tokens {
            let range = t * model.embedding + rows.start..t * model.embedding + rows.end;
            // SAFETY: see above; these rows are this core's.
            unsafe { isa.add(work.x.get_mut(range.clone()), work.y.get(range)) };
        }
    }

    fn feed_forward(&self, layer: usize, mut time: u64) -> u64 {
        let Runner { model, work, isa, .. } = self.runner;
        let (weights, n, number) = (&model.layers[layer], self.items.len(), layer as u16);
        self.normalise(&weights.ffn_norm, n, |t| t, &[&weights.gate, &weights.up]);
        time = self.trace.span(Operation::FfnNorm, number, time);
        time = self.prepared(n, number, time);

        // Whole blocks, so that each core can quantise what it computed.
        let rows = self.share(model.ffn, BLOCK);
        let acts = self.normalised(n);
        self.multiply(&weights.gate, rows.clone(), &acts, &work.gate);
        self.multiply(&weights.up, rows.clone(), &acts, &work.up);
        time = self.trace.span(Operation::GateUp, number, time);
        for t in 0..n {
            let range = t * model.ffn + rows.start..t * model.ffn + rows.end;
            // SAFETY: see above; these rows are this core's.
            unsafe {
                let gate = work.gate.get_mut(range.clone());
                isa.silu_mul(gate, work.up.get(range));
                if weights.down.wants_quants() && !rows.is_empty() {
                    work.ffn_quants.store(*isa, gate, t * Acts::blocks(model.ffn) + rows.start / BLOCK);
                }
            }
        }
        time = self.trace.span(Operation::Activation, number, time);
        time = self.wait(number, time);

        // SAFETY: see above; both are only read in this step.
        let acts = unsafe { work.ffn_quants.acts(n, model.ffn, work.gate.get(0..n * model.ffn)) };
        self.add_product(&weights.down, &acts);
        time = self.trace.span(Operation::Down, number, time);
        self.wait(number, time)
    }

    fn output(&self, mut time: u64) {
        let Runner { model, work, .. } = self.runner;
        let n = self.outputs.len();
        if n == 0 {
            return;
        }
        self.normalise(&model.output_norm, n, |t| self.outputs[t], &[&model.output]);
        time = self.trace.span(Operation::OutputNorm, NO_LAYER, time);
        time = self.prepared(n, NO_LAYER, time);
        self.multiply(&model.output, self.share(model.vocab, ROW_GRAIN), &self.normalised(n), &work.logits);
        self.trace.span(Operation::Logits, NO_LAYER, time);
    }
}
