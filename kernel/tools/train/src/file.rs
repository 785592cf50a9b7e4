//! The model as GGUF: written with Q8_0 matrices, and read back for the check.

use candle_core::{Device, Tensor};
use half::f16;
use ring0_gguf::llama::Llama;
use ring0_gguf::write::Builder;
use ring0_gguf::{DType, Gguf, Value, ValueType};

use crate::model::{Model, Shape};
use crate::vocabulary::{BOS, Kind, UNKNOWN, Vocabulary};

/// Longest conversation in tokens.
pub const CONTEXT: u32 = 512;
/// Weights that share one scale in Q8_0.
const BLOCK: usize = 32;
/// The template that llama.cpp and ring0-tokenizer recognise as ChatML.
pub const CHAT_TEMPLATE: &str = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/// Q8_0 as llama.cpp's reference quantises: scale = largest magnitude / 127, kept as F16.
fn quantise(values: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len() / BLOCK * 34);
    for block in values.chunks_exact(BLOCK) {
        let scale = block.iter().fold(0.0f32, |top, x| top.max(x.abs())) / 127.0;
        let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
        bytes.extend(f16::from_f32(scale).to_le_bytes());
        bytes.extend(block.iter().map(|x| (x * inverse).round() as i8 as u8));
    }
    bytes
}

fn dequantise(bytes: &[u8]) -> Vec<f32> {
    let block = |block: &[u8]| {
        let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
        block[2..].iter().map(move |q| scale * f32::from(*q as i8)).collect::<Vec<_>>()
    };
    bytes.chunks_exact(34).flat_map(block).collect()
}

/// The whole file. Matrices become Q8_0, norms stay F32.
pub fn write(model: &Model, vocabulary: &Vocabulary) -> Result<Vec<u8>, String> {
    let shape = &model.shape;
    let mut file = Builder::new();
    file.str("general.architecture", "llama")
        .str("general.type", "model")
        .str("general.name", "Ring0 demo")
        .str(
            "general.description",
            "A very small model that answers questions about the Ring0 project; trained by kernel/tools/train",
        )
        .str("general.license", "MIT")
        // It knows answers word for word; drawing at random from what it is less sure of makes them wrong.
        .f32("general.sampling.temp", 0.0)
        .u32("general.file_type", 7)
        .u32("general.quantization_version", 2)
        .u32("llama.vocab_size", shape.vocabulary as u32)
        .u32("llama.context_length", CONTEXT)
        .u32("llama.embedding_length", shape.width as u32)
        .u32("llama.block_count", shape.layers as u32)
        .u32("llama.feed_forward_length", shape.feed_forward as u32)
        .u32("llama.attention.head_count", shape.heads as u32)
        .u32("llama.attention.head_count_kv", shape.kv_heads as u32)
        .u32("llama.attention.key_length", shape.head_size as u32)
        .u32("llama.attention.value_length", shape.head_size as u32)
        .f32("llama.attention.layer_norm_rms_epsilon", shape.epsilon)
        .u32("llama.rope.dimension_count", shape.head_size as u32)
        .f32("llama.rope.freq_base", shape.rope_base)
        .str("tokenizer.ggml.model", "llama")
        .strings("tokenizer.ggml.tokens", &vocabulary.tokens.iter().map(|token| &token.0).collect::<Vec<_>>())
        .f32s("tokenizer.ggml.scores", &vocabulary.tokens.iter().map(|token| token.1).collect::<Vec<_>>())
        .i32s("tokenizer.ggml.token_type", &vocabulary.tokens.iter().map(|token| token.2 as i32).collect::<Vec<_>>())
        .u32("tokenizer.ggml.unknown_token_id", UNKNOWN)
        .u32("tokenizer.ggml.bos_token_id", BOS)
        .u32("tokenizer.ggml.eos_token_id", vocabulary.id("<|im_end|>"))
        .bool("tokenizer.ggml.add_bos_token", false)
        .bool("tokenizer.ggml.add_eos_token", false)
        .bool("tokenizer.ggml.add_space_prefix", false)
        .str("tokenizer.chat_template", CHAT_TEMPLATE);
    for weight in &model.weights {
        let rows = if weight.is_transposed() { weight.var.t() } else { Ok(weight.var.as_tensor().clone()) };
        let rows = rows.map_err(|e| e.to_string())?;
        let values: Vec<f32> = rows.flatten_all().and_then(|x| x.to_vec1()).map_err(|e| e.to_string())?;
        // The file gives dimensions with the fastest first.
        let dims: Vec<u64> = rows.dims().iter().rev().map(|&dim| dim as u64).collect();
        let written = if dims.len() == 2 {
            file.tensor(&weight.name, &dims, DType::Q8_0, &quantise(&values))
        } else {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            file.tensor(&weight.name, &dims, DType::F32, &bytes)
        };
        written.map_err(|e| e.to_string())?;
    }
    Ok(file.finish())
}

