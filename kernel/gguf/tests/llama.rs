//! The llama layout: a good model is read as it is, each contradiction is refused by name.

mod common;

use common::{llama, parse, shared};
use ring0_gguf::llama::{Llama, RopeScaling};
use ring0_gguf::write::Builder;
use ring0_gguf::{DType, Error, Gguf, Rule};

/// The refusal of the small model after `write` replaced the key.
fn with_key(key: &str, write: impl Fn(&mut Builder)) -> Error {
    let file = llama(
        |builder, name| {
            if name == key || (name.is_empty() && !known(key)) {
                write(builder);
                return true;
            }
            false
        },
        |_, _, _| true,
    );
    Llama::from_gguf(&parse(&file)).expect_err("must be refused")
}

/// Keys that the small model has; others are added after these.
fn known(key: &str) -> bool {
    !key.starts_with("llama.rope.s")
        && !key.starts_with("llama.rope.f")
        && !key.starts_with("llama.expert")
        && !key.starts_with("llama.attention.key")
        && !key.starts_with("llama.attention.value")
}

fn with_tensor(name: &str, change: impl Fn(&mut String, &mut Vec<u64>, &mut DType) -> bool) -> Error {
    let file = llama(|_, _| false, |n, dims, dtype| if n == name { change(n, dims, dtype) } else { true });
    Llama::from_gguf(&parse(&file)).expect_err("must be refused")
}

#[test]
fn the_small_model_is_read() {
    let file = llama(|_, _| false, |_, _, _| true);
    let model = Llama::from_gguf(&parse(&file)).unwrap();
    assert_eq!((model.name, model.embedding, model.layers, model.heads, model.kv_heads), (Some("tiny"), 32, 2, 4, 2));
    assert_eq!((model.head_dim, model.ffn, model.vocab, model.context, model.rms_eps), (8, 64, 3, 128, 1e-5));
    assert_eq!((model.rope.dim, model.rope.base, model.rope.scaling), (8, 10_000.0, RopeScaling::None));
    assert_eq!(model.output.map(|tensor| tensor.dtype), Some(DType::F16));
    assert_eq!(model.rope_freqs.map(|tensor| tensor.size), Some(16));
    assert_eq!((model.blocks.len(), model.blocks[1].attn_v.name), (2, "blk.1.attn_v.weight"));
}

#[test]
fn what_may_be_absent_may_be_absent() {
    let absent = ["llama.rope.dimension_count", "llama.attention.head_count_kv", "general.name"];
    let file = llama(
        |_, name| absent.contains(&name),
        |name, dims, _| {
            if name.contains("attn_k") || name.contains("attn_v") {
                dims[1] = 32;
            }
            name != "output.weight" && name != "rope_freqs.weight"
        },
    );
    let model = Llama::from_gguf(&parse(&file)).unwrap();
    assert_eq!((model.kv_heads, model.rope.dim, model.output, model.rope_freqs), (4, 8, None, None));
}

#[test]
fn integers_of_any_width_and_scaling_are_read() {
    let file = llama(
        |builder, name| {
            match name {
                "llama.block_count" => builder.raw(name, ring0_gguf::ValueType::U64, &2u64.to_le_bytes()),
                "" => builder.str("llama.rope.scaling.type", "linear").f32("llama.rope.scaling.factor", 4.0),
                _ => return false,
            };
            true
        },
        |_, _, _| true,
    );
    let model = Llama::from_gguf(&parse(&file)).unwrap();
    assert_eq!((model.layers, model.rope.scaling), (2, RopeScaling::Linear { factor: 4.0 }));
}

#[test]
fn missing_keys_are_named() {
    for key in [
        "general.architecture",
        "llama.block_count",
        "llama.context_length",
        "llama.embedding_length",
        "llama.feed_forward_length",
        "llama.attention.head_count",
        "llama.attention.layer_norm_rms_epsilon",
    ] {
        let error = with_key(key, |_| {});
        assert_eq!(error.rule, Rule::MissingKey, "{error}");
        assert!(error.to_string().contains(key), "{error}");
    }
}

