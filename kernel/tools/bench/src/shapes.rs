//! Synthetic models: the shapes of real ones, random weights.

use ring0_gguf::DType;
use ring0_gguf::write::Builder;
use ring0_tensor::{WeightType, quantize_row};

struct Shape {
    name: &'static str,
    dim: usize,
    layers: usize,
    heads: usize,
    kv_heads: usize,
    ffn: usize,
    vocab: usize,
    tied: bool,
}

/// TinyStories 15M, SmolLM2 135M, TinyLlama 1.1B.
const SHAPES: [Shape; 3] = [
    Shape { name: "15M", dim: 288, layers: 6, heads: 6, kv_heads: 6, ffn: 768, vocab: 32_000, tied: false },
    Shape { name: "135M", dim: 576, layers: 30, heads: 9, kv_heads: 3, ffn: 1536, vocab: 49_152, tied: true },
    Shape { name: "1.1B", dim: 2048, layers: 22, heads: 32, kv_heads: 4, ffn: 5632, vocab: 32_000, tied: false },
];

/// Random rows; the same numbers in every run.
struct Weights {
    state: u64,
    kind: WeightType,
}

impl Weights {
    fn next(&mut self) -> f32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 40) as f32 / (1 << 24) as f32 - 0.5
    }

    fn matrix(&mut self, columns: usize, rows: usize) -> Result<Vec<u8>, String> {
        let row_bytes = self.kind.row_bytes(columns).ok_or_else(|| format!("{columns} columns are not whole blocks"))?;
        let scale = 2.0 / (columns as f32).sqrt();
        let mut bytes = vec![0; rows * row_bytes];
        let mut row = vec![0.0; columns];
        for out in bytes.chunks_exact_mut(row_bytes) {
            row.fill_with(|| self.next() * scale);
            if !quantize_row(self.kind, &row, out) {
                return Err("a row has the wrong size".into());
            }
        }
        Ok(bytes)
    }
}

pub fn write(shape: &str, kind: WeightType, path: &str) -> Result<(), String> {
    let s = SHAPES.iter().find(|s| s.name == shape).ok_or_else(|| format!("no shape '{shape}': 15M, 135M or 1.1B"))?;
    let mut weights = Weights { state: 0x9e37_79b9_7f4a_7c15, kind };
    let dtype = DType::ALL.iter().copied().find(|d| d.name() == kind.name()).ok_or("the format does not know the type")?;
    let mut b = Builder::new();
    let n = |v: usize| v as u32;
    b.str("general.architecture", "llama").str("general.name", &format!("random {shape} {}", kind.name()));
    b.u32("llama.block_count", n(s.layers)).u32("llama.context_length", 2048).u32("llama.embedding_length", n(s.dim));
    b.u32("llama.feed_forward_length", n(s.ffn)).u32("llama.attention.head_count", n(s.heads));
    b.u32("llama.attention.head_count_kv", n(s.kv_heads)).f32("llama.attention.layer_norm_rms_epsilon", 1e-5);
    b.u32("llama.rope.dimension_count", n(s.dim / s.heads)).f32("llama.rope.freq_base", 10_000.0);
    vocabulary(&mut b, s.vocab);
    let kv = s.dim / s.heads * s.kv_heads;
    let mut add = |name: String, columns: usize, rows: usize| -> Result<(), String> {
        let data = weights.matrix(columns, rows)?;
        b.tensor(&name, &[columns as u64, rows as u64], dtype, &data).map(|_| ()).map_err(|e| e.to_string())
    };
    add("token_embd.weight".into(), s.dim, s.vocab)?;
    if !s.tied {
        add("output.weight".into(), s.dim, s.vocab)?;
    }
    for layer in 0..s.layers {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        add(name("attn_q"), s.dim, s.dim)?;
        add(name("attn_k"), s.dim, kv)?;
        add(name("attn_v"), s.dim, kv)?;
        add(name("attn_output"), s.dim, s.dim)?;
        add(name("ffn_gate"), s.dim, s.ffn)?;
        add(name("ffn_up"), s.dim, s.ffn)?;
        add(name("ffn_down"), s.ffn, s.dim)?;
    }
    let ones: Vec<u8> = (0..s.dim).flat_map(|_| 1.0_f32.to_le_bytes()).collect();
    let norms = (0..s.layers).flat_map(|l| ["attn_norm", "ffn_norm"].map(|part| format!("blk.{l}.{part}.weight")));
    for name in norms.chain(["output_norm.weight".into()]) {
        b.tensor(&name, &[s.dim as u64], DType::F32, &ones).map_err(|e| e.to_string())?;
    }
    std::fs::write(path, b.finish()).map_err(|e| format!("{path}: {e}"))
}

/// An SPM vocabulary that loaders accept: unknown, BOS, EOS, the bytes, then made-up words.
fn vocabulary(b: &mut Builder, count: usize) {
    let piece = |n: usize| match n {
        0 => "<unk>".into(),
        1 => "<s>".into(),
        2 => "</s>".into(),
        3..=258 => format!("<0x{:02X}>", n - 3),
        _ => format!("\u{2581}w{n}"),
    };
    let kind = |n: usize| match n {
        0 => 2,
        1 | 2 => 3,
        3..=258 => 6,
        _ => 1,
    };
    b.str("tokenizer.ggml.model", "llama");
    b.strings("tokenizer.ggml.tokens", &(0..count).map(piece).collect::<Vec<String>>());
    b.f32s("tokenizer.ggml.scores", &(0..count).map(|n| -(n as f32)).collect::<Vec<_>>());
    b.i32s("tokenizer.ggml.token_type", &(0..count).map(kind).collect::<Vec<_>>());
    b.u32("tokenizer.ggml.bos_token_id", 1).u32("tokenizer.ggml.eos_token_id", 2).u32("tokenizer.ggml.unknown_token_id", 0);
}
