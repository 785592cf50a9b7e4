//! How the next token is drawn.

use crate::api::{Sampling, TokenLogprob};
use crate::rng::Rng;
use alloc::vec::Vec;
use core::cmp::Ordering;
use ring0_simd::{Isa, exp};

/// A token and its logit.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    token: u32,
    logit: f32,
}

/// Likelier first; of equals the lower token first, so that the order is the same everywhere.
fn likelier(a: &Candidate, b: &Candidate) -> Ordering {
    b.logit.total_cmp(&a.logit).then(a.token.cmp(&b.token))
}

/// Draws tokens for one request. The same seed, request and model give the same tokens.
#[derive(Debug, Clone)]
pub struct Sampler {
    settings: Sampling,
    rng: Rng,
}

/// Memory that samplers need while they draw; one serves all.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    candidates: Vec<Candidate>,
    recent: Vec<u32>,
}

impl Sampler {
    /// A sampler at its seed. Settings that make no sense (negative, NaN) count as off.
    pub fn new(settings: Sampling) -> Sampler {
        let rng = Rng::new(settings.seed);
        Sampler { settings, rng }
    }

    /// Draws from `logits`, after `history`, the tokens so far. +∞ comes before all others, NaN and −∞ only where there is nothing else.
    pub(crate) fn draw(&mut self, isa: Isa, logits: &[f32], history: &[u32], scratch: &mut Scratch) -> u32 {
        let s = &self.settings;
        let penalised =
            s.repeat_last_n > 0 && (s.repeat_penalty != 1.0 || s.presence_penalty != 0.0 || s.frequency_penalty != 0.0);
        // So cold that its inverse is infinite: no colder than greedy.
        let greedy = s.temperature <= 0.0 || !(1.0 / s.temperature).is_finite();
        if greedy && !penalised {
            return isa.argmax(logits) as u32;
        }
        let Scratch { candidates, recent } = scratch;
        candidates.clear();
        candidates.extend(logits.iter().enumerate().map(|(token, logit)| Candidate {
            token: token as u32,
            // A NaN is no token to draw.
            logit: if logit.is_nan() { f32::NEG_INFINITY } else { *logit },
        }));
        if penalised {
            penalise(s, candidates, history, recent);
            // Infinite penalties can make one: then the token is as far down as it goes.
            candidates.iter_mut().filter(|c| c.logit.is_nan()).for_each(|c| c.logit = f32::NEG_INFINITY);
        }
        if greedy {
            return candidates.iter().copied().min_by(likelier).map_or(0, |c| c.token);
        }
        narrow(s, candidates);
        self.pick(candidates)
    }

    /// Temperature, then one of the candidates by its probability.
    fn pick(&mut self, candidates: &mut [Candidate]) -> u32 {
        let largest = candidates.iter().fold(f32::NEG_INFINITY, |m, c| m.max(c.logit));
        if !largest.is_finite() {
            // Nothing to weigh: an infinite logit wins, and where all are −∞ the first will do.
            return candidates.iter().find(|c| c.logit == largest).map_or(0, |c| c.token);
        }
        let inverse = 1.0 / self.settings.temperature;
        let mut sum = 0.0_f64;
        for c in candidates.iter_mut() {
            c.logit = exp((c.logit - largest) * inverse);
            sum += f64::from(c.logit);
        }
        let mut left = f64::from(self.rng.unit()) * sum;
        for c in candidates.iter() {
            left -= f64::from(c.logit);
            if left < 0.0 {
                return c.token;
            }
        }
        // Rounding can leave a crumb: the last that has any weight.
        candidates.iter().rev().find(|c| c.logit > 0.0).map_or(0, |c| c.token)
    }
}

