//! One core's part of one pass: the steps of the model's graph, and which share of each is this core's.

use super::work::Area;
use super::{Item, PRIVATE_TOKENS, Runner};
use crate::kv::{Part, Place};
use crate::memory::{Shared, share};
use crate::trace::{NO_LAYER, Tracer};
use core::ops::Range;
use ring0_abi::Operation;
use ring0_simd::{Acts, Attention, Matrix, Out};
use ring0_tensor::{BLOCK, dequantize_row};

/// Rows are shared out in bundles of so many, so that the kernels' groups stay whole.
const ROW_GRAIN: usize = 16;

/// One core's part of one pass.
pub(super) struct Pass<'a> {
    pub(super) runner: &'a Runner,
    pub(super) items: &'a [Item],
    /// Items with logits.
    pub(super) outputs: &'a [usize],
    pub(super) core: usize,
    pub(super) active: usize,
    pub(super) trace: Tracer<'a>,
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

    /// The whole pass.
    pub(super) fn run(&self) {
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
