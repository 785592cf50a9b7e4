//! Bytes of GGUF files, right and wrong.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::PathBuf;

use ring0_gguf::{DType, Gguf, write::Builder};

/// A file made field by field, so that any field can lie.
pub struct Raw(pub Vec<u8>);

impl Raw {
    pub fn header(version: u32, n_tensors: u64, n_pairs: u64) -> Raw {
        let mut raw = Raw(b"GGUF".to_vec());
        raw.u32(version).u64(n_tensors).u64(n_pairs);
        raw
    }
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Raw {
        self.0.extend_from_slice(bytes);
        self
    }
    pub fn u32(&mut self, value: u32) -> &mut Raw {
        self.bytes(&value.to_le_bytes())
    }
    pub fn u64(&mut self, value: u64) -> &mut Raw {
        self.bytes(&value.to_le_bytes())
    }
    pub fn string(&mut self, text: &str) -> &mut Raw {
        self.u64(text.len() as u64).bytes(text.as_bytes())
    }
    pub fn info(&mut self, name: &str, dims: &[u64], dtype: u32, offset: u64) -> &mut Raw {
        self.string(name).u32(dims.len() as u32);
        for &dim in dims {
            self.u64(dim);
        }
        self.u32(dtype).u64(offset)
    }
    pub fn pad(&mut self, alignment: usize) -> &mut Raw {
        self.0.resize(self.0.len().next_multiple_of(alignment), 0);
        self
    }
}

#[track_caller]
pub fn parse(file: &[u8]) -> Gguf<'_> {
    match Gguf::parse(file, file.len() as u64) {
        Ok(gguf) => gguf,
        Err(error) => panic!("must be read: {error}"),
    }
}

/// A llama model of the smallest size: embedding 32, 2 layers, 4 heads of 8, 2 key/value heads, ffn 64, 3 tokens.
/// `change` sees each key before it is written and may write something else instead, by returning true; `tensor` may
/// change name, dimensions and type of each tensor, or drop it by returning false.
pub fn llama(
    change: impl Fn(&mut Builder, &str) -> bool,
    tensor: impl Fn(&mut String, &mut Vec<u64>, &mut DType) -> bool,
) -> Vec<u8> {
    let mut builder = Builder::new();
    let mut key = |name: &str, write: &dyn Fn(&mut Builder)| {
        if !change(&mut builder, name) {
            write(&mut builder);
        }
    };
    key("general.architecture", &|b| _ = b.str("general.architecture", "llama"));
    key("general.name", &|b| _ = b.str("general.name", "tiny"));
    for (name, value) in [
        ("llama.block_count", 2),
        ("llama.context_length", 128),
        ("llama.embedding_length", 32),
        ("llama.feed_forward_length", 64),
        ("llama.attention.head_count", 4),
        ("llama.attention.head_count_kv", 2),
        ("llama.rope.dimension_count", 8),
    ] {
        key(name, &|b| _ = b.u32(name, value));
    }
    const EPS: &str = "llama.attention.layer_norm_rms_epsilon";
    key(EPS, &|b| _ = b.f32(EPS, 1e-5));
    key("tokenizer.ggml.tokens", &|b| _ = b.strings("tokenizer.ggml.tokens", &["<unk>", "<s>", "</s>"]));
    key("", &|_| {});

    let mut tensors: Vec<(String, Vec<u64>, DType)> = vec![
        ("token_embd.weight".into(), vec![32, 3], DType::Q8_0),
        ("output_norm.weight".into(), vec![32], DType::F32),
        ("output.weight".into(), vec![32, 3], DType::F16),
        ("rope_freqs.weight".into(), vec![4], DType::F32),
    ];
    for layer in 0..2 {
        for (part, dims, dtype) in [
            ("attn_norm", vec![32], DType::F32),
            ("attn_q", vec![32, 32], DType::Q4_0),
            ("attn_k", vec![32, 16], DType::Q8_0),
            ("attn_v", vec![32, 16], DType::BF16),
            ("attn_output", vec![32, 32], DType::F32),
            ("ffn_norm", vec![32], DType::F32),
            ("ffn_gate", vec![32, 64], DType::Q4_0),
            ("ffn_up", vec![32, 64], DType::F16),
            ("ffn_down", vec![64, 32], DType::Q8_0),
        ] {
            tensors.push((format!("blk.{layer}.{part}.weight"), dims, dtype));
        }
    }
    for (mut name, mut dims, mut dtype) in tensors {
        if tensor(&mut name, &mut dims, &mut dtype) {
            let size = dtype.row_bytes(dims[0]).unwrap() * dims[1..].iter().product::<u64>();
            builder.tensor(&name, &dims, dtype, &vec![0; size as usize]).unwrap();
        }
    }
    builder.finish()
}

/// A file of the test data that is not in the repository; `None`, with the reason printed, where it is absent.
pub fn shared(name: &str) -> Option<Vec<u8>> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../../shared/data", name].iter().collect();
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            eprintln!("skipped: {} cannot be read: {error}", path.display());
            None
        }
    }
}
