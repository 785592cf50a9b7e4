//! The weights of a model, where they lie.

use crate::memory::{Alloc, Shared};
use crate::{Error, Isa, rope};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use ring0_gguf::TensorInfo;
use ring0_gguf::llama::{Llama, RopeScaling};
use ring0_simd::Matrix;
use ring0_tensor::{WeightType, dequantize_row};

/// Words that packed copies of all matrices may take: 256 MiB, which a model takes of some 100 million weights.
const MAX_PACKED_WORDS: usize = 32 << 20;

/// One transformer block.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) attn_norm: Vec<f32>,
    pub(crate) q: Matrix<'static>,
    pub(crate) k: Matrix<'static>,
    pub(crate) v: Matrix<'static>,
    pub(crate) o: Matrix<'static>,
    pub(crate) ffn_norm: Vec<f32>,
    pub(crate) gate: Matrix<'static>,
    pub(crate) up: Matrix<'static>,
    pub(crate) down: Matrix<'static>,
}

/// A Llama-architecture model. Matrices stay in the file's bytes; only norms and rotation frequencies are copied.
#[derive(Debug)]
pub struct Model {
    pub(crate) embedding: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) ffn: usize,
    pub(crate) vocab: usize,
    pub(crate) context: usize,
    pub(crate) epsilon: f32,
    pub(crate) frequencies: Vec<f64>,
    pub(crate) token_embedding: Matrix<'static>,
    pub(crate) output_norm: Vec<f32>,
    pub(crate) output: Matrix<'static>,
    pub(crate) layers: Vec<Layer>,
}

impl Model {
    /// The model that `llama` describes, with `data` being the file's bytes from `data_offset` on. No alignment is asked for.
    ///
    /// # Errors
    /// Where a tensor lies outside of `data` or has a type that is not computed with, where a norm's weight is not finite, and where
    /// a rotation factor is not finite or not above zero. Matrices are not searched, for that would read the whole file: what is
    /// not finite in them counts as zero on `int`, and elsewhere ends requests with [`crate::api::FinishReason::NotFinite`].
    pub fn new(llama: &Llama<'_>, data: &'static [u8], data_offset: u64) -> Result<Model, Error> {
        let file = File { data, data_offset };
        let token_embedding = file.matrix(&llama.token_embd)?;
        let mut layers = Vec::with_capacity(llama.blocks.len());
        for block in &llama.blocks {
            layers.push(Layer {
                attn_norm: file.vector(&block.attn_norm)?,
                q: file.matrix(&block.attn_q)?,
                k: file.matrix(&block.attn_k)?,
                v: file.matrix(&block.attn_v)?,
                o: file.matrix(&block.attn_output)?,
                ffn_norm: file.vector(&block.ffn_norm)?,
                gate: file.matrix(&block.ffn_gate)?,
                up: file.matrix(&block.ffn_up)?,
                down: file.matrix(&block.ffn_down)?,
            });
        }
        let factors = llama.rope_freqs.as_ref().map(|t| file.factors(t)).transpose()?;
        let stretch = match llama.rope.scaling {
            RopeScaling::None => 1.0,
            RopeScaling::Linear { factor } => factor,
        };
        Ok(Model {
            embedding: llama.embedding,
            heads: llama.heads,
            kv_heads: llama.kv_heads,
            head_dim: llama.head_dim,
            ffn: llama.ffn,
            vocab: llama.vocab,
            context: llama.context,
            epsilon: llama.rms_eps,
            frequencies: rope::frequencies(llama.rope.dim, llama.rope.base, stretch, factors.as_deref()),
            output_norm: file.vector(&llama.output_norm)?,
            output: llama.output.as_ref().map_or(Ok(token_embedding), |t| file.matrix(t))?,
            token_embedding,
            layers,
        })
    }

