//! The training loop, with checkpoints.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use candle_core::{Device, Tensor};

use crate::lesson::Teacher;
use crate::model::Model;
use crate::optimizer::{Optimizer, ROUND, rate};

/// Sequences of one step.
const SEQUENCES: usize = 32;
/// Parts of a step that are computed side by side. Fixed, so that the order of the sums does not depend on the machine's cores.
const SHARDS: usize = 2;
/// Steps between checkpoints.
const CHECKPOINT: u64 = 100;
const MAGIC: &[u8; 8] = b"R0TRAIN1";

/// What a run depends on.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Seed of weights and lessons.
    pub seed: u64,
    /// Steps of the whole run; the learning rate falls over all of them.
    pub steps: u64,
    /// Highest learning rate.
    pub rate: f32,
    /// Rounds of repair after the schedule, at most; it ends with the first that finds nothing wrong or weak.
    pub rounds: u64,
}

/// Trains `model` in place, from `checkpoint` where that file is there: the schedule, then repairs until it answers everything
/// right. Progress goes to standard error. A model that has `learnt` before begins with the repairs.
///
/// The process may be killed at any moment: a checkpoint is written aside and then renamed, and a continued run gives the same
/// bytes as one that was never interrupted.
pub fn train(model: &Model, teacher: &mut Teacher, plan: &Plan, learnt: bool, checkpoint: &Path) -> Result<(), String> {
    let mut optimizer = Optimizer::new(model);
    optimizer.step = if learnt { plan.steps } else { 0 };
    if checkpoint.exists() {
        load(model, &mut optimizer, plan, checkpoint)?;
        eprintln!("going on after step {} of {}", optimizer.step, checkpoint.display());
    }
    while optimizer.step < plan.steps {
        let next = (optimizer.step + CHECKPOINT - optimizer.step % CHECKPOINT).min(plan.steps);
        learn(model, &mut optimizer, teacher, plan, next)?;
        save(model, &optimizer, plan, checkpoint)?;
    }
    for round in (optimizer.step - plan.steps) / ROUND..plan.rounds {
        let (wrong, weak) = teacher.examine(model)?;
        eprintln!("before round {round} of the repair: {wrong} wrong answers, {} weak ones", weak.len());
        if weak.is_empty() {
            break;
        }
        teacher.weak = weak;
        // What is weak is found out only here, so a round is repeated from its begin where it was interrupted.
        learn(model, &mut optimizer, teacher, plan, plan.steps + (round + 1) * ROUND)?;
        save(model, &optimizer, plan, checkpoint)?;
    }
    Ok(())
}

/// Steps up to `end`.
fn learn(model: &Model, optimizer: &mut Optimizer, teacher: &Teacher, plan: &Plan, end: u64) -> Result<(), String> {
    let (start, first) = (Instant::now(), optimizer.step);
    let (mut tokens, mut mean_loss) = (0, f32::NAN);
    while optimizer.step < end {
        let batches = teacher.batches(plan.seed, optimizer.step, SEQUENCES, SHARDS);
        let total: f32 = batches.iter().flat_map(|batch| &batch.targets).map(|target| target.2).sum();
        let parts: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = batches.iter().map(|batch| scope.spawn(move || model.gradients(batch, total))).collect();
            threads.into_iter().map(|thread| thread.join()).collect()
        });
        let (mut loss, mut sum): (f32, Option<Vec<Vec<f32>>>) = (0.0, None);
        for part in parts {
            let (part_loss, gradients) = part.map_err(|_| "a training thread died".to_owned())?.map_err(|e| e.to_string())?;
            loss += part_loss;
            match &mut sum {
                None => sum = Some(gradients),
                Some(sum) => sum.iter_mut().flatten().zip(gradients.iter().flatten()).for_each(|(a, b)| *a += b),
            }
        }
        if !loss.is_finite() {
            return Err(format!("the loss became {loss} in step {}; the learning rate is too high", optimizer.step));
        }
        let speed = rate(optimizer.step, plan.steps, plan.rate);
        optimizer.update(model, &sum.unwrap_or_default(), speed).map_err(|e| e.to_string())?;
        tokens += batches.iter().map(|batch| batch.tokens.len()).sum::<usize>();
        mean_loss = if mean_loss.is_nan() { loss } else { 0.95 * mean_loss + 0.05 * loss };
        let step = optimizer.step;
        if step.is_multiple_of(25) || step == end {
            let seconds = start.elapsed().as_secs_f64();
            let left = seconds / (step - first) as f64 * (plan.steps.max(end) - step) as f64;
            let rate = tokens as f64 / seconds;
            eprintln!(
                "step {step}/{} loss {mean_loss:.4} rate {speed:.5} {rate:.0} tokens/s, {left:.0} s left",
                plan.steps.max(end)
            );
        }
    }
    Ok(())
}

