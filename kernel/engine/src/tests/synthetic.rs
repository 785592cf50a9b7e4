//! Small random models of odd shapes, and real ones with their weights stored otherwise.

use super::passes::{Truth, last_logits};
use super::support::{ONCE, cores, data, oracle, scheduler};
use crate::Isa;
use ring0_gguf::write::Builder;
use ring0_gguf::{DType, Gguf};
use ring0_tensor::{WeightType, dequantize_row, quantize_row};
use std::vec::Vec;
use std::{format, vec};

pub(super) struct Shape {
    dim: usize,
    layers: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    ffn: usize,
    vocab: usize,
    tied: bool,
    stretch: f32,
    factors: bool,
}

pub(super) const SHAPES: [Shape; 3] = [
    // Three query heads to a key head, a head that is not dim / heads, an odd vocabulary, separate output.
    Shape {
        dim: 32,
        layers: 2,
        heads: 3,
        kv_heads: 1,
        head_dim: 12,
        ffn: 33,
        vocab: 67,
        tied: false,
        stretch: 1.0,
        factors: false,
    },
    // Linear scaling and frequency factors.
    Shape {
        dim: 64,
        layers: 1,
        heads: 4,
        kv_heads: 4,
        head_dim: 16,
        ffn: 96,
        vocab: 50,
        tied: true,
        stretch: 4.0,
        factors: true,
    },
    // One head longer than the integer path takes.
    Shape {
        dim: 96,
        layers: 1,
        heads: 2,
        kv_heads: 1,
        head_dim: 288,
        ffn: 64,
        vocab: 40,
        tied: true,
        stretch: 1.0,
        factors: false,
    },
];

fn dtype(kind: WeightType) -> DType {
    DType::ALL.iter().copied().find(|d| d.name() == kind.name()).unwrap()
}

fn stored(kind: WeightType, values: &[f32], columns: usize) -> Vec<u8> {
    values
        .chunks(columns)
        .flat_map(|row| {
            let mut bytes = vec![0; kind.row_bytes(columns).unwrap()];
            assert!(quantize_row(kind, row, &mut bytes));
            bytes
        })
        .collect()
}

/// A model whose matrices are `kind` where their rows are whole blocks, and F32 elsewhere.
pub(super) fn write(s: &Shape, kind: WeightType) -> &'static [u8] {
    let mut state = 0x1234_5678_9abc_def1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let mut b = Builder::new();
    b.str("general.architecture", "llama").u32("llama.block_count", s.layers as u32).u32("llama.context_length", 64);
    b.u32("llama.embedding_length", s.dim as u32).u32("llama.feed_forward_length", s.ffn as u32);
    b.u32("llama.attention.head_count", s.heads as u32).u32("llama.attention.head_count_kv", s.kv_heads as u32);
    b.u32("llama.attention.key_length", s.head_dim as u32).u32("llama.attention.value_length", s.head_dim as u32);
    b.f32("llama.attention.layer_norm_rms_epsilon", 1e-5).u32("llama.rope.dimension_count", s.head_dim as u32);
    b.f32("llama.rope.freq_base", 500.0).u32("llama.vocab_size", s.vocab as u32);
    if s.stretch != 1.0 {
        b.str("llama.rope.scaling.type", "linear").f32("llama.rope.scaling.factor", s.stretch);
    }
    let mut matrix = |b: &mut Builder, name: &str, columns: usize, rows: usize| {
        let values: Vec<f32> = (0..columns * rows).map(|_| next() * 4.0 / (columns as f32).sqrt()).collect();
        let kind = if kind.row_bytes(columns).is_some() { kind } else { WeightType::F32 };
        b.tensor(name, &[columns as u64, rows as u64], dtype(kind), &stored(kind, &values, columns)).unwrap();
    };
    matrix(&mut b, "token_embd.weight", s.dim, s.vocab);
    if !s.tied {
        matrix(&mut b, "output.weight", s.dim, s.vocab);
    }
    let (q, kv) = (s.heads * s.head_dim, s.kv_heads * s.head_dim);
    let mut vectors = vec![("output_norm.weight".into(), s.dim)];
    for layer in 0..s.layers {
        let parts = [("attn_q", s.dim, q), ("attn_k", s.dim, kv), ("attn_v", s.dim, kv), ("attn_output", q, s.dim)];
        let ffn = [("ffn_gate", s.dim, s.ffn), ("ffn_up", s.dim, s.ffn), ("ffn_down", s.ffn, s.dim)];
        for (part, columns, rows) in parts.into_iter().chain(ffn) {
            matrix(&mut b, &format!("blk.{layer}.{part}.weight"), columns, rows);
        }
        vectors.extend(["attn_norm", "ffn_norm"].map(|part| (format!("blk.{layer}.{part}.weight"), s.dim)));
    }
    if s.factors {
        vectors.push(("rope_freqs.weight".into(), s.head_dim / 2));
    }
    for (name, len) in vectors {
        // Roots: with simple fractions, whole quants times a weight lie just at a half, and either rounding is right.
        let values: Vec<f32> = (0..len).map(|i| 0.75 + ((7 * i + 2) as f32).sqrt().fract() / 2.0).collect();
        b.tensor(&name, &[len as u64], DType::F32, &stored(WeightType::F32, &values, len)).unwrap();
    }
    Vec::leak(b.finish())
}

