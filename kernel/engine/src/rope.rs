//! Rotary position embedding: the angles, computed once.

use crate::Error;
use crate::memory::{Alloc, Shared};
use alloc::vec::Vec;

/// (cos, sin) of every position and pair: `turns[position * pairs + pair]`.
#[derive(Debug)]
pub(crate) struct Turns {
    table: Shared<f32>,
    pairs: usize,
}

impl Turns {
    /// Angles of `positions` positions. Pair i of position p turns by p · `frequencies`[i].
    pub(crate) fn new(frequencies: &[f64], positions: usize, alloc: Alloc<'_>) -> Result<Turns, Error> {
        let pairs = frequencies.len();
        let len = positions.checked_mul(pairs).and_then(|n| n.checked_mul(2)).ok_or(Error::TooLarge("rotation angles"))?;
        let table = Shared::new(len, "rotation angles", alloc)?;
        // SAFETY: nobody else has the table yet.
        let turns = unsafe { table.get_mut(0..len) };
        for (position, row) in turns.chunks_exact_mut((2 * pairs).max(1)).enumerate() {
            for (turn, frequency) in row.as_chunks_mut::<2>().0.iter_mut().zip(frequencies) {
                let (sin, cos) = libm::sincos(position as f64 * frequency);
                *turn = [cos as f32, sin as f32];
            }
        }
        Ok(Turns { table, pairs })
    }

    /// The turns of one position.
    pub(crate) fn at(&self, position: usize) -> &[[f32; 2]] {
        let start = position * self.pairs * 2;
        // SAFETY: the table is never written after `new`.
        unsafe { self.table.get(start..start + self.pairs * 2) }.as_chunks().0
    }
}

/// Turns per position of each pair of a `dim`-wide head: base^(−2i/dim) / (factor_i · stretch).
pub(crate) fn frequencies(dim: usize, base: f32, stretch: f32, factors: Option<&[f32]>) -> Vec<f64> {
    (0..dim / 2)
        .map(|i| {
            let factor = factors.and_then(|f| f.get(i)).map_or(1.0, |f| f64::from(*f));
            libm::pow(f64::from(base), -2.0 * i as f64 / dim as f64) / (factor * f64::from(stretch))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn angles_are_positions_times_frequencies() {
        let all = frequencies(8, 10_000.0, 2.0, Some(&[1.0, 4.0, 1.0, 1.0]));
        assert_eq!(all[0], 0.5);
        assert!((all[1] - 0.1 / 8.0).abs() < 1e-12);
        let turns = Turns::new(&all, 4, &mut |n| Some(bytes(vec![0_u64; n.div_ceil(8)].leak()))).unwrap();
        let [cos, sin] = turns.at(3)[0];
        assert!((cos - 1.5_f32.cos()).abs() < 1e-6 && (sin - 1.5_f32.sin()).abs() < 1e-6);
        assert_eq!(turns.at(0), [[1.0, 0.0]; 4]);
    }

    fn bytes(words: &'static mut [u64]) -> &'static mut [u8] {
        // SAFETY: any bytes are bytes.
        unsafe { words.align_to_mut::<u8>().1 }
    }
}
