//! Event streams: checks 21 to 30.

use super::client::*;
use crate::config::SECOND_NS;
use crate::fake::BEGIN;
use crate::{Config, Limits};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde_json::{Value, json};

fn chat(content: &str, more: &str) -> String {
    format!(r#"{{"messages":[{{"role":"user","content":{}}}],"stream":true{more}}}"#, json!(content))
}

fn content(chunks: &[Value]) -> String {
    chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
}

#[test]
fn check_21_and_22_events_are_framed_as_clients_read_them() {
    let reply = Client::new().post(CHAT, &chat("hi", ""));
    assert_eq!((reply.status, reply.header("transfer-encoding")), (200, Some("chunked")));
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert_eq!(reply.header("content-length"), None);
    assert!(reply.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(content(&reply.chunks()), "Uhi\n");
}

#[test]
fn every_token_is_sent_when_it_is_drawn() {
    let mut client = Client::new();
    let id = client.open();
    client.send(id, post(TEXT, r#"{"prompt":"abcd","stream":true}"#).as_bytes(), 99);
    client.take(id);
    client.wait(1);
    let texts: Vec<_> = (0..4)
        .map(|_| {
            client.wait(1);
            let output = client.take(id);
            let text = String::from_utf8(output).unwrap();
            let json: Value = serde_json::from_str(text.split_once("data: ").unwrap().1.trim_end()).unwrap();
            String::from(json["choices"][0]["text"].as_str().unwrap())
        })
        .collect();
    assert_eq!(texts, ["a", "b", "c", "d"]);
}

#[test]
fn check_23_to_25_chunks_have_role_index_identity_and_one_finish_reason() {
    let chunks = Client::new().post(CHAT, &chat("hi", "")).chunks();
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({ "role": "assistant", "content": "" }));
    for chunk in &chunks {
        assert_eq!(chunk["choices"][0]["index"], json!(0));
        assert_eq!(chunk["object"], "chat.completion.chunk");
        for name in ["id", "created", "model", "system_fingerprint"] {
            assert_eq!(chunk[name], chunks[0][name]);
        }
        assert_eq!(chunk.get("usage"), None);
    }
    assert_eq!((&chunks[0]["created"], &chunks[0]["model"]), (&json!(1_763_900_000), &json!("echo-1")));
    let (last, others) = chunks.split_last().unwrap();
    assert!(others.iter().all(|chunk| chunk["choices"][0]["finish_reason"].is_null()));
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(last["choices"][0]["delta"], json!({}));
    assert_eq!(last["timings"]["predicted_n"], 4);
}

#[test]
fn check_26_headers_come_before_prefill_and_silence_is_broken() {
    let mut client = Client::new();
    // Two slots are taken, so the third request waits and hears nothing from the engine.
    for _ in 0..2 {
        let id = client.open();
        client.send(id, post(TEXT, &format!(r#"{{"prompt":"{}","max_tokens":400}}"#, "a".repeat(200))).as_bytes(), 999);
    }
    let id = client.open();
    client.send(id, post(CHAT, &chat("hi", "")).as_bytes(), 999);
    let text = String::from_utf8(client.take(id)).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains(r#""role":"assistant""#));
    client.wait(14 * SECOND_NS);
    assert_eq!(client.take(id), b"");
    client.wait(2 * SECOND_NS);
    assert_eq!(client.take(id), b"8\r\n: ping\n\n\r\n");
    client.wait(14 * SECOND_NS);
    assert_eq!(client.take(id), b"");
}

#[test]
fn check_27_characters_arrive_whole() {
    let chunks = Client::new().post(CHAT, &chat("aé😀", "")).chunks();
    let texts: Vec<_> = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(texts, ["", "U", "a", "é", "😀", "\n"]);
    // An answer that ends inside of one says so.
    let cut = Client::new().post(CHAT, &chat("aé😀", r#","max_tokens":6"#)).chunks();
    assert_eq!(content(&cut), "Uaé\u{fffd}");
}

#[test]
fn check_28_stop_strings_are_held_back_and_not_shown() {
    for (stop, expected, reason) in [
        (r#""lo w""#, "Uhel", "stop"),
        (r#"["xyz","o"]"#, "Uhell", "stop"),
        (r#""worldly""#, "Uhello world\n", "stop"),
        (r#"[]"#, "Uhello world\n", "stop"),
    ] {
        let mut client = Client::new();
        let reply = client.post(CHAT, &chat("hello world", &format!(r#","stop":{stop}"#)));
        let chunks = reply.chunks();
        assert_eq!(content(&chunks), expected);
        assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], reason);
        assert!(!client.server.poll(client.now), "the engine has stopped too");
        let body = chat("hello world", &format!(r#","stop":{stop}"#)).replace(r#""stream":true"#, r#""stream":false"#);
        assert_eq!(client.post(CHAT, &body).json()["choices"][0]["message"]["content"], expected);
    }
}

#[test]
fn check_29_usage_comes_last_where_it_is_asked_for() {
    let chunks = Client::new().post(CHAT, &chat("hi", r#","stream_options":{"include_usage":true}"#)).chunks();
    let (last, others) = chunks.split_last().unwrap();
    assert!(others.iter().all(|chunk| chunk.get("usage") == Some(&Value::Null)));
    assert_eq!(last["choices"], json!([]));
    let expected = json!({
        "prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9, "prompt_tokens_details": { "cached_tokens": 1 },
    });
    assert_eq!(last["usage"], expected);
    let none = Client::new().post(CHAT, &chat("hi", r#","stream_options":{}"#)).chunks();
    assert!(none.iter().all(|chunk| chunk.get("usage").is_none()));
    let body = chat("hi", r#","stream_options":{"include_usage":true}"#).replace(r#""stream":true"#, r#""stream":false"#);
    assert_eq!(Client::new().post(CHAT, &body).error().1, "stream_options");
}

#[test]
fn check_30_a_client_that_leaves_frees_its_slot() {
    let long = post(TEXT, &format!(r#"{{"prompt":"{}","max_tokens":500,"stream":true}}"#, "a".repeat(240)));
    for leave in ["closed", "reset"] {
        let mut client = Client::new();
        let ids: Vec<_> = (0..4).map(|_| client.open()).collect();
        for id in &ids {
            client.send(*id, long.as_bytes(), 999);
        }
        client.wait(1);
        let fifth = client.open();
        client.send(fifth, post(TEXT, r#"{"prompt":"a"}"#).as_bytes(), 999);
        let output = client.take(fifth);
        assert_eq!(parse(&output).0.status, 429);
        for id in ids {
            if leave == "closed" {
                client.server.peer_closed(id);
                assert!(!client.server.wants_close(id), "it may still listen");
                assert_eq!(client.server.generations(), 4);
            }
            // What was sent to it came back as a reset.
            client.server.close(id);
        }
        // One step, and the slots are free; nothing was generated for nobody.
        client.wait(1);
        assert_eq!(client.server.generations(), 0);
        assert_eq!(client.post(TEXT, r#"{"prompt":"a"}"#).status, 200);
        assert!(client.get("/metrics").text().contains("ring0_requests_cancelled_total 4\n"));
    }
}

#[test]
fn a_client_that_closes_its_own_direction_gets_its_answers() {
    let body = r#"{"prompt":"abcd","max_tokens":4,"stream":STREAM}"#;
    for stream in ["false", "true"] {
        let mut client = Client::new();
        let id = client.open();
        // Two requests, the end of input, and only then the first token.
        let both = post(TEXT, &body.replace("STREAM", stream)) + &get("/health");
        client.send(id, both.as_bytes(), 999);
        client.server.peer_closed(id);
        assert!(!client.server.wants_close(id) && client.server.generations() == 1);
        client.settle();
        let output = client.take(id);
        let (first, rest) = parse(&output);
        assert_eq!((first.status, parse(rest).0.status, parse(rest).1.len()), (200, 200, 0));
        assert!(first.text().contains("completion_tokens") || first.text().ends_with("data: [DONE]\n\n"), "{}", first.text());
        assert!(client.server.wants_close(id), "nothing more can come");
    }
    // Half a request has no answer.
    let mut client = Client::new();
    let id = client.open();
    client.send(id, &post(TEXT, body).as_bytes()[..40], 999);
    client.server.peer_closed(id);
    assert!(client.server.wants_close(id) && client.server.output(id).is_empty());
}

#[test]
fn who_may_be_gone_gives_way_to_who_is_there() {
    let long = post(TEXT, &format!(r#"{{"prompt":"{}","max_tokens":500}}"#, "a".repeat(240)));
    let mut client = Client::new();
    let ids: Vec<_> = (0..4).map(|_| client.open()).collect();
    for id in &ids {
        client.send(*id, long.as_bytes(), 999);
    }
    client.server.peer_closed(ids[2]);
    client.wait(1);
    assert_eq!(client.server.generations(), 4, "while nobody wants the slot, it goes on");
    let fifth = client.open();
    client.send(fifth, post(TEXT, r#"{"prompt":"a"}"#).as_bytes(), 999);
    assert!(client.server.wants_close(ids[2]), "no slot was free");
    assert!(ids.iter().filter(|id| client.server.wants_close(**id)).count() == 1, "the others are not touched");
    client.settle();
    for id in [ids[0], ids[1], ids[3]] {
        let output = client.take(id);
        assert_eq!(parse(&output).0.status, 200);
    }
}

#[test]
fn a_reader_that_stalls_is_given_up() {
    let limits = Limits { output_bytes: 4000, ..Limits::default() };
    let body = format!(r#"{{"prompt":"{}","max_tokens":500,"stream":true}}"#, "a".repeat(240));
    // It reads nothing, and too much piles up.
    let mut client = Client::with(Config { limits, ..Config::default() });
    let id = client.open();
    client.send(id, post(TEXT, &body).as_bytes(), 999);
    client.settle();
    assert!(client.server.wants_close(id) && client.server.output(id).is_empty());
    assert_eq!(client.server.generations(), 0);
    // It reads nothing for a minute.
    let mut client = Client::new();
    let id = client.open();
    client.send(id, post(TEXT, &body).as_bytes(), 999);
    for _ in 0..3 {
        client.wait(25 * SECOND_NS);
    }
    assert!(client.server.wants_close(id));
    client.settle();
    assert_eq!(client.server.generations(), 0);
}

#[test]
fn progress_and_timings_are_streamed_where_they_are_asked_for() {
    let text = "a".repeat(40);
    let chunks = Client::new().post(CHAT, &chat(&text, r#","return_progress":true,"timings_per_token":true"#)).chunks();
    let processed: Vec<_> = chunks.iter().filter_map(|c| c["prompt_progress"]["processed"].as_u64()).collect();
    assert_eq!(processed, [16, 32, 43]);
    assert!(chunks.iter().filter(|c| c["choices"][0]["delta"]["content"] == "a").all(|c| c["timings"]["predicted_n"].is_u64()));
    let plain = Client::new().post(CHAT, &chat(&text, "")).chunks();
    assert!(plain.iter().all(|c| c.get("prompt_progress").is_none()));
}

#[test]
fn http_1_0_streams_end_with_the_connection() {
    let mut client = Client::new();
    let request = post(CHAT, &chat("hi", "")).replace("HTTP/1.1", "HTTP/1.0");
    let id = client.open();
    client.send(id, request.as_bytes(), 99);
    client.settle();
    let output = client.take(id);
    let reply = parse(&output).0;
    assert_eq!((reply.header("transfer-encoding"), reply.header("connection")), (None, Some("close")));
    assert_eq!(content(&reply.chunks()), "Uhi\n");
    assert!(client.server.wants_close(id));
}

#[test]
fn control_tokens_are_not_shown() {
    let body = format!(r#"{{"prompt":[{BEGIN},97,{BEGIN},98]}}"#);
    assert_eq!(Client::new().post(TEXT, &body).json()["choices"][0]["text"], "ab");
}

#[test]
fn events_of_others_are_passed_on() {
    use crate::backend::{Backend, Language};
    use ring0_engine::api::{Event, GenerateRequest, Sampling};
    let mut client = Client::new();
    let request = GenerateRequest {
        prompt: Vec::from([97]),
        max_tokens: 1,
        sampling: Sampling::GREEDY,
        end_tokens: Vec::new(),
        top_logprobs: None,
    };
    let fake = client.server.backend_mut();
    let id = fake.language().map(Language::generator).unwrap().submit(request).unwrap();
    client.settle();
    let others = &client.server.backend().others;
    assert!(matches!(others.last(), Some(Event::Finished { request, .. }) if *request == id));
}