#[test]
fn odd_shapes_in_every_type_are_right() {
    for (n, shape) in SHAPES.iter().enumerate() {
        for kind in WeightType::ALL {
            let file = write(shape, kind);
            let sequence: Vec<u32> = (0..20).map(|i| (i * 7 + 3) % shape.vocab as u32).collect();
            let truth = Truth::new(file, &sequence);
            for isa in Isa::available() {
                for threads in [1, 2] {
                    let what = format!("shape {n} {} {}", kind.name(), isa.name());
                    let mut scheduler = scheduler(file, isa, cores(threads), 32, 1);
                    truth.check(&mut scheduler, &sequence, &what);
                    let alone = last_logits(&mut scheduler, &sequence, 1);
                    assert!(last_logits(&mut scheduler, &sequence, 6) == alone, "{what}: batches");
                }
            }
        }
    }
}

/// The real model with its matrices stored as `kind`, where their rows are whole blocks.
fn stored_as(file: &[u8], kind: WeightType) -> &'static [u8] {
    let gguf = Gguf::parse(file, file.len() as u64).unwrap();
    let mut b = Builder::new();
    for key in ["block_count", "context_length", "embedding_length", "feed_forward_length", "rope.dimension_count", "vocab_size"]
    {
        let key = format!("llama.{key}");
        b.u32(&key, gguf.u64(&key).unwrap().unwrap() as u32);
    }
    for key in ["llama.attention.head_count", "llama.attention.head_count_kv"] {
        b.u32(key, gguf.u64(key).unwrap().unwrap() as u32);
    }
    for key in ["llama.attention.layer_norm_rms_epsilon", "llama.rope.freq_base"] {
        b.f32(key, gguf.f32(key).unwrap().unwrap());
    }
    b.str("general.architecture", "llama");
    for t in gguf.tensors() {
        let bytes = &file[t.offset as usize..][..t.size as usize];
        let columns = t.dims[0] as usize;
        let kind = if t.n_dims == 2 && kind.row_bytes(columns).is_some() { kind } else { WeightType::F32 };
        let mut values = vec![0.0; bytes.len() / 4];
        assert!(dequantize_row(WeightType::F32, bytes, &mut values));
        b.tensor(t.name, &t.dims[..t.n_dims as usize], dtype(kind), &stored(kind, &values, columns)).unwrap();
    }
    Vec::leak(b.finish())
}

#[test]
fn a_real_model_in_every_type_is_right() {
    let Some(file) = data("stories260K.gguf") else { return };
    let sequence: Vec<u32> = ONCE.into_iter().chain(oracle()).take(60).collect();
    for kind in WeightType::ALL {
        let file = stored_as(file, kind);
        let truth = Truth::new(file, &sequence);
        for isa in Isa::available() {
            truth.check(&mut scheduler(file, isa, cores(1), 64, 1), &sequence, &format!("{} {}", kind.name(), isa.name()));
        }
    }
}
