//! AdamW with a cosine schedule, kept by hand so that its state can be saved and a run be continued bit for bit.

use candle_core::{Device, Result, Tensor};

use crate::model::Model;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.98;
const EPSILON: f32 = 1e-8;
const DECAY: f32 = 0.05;
/// Gradients longer than this are shortened to it.
const CLIP: f32 = 1.0;
const WARMUP: u64 = 60;
/// Steps in which the cosine reaches its bottom; a run is shorter.
const COSINE: u64 = 1200;
/// Steps of the final fall.
const COOLDOWN: u64 = 400;

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

/// The learning rate of `step` in a run of `steps`: a short rise, a slow cosine, and a straight fall to nothing over the last steps,
/// in which the answers settle.
pub fn rate(step: u64, steps: u64, peak: f32) -> f32 {
    let rise = ((step + 1) as f32 / WARMUP as f32).min(1.0);
    let done = step as f32 / COSINE as f32;
    let fall = (steps.saturating_sub(step) as f32 / COOLDOWN as f32).min(1.0);
    peak * rise * (0.02 + 0.98 * 0.5 * (1.0 + (core::f32::consts::PI * done.min(1.0)).cos())) * fall
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
    use super::rate;

    #[test]
    fn the_rate_rises_and_falls() {
        assert!(rate(0, 900, 1.0) < 0.02);
        assert!(rate(60, 900, 1.0) > 0.95);
        assert!(rate(899, 900, 1.0) < 0.001);
        assert!((1..840).all(|i| rate(60 + i, 900, 1.0) <= rate(59 + i, 900, 1.0)));
    }
}