/// The network and the vocabulary of a file that [`write`] made.
pub fn read(bytes: &[u8]) -> Result<(Model, Vocabulary), String> {
    let text = |e: ring0_gguf::Error| e.to_string();
    let gguf = Gguf::parse(bytes, bytes.len() as u64).map_err(text)?;
    let llama = Llama::from_gguf(&gguf).map_err(text)?;
    let shape = Shape {
        vocabulary: llama.vocab,
        width: llama.embedding,
        layers: llama.layers,
        heads: llama.heads,
        kv_heads: llama.kv_heads,
        head_size: llama.head_dim,
        feed_forward: llama.ffn,
        rope_base: llama.rope.base,
        epsilon: llama.rms_eps,
    };
    let model = Model::new(shape, 0).map_err(|e| e.to_string())?;
    for weight in &model.weights {
        let info = gguf.tensor(&weight.name).ok_or_else(|| format!("no tensor {}", weight.name))?;
        let (from, to) = (info.offset as usize, (info.offset + info.size) as usize);
        let data = bytes.get(from..to).ok_or_else(|| format!("{} lies beyond the file", weight.name))?;
        let values = match info.dtype {
            DType::Q8_0 => dequantise(data),
            DType::F32 => data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            other => return Err(format!("{} is {other:?}, not Q8_0 or F32", weight.name)),
        };
        let mut dims = weight.dims.clone();
        let tensor = if weight.is_transposed() {
            dims.reverse();
            Tensor::from_vec(values, dims, &Device::Cpu).and_then(|rows| rows.t()?.contiguous())
        } else {
            Tensor::from_vec(values, dims, &Device::Cpu)
        };
        tensor.and_then(|tensor| weight.var.set(&tensor)).map_err(|e| e.to_string())?;
    }
    Ok((model, read_vocabulary(&gguf)?))
}

/// Gives `model`, whose tokens are `vocabulary`, the weights of a file of the same shape. The vocabularies may differ a little: a token
/// keeps its embedding, a new one begins with the mean of the pieces that the file's vocabulary cuts its text into.
pub fn adopt(model: &Model, vocabulary: &Vocabulary, bytes: &[u8]) -> Result<(), String> {
    let (old, words) = read(bytes)?;
    for (weight, old) in model.weights.iter().zip(&old.weights) {
        let text = |e: candle_core::Error| e.to_string();
        let values: Vec<f32> = old.var.flatten_all().and_then(|x| x.to_vec1()).map_err(text)?;
        let values = if weight.name == "token_embd.weight" {
            let width = model.shape.width;
            let row = |(token, _, _): &(String, f32, Kind)| {
                let pieces = match words.id(token) {
                    UNKNOWN => words.encode(token, None),
                    id => vec![id],
                };
                let mean = |i: usize| pieces.iter().map(|id| values[*id as usize * width + i]).sum::<f32>() / pieces.len() as f32;
                (0..width).map(mean).collect::<Vec<_>>()
            };
            vocabulary.tokens.iter().flat_map(row).collect()
        } else {
            values
        };
        let tensor = Tensor::from_vec(values, weight.dims.as_slice(), &Device::Cpu).map_err(text)?;
        weight.var.set(&tensor).map_err(text)?;
    }
    Ok(())
}

