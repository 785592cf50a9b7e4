//! The llama layout: hyperparameters and tensors of a file whose `general.architecture` is `llama`, checked against each other.
//!
//! Key names: llama.cpp's llama-arch.cpp; which are required and what their defaults are: llama-model.cpp.

use alloc::format;
use alloc::vec::Vec;

use crate::dtype::DType;
use crate::error::{Error, Rule, printable};
use crate::file::Gguf;
use crate::tensor::TensorInfo;
use crate::value::ValueType;

/// Layers that a model has at most (`LLAMA_MAX_LAYERS` of llama.cpp).
pub const MAX_LAYERS: u64 = 512;

/// How positions are turned into angles. Pairs are adjacent elements (ggml's NORM type).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rope {
    /// Elements of each head that are rotated; even, and the whole head in this architecture.
    pub dim: usize,
    /// Base of the frequencies; finite and positive.
    pub base: f32,
    /// Stretching of positions.
    pub scaling: RopeScaling,
}

/// Stretching of positions. Llama 3's is not here: it is baked into [`Llama::rope_freqs`], by which each frequency is divided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RopeScaling {
    /// Positions as they are.
    None,
    /// Positions divided by `factor`, which is finite and positive.
    Linear {
        /// The divisor.
        factor: f32,
    },
}

/// The tensors of one layer. Shapes are in ggml's order: the first dimension is the row, that is, the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// Norm before attention: F32 `[embedding]`.
    pub attn_norm: TensorInfo<'a>,
    /// Query projection: `[embedding, heads × head_dim]`.
    pub attn_q: TensorInfo<'a>,
    /// Key projection: `[embedding, kv_heads × head_dim]`.
    pub attn_k: TensorInfo<'a>,
    /// Value projection: `[embedding, kv_heads × head_dim]`.
    pub attn_v: TensorInfo<'a>,
    /// Output projection: `[heads × head_dim, embedding]`.
    pub attn_output: TensorInfo<'a>,
    /// Norm before the feed-forward part: F32 `[embedding]`.
    pub ffn_norm: TensorInfo<'a>,
    /// Gate: `[embedding, ffn]`.
    pub ffn_gate: TensorInfo<'a>,
    /// Up: `[embedding, ffn]`.
    pub ffn_up: TensorInfo<'a>,
    /// Down: `[ffn, embedding]`.
    pub ffn_down: TensorInfo<'a>,
}

/// A llama model's layout. Matrices are F32, F16, BF16, Q8_0 or Q4_0; norms and `rope_freqs` are F32. The values inside the
/// tensors have not been looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Llama<'a> {
    /// `general.name`, where it is there and UTF-8.
    pub name: Option<&'a str>,
    /// Width of the residual stream.
    pub embedding: usize,
    /// Layers, 1 to [`MAX_LAYERS`].
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key/value heads; divides `heads`.
    pub kv_heads: usize,
    /// Elements of a head, of keys as of values.
    pub head_dim: usize,
    /// Width of the feed-forward part.
    pub ffn: usize,
    /// Tokens: rows of the embedding and of the output.
    pub vocab: usize,
    /// Positions that the model was trained for.
    pub context: usize,
    /// Epsilon of the RMS norms; finite and positive.
    pub rms_eps: f32,
    /// Rotary embedding.
    pub rope: Rope,
    /// Embeddings: `[embedding, vocab]`.
    pub token_embd: TensorInfo<'a>,
    /// Output projection: `[embedding, vocab]`; `None` where it is the embeddings once more (tied).
    pub output: Option<TensorInfo<'a>>,
    /// Norm before the output: F32 `[embedding]`.
    pub output_norm: TensorInfo<'a>,
    /// Divisors of the rotary frequencies: F32 `[rope.dim / 2]`.
    pub rope_freqs: Option<TensorInfo<'a>>,
    /// The layers, first to last.
    pub blocks: Vec<Block<'a>>,
}

