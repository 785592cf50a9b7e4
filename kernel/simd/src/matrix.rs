//! What the kernels read and where they write.

use crate::isa::{Isa, Kind};
use crate::packed;
use core::marker::PhantomData;
use ring0_tensor::WeightType;

/// A weight matrix in memory, rows contiguous, no alignment asked for.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    kind: WeightType,
    rows: usize,
    columns: usize,
    row_bytes: usize,
    bytes: &'a [u8],
    packed: Option<&'a [u64]>,
}

impl<'a> Matrix<'a> {
    /// A matrix of `rows` × `columns`; `None` where `bytes` has not exactly that size.
    pub fn new(kind: WeightType, rows: usize, columns: usize, bytes: &'a [u8]) -> Option<Matrix<'a>> {
        let row_bytes = kind.row_bytes(columns)?;
        (row_bytes.checked_mul(rows)? == bytes.len()).then_some(Matrix { kind, rows, columns, row_bytes, bytes, packed: None })
    }

    /// Words that a packed copy for `isa` takes; `None` where the instruction set has no use for one.
    pub fn packed_words(&self, isa: Isa) -> Option<usize> {
        if isa.0 == Kind::Int { packed::words(self) } else { None }
    }

    /// The same matrix with a packed copy of it in `memory`, which has [`Matrix::packed_words`] words. Only `int` uses the copy, and is
    /// many times faster with it.
    pub fn pack(self, memory: &'a mut [u64]) -> Matrix<'a> {
        if packed::words(&self) != Some(memory.len()) {
            return self;
        }
        packed::pack(&self, memory);
        Matrix { packed: Some(memory), ..self }
    }

    /// Whether products need quantised activations.
    pub fn wants_quants(&self) -> bool {
        self.kind.is_quantized() || self.packed.is_some()
    }

    pub(crate) fn packed(&self) -> Option<&'a [u64]> {
        self.packed
    }

    /// Element type.
    pub fn kind(&self) -> WeightType {
        self.kind
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Bytes from one row to the next.
    pub fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// All rows.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes of row `row`; empty past the end.
    pub fn row(&self, row: usize) -> &'a [u8] {
        row.checked_mul(self.row_bytes).and_then(|at| self.bytes.get(at..)?.get(..self.row_bytes)).unwrap_or(&[])
    }
}

/// Where results go: row `r` of token `t` to element `t * stride + r`. Several cores may hold one for the same memory, as long as
/// each writes rows of its own.
#[derive(Debug)]
pub struct Out<'a> {
    pub(crate) start: *mut f32,
    pub(crate) len: usize,
    pub(crate) stride: usize,
    memory: PhantomData<&'a mut [f32]>,
}

impl<'a> Out<'a> {
    /// Results to `memory`, tokens `stride` elements apart.
    pub fn new(memory: &'a mut [f32], stride: usize) -> Out<'a> {
        Out { start: memory.as_mut_ptr(), len: memory.len(), stride, memory: PhantomData }
    }

    /// Results to the `len` elements at `start`.
    ///
    /// # Safety
    /// The memory must be valid for writes throughout `'a`, and nobody else may read or write the rows that are computed through
    /// this value.
    pub unsafe fn from_raw(start: *mut f32, len: usize, stride: usize) -> Out<'a> {
        Out { start, len, stride, memory: PhantomData }
    }
}
