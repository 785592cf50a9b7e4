//! Writes small models, right and wrong, as the beginning of a fuzzing corpus:
//! `cargo run --example fuzz_seeds -p ring0-gguf -- fuzz/corpus/gguf`

use std::error::Error;
use std::path::Path;

use ring0_gguf::{DType, Gguf, write::Builder};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: fuzz_seeds FOLDER")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let templates = [
        ("chatml", "{{'<|im_start|>' + message['role'] + '<|im_end|>'}}"),
        ("llama2", "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}<<SYS>>"),
        ("llama3", "<|start_header_id|><|end_header_id|>"),
        ("zephyr", "'<|user|>\n' + message['content'] + eos_token }}"),
        ("gemma", "<start_of_turn>"),
        ("mistral", "[AVAILABLE_TOOLS] [INST]"),
    ];
    let mut written = 0;
    let mut save = |name: String, file: &[u8]| -> Result<(), Box<dyn Error>> {
        written += 1;
        Ok(std::fs::write(folder.join(name), file)?)
    };
    save("empty".into(), &Builder::new().finish())?;
    for (name, template) in templates {
        let mut builder = spm();
        builder.str("tokenizer.chat_template", template);
        save(format!("spm-{name}"), &builder.finish())?;
    }
    for pre in ["gpt-2", "llama-bpe", "qwen2", "smollm", "default"] {
        save(format!("bpe-{pre}"), &bpe(pre).finish())?;
    }
    let mut model = spm();
    tensors(&mut model)?;
    let whole = model.finish();
    let gguf = Gguf::parse(&whole, whole.len() as u64)?;
    save("model".into(), &whole)?;
    // The target takes a file for the beginning of a longer one as well; so the header alone is a model too.
    save("model-header".into(), &whole[..gguf.data_offset as usize])?;
    save("model-cut".into(), &whole[..whole.len() - 7])?;
    println!("{written} files in {}", folder.display());
    Ok(())
}

fn spm() -> Builder {
    let mut builder = Builder::new();
    builder.str("general.architecture", "llama").str("tokenizer.ggml.model", "llama");
    let mut tokens = vec!["<unk>", "<s>", "</s>", "<0x0A>", "<0x41>", "<|im_start|>", "<|im_end|>"];
    let kinds = [2, 3, 3, 6, 6, 3, 3].into_iter().chain([1; 11]).chain([4]);
    tokens.extend(["\u{2581}", "e", "l", "o", "h", "ll", "he", "llo", "hello", "\u{2581}h", "w", "[user]"]);
    builder.strings("tokenizer.ggml.tokens", &tokens);
    builder.f32s("tokenizer.ggml.scores", &(0..19).map(|id| -(id as f32)).collect::<Vec<_>>());
    builder.i32s("tokenizer.ggml.token_type", &kinds.collect::<Vec<_>>());
    builder.u32("tokenizer.ggml.bos_token_id", 1).u32("tokenizer.ggml.eos_token_id", 2);
    builder.bool("tokenizer.ggml.add_space_prefix", true).bool("tokenizer.ggml.add_bos_token", true);
    builder
}

fn bpe(pre: &str) -> Builder {
    let mut builder = Builder::new();
    builder.str("tokenizer.ggml.model", "gpt2").str("tokenizer.ggml.pre", pre);
    let tokens =
        ["h", "e", "l", "o", "\u{120}", "1", "'", "s", "ll", "he", "llo", "hello", "\u{120}hello", "<|im_end|>", "<|im_start|>"];
    builder.strings("tokenizer.ggml.tokens", &tokens);
    builder.i32s("tokenizer.ggml.token_type", &[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 3]);
    builder.strings("tokenizer.ggml.merges", &["l l", "h e", "ll o", "he llo", "\u{120} hello"]);
    builder.u32("tokenizer.ggml.bos_token_id", 14).u32("tokenizer.ggml.eos_token_id", 13);
    builder
}

/// One layer: embedding 32, 4 heads of 8, 2 key/value heads, ffn 32.
fn tensors(builder: &mut Builder) -> Result<(), Box<dyn Error>> {
    for (key, value) in [
        ("llama.block_count", 1),
        ("llama.context_length", 64),
        ("llama.embedding_length", 32),
        ("llama.feed_forward_length", 32),
        ("llama.attention.head_count", 4),
        ("llama.attention.head_count_kv", 2),
        ("llama.rope.dimension_count", 8),
    ] {
        builder.u32(key, value);
    }
    builder.f32("llama.attention.layer_norm_rms_epsilon", 1e-5).f32("llama.rope.freq_base", 10_000.0);
    builder.str("llama.rope.scaling.type", "linear").f32("llama.rope.scaling.factor", 2.0);
    let list: [(&str, &[u64], DType); 13] = [
        ("token_embd", &[32, 19], DType::Q4_0),
        ("output_norm", &[32], DType::F32),
        ("output", &[32, 19], DType::Q4_0),
        ("rope_freqs", &[4], DType::F32),
        ("blk.0.attn_norm", &[32], DType::F32),
        ("blk.0.attn_q", &[32, 32], DType::Q4_0),
        ("blk.0.attn_k", &[32, 16], DType::Q8_0),
        ("blk.0.attn_v", &[32, 16], DType::Q4_0),
        ("blk.0.attn_output", &[32, 32], DType::Q4_0),
        ("blk.0.ffn_norm", &[32], DType::F32),
        ("blk.0.ffn_gate", &[32, 32], DType::Q4_0),
        ("blk.0.ffn_up", &[32, 32], DType::F16),
        ("blk.0.ffn_down", &[32, 32], DType::Q4_0),
    ];
    for (name, dims, dtype) in list {
        let rows: u64 = dims.iter().skip(1).product();
        let size = dtype.row_bytes(dims[0]).ok_or("rows are whole blocks")? * rows;
        builder.tensor(&format!("{name}.weight"), dims, dtype, &vec![0; size as usize])?;
    }
    Ok(())
}