#[test]
fn other_architectures_are_named() {
    let error = with_key("general.architecture", |b| _ = b.str("general.architecture", "qwen2"));
    assert!(error.to_string().ends_with("architecture 'qwen2' is not supported; 'llama' is"), "{error}");
    let error = with_key("general.architecture", |b| _ = b.u32("general.architecture", 3));
    assert!(matches!(error.rule, Rule::WrongType { .. }), "{error}");
}

#[test]
fn zero_and_absurd_counts_are_refused() {
    for key in [
        "llama.block_count",
        "llama.context_length",
        "llama.embedding_length",
        "llama.feed_forward_length",
        "llama.attention.head_count",
        "llama.attention.head_count_kv",
        "llama.rope.dimension_count",
        "llama.attention.key_length",
        "llama.attention.value_length",
    ] {
        for value in [0, 1 << 31, u32::MAX] {
            let error = with_key(key, |b| _ = b.u32(key, value));
            assert!(matches!(error.rule, Rule::OutOfRange { .. }), "{key} = {value}: {error}");
        }
        // Possible in itself, but then something does not fit. (A context is memory that the caller asks for or not.)
        if key != "llama.context_length" {
            with_key(key, |b| _ = b.u32(key, i32::MAX as u32));
        }
    }
}

#[test]
fn heads_must_divide() {
    let key = "llama.attention.head_count_kv";
    assert_eq!(with_key(key, |b| _ = b.u32(key, 3)).rule, Rule::HeadsPerKvHead { heads: 4, kv_heads: 3 });
    assert_eq!(with_key(key, |b| _ = b.u32(key, 8)).rule, Rule::HeadsPerKvHead { heads: 4, kv_heads: 8 });
    let key = "llama.attention.head_count";
    assert_eq!(with_key(key, |b| _ = b.u32(key, 6)).rule, Rule::EmbeddingPerHead { embedding: 32, heads: 6 });
}

#[test]
fn rope_dimension_must_be_the_head() {
    for value in [2, 7, 16] {
        let error = with_key("llama.rope.dimension_count", |b| _ = b.u32("llama.rope.dimension_count", value));
        assert!(matches!(error.rule, Rule::OutOfRange { .. }), "{error}");
    }
}

#[test]
fn block_count_is_bounded() {
    let key = "llama.block_count";
    assert_eq!(with_key(key, |b| _ = b.u32(key, 3)).rule, Rule::BlockCount { blocks: 3, tensors: 22 });
    assert!(matches!(with_key(key, |b| _ = b.u32(key, 513)).rule, Rule::OutOfRange { .. }));
    // One layer fewer than there are tensors for: the second layer's have no role.
    let error = with_key(key, |b| _ = b.u32(key, 1));
    assert_eq!(error.rule, Rule::UnexpectedTensor, "{error}");
}

#[test]
fn floats_must_be_positive_numbers() {
    for key in ["llama.attention.layer_norm_rms_epsilon", "llama.rope.freq_base", "llama.rope.scaling.factor"] {
        for value in [0.0, -1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = with_key(key, |b| _ = b.f32(key, value));
            assert!(matches!(error.rule, Rule::OutOfRange { .. }), "{key} = {value}: {error}");
        }
    }
}

#[test]
fn what_the_engine_does_not_do_is_refused() {
    for kind in ["yarn", "longrope", "something"] {
        let error = with_key("llama.rope.scaling.type", |b| _ = b.str("llama.rope.scaling.type", kind));
        assert!(error.to_string().contains(&format!("rope scaling '{kind}' is not supported")), "{error}");
    }
    let error = with_key("llama.expert_count", |b| _ = b.u32("llama.expert_count", 8));
    assert!(error.to_string().contains("a mixture of 8 experts is not supported"), "{error}");
    let error = with_key("llama.attention.value_length", |b| _ = b.u32("llama.attention.value_length", 16));
    assert!(matches!(error.rule, Rule::Unsupported { .. }), "{error}");
}

