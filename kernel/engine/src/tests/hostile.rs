//! Files with numbers that no model should have.

use super::support::{alloc, drain, request, tokens};
use super::synthetic::{SHAPES, write};
use crate::api::{Event, FinishReason, Generator, Sampling};
use crate::cores::OneCore;
use crate::{Error, Isa, Model, Scheduler};
use ring0_abi::TraceRing;
use ring0_gguf::Gguf;
use ring0_gguf::llama::Llama;
use ring0_tensor::{BLOCK, WeightType};
use std::vec::Vec;
use std::{format, vec};

static TRACE: TraceRing = TraceRing::new();

fn load(file: &'static [u8]) -> Result<Model, Error> {
    let gguf = Gguf::parse(file, file.len() as u64).unwrap();
    Model::new(&Llama::from_gguf(&gguf).unwrap(), &file[gguf.data_offset as usize..], gguf.data_offset)
}

/// The file with `change` made to the bytes of one tensor.
fn changed(file: &[u8], tensor: &str, change: impl Fn(&mut [u8])) -> &'static [u8] {
    let gguf = Gguf::parse(file, file.len() as u64).unwrap();
    let info = gguf.tensors().iter().find(|t| t.name == tensor).unwrap();
    let mut file = file.to_vec();
    change(&mut file[info.offset as usize..][..info.size as usize]);
    Vec::leak(file)
}

#[test]
fn vectors_that_cannot_be_are_refused_by_name() {
    let file = write(&SHAPES[1], WeightType::F32);
    assert!(load(file).is_ok());
    let with = |tensor: &str, index: usize, value: f32| {
        load(changed(file, tensor, |bytes| bytes[4 * index..][..4].copy_from_slice(&value.to_le_bytes())))
    };
    for name in ["rope_freqs.weight", "output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"] {
        for (index, value, found) in
            [(0, f32::NAN, "not a number"), (7, f32::INFINITY, "infinite"), (3, f32::NEG_INFINITY, "infinite")]
        {
            let error = with(name, index, value).unwrap_err();
            assert_eq!(error, Error::Value { tensor: name.into(), index, found });
            let text = format!("{error}");
            assert!(text.contains(name) && text.contains(&format!("element {index} is {found}")), "{text}");
        }
        // Norms may be anything that is finite.
        for (value, found) in [(0.0, "zero"), (-0.0, "zero"), (-1.0, "negative")] {
            let want = Error::Value { tensor: name.into(), index: 2, found };
            assert_eq!(with(name, 2, value).err(), name.starts_with("rope").then_some(want));
        }
    }
    // The smallest factor there is turns very fast, but turns.
    let model = with("rope_freqs.weight", 1, f32::from_bits(1)).unwrap();
    assert!(model.frequencies.iter().all(|f| f.is_finite()));
}

#[test]
fn scales_that_are_no_numbers_end_requests() {
    let settings = [
        Sampling::GREEDY,
        Sampling { temperature: 1.0, top_k: 5, top_p: 0.9, min_p: 0.05, ..Sampling::GREEDY },
        Sampling { repeat_penalty: 1.3, ..Sampling::GREEDY },
    ];
    for kind in [WeightType::Q8_0, WeightType::Q4_0] {
        for tensor in ["token_embd.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight", "blk.0.ffn_down.weight"] {
            for scale in [0x7e00_u16, 0x7c00, 0xfc00] {
                let block = kind.row_bytes(BLOCK).unwrap();
                let file = changed(write(&SHAPES[1], kind), tensor, |bytes| {
                    bytes.chunks_mut(block).for_each(|b| b[..2].copy_from_slice(&scale.to_le_bytes()));
                });
                for isa in Isa::available() {
                    let mut s = Scheduler::new(load(file).unwrap(), isa, &OneCore, 32, 1, &mut alloc, &TRACE).unwrap();
                    for sampling in &settings {
                        for top_logprobs in [None, Some(4)] {
                            let mut ask = request(&[1, 2, 3], 6);
                            (ask.sampling, ask.top_logprobs) = (sampling.clone(), top_logprobs);
                            s.submit(ask).unwrap();
                            let events = drain(&mut s);
                            let Some(Event::Finished { reason, .. }) = events.last() else { panic!("no end") };
                            let at = format!("{} {tensor} {scale:x} {}", kind.name(), isa.name());
                            // The integer path counts such blocks as zeros, but the embedding is looked up in the file.
                            let zeros = isa.name() == "int" && tensor.starts_with("blk");
                            let want = if zeros { (FinishReason::MaxTokens, 6) } else { (FinishReason::NotFinite, 0) };
                            assert_eq!((*reason, tokens(&events).len()), want, "{at}");
                        }
                    }
                    assert_eq!(s.load().running, 0);
                }
            }
        }
    }
}

#[test]
fn a_row_that_is_no_number_is_never_drawn() {
    let shape = &SHAPES[0];
    let file = changed(write(shape, WeightType::Q8_0), "output.weight", |bytes| {
        bytes[..34 * 3].chunks_mut(34).for_each(|b| b[..2].copy_from_slice(&0x7e00_u16.to_le_bytes()));
    });
    for isa in Isa::available().filter(|isa| isa.name() != "int") {
        let mut s = Scheduler::new(load(file).unwrap(), isa, &OneCore, 64, 1, &mut alloc, &TRACE).unwrap();
        for temperature in [0.0, 1.5] {
            let mut ask = request(&[4, 5, 6], 40);
            (ask.sampling, ask.top_logprobs) = (Sampling { temperature, ..Sampling::GREEDY }, Some(3));
            s.submit(ask).unwrap();
            let events = drain(&mut s);
            let drawn = tokens(&events);
            assert_eq!(drawn.len(), 40);
            assert!(drawn.iter().all(|t| *t >= 3));
            let probabilities: Vec<f32> = events
                .iter()
                .flat_map(|e| if let Event::Token { token, top, .. } = e { [vec![*token], top.clone()].concat() } else { vec![] })
                .map(|t| t.logprob)
                .collect();
            assert!(probabilities.iter().all(|p| *p <= 0.0), "{probabilities:?}");
        }
    }
}