/// Repetition, presence and frequency penalties of the last tokens, as llama.cpp applies them: once per token, frequency by count.
fn penalise(s: &Sampling, candidates: &mut [Candidate], history: &[u32], recent: &mut Vec<u32>) {
    recent.clear();
    recent.extend_from_slice(&history[history.len().saturating_sub(s.repeat_last_n as usize)..]);
    recent.sort_unstable();
    for run in recent.chunk_by(|a, b| a == b) {
        let Some(c) = run.first().and_then(|token| candidates.get_mut(*token as usize)) else { continue };
        if s.repeat_penalty > 0.0 {
            c.logit = if c.logit > 0.0 { c.logit / s.repeat_penalty } else { c.logit * s.repeat_penalty };
        }
        c.logit -= s.frequency_penalty * run.len() as f32 + s.presence_penalty;
    }
}

/// Top-k, top-p and min-p: leaves the candidates to draw from, ordered wherever a limit needed order.
fn narrow(s: &Sampling, candidates: &mut Vec<Candidate>) {
    let k = s.top_k as usize;
    if k > 0 && k < candidates.len() {
        candidates.select_nth_unstable_by(k - 1, likelier);
        candidates.truncate(k);
    }
    if s.top_p < 1.0 {
        keep_top_p(s.top_p, candidates);
    }
    if s.min_p > 0.0 {
        let largest = candidates.iter().fold(f32::NEG_INFINITY, |m, c| m.max(c.logit));
        candidates.retain(|c| c.logit == largest || exp(c.logit - largest) >= s.min_p);
    }
    if k > 0 && s.top_p >= 1.0 {
        // The selection left them in no order; draws must not depend on how it works.
        candidates.sort_unstable_by(likelier);
    }
}

/// Keeps the smallest set of likeliest candidates whose probability reaches `p`; at least one.
fn keep_top_p(p: f32, candidates: &mut Vec<Candidate>) {
    let largest = candidates.iter().fold(f32::NEG_INFINITY, |m, c| m.max(c.logit));
    let weight = |c: &Candidate| f64::from(exp(c.logit - largest));
    let wanted = f64::from(p) * candidates.iter().map(weight).sum::<f64>();
    // Most of the probability is in few tokens: order only as many as it takes, in growing portions.
    let (mut ordered, mut reached) = (0, 0.0);
    while ordered < candidates.len() {
        let rest = &mut candidates[ordered..];
        let portion = ordered.max(64).min(rest.len());
        if portion < rest.len() {
            rest.select_nth_unstable_by(portion - 1, likelier);
        }
        rest[..portion].sort_unstable_by(likelier);
        for c in &rest[..portion] {
            ordered += 1;
            reached += weight(c);
            if reached >= wanted {
                candidates.truncate(ordered);
                return;
            }
        }
    }
}

