//! How fast this machine reads memory.

use std::hint::black_box;
use std::time::Instant;

/// Bytes that each thread reads: far more than a cache holds.
const BYTES: usize = 512 << 20;

/// GB/s that `threads` threads read together, the best of three.
pub fn read(threads: usize) -> f64 {
    let words: Vec<Vec<u64>> = (0..threads).map(|n| vec![n as u64 + 1; BYTES / 8 / threads]).collect();
    let best = (0..3)
        .map(|_| {
            let start = Instant::now();
            std::thread::scope(|scope| {
                for words in &words {
                    scope.spawn(|| black_box(sum(words)));
                }
            });
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    BYTES as f64 / best / 1e9
}

/// Sums side by side, so that additions do not wait for each other.
fn sum(words: &[u64]) -> u64 {
    let mut sums = [0_u64; 32];
    for chunk in words.as_chunks::<32>().0 {
        for (sum, word) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*word);
        }
    }
    sums.iter().fold(0, |a, b| a.wrapping_add(*b))
}
