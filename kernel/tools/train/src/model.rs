//! The network in candle: the Llama architecture as llama.cpp and ring0-engine compute it.

use candle_core::{Device, Result, Tensor, Var};

use crate::ops::{CausalSoftmax, CrossEntropy, Heads, RmsNorm, Rope, SiluTimes};
use crate::random::Random;

/// Sizes of the network. Rows must be whole blocks of 32 for Q8_0.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Tokens in the vocabulary.
    pub vocabulary: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Layers.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Values of one head.
    pub head_size: usize,
    /// Width of the feed-forward part.
    pub feed_forward: usize,
    /// Base of the RoPE frequencies.
    pub rope_base: f32,
    /// Epsilon of the norms.
    pub epsilon: f32,
}

/// One weight: its name in the file, its its shape, its values.
#[derive(Debug)]
pub struct Weight {
    /// The name that llama.cpp gives it.
    pub name: String,
    /// `[width]` of a norm, `[tokens, width]` of the embedding, `[inputs, outputs]` of every other matrix: the other way round than
    /// in the file, because candle then needs no transposed copies of gradients.
    pub dims: Vec<usize>,
    /// The values that candle differentiates by.
    pub var: Var,
}

impl Weight {
    /// Whether the file has rows and columns exchanged.
    pub fn is_transposed(&self) -> bool {
        self.dims.len() == 2 && self.name != "token_embd.weight"
    }
}

/// Weights in the order of the file: embedding, nine per layer, last norm.
#[derive(Debug)]
pub struct Model {
    /// Sizes.
    pub shape: Shape,
    /// See [`Model::new`] for the order.
    pub weights: Vec<Weight>,
}

/// A batch of sequences of equal length, and which positions count.
#[derive(Debug)]
pub struct Batch {
    /// Tokens, sequence after sequence.
    pub tokens: Vec<u32>,
    /// Tokens of one sequence.
    pub length: usize,
    /// Positions (index into `tokens`) whose next token is learned, with that token and its weight.
    pub targets: Vec<(u32, u32, f32)>,
}

impl Model {
    /// Random weights: deviation 0.02 for the embedding, `1/sqrt(inputs)` for matrices, the two that write into the residual
    /// stream smaller by the square root of twice the number of layers.
    pub fn new(shape: Shape, seed: u64) -> Result<Self> {
        let mut random = Random::new(seed, u64::MAX);
        let mut weights = Vec::new();
        let mut add = |name: String, dims: &[usize], deviation: Option<f32>| -> Result<()> {
            let data = (0..dims.iter().product()).map(|_| deviation.map_or(1.0, |d| d * random.normal())).collect();
            weights.push(Weight {
                name,
                dims: dims.to_vec(),
                var: Var::from_tensor(&Tensor::from_vec(data, dims, &Device::Cpu)?)?,
            });
            Ok(())
        };
        let (width, ff) = (shape.width, shape.feed_forward);
        let (queries, keys) = (shape.heads * shape.head_size, shape.kv_heads * shape.head_size);
        let into = |inputs: usize| Some(1.0 / (inputs as f32).sqrt());
        let back = |inputs: usize| Some(1.0 / ((2 * shape.layers * inputs) as f32).sqrt());
        add("token_embd.weight".into(), &[shape.vocabulary, width], Some(0.02))?;
        for layer in 0..shape.layers {
            let name = |part: &str| format!("blk.{layer}.{part}.weight");
            add(name("attn_norm"), &[width], None)?;
            add(name("attn_q"), &[width, queries], into(width))?;
            add(name("attn_k"), &[width, keys], into(width))?;
            add(name("attn_v"), &[width, keys], into(width))?;
            add(name("attn_output"), &[queries, width], back(queries))?;
            add(name("ffn_norm"), &[width], None)?;
            add(name("ffn_gate"), &[width, ff], into(width))?;
            add(name("ffn_up"), &[width, ff], into(width))?;
            add(name("ffn_down"), &[ff, width], back(ff))?;
        }
        add("output_norm.weight".into(), &[width], None)?;
        Ok(Model { shape, weights })
    }

    /// How many numbers the model has.
    pub fn len(&self) -> usize {
        self.weights.iter().map(|weight| weight.dims.iter().product::<usize>()).sum()
    }

    /// Logits at the positions `at` (indices into `tokens`), one row each.
    pub fn logits(&self, tokens: &[u32], length: usize, at: &[u32]) -> Result<Tensor> {
        let shape = &self.shape;
        let (sequences, rows) = (tokens.len() / length, tokens.len());
        let group = shape.heads / shape.kv_heads;
        let mut weights = self.weights.iter().map(|weight| weight.var.as_tensor());
        let mut next = || weights.next().ok_or_else(|| candle_core::Error::Msg("the model has too few weights".into()));
        let rope = || Rope { length, head_size: shape.head_size, base: shape.rope_base };
        let norm = || RmsNorm { epsilon: shape.epsilon };
        let heads = |heads: usize, back: bool| Heads { length, heads, size: shape.head_size, back };
        // The query heads of one group follow each other, so they are one longer matrix next to their key head.
        let by_head = |x: Tensor, group: usize| {
            let split = x.apply_op1(heads(shape.kv_heads * group, false))?;
            split.reshape((sequences * shape.kv_heads, group * length, shape.head_size))
        };
        let embedding = next()?;
        let mut x = embedding.index_select(&Tensor::from_slice(tokens, rows, &Device::Cpu)?, 0)?;
        for _ in 0..shape.layers {
            let normed = x.apply_op2(next()?, norm())?;
            let q = by_head(normed.matmul(next()?)?.apply_op1(rope())?, group)?;
            let k = by_head(normed.matmul(next()?)?.apply_op1(rope())?, 1)?;
            let v = by_head(normed.matmul(next()?)?, 1)?;
            let scale = 1.0 / (shape.head_size as f32).sqrt();
            let weights = q.matmul(&k.t()?)?.apply_op1(CausalSoftmax { length, scale })?;
            let mixed =
                weights.matmul(&v)?.reshape((rows, shape.heads * shape.head_size))?.apply_op1(heads(shape.heads, true))?;
            x = (x + mixed.matmul(next()?)?)?;
            let normed = x.apply_op2(next()?, norm())?;
            let gate = normed.matmul(next()?)?;
            let up = normed.matmul(next()?)?;
            x = (x + gate.apply_op2(&up, SiluTimes)?.matmul(next()?)?)?;
        }
        let x = x.index_select(&Tensor::from_slice(at, at.len(), &Device::Cpu)?, 0)?;
        x.apply_op2(next()?, norm())?.matmul(&embedding.t()?)
    }

