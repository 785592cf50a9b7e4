//! The operations that candle would compute from many small ones or through strides: each is one pass over the data here, with
//! its gradient.
//!
//! All work on contiguous F32 tensors on the processor; candle's autograd calls [`CustomOp1::bwd`] and [`CustomOp2::bwd`].

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Error, Layout, Result, Shape, Tensor};

fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (from, to) = layout.contiguous_offsets().ok_or_else(|| Error::Msg("the operation needs a contiguous tensor".into()))?;
    Ok(&storage.as_slice::<f32>()?[from..to])
}

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

fn like(data: Vec<f32>, tensor: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(data, tensor.shape(), tensor.device())
}

fn stored(data: Vec<f32>, layout: &Layout) -> (CpuStorage, Shape) {
    (CpuStorage::F32(data), layout.shape().clone())
}

/// `x / sqrt(mean(x²) + epsilon) * weight` over the last dimension.
pub struct RmsNorm {
    /// Keeps the division safe.
    pub epsilon: f32,
}

impl RmsNorm {
    fn scale(&self, row: &[f32]) -> f32 {
        1.0 / (row.iter().map(|x| x * x).sum::<f32>() / row.len() as f32 + self.epsilon).sqrt()
    }
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_layout: &Layout, w: &CpuStorage, w_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let w = slice(w, w_layout)?;
        let mut out = slice(x, x_layout)?.to_vec();
        for row in out.chunks_exact_mut(w.len()) {
            let scale = self.scale(row);
            row.iter_mut().zip(w).for_each(|(x, w)| *x *= scale * w);
        }
        Ok(stored(out, x_layout))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (xs, ws, mut grads) = (values(x)?, values(w)?, values(grad)?);
        let mut w_grad = vec![0.0; ws.len()];
        for (x, g) in xs.chunks_exact(ws.len()).zip(grads.chunks_exact_mut(ws.len())) {
            let scale = self.scale(x);
            let mut dot = 0.0;
            for ((x, g), (w, sum)) in x.iter().zip(g.iter_mut()).zip(ws.iter().zip(&mut w_grad)) {
                *sum += *g * x * scale;
                *g *= w;
                dot += *g * x;
            }
            let pull = dot * scale * scale * scale / ws.len() as f32;
            x.iter().zip(g.iter_mut()).for_each(|(x, g)| *g = *g * scale - x * pull);
        }
        Ok((Some(like(grads, x)?), Some(like(w_grad, w)?)))
    }
}

/// Rotates adjacent pairs of each head's values by an angle that grows with the position (RoPE as Llama's GGUF has it, "NORM").
/// Shape: rows of `heads * head_size`, one row a token, `length` rows a sequence.
pub struct Rope {
    /// Rows in a sequence; a row's position is its number modulo this.
    pub length: usize,
    /// Values of one head.
    pub head_size: usize,
    /// Base of the frequencies.
    pub base: f32,
}

impl Rope {
    /// Turns `data` forwards, or backwards for the gradient.
    fn turn(&self, data: &mut [f32], width: usize, direction: f32) {
        let half = self.head_size / 2;
        let table: Vec<(f32, f32)> = (0..self.length)
            .flat_map(|position| (0..half).map(move |i| (position, i)))
            .map(|(position, i)| {
                let angle = position as f32 * self.base.powf(-2.0 * i as f32 / self.head_size as f32);
                (angle.cos(), direction * angle.sin())
            })
            .collect();
        for (row, values) in data.chunks_exact_mut(width).enumerate() {
            let angles = &table[row % self.length * half..][..half];
            for head in values.chunks_exact_mut(self.head_size) {
                for (pair, (cos, sin)) in head.chunks_exact_mut(2).zip(angles) {
                    let (a, b) = (pair[0], pair[1]);
                    pair[0] = a * cos - b * sin;
                    pair[1] = a * sin + b * cos;
                }
            }
        }
    }
}

impl CustomOp1 for Rope {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut out = slice(x, layout)?.to_vec();
        self.turn(&mut out, layout.dims()[1], 1.0);
        Ok(stored(out, layout))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let mut grads = values(grad)?;
        self.turn(&mut grads, x.dims()[1], -1.0);
        Ok(Some(like(grads, x)?))
    }
}

