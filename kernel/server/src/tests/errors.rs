//! Errors: checks 11 to 20.

use super::client::*;
use crate::{Config, Limits};
use alloc::format;
use alloc::string::ToString;
use serde_json::{Value, json};

const INVALID: &str = "invalid_request_error";

fn error_of(reply: &Reply) -> (u16, Value, Value) {
    let (kind, param, code) = reply.error();
    if reply.status == 400 || reply.status == 404 {
        assert_eq!(kind, INVALID);
    }
    (reply.status, param, code)
}

#[test]
fn check_11_errors_have_all_four_members() {
    let mut client = Client::new();
    for reply in [client.get("/nowhere"), client.post(CHAT, "{"), client.post("/health", "")] {
        let json = reply.json();
        let error = json["error"].as_object().unwrap();
        let mut names: alloc::vec::Vec<_> = error.keys().map(ToString::to_string).collect();
        names.sort();
        assert_eq!(names, ["code", "message", "param", "type"]);
    }
}

#[test]
fn check_12_bad_json_is_400() {
    let mut client = Client::new();
    for body in ["", "{", "[]", "null", "\"a\"", "{}x", "{\"messages\":[}", "{'a':1}", "\u{feff}{}", "{\"prompt\":\"\t\"}"] {
        for path in [CHAT, TEXT, "/tokenize", "/detokenize", "/apply-template"] {
            assert_eq!(error_of(&client.post(path, body)).0, 400, "{body}");
        }
    }
    let mut bytes = post(TEXT, r#"{"prompt":"?"}"#).into_bytes();
    *bytes.iter_mut().rev().nth(2).unwrap() = 0xff;
    assert_eq!(client.request(&bytes).status, 400);
}

#[test]
fn check_13_a_wrong_type_is_400_and_names_the_parameter() {
    let mut client = Client::new();
    let chat = |field: &str| format!(r#"{{"messages":[{{"role":"user","content":"hi"}}],{field}}}"#);
    for (field, param) in [
        (r#""temperature":"hot""#, "temperature"),
        (r#""top_p":[]"#, "top_p"),
        (r#""max_tokens":1.5"#, "max_tokens"),
        (r#""max_completion_tokens":"9""#, "max_completion_tokens"),
        (r#""stream":"yes""#, "stream"),
        (r#""stop":5"#, "stop"),
        (r#""stop":["a",5]"#, "stop"),
        (r#""seed":1.5"#, "seed"),
        (r#""model":7"#, "model"),
        (r#""logprobs":3"#, "logprobs"),
        (r#""stream":true,"stream_options":7"#, "stream_options"),
        (r#""stream":true,"stream_options":{"include_usage":7}"#, "stream_options.include_usage"),
        (r#""response_format":"json""#, "response_format"),
        (r#""messages":"hi""#, "messages"),
        (r#""messages":[7]"#, "messages[0]"),
        (r#""messages":[{"role":7,"content":""}]"#, "messages[0].role"),
        (r#""messages":[{"content":""}]"#, "messages[0].role"),
        (r#""messages":[{"role":"king","content":""}]"#, "messages[0].role"),
        (r#""messages":[{"role":"user"}]"#, "messages[0].content"),
        (r#""messages":[{"role":"user","content":7}]"#, "messages[0].content"),
        (r#""messages":[{"role":"user","content":[{"type":"text"}]}]"#, "messages[0].content[0].text"),
        (r#""messages":[{"role":"user","content":[{"type":"image_url"}]}]"#, "messages[0].content[0].type"),
        (r#""messages":[]"#, "messages"),
        (r#""messages":null"#, "messages"),
    ] {
        let reply = client.post(CHAT, &chat(field));
        assert_eq!((reply.status, reply.error().1), (400, json!(param)), "{field}");
    }
    for (prompt, status) in
        [("5", 400), ("[]", 400), ("[\"a\",5]", 400), ("[-1]", 400), ("[258]", 400), ("[[]]", 400), ("{}", 400)]
    {
        let reply = client.post(TEXT, &format!(r#"{{"prompt":{prompt}}}"#));
        assert_eq!((reply.status, reply.error().1), (status, json!("prompt")), "{prompt}");
    }
    assert_eq!(client.post(TEXT, "{}").error().1, "prompt");
}

#[test]
fn check_14_an_unknown_model_is_404() {
    let mut client = Client::new();
    let with = |model: &str| format!(r#"{{"prompt":"a","model":"{model}"}}"#);
    assert_eq!(error_of(&client.post(TEXT, &with("gpt-9"))), (404, json!("model"), json!("model_not_found")));
    assert_eq!(error_of(&client.get("/v1/models/gpt-9")).0, 404);
    for name in ["echo-1", "echo", "default"] {
        let reply = client.post(TEXT, &with(name));
        assert_eq!((reply.status, &reply.json()["model"]), (200, &json!("echo-1")));
    }
}

#[test]
fn check_15_wrong_paths_and_methods() {
    let mut client = Client::new();
    assert_eq!(error_of(&client.get("/v1/nothing")), (404, Value::Null, json!("unknown_url")));
    let reply = client.get(CHAT);
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST, OPTIONS")));
    let reply = client.request(b"DELETE /v1/models HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    // The body of a request that is refused is read all the same: the next one is understood.
    let id = client.open();
    client.send(id, [post("/nowhere", "{}"), get("/health")].concat().as_bytes(), 11);
    let replies = parse_all(&client.take(id));
    assert_eq!((replies[0].status, replies[1].status), (404, 200));
}

#[test]
fn check_16_oversize_is_413_and_the_client_gets_to_read_it() {
    let limits = Limits { body_bytes: 1000, ..Limits::default() };
    let mut client = Client::with(Config { limits, ..Config::default() });
    let id = client.open();
    client.send(id, post(TEXT, &"a".repeat(100_000)).as_bytes(), 5000);
    let output = client.take(id);
    let reply = parse(&output).0;
    assert_eq!((reply.status, reply.header("connection")), (413, Some("close")));
    assert!(!client.server.wants_close(id), "a reset now could overtake the answer");
    client.server.peer_closed(id);
    assert!(client.server.wants_close(id));
}

#[test]
fn check_17_a_prompt_that_does_not_fit_is_400() {
    let mut client = Client::new();
    let expected = |param: &str| (400, json!(param), json!("context_length_exceeded"));
    // 600 bytes are 600 tokens here; 4000 bytes cannot be fewer than 1000 and are not tokenized at all.
    for length in [600, 4000] {
        let text = "a".repeat(length);
        assert_eq!(error_of(&client.post(TEXT, &format!(r#"{{"prompt":"{text}"}}"#))), expected("prompt"));
        let chat = format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}]}}"#);
        assert_eq!(error_of(&client.post(CHAT, &chat)), expected("messages"));
    }
}

#[test]
fn check_18_busy_is_429_and_loading_503() {
    let mut client = Client::new();
    let waiting: alloc::vec::Vec<_> = (0..4).map(|_| client.open()).collect();
    for id in &waiting {
        client.send(*id, post(TEXT, r#"{"prompt":"abc"}"#).as_bytes(), 99);
    }
    let fifth = client.open();
    client.send(fifth, post(TEXT, r#"{"prompt":"abc","stream":true}"#).as_bytes(), 99);
    let output = client.take(fifth);
    let reply = parse(&output).0;
    assert_eq!(reply.error(), ("rate_limit_error".into(), Value::Null, json!("server_busy")));
    assert_eq!((reply.status, reply.header("retry-after-ms"), reply.header("retry-after")), (429, Some("1000"), Some("1")));
    client.settle();
    for id in waiting {
        assert_eq!(parse(&client.take(id)).0.status, 200);
    }
    client.server.backend_mut().loading = true;
    let reply = client.get("/health");
    assert_eq!(reply.status, 503);
    assert_eq!(reply.json(), json!({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}));
    for reply in [client.get("/v1/models"), client.post(CHAT, "{}"), client.get("/props")] {
        assert_eq!((reply.status, reply.header("retry-after-ms")), (503, Some("500")));
        assert_eq!((reply.error().0.as_str(), reply.header("x-should-retry")), ("unavailable_error", None));
    }
    assert_eq!((client.get("/metrics").status, client.get("/").status), (200, 200));
}

#[test]
fn check_19_no_retry_where_none_helps() {
    let mut client = Client::new();
    let chat = |content: &str| format!(r#"{{"messages":[{{"role":"user","content":"{content}"}}]}}"#);
    let reply = client.post(CHAT, &chat("unknown template"));
    assert_eq!((reply.status, reply.header("x-should-retry")), (501, Some("false")));
    assert_eq!(client.post(CHAT, &chat("impossible")).error().1, "messages");
    let coding = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n";
    let reply = client.request(coding);
    assert_eq!((reply.status, reply.header("x-should-retry")), (501, Some("false")));
}

#[test]
fn check_20_a_failure_in_mid_stream_is_an_event() {
    let mut client = Client::new();
    let (streaming, waiting) = (client.open(), client.open());
    client.send(streaming, post(TEXT, r#"{"prompt":"abcdef","stream":true}"#).as_bytes(), 99);
    client.send(waiting, post(TEXT, r#"{"prompt":"abcdef"}"#).as_bytes(), 99);
    client.wait(1);
    client.wait(1);
    client.server.abandon("The model is being replaced.");
    let output = client.take(streaming);
    let events = parse(&output).0.events();
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["message"], "The model is being replaced.");
    assert_eq!(last["error"]["type"], "unavailable_error");
    assert_eq!(parse(&client.take(waiting)).0.status, 503);
    client.settle();
    assert_eq!(client.server.generations(), 0);
}

#[test]
fn a_generation_that_the_engine_lost_is_told_so() {
    let mut client = Client::new();
    let id = client.open();
    client.send(id, post(TEXT, r#"{"prompt":"abcdef"}"#).as_bytes(), 99);
    client.server.backend_mut().echo = crate::fake::Echo::default();
    client.settle();
    assert_eq!(parse(&client.take(id)).0.status, 500);
}