    /// The batch's weighted cross entropy divided by `total`, and the gradient of each weight.
    pub fn gradients(&self, batch: &Batch, total: f32) -> Result<(f32, Vec<Vec<f32>>)> {
        let at: Vec<u32> = batch.targets.iter().map(|target| target.0).collect();
        let targets = batch.targets.iter().map(|target| (target.1, target.2)).collect();
        let loss = self.logits(&batch.tokens, batch.length, &at)?.apply_op1(CrossEntropy { targets, total })?;
        let gradients = loss.backward()?;
        let mut all = Vec::with_capacity(self.weights.len());
        for weight in &self.weights {
            all.push(match gradients.get(&weight.var) {
                Some(gradient) => gradient.flatten_all()?.to_vec1()?,
                None => vec![0.0; weight.dims.iter().product()],
            });
        }
        Ok((loss.to_scalar()?, all))
    }

    /// By how much the logit of each target exceeds every other at its place: what is negative is said wrong.
    pub fn margins(&self, batch: &Batch) -> Result<Vec<f32>> {
        let at: Vec<u32> = batch.targets.iter().map(|target| target.0).collect();
        let rows: Vec<f32> = self.logits(&batch.tokens, batch.length, &at)?.detach().flatten_all()?.to_vec1()?;
        let margin = |(row, (_, right, _)): (&[f32], &(u32, u32, f32))| {
            let others = row.iter().enumerate().filter(|(token, _)| *token != *right as usize);
            row[*right as usize] - others.fold(f32::NEG_INFINITY, |top, (_, logit)| top.max(*logit))
        };
        Ok(rows.chunks_exact(self.shape.vocabulary).zip(&batch.targets).map(margin).collect())
    }

    /// The most likely next token at each of the positions `at`.
    pub fn best(&self, tokens: &[u32], length: usize, at: &[u32]) -> Result<Vec<u32>> {
        self.logits(tokens, length, at)?.detach().argmax(1)?.to_vec1()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny() -> Model {
        let shape = Shape {
            vocabulary: 11,
            width: 8,
            layers: 2,
            heads: 4,
            kv_heads: 2,
            head_size: 4,
            feed_forward: 12,
            rope_base: 10000.0,
            epsilon: 1e-5,
        };
        Model::new(shape, 3).unwrap()
    }

    #[test]
    fn a_later_token_and_a_neighbour_sequence_change_nothing() {
        let model = tiny();
        let row = |tokens: &[u32], at: u32| model.logits(tokens, 3, &[at]).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(row(&[1, 2, 3], 1), row(&[1, 2, 9], 1));
        assert_ne!(row(&[1, 2, 3], 2), row(&[4, 2, 3], 2));
        assert_eq!(row(&[5, 6, 7, 1, 2, 3], 5), row(&[8, 8, 8, 1, 2, 3], 5));
    }

    #[test]
    fn a_margin_is_positive_where_the_best_token_is_the_right_one() {
        let model = tiny();
        let best = model.best(&[1, 2, 3], 3, &[0, 1, 2]).unwrap();
        let batch = |targets: Vec<(u32, u32, f32)>| Batch { tokens: vec![1, 2, 3], length: 3, targets };
        let right = model.margins(&batch((0..3).map(|i| (i, best[i as usize], 1.0)).collect())).unwrap();
        let wrong = model.margins(&batch((0..3).map(|i| (i, (best[i as usize] + 1) % 11, 1.0)).collect())).unwrap();
        assert!(right.iter().all(|margin| *margin > 0.0) && wrong.iter().all(|margin| *margin < 0.0), "{right:?} {wrong:?}");
    }

    #[test]
    fn the_loss_falls_along_the_gradient() {
        let model = tiny();
        let batch = Batch { tokens: vec![1, 2, 3, 4, 5, 6], length: 3, targets: vec![(0, 2, 1.0), (1, 3, 1.0), (4, 6, 0.5)] };
        let (before, gradients) = model.gradients(&batch, 2.5).unwrap();
        for (weight, gradient) in model.weights.iter().zip(&gradients) {
            let step = Tensor::from_slice(gradient, weight.dims.as_slice(), &Device::Cpu).unwrap().affine(-1e-5, 0.0).unwrap();
            weight.var.set(&(weight.var.as_tensor() + step).unwrap()).unwrap();
        }
        let (after, _) = model.gradients(&batch, 2.5).unwrap();
        let fall: f32 = gradients.iter().flatten().map(|g| 1e-5 * g * g).sum();
        assert!(after < before && (before - after) > 0.5 * fall, "{before} {after} {fall}");
    }
}