/// Softmax of `x * scale` over the last dimension, in which row `i` sees the columns up to `i % length` only.
pub struct CausalSoftmax {
    /// Columns, and rows of one head.
    pub length: usize,
    /// One over the square root of the head size.
    pub scale: f32,
}

impl CustomOp1 for CausalSoftmax {
    fn name(&self) -> &'static str {
        "causal-softmax"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut out = slice(x, layout)?.to_vec();
        for (row, scores) in out.chunks_exact_mut(self.length).enumerate() {
            let (seen, hidden) = scores.split_at_mut(row % self.length + 1);
            hidden.fill(0.0);
            softmax(seen, self.scale);
        }
        Ok(stored(out, layout))
    }

    fn bwd(&self, x: &Tensor, out: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (outs, mut grads) = (values(out)?, values(grad)?);
        for (p, g) in outs.chunks_exact(self.length).zip(grads.chunks_exact_mut(self.length)) {
            let dot: f32 = p.iter().zip(g.iter()).map(|(p, g)| p * g).sum();
            p.iter().zip(g.iter_mut()).for_each(|(p, g)| *g = p * (*g - dot) * self.scale);
        }
        Ok(Some(like(grads, x)?))
    }
}

fn softmax(row: &mut [f32], scale: f32) {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|x| *x = ((*x - top) * scale).exp());
    let norm = 1.0 / row.iter().sum::<f32>();
    row.iter_mut().for_each(|x| *x *= norm);
}

/// Brings `[sequences * length, heads * size]` into the order `[sequences, heads, length, size]`, or back.
pub struct Heads {
    /// Tokens of a sequence.
    pub length: usize,
    /// Heads of a token.
    pub heads: usize,
    /// Values of one head.
    pub size: usize,
    /// From heads back to tokens.
    pub back: bool,
}

impl Heads {
    fn copy(&self, from: &[f32], back: bool) -> Vec<f32> {
        // Either way two middle dimensions are exchanged; only their lengths differ.
        let (outer, inner) = if back { (self.heads, self.length) } else { (self.length, self.heads) };
        let mut to = Vec::with_capacity(from.len());
        for sequence in from.chunks_exact(outer * inner * self.size) {
            for i in 0..inner {
                for row in sequence.chunks_exact(inner * self.size) {
                    to.extend_from_slice(&row[i * self.size..(i + 1) * self.size]);
                }
            }
        }
        to
    }
}

impl CustomOp1 for Heads {
    fn name(&self) -> &'static str {
        "heads"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(stored(self.copy(slice(x, layout)?, self.back), layout))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(like(self.copy(&values(grad)?, !self.back), x)?))
    }
}

/// `silu(gate) * up`.
pub struct SiluTimes;

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl CustomOp2 for SiluTimes {
    fn name(&self) -> &'static str {
        "silu-times"
    }

    fn cpu_fwd(&self, gate: &CpuStorage, layout: &Layout, up: &CpuStorage, up_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let out = slice(gate, layout)?.iter().zip(slice(up, up_layout)?).map(|(g, u)| g * sigmoid(*g) * u).collect();
        Ok(stored(out, layout))
    }

    fn bwd(&self, gate: &Tensor, up: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (mut gates, mut ups, grads) = (values(gate)?, values(up)?, values(grad)?);
        for ((g, u), d) in gates.iter_mut().zip(&mut ups).zip(&grads) {
            let s = sigmoid(*g);
            let silu = *g * s;
            *g = d * *u * (s + silu * (1.0 - s));
            *u = d * silu;
        }
        Ok((Some(like(gates, gate)?), Some(like(ups, up)?)))
    }
}

