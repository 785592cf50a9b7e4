//! AdamW, kept by hand so that its state can be saved and a run be continued bit for bit.

use candle_core::{Device, Result, Tensor};

use crate::model::Model;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.98;
const EPSILON: f32 = 1e-8;
const DECAY: f32 = 0.05;
/// Gradients longer than this are shortened to it.
const CLIP: f32 = 1.0;
const WARMUP: u64 = 60;
/// Steps of the first cycle of the learning rate.
pub const FIRST_CYCLE: u64 = 1600;
/// The step from which on every question of the corpus is asked once, as it is written.
pub const REVISION: u64 = 2400;
/// Steps of one round of the repair, which follows the schedule until nothing is wrong.
pub const ROUND: u64 = 96;

/// First and second moments of each weight's gradient.
#[derive(Debug)]
pub struct Optimizer {
    /// Steps done.
    pub step: u64,
    /// Means of the gradients, in the order of the model's weights.
    pub means: Vec<Vec<f32>>,
    /// Means of their squares.
    pub squares: Vec<Vec<f32>>,
}

/// The learning rate of `step`, which falls to nothing three times (warm restarts, Loshchilov and Hutter, 2017): after a level, in
/// which the model learns which answer is asked for; then while it learns the answers to their ends; and from half the peak in the
/// [revision](REVISION) at the end. Each [round](ROUND) of the repair is one more, short,
/// and lower than the one before: what is left to repair is little, and the rest must stay as it is.
pub fn rate(step: u64, steps: u64, peak: f32) -> f32 {
    let (begin, end, level) = match step {
        _ if step >= steps => {
            let round = (step - steps) / ROUND;
            (steps + round * ROUND, steps + (round + 1) * ROUND, 0.25 / (1 + round) as f32)
        }
        0..FIRST_CYCLE => (0, FIRST_CYCLE, 2.0),
        FIRST_CYCLE..REVISION => (FIRST_CYCLE, REVISION, 1.0),
        _ => (REVISION, steps, 0.5),
    };
    let rise = ((step - begin + 1) as f32 / WARMUP.min(end.saturating_sub(begin) / 4).max(1) as f32).min(1.0);
    let fall = level * end.saturating_sub(step) as f32 / end.saturating_sub(begin).max(1) as f32;
    peak * rise * fall.min(1.0)
}

impl Optimizer {
    /// No step done yet.
    pub fn new(model: &Model) -> Self {
        let zeros = || model.weights.iter().map(|weight| vec![0.0; weight.dims.iter().product()]).collect();
        Optimizer { step: 0, means: zeros(), squares: zeros() }
    }

    /// Moves every weight against its gradient. Norms do not decay.
    pub fn update(&mut self, model: &Model, gradients: &[Vec<f32>], rate: f32) -> Result<()> {
        let norm = gradients.iter().flatten().map(|g| f64::from(g * g)).sum::<f64>().sqrt() as f32;
        let clip = (CLIP / (norm + 1e-6)).min(1.0);
        self.step += 1;
        let correction1 = 1.0 / (1.0 - BETA1.powi(self.step as i32));
        let correction2 = 1.0 / (1.0 - BETA2.powi(self.step as i32));
        for (i, weight) in model.weights.iter().enumerate() {
            let decay = if weight.dims.len() == 2 { rate * DECAY } else { 0.0 };
            let mut values: Vec<f32> = weight.var.flatten_all()?.to_vec1()?;
            let moments = self.means[i].iter_mut().zip(&mut self.squares[i]);
            for ((value, gradient), (mean, square)) in values.iter_mut().zip(&gradients[i]).zip(moments) {
                let gradient = gradient * clip;
                *mean += (1.0 - BETA1) * (gradient - *mean);
                *square += (1.0 - BETA2) * (gradient * gradient - *square);
                *value -= decay * *value + rate * *mean * correction1 / ((*square * correction2).sqrt() + EPSILON);
            }
            weight.var.set(&Tensor::from_vec(values, weight.dims.as_slice(), &Device::Cpu)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        let at = |step| rate(step, 3000, 1.0);
        for (start, end, top) in [(0, FIRST_CYCLE, 0.95), (FIRST_CYCLE, REVISION, 0.9), (REVISION, 3000, 0.4)] {
            assert!(at(start) < 0.02);
            assert!(at(start + WARMUP) > top);
            assert!((start + WARMUP..end - 1).all(|step| at(step + 1) <= at(step)));
            assert!(at(end - 1) < 0.003);
        }
        for (round, top) in [(0, 0.25), (1, 0.125), (9, 0.025)] {
            let from = 3000 + round * ROUND;
            let highest = (from..from + ROUND).map(at).fold(0.0, f32::max);
            assert!(at(from) < top / 10.0 && at(from + ROUND - 1) < top / 50.0, "round {round}");
            assert!((0.7 * top..top).contains(&highest), "round {round}: {highest}");
        }
    }
}