impl<'a> Llama<'a> {
    /// Reads the layout. Refuses what is missing, contradictory, or what an engine for this layout would compute wrongly.
    pub fn from_gguf(gguf: &Gguf<'a>) -> Result<Llama<'a>, Error> {
        architecture(gguf)?;
        let keys = Keys(gguf);
        let embedding = keys.count("llama.embedding_length")?;
        let context = keys.count("llama.context_length")?;
        let ffn = keys.count("llama.feed_forward_length")?;
        let layers = keys.layers()?;
        let (heads, kv_heads) = keys.heads()?;
        let head_dim = keys.head_dim(embedding, heads)?;
        let rms_eps = keys.positive("llama.attention.layer_norm_rms_epsilon")?;
        let rms_eps = rms_eps.ok_or_else(|| gguf.key_error("llama.attention.layer_norm_rms_epsilon", Rule::MissingKey))?;
        let rope = keys.rope(head_dim)?;
        let vocab = keys.vocab()?;
        if let Some(experts) = gguf.u64("llama.expert_count")?.filter(|&experts| experts > 0) {
            return Err(gguf.key_error(
                "llama.expert_count",
                Rule::Unsupported {
                    value: format!("a mixture of {experts} experts").into_boxed_str(),
                    supported: "models without experts are",
                },
            ));
        }

        let mut roles = Roles { gguf, used: 0 };
        let (q_width, kv_width) = (roles.width(heads, head_dim)?, roles.width(kv_heads, head_dim)?);
        let token_embd = roles.matrix("token_embd.weight", embedding, vocab)?;
        let output_norm = roles.vector("output_norm.weight", embedding)?;
        let output = roles.optional("output.weight", |roles, name| roles.matrix(name, embedding, vocab))?;
        let rope_freqs = roles.optional("rope_freqs.weight", |roles, name| roles.vector(name, rope.dim as u64 / 2))?;
        let mut blocks = Vec::new();
        for layer in 0..layers {
            let name = |part: &str| format!("blk.{layer}.{part}.weight");
            blocks.push(Block {
                attn_norm: roles.vector(&name("attn_norm"), embedding)?,
                attn_q: roles.matrix(&name("attn_q"), embedding, q_width)?,
                attn_k: roles.matrix(&name("attn_k"), embedding, kv_width)?,
                attn_v: roles.matrix(&name("attn_v"), embedding, kv_width)?,
                attn_output: roles.matrix(&name("attn_output"), q_width, embedding)?,
                ffn_norm: roles.vector(&name("ffn_norm"), embedding)?,
                ffn_gate: roles.matrix(&name("ffn_gate"), embedding, ffn)?,
                ffn_up: roles.matrix(&name("ffn_up"), embedding, ffn)?,
                ffn_down: roles.matrix(&name("ffn_down"), ffn, embedding)?,
            });
        }
        roles.nothing_left_over(layers)?;
        Ok(Llama {
            name: gguf.get("general.name").and_then(|value| value.as_str()),
            embedding: embedding as usize,
            layers: layers as usize,
            heads: heads as usize,
            kv_heads: kv_heads as usize,
            head_dim: head_dim as usize,
            ffn: ffn as usize,
            vocab: vocab as usize,
            context: context as usize,
            rms_eps,
            rope,
            token_embd,
            output,
            output_norm,
            rope_freqs,
            blocks,
        })
    }
}

fn architecture(gguf: &Gguf<'_>) -> Result<(), Error> {
    const KEY: &str = "general.architecture";
    match gguf.str(KEY)? {
        Some("llama") => Ok(()),
        Some(other) => Err(gguf.key_error(
            KEY,
            Rule::Unsupported { value: format!("architecture '{}'", printable(other)).into_boxed_str(), supported: "'llama' is" },
        )),
        None => Err(gguf.key_error(KEY, Rule::MissingKey)),
    }
}

/// Hyperparameters: each read, checked alone, and against those before it.
struct Keys<'g, 'a>(&'g Gguf<'a>);

impl Keys<'_, '_> {
    fn out_of_range(&self, key: &str, value: impl core::fmt::Display, allowed: &'static str) -> Error {
        self.0.key_error(key, Rule::OutOfRange { value: format!("{value}").into_boxed_str(), allowed })
    }