/// Cross entropy of rows of logits against target tokens, weighted by row and divided by `total`.
pub struct CrossEntropy {
    /// The right token of each row and how much it counts.
    pub targets: Vec<(u32, f32)>,
    /// What the weighted sum is divided by.
    pub total: f32,
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut loss = 0.0f64;
        for (row, (target, weight)) in slice(logits, layout)?.chunks_exact(layout.dims()[1]).zip(&self.targets) {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = row.iter().map(|x| (x - top).exp()).sum();
            loss += f64::from(weight * (sum.ln() + top - row[*target as usize]));
        }
        Ok((CpuStorage::F32(vec![loss as f32 / self.total]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let factor = grad.to_scalar::<f32>()? / self.total;
        let mut rows = values(logits)?;
        for (row, (target, weight)) in rows.chunks_exact_mut(logits.dims()[1]).zip(&self.targets) {
            softmax(row, 1.0);
            row[*target as usize] -= 1.0;
            row.iter_mut().for_each(|x| *x *= weight * factor);
        }
        Ok(Some(like(rows, logits)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use candle_core::{Device, Var};

    fn random(shape: &[usize], stream: u64) -> Var {
        let mut random = Random::new(5, stream);
        let data: Vec<f32> = (0..shape.iter().product()).map(|_| random.normal()).collect();
        Var::from_tensor(&Tensor::from_vec(data, shape, &Device::Cpu).unwrap()).unwrap()
    }

    /// The gradient of `sum(f(x) * c)` by autograd must be what small steps of each value show.
    fn check(x: &Var, f: impl Fn(&Tensor) -> Tensor) {
        let weights = random(f(x).dims(), 99);
        let value = |x: &Tensor| -> f32 { (f(x) * weights.as_tensor()).unwrap().sum_all().unwrap().to_scalar().unwrap() };
        let loss = (f(x) * weights.as_tensor()).unwrap().sum_all().unwrap();
        let grads = values(loss.backward().unwrap().get(x).unwrap()).unwrap();
        let at = values(x).unwrap();
        for (i, grad) in grads.iter().enumerate() {
            let step = 1e-2;
            let moved = |by: f32| {
                let mut data = at.clone();
                data[i] += by;
                value(&like(data, x).unwrap())
            };
            let slope = (moved(step) - moved(-step)) / (2.0 * step);
            assert!((slope - grad).abs() < 2e-2 * (1.0 + slope.abs()), "value {i}: slope {slope}, gradient {grad}");
        }
    }

    #[test]
    fn gradients_agree_with_small_steps() {
        let (x, w) = (random(&[3, 8], 1), random(&[8], 2));
        check(&x, |x| x.apply_op2(&w, RmsNorm { epsilon: 1e-5 }).unwrap());
        check(&w, |w| x.apply_op2(w, RmsNorm { epsilon: 1e-5 }).unwrap());
        check(&x, |x| x.apply_op1(Rope { length: 3, head_size: 4, base: 100.0 }).unwrap());
        check(&x, |x| x.apply_op1(Heads { length: 3, heads: 2, size: 4, back: false }).unwrap());
        check(&x, |x| x.apply_op1(Heads { length: 3, heads: 2, size: 4, back: true }).unwrap());
        let up = random(&[3, 8], 3);
        check(&x, |x| x.apply_op2(&up, SiluTimes).unwrap());
        check(&up, |up| x.apply_op2(up, SiluTimes).unwrap());
        check(&random(&[2, 4, 4], 4), |x| x.apply_op1(CausalSoftmax { length: 4, scale: 0.5 }).unwrap());
        let targets = vec![(1, 1.0), (7, 0.25), (0, 0.0)];
        check(&x, |x| x.apply_op1(CrossEntropy { targets: targets.clone(), total: 2.0 }).unwrap());
    }

    #[test]
    fn heads_are_gathered_and_put_back() {
        let x = Tensor::from_vec((0..12u8).map(f32::from).collect(), (6, 2), &Device::Cpu).unwrap();
        let heads = |back| Heads { length: 3, heads: 2, size: 1, back };
        let split = x.apply_op1(heads(false)).unwrap();
        assert_eq!(values(&split).unwrap(), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0, 6.0, 8.0, 10.0, 7.0, 9.0, 11.0]);
        assert_eq!(values(&split.apply_op1(heads(true)).unwrap()).unwrap(), values(&x).unwrap());
    }

    #[test]
    fn a_row_sees_no_later_column() {
        let x = random(&[1, 4, 4], 4);
        let p = x.apply_op1(CausalSoftmax { length: 4, scale: 1.0 }).unwrap().squeeze(0).unwrap().to_vec2::<f32>().unwrap();
        for (i, row) in p.iter().enumerate() {
            assert!(row[i + 1..].iter().all(|&p| p == 0.0));
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
    }
}