fn read_vocabulary(gguf: &Gguf) -> Result<Vocabulary, String> {
    let array = |key: &str, kind: ValueType| {
        gguf.array(key, kind).map_err(|e| e.to_string())?.ok_or_else(|| format!("the key {key} is missing"))
    };
    let texts = array("tokenizer.ggml.tokens", ValueType::String)?;
    let scores = array("tokenizer.ggml.scores", ValueType::F32)?;
    let kinds = array("tokenizer.ggml.token_type", ValueType::I32)?;
    let token = |((text, score), kind): ((Value, Value), Value)| {
        let kind = match kind.as_i64()? {
            1 => Kind::Normal,
            2 => Kind::Unknown,
            3 => Kind::Control,
            6 => Kind::Byte,
            _ => return None,
        };
        Some((text.as_str()?.to_owned(), score.as_f32()?, kind))
    };
    let tokens: Option<Vec<_>> = texts.iter().zip(scores.iter()).zip(kinds.iter()).map(token).collect();
    tokens.map(Vocabulary::new).ok_or_else(|| "the vocabulary holds a token that this program does not write".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_model_reads_back_within_half_a_quantum() {
        let vocabulary = Vocabulary::learn([("hello world", 1)].into_iter(), 352);
        let shape = Shape {
            vocabulary: vocabulary.len(),
            width: 64,
            layers: 2,
            heads: 2,
            kv_heads: 1,
            head_size: 32,
            feed_forward: 96,
            rope_base: 10000.0,
            epsilon: 1e-5,
        };
        let model = Model::new(shape, 1).unwrap();
        let (back, words) = read(&write(&model, &vocabulary).unwrap()).unwrap();
        assert_eq!(words.tokens, vocabulary.tokens);
        for (a, b) in model.weights.iter().zip(&back.weights) {
            let values = |w: &crate::model::Weight| -> Vec<f32> { w.var.flatten_all().unwrap().to_vec1().unwrap() };
            let (a, b) = (values(a), values(b));
            let top = a.iter().fold(0.0f32, |top, x| top.max(x.abs()));
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= top / 127.0 * 0.6));
        }
    }

    #[test]
    fn another_vocabulary_keeps_the_embeddings_of_its_own_tokens() {
        let words = |text| Vocabulary::learn([(text, 1)].into_iter(), 400);
        let (old, new) = (words("hello world hello world"), words("hello worlds hello worlds"));
        let shape = |words: &Vocabulary| Shape {
            vocabulary: words.len(),
            width: 32,
            layers: 1,
            heads: 1,
            kv_heads: 1,
            head_size: 32,
            feed_forward: 32,
            rope_base: 10000.0,
            epsilon: 1e-5,
        };
        let (model, other) = (Model::new(shape(&old), 1).unwrap(), Model::new(shape(&new), 2).unwrap());
        let bytes = write(&model, &old).unwrap();
        adopt(&other, &new, &bytes).unwrap();
        let (stored, _) = read(&bytes).unwrap();
        let row = |model: &Model, id: u32| model.weights[0].var.get(id as usize).unwrap().to_vec1::<f32>().unwrap();
        assert!(new.id("\u{2581}worlds") != UNKNOWN && old.id("\u{2581}worlds") == UNKNOWN);
        assert_eq!(row(&other, new.id("o")), row(&stored, old.id("o")));
        assert_ne!(new.id("o"), old.id("o"), "the ids differ, the rows follow the text");
        let made = row(&other, new.id("\u{2581}worlds"));
        let pieces = old.encode(" worlds", None);
        let mean = pieces.iter().map(|id| row(&stored, *id)[3]).sum::<f32>() / pieces.len() as f32;
        assert_eq!(made[3], mean);
    }

    fn shipped() -> Vec<u8> {
        std::fs::read(crate::demo_folder().join("ring0-demo-q8_0.gguf")).unwrap()
    }

    #[test]
    fn the_shipped_model_is_of_this_program_and_this_corpus() {
        let file = shipped();
        assert!(file.len() <= 4 << 20);
        let (model, vocabulary) = read(&file).unwrap();
        let corpus = crate::corpus::Corpus::read(&crate::demo_folder()).unwrap();
        assert_eq!(
            vocabulary.tokens,
            crate::learn_vocabulary(&corpus, crate::VOCABULARY).tokens,
            "the corpus changed; train again"
        );
        let shape = crate::shape(vocabulary.len());
        assert_eq!(model.len(), Model::new(shape, 0).unwrap().len());
        let gguf = Gguf::parse(&file, file.len() as u64).unwrap();
        assert_eq!(gguf.str("general.name").unwrap(), Some("Ring0 demo"));
        assert_eq!(gguf.u64("tokenizer.ggml.eos_token_id").unwrap(), Some(u64::from(vocabulary.id("<|im_end|>"))));
    }

    #[test]
    fn the_readme_names_the_shipped_file() {
        use sha2::{Digest, Sha256};
        let hash: String = Sha256::digest(shipped()).iter().map(|byte| format!("{byte:02x}")).collect();
        let readme = std::fs::read_to_string(crate::demo_folder().join("README.md")).unwrap();
        assert!(readme.contains(&hash), "README.md names another file than the one with SHA-256 {hash}");
    }

    #[test]
    fn the_kernel_cuts_every_conversation_into_the_tokens_of_the_training() {
        use ring0_tokenizer::Tokenizer;
        use ring0_tokenizer::chat::{ChatTemplate, Message, Recognised, Role};
        let file = shipped();
        let (_, vocabulary) = read(&file).unwrap();
        let corpus = crate::corpus::Corpus::read(&crate::demo_folder()).unwrap();
        let gguf = Gguf::parse(&file, file.len() as u64).unwrap();
        let tokenizer = Tokenizer::from_gguf(&gguf).unwrap();
        let Recognised::Known(template) = ChatTemplate::recognise(&gguf) else { panic!("the template is not recognised") };
        assert_eq!(template, ChatTemplate::ChatMl);
        assert!(tokenizer.is_end(vocabulary.id("<|im_end|>")));
        let message = |role, content: &str| Message { role, content: content.to_owned() };
        for (question, entry) in corpus.all_questions().iter().step_by(7) {
            let answer = &corpus.entries[*entry].answer;
            let turns =
                [("system", "Be brief."), ("user", question), ("assistant", answer), ("user", "odd \u{e9} <|im_end|>\n  text")];
            let messages = [
                message(Role::System, turns[0].1),
                message(Role::User, turns[1].1),
                message(Role::Assistant, turns[2].1),
                message(Role::User, turns[3].1),
            ];
            let kernel = template.render(&tokenizer, &messages, true).unwrap();
            assert_eq!(kernel, crate::lesson::prompt(&vocabulary, &turns), "{question}");
        }
    }
}
