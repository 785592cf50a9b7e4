//! Requests: queueing, sharing passes, reusing the cache, ending.

use super::support::{ONCE, cores, data, drain, oracle, request, scheduler, tokens};
use crate::api::{Event, FinishReason, GenerateRequest, Generator, RequestId, Sampling, SubmitError};
use crate::{Isa, MAX_WAITING, Scheduler};
use std::vec;
use std::vec::Vec;

const MODEL: &str = "stories260K-q8_0.gguf";

fn one(file: &'static [u8], context: usize, slots: usize) -> Scheduler {
    scheduler(file, Isa::detect(), cores(1), context, slots)
}

fn of(events: &[Event], id: RequestId) -> Vec<u32> {
    events
        .iter()
        .filter_map(|e| match e {
            Event::Token { request, token, .. } if *request == id => Some(token.token),
            _ => None,
        })
        .collect()
}

fn end(events: &[Event], id: RequestId) -> Vec<FinishReason> {
    events
        .iter()
        .filter_map(|e| match e {
            Event::Finished { request, reason, .. } if *request == id => Some(*reason),
            _ => None,
        })
        .collect()
}

#[test]
fn what_cannot_be_done_is_refused() {
    let Some(file) = data(MODEL) else { return };
    let mut s = one(file, 32, 1);
    assert_eq!(s.submit(request(&[], 1)), Err(SubmitError::EmptyPrompt));
    assert_eq!(s.submit(request(&[512], 1)), Err(SubmitError::UnknownToken(512)));
    let overflow = SubmitError::ContextOverflow { prompt_tokens: 32, context_tokens: 32 };
    assert_eq!(s.submit(request(&[1; 32], 1)), Err(overflow));
    for _ in 0..MAX_WAITING {
        s.submit(request(&ONCE, 1)).unwrap();
    }
    assert_eq!(s.submit(request(&ONCE, 1)), Err(SubmitError::Busy));
    s.step(&mut Vec::new());
    assert!(s.submit(request(&ONCE, 1)).is_ok());
    assert!(!one(file, 32, 1).step(&mut Vec::new()), "there is nothing to do");
}

#[test]
fn requests_end_for_the_right_reason() {
    let Some(file) = data(MODEL) else { return };
    let want = oracle();
    let mut s = one(file, 32, 2);
    let a = s.submit(request(&ONCE, 7)).unwrap();
    let b = s.submit(request(&ONCE, 1000)).unwrap();
    let c = s.submit(GenerateRequest { end_tokens: vec![want[3]], ..request(&ONCE, 1000) }).unwrap();
    let d = s.submit(request(&ONCE, 0)).unwrap();
    let events = drain(&mut s);
    assert_eq!((of(&events, a), end(&events, a)), (want[..7].to_vec(), vec![FinishReason::MaxTokens]));
    assert_eq!((of(&events, b), end(&events, b)), (want[..27].to_vec(), vec![FinishReason::ContextFull]));
    assert_eq!((of(&events, c), end(&events, c)), (want[..3].to_vec(), vec![FinishReason::EndToken(want[3])]));
    assert_eq!((of(&events, d), end(&events, d)), (vec![], vec![FinishReason::MaxTokens]));
    assert_eq!((s.load().running, s.load().waiting), (0, 0));
}