#[test]
fn tensors_must_fit_the_hyperparameters() {
    for name in ["token_embd.weight", "output.weight", "blk.0.attn_q.weight", "blk.1.attn_k.weight", "blk.0.ffn_down.weight"] {
        let error = with_tensor(name, |_, dims, _| {
            dims[1] += 1;
            true
        });
        assert!(matches!(error.rule, Rule::Shape { .. }) && error.to_string().contains(name), "{error}");
    }
    let error = with_tensor("blk.1.ffn_norm.weight", |_, dims, _| {
        dims.push(2);
        true
    });
    assert!(error.to_string().ends_with("shape [32, 2], but the hyperparameters ask for [32]"), "{error}");
}

#[test]
fn tensors_must_be_there_and_have_a_role() {
    for name in ["token_embd.weight", "output_norm.weight", "blk.1.ffn_down.weight"] {
        let error = with_tensor(name, |_, _, _| false);
        assert!(error.rule == Rule::MissingTensor && error.to_string().contains(name), "{error}");
    }
    for stray in ["blk.2.attn_q.weight", "blk.0.attn_q.bias", "blk.+1.attn_q.weight", "blk.01.attn_q.weight", "x"] {
        // Tied instead of separate output: the tensor's place is free for the stray one.
        let error = with_tensor("output.weight", |name, _, _| {
            *name = stray.into();
            true
        });
        assert_eq!(error.rule, Rule::UnexpectedTensor, "{error}");
        assert!(error.to_string().contains(stray), "{error}");
    }
}

#[test]
fn tensor_types_must_have_a_kernel() {
    let error = with_tensor("blk.0.attn_q.weight", |_, _, dtype| {
        *dtype = DType::Q5_0;
        true
    });
    assert!(error.to_string().ends_with("type Q5_0 cannot be used here; F32, F16, BF16, Q8_0 and Q4_0 can"), "{error}");
    let error = with_tensor("output_norm.weight", |_, _, dtype| {
        *dtype = DType::F16;
        true
    });
    assert_eq!(error.rule, Rule::TensorType { found: DType::F16, expected: "F32" });
}

#[test]
fn a_real_model_is_read() {
    for (name, dtype, size) in [("stories260K.gguf", DType::F32, 1_054_336), ("stories260K-q8_0.gguf", DType::Q8_0, 454_400)] {
        let Some(file) = shared(name) else { return };
        let gguf = parse(&file);
        let model = Llama::from_gguf(&gguf).unwrap();
        assert_eq!((model.name, model.embedding, model.layers, model.ffn), (Some("stories260K"), 64, 5, 172));
        assert_eq!((model.heads, model.kv_heads, model.head_dim, model.vocab, model.context), (8, 4, 8, 512, 512));
        assert_eq!((model.token_embd.dtype, model.output, gguf.alignment), (dtype, None, 32));
        assert_eq!((gguf.data_offset, gguf.end_offset), (14_208, size));
        // 172 is no multiple of 32, so the quantised model keeps this one in floats.
        assert_eq!(model.blocks[4].ffn_down.dtype, DType::F32);
    }
}

#[test]
fn the_seed_model_is_refused_as_llama_cpp_does() {
    let Some(file) = shared("seed-test-model.gguf") else { return };
    let error = Llama::from_gguf(&parse(&file)).expect_err("a required key is missing");
    assert_eq!(
        error.to_string(),
        "offset 0x18: key 'llama.attention.layer_norm_rms_epsilon': missing; the model cannot be used without it"
    );
}

#[test]
fn vocabulary_files_are_containers_without_a_model() {
    for name in ["vocab/ggml-vocab-llama-spm.gguf", "vocab/ggml-vocab-gpt-2.gguf"] {
        let Some(file) = shared(name) else { return };
        let gguf = parse(&file);
        assert!(gguf.tensors().is_empty() && gguf.get("tokenizer.ggml.tokens").is_some());
        assert!(Llama::from_gguf(&gguf).is_err());
        // Its beginning asks for more, and only so much as the file has.
        let error = Gguf::parse(&file[..100_000], file.len() as u64).expect_err("the vocabulary is longer");
        assert!(error.needs().is_some_and(|needs| needs > 100_000 && needs <= file.len() as u64));
    }
}
