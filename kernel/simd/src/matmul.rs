//! Matrix times batch: which kernel computes which rows.

use crate::isa::{Isa, Kind};
use crate::{Acts, Matrix, Out, avx2, avx512, packed, scalar, sse};
use core::ops::Range;

impl Isa {
    /// For every token t of `acts` and every row r of `rows`: out(t, r) = Σ matrix(r, c) · x(t, c).
    ///
    /// Quantised weights take the quantised activations. With `i` the exact integer dot product of a block, `dw` and `dx` the
    /// scales, the sum runs over the blocks in order: `sum + i · (dw · dx)`, the outer product and sum fused into one rounding
    /// on `avx2` and `avx512`, separately rounded elsewhere. So each quantised result has one value on the fused sets and one
    /// on the others. A packed matrix on `int` is summed in integers (see [`Matrix::pack`]). Float weights are summed in lanes; their width is the instruction set's.
    ///
    /// # Panics
    /// Where rows, activations or outputs are missing: sizes are the caller's duty, and they never come from a model file
    /// unchecked.
    pub fn matmul(self, matrix: &Matrix<'_>, rows: Range<usize>, acts: &Acts<'_>, out: &mut Out<'_>) {
        if rows.is_empty() || acts.tokens == 0 {
            return;
        }
        assert!(rows.end <= matrix.rows(), "row {} of a matrix of {}", rows.end, matrix.rows());
        assert_eq!(matrix.columns(), acts.columns, "activations do not fit the matrix");
        assert!(
            if matrix.kind().is_quantized() { acts.has_quantized() } else { acts.has_float() },
            "activations are not prepared"
        );
        assert!((acts.tokens - 1) * out.stride + rows.end <= out.len, "no room for the results");
        let (start, stride) = (out.start, out.stride);
        let put = |token: usize, row: usize, value: f32| {
            // SAFETY: token and row were checked above to be inside; the holder of `out` answers for exclusive use.
            unsafe { start.add(token * stride + row).write(value) }
        };
        match self.0 {
            Kind::Scalar | Kind::Int => match matrix.packed() {
                Some(words) => packed::matmul(matrix, words, rows, acts, put),
                None => scalar::matmul(matrix, rows, acts, put),
            },
            Kind::Sse => sse::matmul(matrix, rows, acts, put),
            // SAFETY: the value exists, so the processor has the features.
            Kind::Avx2 => unsafe { avx2::matmul(matrix, rows, acts, put) },
            // SAFETY: as above.
            Kind::Avx512 { vnni } => unsafe { avx512::matmul(matrix, rows, acts, vnni, put) },
        }
    }
}