/// Weights and moments as they are saved: in the order of the model, little-endian, after magic, seed, steps and step.
fn save(model: &Model, optimizer: &Optimizer, plan: &Plan, path: &Path) -> Result<(), String> {
    let mut bytes = Vec::from(MAGIC);
    for number in [plan.seed, plan.steps, u64::from(plan.rate.to_bits()), optimizer.step] {
        bytes.extend(number.to_le_bytes());
    }
    for (i, weight) in model.weights.iter().enumerate() {
        let values: Vec<f32> = weight.var.flatten_all().and_then(|x| x.to_vec1()).map_err(|e| e.to_string())?;
        for list in [&values, &optimizer.means[i], &optimizer.squares[i]] {
            bytes.extend(list.iter().flat_map(|value| value.to_le_bytes()));
        }
    }
    let fail = |e| format!("cannot write the checkpoint {}: {e}", path.display());
    let aside = path.with_extension("new");
    let mut file = fs::File::create(&aside).map_err(fail)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(fail)?;
    fs::rename(&aside, path).map_err(fail)
}

fn load(model: &Model, optimizer: &mut Optimizer, plan: &Plan, path: &Path) -> Result<(), String> {
    let fail = |why: &str| format!("the checkpoint {} {why}; delete it or pass --fresh to begin anew", path.display());
    let bytes = fs::read(path).map_err(|e| fail(&format!("cannot be read ({e})")))?;
    let body = bytes.strip_prefix(MAGIC).ok_or_else(|| fail("is not one of this program"))?;
    if body.len() != 32 + 12 * model.len() {
        return Err(fail("is of a model of another size"));
    }
    let (head, body) = body.split_at(32);
    let numbers: Vec<u64> = head.chunks_exact(8).map(|b| u64::from_le_bytes(b.try_into().expect("chunks of 8"))).collect();
    if numbers[..3] != [plan.seed, plan.steps, u64::from(plan.rate.to_bits())] {
        return Err(fail("is of a run with another seed, number of steps or learning rate"));
    }
    optimizer.step = numbers[3];
    let mut values = body.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    for (i, weight) in model.weights.iter().enumerate() {
        let count = weight.dims.iter().product();
        let data: Vec<f32> = values.by_ref().take(count).collect();
        let tensor = Tensor::from_vec(data, weight.dims.as_slice(), &Device::Cpu).map_err(|e| e.to_string())?;
        weight.var.set(&tensor).map_err(|e| e.to_string())?;
        optimizer.means[i] = values.by_ref().take(count).collect();
        optimizer.squares[i] = values.by_ref().take(count).collect();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Corpus;

    fn run(plan: &Plan, checkpoint: &Path) -> Vec<f32> {
        let corpus = Corpus::read(&crate::demo_folder()).unwrap();
        let vocabulary = crate::learn_vocabulary(&corpus, 400);
        let mut shape = crate::shape(vocabulary.len());
        (shape.width, shape.layers, shape.heads, shape.kv_heads, shape.feed_forward) = (32, 1, 1, 1, 32);
        let model = Model::new(shape, plan.seed).unwrap();
        train(&model, &mut Teacher::new(&corpus, &vocabulary), plan, false, checkpoint).unwrap();
        model.weights.iter().flat_map(|w| w.var.flatten_all().unwrap().to_vec1().unwrap()).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_run_does_not_take_the_checkpoint() {
        let folder = std::env::temp_dir().join(format!("ring0-train-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let plan = Plan { seed: 1, steps: 3, rate: 1e-3, rounds: 0 };
        let first = run(&plan, &folder.join("a"));
        assert_eq!(first, run(&plan, &folder.join("b")));
        assert_eq!(first, run(&plan, &folder.join("a")), "a finished run is only read back");
        let model = Model::new(crate::shape(400), 1).unwrap();
        let other = load(&model, &mut Optimizer::new(&model), &plan, &folder.join("a")).unwrap_err();
        assert!(other.contains("another size"), "{other}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
