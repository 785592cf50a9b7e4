//! The model once more, written down as plainly as possible: f64, no cache, no batches, weights dequantised one by one. What matrices
//! read may be rounded as the engine's kernels round it, so that what they add of their own stands alone.

use ring0_gguf::llama::{Llama, RopeScaling};
use ring0_gguf::{Gguf, TensorInfo};
use ring0_tensor::{BLOCK, WeightType, dequantize_row};
use std::vec::Vec;
use std::{iter, vec};

/// Whose inputs are rounded to 8 bits with a scale per block of 32.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounded {
    /// No matrix's: the model as its file has it.
    None,
    /// Those of quantised matrices, as ggml does.
    Quantised,
    /// Every matrix's, as the integer path does.
    All,
}

struct Weights<'a>(&'a [u8], Rounded);

impl Weights<'_> {
    fn rows(&self, tensor: &TensorInfo<'_>) -> Vec<Vec<f64>> {
        let kind = WeightType::from_ggml(tensor.dtype.id()).unwrap();
        let columns = tensor.dims[0] as usize;
        let bytes = &self.0[tensor.offset as usize..][..tensor.size as usize];
        bytes
            .chunks(kind.row_bytes(columns).unwrap())
            .map(|row| {
                let mut values = vec![0.0; columns];
                assert!(dequantize_row(kind, row, &mut values));
                values.into_iter().map(f64::from).collect()
            })
            .collect()
    }

    fn matrix(&self, tensor: &TensorInfo<'_>) -> Matrix {
        let quantised = WeightType::from_ggml(tensor.dtype.id()).unwrap().is_quantized();
        let rounded = self.1 == Rounded::All || self.1 == Rounded::Quantised && quantised;
        Matrix { rows: self.rows(tensor), rounded }
    }

    fn norm(&self, tensor: &TensorInfo<'_>, x: &[f64], epsilon: f32) -> Vec<f64> {
        let scale = 1.0 / (dot(x, x) / x.len() as f64 + f64::from(epsilon)).sqrt();
        x.iter().zip(&self.rows(tensor)[0]).map(|(x, w)| x * scale * w).collect()
    }
}

/// A matrix, and whether what it reads is rounded.
struct Matrix {
    rows: Vec<Vec<f64>>,
    rounded: bool,
}

impl Matrix {
    fn times(&self, x: &[f64]) -> Vec<f64> {
        let x = if self.rounded { round(x) } else { x.to_vec() };
        self.rows.iter().map(|row| dot(row, &x)).collect()
    }
}

fn round(x: &[f64]) -> Vec<f64> {
    x.chunks(BLOCK)
        .flat_map(|block| {
            let step = block.iter().fold(0.0_f64, |m, v| m.max(v.abs())) / 127.0;
            block.iter().map(move |v| if step > 0.0 { (v / step).round() * step } else { 0.0 })
        })
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Logits after each token of a sequence.
pub(super) fn logits(file: &[u8], sequence: &[u32], rounded: Rounded) -> Vec<Vec<f64>> {
    let gguf = Gguf::parse(file, file.len() as u64).unwrap();
    let m = Llama::from_gguf(&gguf).unwrap();
    let w = Weights(file, rounded);
    let embedding = w.rows(&m.token_embd);
    let factors = m.rope_freqs.as_ref().map_or(vec![1.0; m.rope.dim / 2], |t| w.rows(t).remove(0));
    let stretch = if let RopeScaling::Linear { factor } = m.rope.scaling { f64::from(factor) } else { 1.0 };
    let turn = |x: &mut [f64], position: usize| {
        for head in x.chunks_mut(m.head_dim) {
            for i in 0..m.rope.dim / 2 {
                let exponent = -2.0 * i as f64 / m.rope.dim as f64;
                let angle = position as f64 / stretch * f64::from(m.rope.base).powf(exponent) / factors[i];
                let (a, b) = (head[2 * i], head[2 * i + 1]);
                head[2 * i] = a * angle.cos() - b * angle.sin();
                head[2 * i + 1] = a * angle.sin() + b * angle.cos();
            }
        }
    };

    let mut xs: Vec<Vec<f64>> = sequence.iter().map(|t| embedding[*t as usize].clone()).collect();
    for block in &m.blocks {
        let hs: Vec<_> = xs.iter().map(|x| w.norm(&block.attn_norm, x, m.rms_eps)).collect();
        let of = |tensor, turned: bool| -> Vec<Vec<f64>> {
            let matrix = w.matrix(tensor);
            hs.iter()
                .enumerate()
                .map(|(position, h)| {
                    let mut y = matrix.times(h);
                    if turned {
                        turn(&mut y, position);
                    }
                    y
                })
                .collect()
        };
        let (qs, ks, vs) = (of(&block.attn_q, true), of(&block.attn_k, true), of(&block.attn_v, false));
        let matrix = w.matrix(&block.attn_output);
        for (position, q) in qs.iter().enumerate() {
            let mut attended = Vec::new();
            for (head, q) in q.chunks(m.head_dim).enumerate() {
                let kv = head / (m.heads / m.kv_heads) * m.head_dim;
                let range = kv..kv + m.head_dim;
                let weights: Vec<f64> =
                    ks[..=position].iter().map(|k| (dot(q, &k[range.clone()]) / (m.head_dim as f64).sqrt()).exp()).collect();
                let sum: f64 = weights.iter().sum();
                attended.extend(range.map(|i| iter::zip(&weights, &vs).map(|(w, v)| w * v[i]).sum::<f64>() / sum));
            }
            let y = matrix.times(&attended);
            xs[position].iter_mut().zip(y).for_each(|(x, y)| *x += y);
        }
        let [gate, up, down] = [&block.ffn_gate, &block.ffn_up, &block.ffn_down].map(|t| w.matrix(t));
        for x in &mut xs {
            let h = w.norm(&block.ffn_norm, x, m.rms_eps);
            let inner: Vec<f64> = gate.times(&h).iter().zip(up.times(&h)).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
            let y = down.times(&inner);
            x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
        }
    }
    let output = w.matrix(m.output.as_ref().unwrap_or(&m.token_embd));
    xs.iter().map(|x| output.times(&w.norm(&m.output_norm, x, m.rms_eps))).collect()
}