    fn optional_count(&self, key: &str) -> Result<Option<u64>, Error> {
        match self.0.u64(key)? {
            Some(value) if value == 0 || i32::try_from(value).is_err() => {
                Err(self.out_of_range(key, value, "from 1 to 2147483647"))
            }
            other => Ok(other),
        }
    }

    fn count(&self, key: &str) -> Result<u64, Error> {
        self.optional_count(key)?.ok_or_else(|| self.0.key_error(key, Rule::MissingKey))
    }

    fn positive(&self, key: &str) -> Result<Option<f32>, Error> {
        match self.0.f32(key)? {
            Some(value) if !(value.is_finite() && value > 0.0) => Err(self.out_of_range(key, value, "a finite number above 0")),
            other => Ok(other),
        }
    }

    fn layers(&self) -> Result<u64, Error> {
        const KEY: &str = "llama.block_count";
        let layers = self.count(KEY)?;
        if layers > MAX_LAYERS {
            return Err(self.out_of_range(KEY, layers, "from 1 to 512"));
        }
        let tensors = self.0.tensors().len() as u64;
        // A layer has nine tensors.
        if layers > tensors / 9 {
            return Err(self.0.key_error(KEY, Rule::BlockCount { blocks: layers, tensors }));
        }
        Ok(layers)
    }

    fn heads(&self) -> Result<(u64, u64), Error> {
        const KV: &str = "llama.attention.head_count_kv";
        let heads = self.count("llama.attention.head_count")?;
        let kv_heads = self.optional_count(KV)?.unwrap_or(heads);
        if !heads.is_multiple_of(kv_heads) {
            return Err(self.0.key_error(KV, Rule::HeadsPerKvHead { heads, kv_heads }));
        }
        Ok((heads, kv_heads))
    }

    fn head_dim(&self, embedding: u64, heads: u64) -> Result<u64, Error> {
        const KEY: &str = "llama.attention.key_length";
        const VALUE: &str = "llama.attention.value_length";
        let key_length = self.optional_count(KEY)?;
        let value_length = self.optional_count(VALUE)?;
        let split = || {
            let rule = Rule::EmbeddingPerHead { embedding, heads };
            if embedding.is_multiple_of(heads) {
                Ok(embedding / heads)
            } else {
                Err(self.0.key_error("llama.attention.head_count", rule))
            }
        };
        let head_dim = key_length.map_or_else(split, Ok)?;
        let value_dim = value_length.map_or_else(split, Ok)?;
        if value_dim != head_dim {
            return Err(self.0.key_error(
                VALUE,
                Rule::Unsupported {
                    value: format!("a value length of {value_dim} beside a key length of {head_dim}").into_boxed_str(),
                    supported: "equal lengths are",
                },
            ));
        }
        Ok(head_dim)
    }

    fn rope(&self, head_dim: u64) -> Result<Rope, Error> {
        const DIM: &str = "llama.rope.dimension_count";
        let dim = self.optional_count(DIM)?.unwrap_or(head_dim);
        if dim != head_dim || !dim.is_multiple_of(2) {
            return Err(self.out_of_range(DIM, dim, "even and the length of a head"));
        }
        let base = self.positive("llama.rope.freq_base")?.unwrap_or(10_000.0);
        Ok(Rope { dim: dim as usize, base, scaling: self.rope_scaling()? })
    }

    /// A factor alone means linear scaling, as in llama.cpp; `rope.scale_linear` is its old name.
    fn rope_scaling(&self) -> Result<RopeScaling, Error> {
        const TYPE: &str = "llama.rope.scaling.type";
        let factor = match self.positive("llama.rope.scaling.factor")? {
            Some(factor) => Some(factor),
            None => self.positive("llama.rope.scale_linear")?,
        };
        let linear = factor.filter(|&factor| factor != 1.0).map_or(RopeScaling::None, |factor| RopeScaling::Linear { factor });
        match self.0.str(TYPE)? {
            None | Some("linear") => Ok(linear),
            Some("none") => Ok(RopeScaling::None),
            Some(other) => Err(self.0.key_error(
                TYPE,
                Rule::Unsupported {
                    value: format!("rope scaling '{}'", printable(other)).into_boxed_str(),
                    supported: "'none', 'linear' and Llama 3's rope_freqs tensor are",
                },
            )),
        }
    }