#[test]
fn company_changes_nothing() {
    let Some(file) = data(MODEL) else { return };
    let sampled = |seed| GenerateRequest {
        sampling: Sampling { temperature: 0.9, top_k: 40, top_p: 0.95, repeat_penalty: 1.1, seed, ..Sampling::GREEDY },
        ..request(&[1, 403 + seed as u32, 261], 40)
    };
    let alone: Vec<Vec<u32>> = (0..6)
        .map(|seed| {
            let mut s = one(file, 64, 1);
            s.submit(sampled(seed)).unwrap();
            tokens(&drain(&mut s))
        })
        .collect();
    let mut s = one(file, 64, 3);
    let mut events = Vec::new();
    let ids: Vec<_> = (0..6)
        .map(|seed| {
            let id = s.submit(sampled(seed)).unwrap();
            for _ in 0..seed {
                s.step(&mut events);
            }
            id
        })
        .collect();
    events.extend(drain(&mut s));
    for (id, alone) in ids.iter().zip(&alone) {
        assert_eq!(of(&events, *id), *alone);
    }
    assert!(alone.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn slots_go_round_in_order() {
    let Some(file) = data(MODEL) else { return };
    let mut s = one(file, 64, 2);
    let ids: Vec<_> = (0..5).map(|_| s.submit(request(&ONCE, 6)).unwrap()).collect();
    let mut events = Vec::new();
    s.step(&mut events);
    assert_eq!((s.load().running, s.load().waiting, s.load().slots), (2, 3, 2));
    assert_eq!((s.load().kv_capacity, s.load().kv_tokens), (128, 5));
    events.extend(drain(&mut s));
    let firsts: Vec<_> = ids
        .iter()
        .map(|id| events.iter().position(|e| matches!(e, Event::Token { request, .. } if request == id)).unwrap())
        .collect();
    assert!(firsts.is_sorted(), "{firsts:?}");
    // While two run, neither gets a token more than the other after the second has its first.
    let both: Vec<_> =
        events.iter().filter_map(|e| if let Event::Token { request, .. } = e { Some(*request) } else { None }).collect();
    let (mut a, mut b) = (0_i32, 0_i32);
    for id in &both[..8] {
        if *id == ids[0] {
            a += 1
        } else {
            b += 1
        }
        assert!((a - b).abs() <= 1);
    }
}

#[test]
fn a_cancelled_request_frees_its_slot() {
    let Some(file) = data(MODEL) else { return };
    let mut s = one(file, 64, 1);
    let (a, b, c) =
        (s.submit(request(&ONCE, 50)).unwrap(), s.submit(request(&ONCE, 50)).unwrap(), s.submit(request(&ONCE, 3)).unwrap());
    let mut events = Vec::new();
    for _ in 0..4 {
        s.step(&mut events);
    }
    s.cancel(a);
    s.cancel(b);
    s.cancel(RequestId(99));
    let before = of(&events, a);
    events.extend(drain(&mut s));
    assert_eq!(of(&events, a), before, "no token after the cancellation");
    assert_eq!((end(&events, a), end(&events, b)), (vec![FinishReason::Cancelled], vec![FinishReason::Cancelled]));
    assert_eq!((of(&events, c), end(&events, c)), (oracle()[..3].to_vec(), vec![FinishReason::MaxTokens]));
    s.cancel(c);
    assert!(!s.step(&mut events), "it had finished");
}

#[test]
fn a_known_beginning_is_not_computed_again() {
    let Some(file) = data(MODEL) else { return };
    let follow_up: Vec<u32> = ONCE.into_iter().chain(oracle()[..20].iter().copied()).chain([403, 407]).collect();
    let ask = GenerateRequest { top_logprobs: Some(5), ..request(&follow_up, 30) };
    let run = |s: &mut Scheduler, ask: &GenerateRequest| {
        s.submit(ask.clone()).unwrap();
        let events = drain(s);
        let timings =
            events.iter().find_map(|e| if let Event::Finished { timings, .. } = e { Some(*timings) } else { None }).unwrap();
        let said: Vec<_> = events
            .iter()
            .filter_map(|e| if let Event::Token { token, top, .. } = e { Some((*token, top.clone())) } else { None })
            .collect();
        (timings, said)
    };
    let (fresh, want) = run(&mut one(file, 128, 1), &ask);
    assert_eq!((fresh.cached_tokens, fresh.prompt_tokens), (0, 27));
    let mut s = one(file, 128, 2);
    run(&mut s, &request(&ONCE, 20));
    let (reused, got) = run(&mut s, &ask);
    // All but the last token of the first answer is in the cache: it was drawn, but never computed.
    assert_eq!((reused.cached_tokens, reused.prompt_tokens), (24, 3));
    assert_eq!(got, want, "to the last bit");
    // The very same prompt: all but its last token.
    let (again, got) = run(&mut s, &ask);
    assert_eq!((again.cached_tokens, again.prompt_tokens), (26, 1));
    assert_eq!(got, want);
    // Something else takes the other slot, so that this one stays warm.
    let (other, _) = run(&mut s, &request(&[5, 6, 7], 5));
    assert_eq!(other.cached_tokens, 0);
    assert_eq!(run(&mut s, &ask).0.cached_tokens, 26);
}

#[test]
fn timings_and_progress_add_up() {
    let Some(file) = data(MODEL) else { return };
    let mut s = one(file, 512, 1);
    let prompt: Vec<u32> = (0..300).map(|n| 259 + n % 200).collect();
    s.submit(GenerateRequest { top_logprobs: Some(3), ..request(&prompt, 5) }).unwrap();
    let events = drain(&mut s);
    let progress: Vec<_> = events
        .iter()
        .filter_map(|e| if let Event::Prefill { processed, total, .. } = e { Some((*processed, *total)) } else { None })
        .collect();
    assert!(progress.len() > 1 && progress.is_sorted() && progress.iter().all(|p| p.1 == 300));
    assert_eq!(progress.last(), Some(&(300, 300)));
    let Some(Event::Finished { timings, .. }) = events.last() else { panic!("no end") };
    assert_eq!((timings.prompt_tokens, timings.generated_tokens), (300, 5));
    assert!(timings.prompt_ticks > 0 && timings.generate_ticks > 0 && timings.first_token_ticks >= timings.prompt_ticks);
    for event in &events {
        if let Event::Token { token, top, .. } = event {
            assert_eq!(top.len(), 3);
            assert_eq!(top[0], *token, "greedy takes the likeliest");
            assert!(token.logprob <= 0.0);
        }
    }
}