    /// Tokens of the vocabulary.
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// Positions that the model was trained for.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Matrices that a token goes through, by layer, the output last.
    pub(crate) fn matrices(&self) -> impl Iterator<Item = &Matrix<'static>> {
        let layers = self.layers.iter().flat_map(|l| [&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down]);
        layers.chain([&self.output])
    }

    /// Gives every matrix the copy that `isa` wants, where all of them together are small enough and there is memory: one that finds none
    /// is computed from the file's bytes.
    pub(crate) fn pack(&mut self, isa: Isa, alloc: Alloc<'_>) {
        let words = self.matrices().try_fold(0_usize, |n, m| n.checked_add(m.packed_words(isa)?));
        if words.is_none_or(|n| n > MAX_PACKED_WORDS) {
            return;
        }
        let layers =
            self.layers.iter_mut().flat_map(|l| [&mut l.q, &mut l.k, &mut l.v, &mut l.o, &mut l.gate, &mut l.up, &mut l.down]);
        for matrix in layers.chain([&mut self.output]) {
            let memory = matrix.packed_words(isa).and_then(|n| Shared::<u64>::new(n, "packed weights", alloc).ok());
            if let Some(memory) = memory {
                *matrix = matrix.pack(memory.leak());
            }
        }
    }

    /// Bytes of weights that one token reads.
    pub fn bytes_per_token(&self) -> u64 {
        let norms = (2 * self.layers.len() + 1) * self.embedding * 4;
        self.matrices().map(|m| m.bytes().len() as u64).sum::<u64>() + (norms + self.token_embedding.row_bytes()) as u64
    }

    /// Multiplications of weights that one token takes.
    pub fn weights_per_token(&self) -> u64 {
        self.matrices().map(|m| m.rows() as u64 * m.columns() as u64).sum()
    }
}

struct File {
    data: &'static [u8],
    data_offset: u64,
}

impl File {
    fn bytes(&self, tensor: &TensorInfo<'_>) -> Result<&'static [u8], Error> {
        let start = tensor.offset.checked_sub(self.data_offset).and_then(|n| usize::try_from(n).ok());
        let size = usize::try_from(tensor.size).ok();
        start.zip(size).and_then(|(start, size)| self.data.get(start..)?.get(..size)).ok_or_else(|| Error::Outside {
            tensor: String::from(tensor.name),
            offset: tensor.offset,
            size: tensor.size,
        })
    }

    fn matrix(&self, tensor: &TensorInfo<'_>) -> Result<Matrix<'static>, Error> {
        let bytes = self.bytes(tensor)?;
        let kind = WeightType::from_ggml(tensor.dtype.id())
            .ok_or_else(|| Error::Type { tensor: String::from(tensor.name), found: tensor.dtype.name() })?;
        let [columns, rows, ..] = tensor.dims.map(|d| usize::try_from(d).unwrap_or(usize::MAX));
        Matrix::new(kind, rows, columns, bytes).ok_or_else(|| Error::Outside {
            tensor: String::from(tensor.name),
            offset: tensor.offset,
            size: tensor.size,
        })
    }

    /// What frequencies are divided by: above zero.
    fn factors(&self, tensor: &TensorInfo<'_>) -> Result<Vec<f32>, Error> {
        let factors = self.vector(tensor)?;
        match factors.iter().position(|f| *f <= 0.0) {
            None => Ok(factors),
            Some(index) => {
                let found = if factors[index] < 0.0 { "negative" } else { "zero" };
                Err(Error::Value { tensor: String::from(tensor.name), index, found })
            }
        }
    }

    /// A vector, as floats; all are finite.
    fn vector(&self, tensor: &TensorInfo<'_>) -> Result<Vec<f32>, Error> {
        let matrix = self.matrix(tensor)?;
        let mut values = vec![0.0; matrix.columns()];
        if !dequantize_row(matrix.kind(), matrix.bytes(), &mut values) {
            return Err(Error::Outside { tensor: String::from(tensor.name), offset: tensor.offset, size: tensor.size });
        }
        match values.iter().position(|v| !v.is_finite()) {
            None => Ok(values),
            Some(index) => {
                let found = if values[index].is_nan() { "not a number" } else { "infinite" };
                Err(Error::Value { tensor: String::from(tensor.name), index, found })
            }
        }
    }
}