    /// The number of tokens decides, as in llama.cpp; `vocab_size` only where there is no vocabulary.
    fn vocab(&self) -> Result<u64, Error> {
        const TOKENS: &str = "tokenizer.ggml.tokens";
        match self.0.array(TOKENS, ValueType::String)? {
            Some(tokens) if tokens.is_empty() => Err(self.out_of_range(TOKENS, "no tokens", "at least one")),
            Some(tokens) => Ok(tokens.len() as u64),
            None => self.count("llama.vocab_size"),
        }
    }
}

/// Tensors by role. Counts those it hands out, so that one without a role is noticed.
struct Roles<'g, 'a> {
    gguf: &'g Gguf<'a>,
    used: usize,
}

impl<'a> Roles<'_, 'a> {
    fn width(&self, heads: u64, head_dim: u64) -> Result<u64, Error> {
        let width = heads.checked_mul(head_dim).filter(|&width| i32::try_from(width).is_ok());
        width.ok_or_else(|| {
            let value = format!("{heads} heads of {head_dim}").into_boxed_str();
            let allowed = "at most 2147483647 elements wide in all";
            self.gguf.key_error("llama.attention.key_length", Rule::OutOfRange { value, allowed })
        })
    }

    fn matrix(&mut self, name: &str, row: u64, rows: u64) -> Result<TensorInfo<'a>, Error> {
        let tensor = self.shaped(name, [row, rows, 1, 1])?;
        match tensor.dtype {
            DType::F32 | DType::F16 | DType::BF16 | DType::Q8_0 | DType::Q4_0 => Ok(tensor),
            found => Err(tensor.error(Rule::TensorType { found, expected: "F32, F16, BF16, Q8_0 and Q4_0" })),
        }
    }

    fn vector(&mut self, name: &str, len: u64) -> Result<TensorInfo<'a>, Error> {
        let tensor = self.shaped(name, [len, 1, 1, 1])?;
        match tensor.dtype {
            DType::F32 => Ok(tensor),
            found => Err(tensor.error(Rule::TensorType { found, expected: "F32" })),
        }
    }

    fn shaped(&mut self, name: &str, expected: [u64; 4]) -> Result<TensorInfo<'a>, Error> {
        let tensor = *self.gguf.tensor(name).ok_or_else(|| self.gguf.tensor_error(name, Rule::MissingTensor))?;
        if tensor.dims != expected {
            return Err(tensor.error(Rule::Shape { found: tensor.dims, expected }));
        }
        self.used += 1;
        Ok(tensor)
    }

    fn optional(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self, &str) -> Result<TensorInfo<'a>, Error>,
    ) -> Result<Option<TensorInfo<'a>>, Error> {
        if self.gguf.tensor(name).is_none() {
            return Ok(None);
        }
        read(self, name).map(Some)
    }

    /// A tensor without a role (a bias, a norm of queries, a layer too many) means a graph other than this one.
    fn nothing_left_over(&self, layers: u64) -> Result<(), Error> {
        if self.used == self.gguf.tensors().len() {
            return Ok(());
        }
        let stray = self.gguf.tensors().iter().find(|tensor| !has_role(tensor.name, layers));
        stray.map_or(Ok(()), |tensor| Err(tensor.error(Rule::UnexpectedTensor)))
    }
}

fn has_role(name: &str, layers: u64) -> bool {
    const PARTS: [&str; 9] =
        ["attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"];
    let Some(stem) = name.strip_suffix(".weight") else { return false };
    if matches!(stem, "token_embd" | "output" | "output_norm" | "rope_freqs") {
        return true;
    }
    let Some((layer, part)) = stem.strip_prefix("blk.").and_then(|rest| rest.split_once('.')) else { return false };
    // Compared as text: "01" and "+1" are numbers to a parser, but name no layer.
    PARTS.contains(&part) && layer.parse::<u64>().is_ok_and(|n| n < layers && format!("{n}") == layer)
}