/// The natural-log probability of `token`, and the `count` likeliest tokens, under `logits` as they are.
pub(crate) fn logprobs(isa: Isa, logits: &[f32], token: u32, count: usize) -> (TokenLogprob, Vec<TokenLogprob>) {
    let largest = isa.max(logits);
    let mut sum = isa.sum_exp(logits, largest);
    if sum.is_nan() {
        // NaNs are no tokens: the distribution is that of the others.
        sum = logits.iter().filter(|l| !l.is_nan()).map(|l| exp(l - largest)).sum();
    }
    let normaliser = largest + libm::logf(sum);
    let of = |token: u32, logit: f32| TokenLogprob { token, logprob: logit - normaliser };
    let mut best: Vec<Candidate> = Vec::with_capacity(count + 1);
    for (id, logit) in logits.iter().enumerate().filter(|(_, l)| !l.is_nan()) {
        let candidate = Candidate { token: id as u32, logit: *logit };
        if best.len() == count && best.last().is_none_or(|last| likelier(last, &candidate) == Ordering::Less) {
            continue;
        }
        let at = best.partition_point(|b| likelier(b, &candidate) == Ordering::Less);
        best.insert(at, candidate);
        best.truncate(count);
    }
    let drawn = logits.get(token as usize).copied().unwrap_or(f32::NAN);
    (of(token, drawn), best.iter().map(|c| of(c.token, c.logit)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn sampling() -> Sampling {
        Sampling { temperature: 1.0, seed: 7, ..Sampling::GREEDY }
    }

    fn frequencies(settings: Sampling, logits: &[f32], history: &[u32]) -> Vec<f64> {
        const DRAWS: u32 = 40_000;
        let (mut sampler, mut scratch) = (Sampler::new(settings), Scratch::default());
        let mut counts = vec![0_u32; logits.len()];
        for _ in 0..DRAWS {
            counts[sampler.draw(Isa::SCALAR, logits, history, &mut scratch) as usize] += 1;
        }
        counts.iter().map(|n| f64::from(*n) / f64::from(DRAWS)).collect()
    }

    /// Within six standard deviations of a frequency in 40,000 draws.
    fn assert_near(got: &[f64], want: &[f64]) {
        for (g, w) in got.iter().zip(want) {
            let deviation = (w * (1.0 - w) / 40_000.0).sqrt();
            assert!((g - w).abs() <= 6.0 * deviation, "{got:?}, not {want:?}");
        }
    }

    fn softmax(logits: &[f64]) -> Vec<f64> {
        let sum: f64 = logits.iter().map(|l| l.exp()).sum();
        logits.iter().map(|l| l.exp() / sum).collect()
    }

    const LOGITS: [f32; 5] = [1.0, 3.0, 2.0, -1.0, 2.5];

    #[test]
    fn plain_draws_follow_the_softmax() {
        assert_near(&frequencies(sampling(), &LOGITS, &[]), &softmax(&[1.0, 3.0, 2.0, -1.0, 2.5]));
    }

    #[test]
    fn temperature_divides_the_logits() {
        let settings = Sampling { temperature: 0.5, ..sampling() };
        assert_near(&frequencies(settings, &LOGITS, &[]), &softmax(&[2.0, 6.0, 4.0, -2.0, 5.0]));
        let off = f64::NEG_INFINITY;
        let cold = Sampling { temperature: 0.001, ..sampling() };
        assert_near(&frequencies(cold, &LOGITS, &[]), &softmax(&[off, 0.0, off, off, off]));
    }

    #[test]
    fn limits_cut_off_the_tail() {
        let off = f64::NEG_INFINITY;
        let top_k = Sampling { top_k: 2, ..sampling() };
        assert_near(&frequencies(top_k, &LOGITS, &[]), &softmax(&[off, 3.0, off, off, 2.5]));
        // Probabilities: .063 .470 .173 .009 .285. The first two make .755, so .7 keeps two and .8 three.
        let top_p = Sampling { top_p: 0.7, ..sampling() };
        assert_near(&frequencies(top_p, &LOGITS, &[]), &softmax(&[off, 3.0, off, off, 2.5]));
        let top_p = Sampling { top_p: 0.8, ..sampling() };
        assert_near(&frequencies(top_p, &LOGITS, &[]), &softmax(&[off, 3.0, 2.0, off, 2.5]));
        // e^-1 = .368 of the likeliest: keeps 3, 2.5 and (just) not 1.
        let min_p = Sampling { min_p: 0.3, ..sampling() };
        assert_near(&frequencies(min_p, &LOGITS, &[]), &softmax(&[off, 3.0, 2.0, off, 2.5]));
        let all = Sampling { top_k: 3, top_p: 0.6, min_p: 0.9, ..sampling() };
        assert_near(&frequencies(all, &LOGITS, &[]), &softmax(&[off, 3.0, off, off, off]));
        let none = Sampling { top_p: 0.0, ..sampling() };
        assert_near(&frequencies(none, &LOGITS, &[]), &softmax(&[off, 3.0, off, off, off]));
    }

    #[test]
    fn top_p_over_many_portions_is_that_of_a_full_sort() {
        let logits: Vec<f32> = (0..1000).map(|i| ((i * 617 % 1000) as f32) / 400.0).collect();
        let all: Vec<Candidate> = logits.iter().enumerate().map(|(t, l)| Candidate { token: t as u32, logit: *l }).collect();
        for p in [0.01, 0.3, 0.9, 0.999] {
            let mut got = all.clone();
            keep_top_p(p, &mut got);
            let mut sorted = all.clone();
            sorted.sort_by(likelier);
            let total: f64 = all.iter().map(|c| f64::from(c.logit).exp()).sum();
            let mut sum = 0.0;
            let n = sorted.iter().position(|c| {
                sum += f64::from(c.logit).exp();
                sum >= f64::from(p) * total
            });
            // One more or less where exp's last bit decides.
            assert!(got.len().abs_diff(n.unwrap() + 1) <= 1);
            assert_eq!(got, sorted[..got.len()]);
        }
    }

    #[test]
    fn penalties_push_down_what_was_said() {
        let history = [1, 1, 3, 1];
        let repeat = Sampling { repeat_penalty: 2.0, ..sampling() };
        assert_near(&frequencies(repeat.clone(), &LOGITS, &history), &softmax(&[1.0, 1.5, 2.0, -2.0, 2.5]));
        let counted = Sampling { presence_penalty: 0.5, frequency_penalty: 0.25, ..sampling() };
        assert_near(&frequencies(counted, &LOGITS, &history), &softmax(&[1.0, 1.75, 2.0, -1.75, 2.5]));
        let last_one = Sampling { repeat_last_n: 1, ..repeat.clone() };
        assert_near(&frequencies(last_one, &LOGITS, &history), &softmax(&[1.0, 1.5, 2.0, -1.0, 2.5]));
        let (mut greedy, mut scratch) = (Sampler::new(Sampling { temperature: 0.0, ..repeat }), Scratch::default());
        assert_eq!(greedy.draw(Isa::SCALAR, &LOGITS, &history, &mut scratch), 4);
    }

    #[test]
    fn seeds_decide() {
        let draws = |seed| {
            let (mut sampler, mut scratch) = (Sampler::new(Sampling { seed, ..sampling() }), Scratch::default());
            (0..50).map(|_| sampler.draw(Isa::SCALAR, &LOGITS, &[], &mut scratch)).collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
    }

    #[test]
    fn odd_logits_give_some_token() {
        let mut scratch = Scratch::default();
        for settings in [sampling(), Sampling::GREEDY, Sampling { top_k: 2, top_p: 0.5, min_p: 0.1, ..sampling() }] {
            let mut sampler = Sampler::new(settings);
            for logits in [[f32::NAN; 3], [f32::NEG_INFINITY; 3]] {
                assert!(sampler.draw(Isa::SCALAR, &logits, &[], &mut scratch) < 3);
            }
            assert_eq!(sampler.draw(Isa::SCALAR, &[0.0, f32::INFINITY, f32::NAN], &[], &mut scratch), 1);
            assert_eq!(sampler.draw(Isa::SCALAR, &[f32::NAN, f32::NEG_INFINITY, -3.0], &[], &mut scratch), 2);
        }
        // The coldest temperatures have no finite inverse; an infinite penalty takes an infinite logit to NaN.
        let cold = Sampling { temperature: 1e-40, ..sampling() };
        assert_eq!(Sampler::new(cold).draw(Isa::SCALAR, &LOGITS, &[], &mut scratch), 1);
        let penalty = Sampling { presence_penalty: f32::INFINITY, ..Sampling::GREEDY };
        assert_eq!(Sampler::new(penalty).draw(Isa::SCALAR, &[f32::INFINITY, 1.0], &[0], &mut scratch), 1);
    }

    #[test]
    fn logprobs_are_of_the_plain_distribution() {
        let (drawn, top) = logprobs(Isa::SCALAR, &LOGITS, 2, 3);
        let want = softmax(&[1.0, 3.0, 2.0, -1.0, 2.5]);
        assert!((f64::from(drawn.logprob) - want[2].ln()).abs() < 1e-6);
        assert_eq!(top.iter().map(|t| t.token).collect::<Vec<_>>(), [1, 4, 2]);
        assert!(top.iter().all(|t| (f64::from(t.logprob) - want[t.token as usize].ln()).abs() < 1e-6));
        assert!(logprobs(Isa::SCALAR, &LOGITS, 0, 0).1.is_empty());
        // NaNs are not there.
        let (drawn, with_nan) = logprobs(Isa::SCALAR, &[1.0, 3.0, 2.0, -1.0, 2.5, f32::NAN], 2, 3);
        assert!((f64::from(drawn.logprob) - want[2].ln()).abs() < 1e-6 && with_nan == top);
    }
}
