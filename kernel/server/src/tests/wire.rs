//! HTTP: checks 1 to 10, and bounds.

use super::client::*;
use crate::config::SECOND_NS;
use crate::{Config, Limits};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::println;

const HI: &str = r#"{"messages":[{"role":"user","content":"hi"}]}"#;

#[test]
fn check_01_a_connection_serves_one_request_after_another() {
    let mut client = Client::new();
    let id = client.open();
    for _ in 0..3 {
        client.send(id, post(CHAT, HI).as_bytes(), 7);
        client.settle();
        let output = client.take(id);
        let (reply, rest) = parse(&output);
        assert_eq!((reply.status, rest.len(), reply.header("connection")), (200, 0, None));
        assert_eq!(reply.json()["choices"][0]["message"]["content"], "Uhi\n");
        assert!(!client.server.wants_close(id));
    }
}

#[test]
fn check_01_connection_close_and_http_1_0_are_honoured() {
    for request in [
        "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /health HTTP/1.0\r\n\r\n",
        "GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    ] {
        let mut client = Client::new();
        let id = client.open();
        client.send(id, request.as_bytes(), 100);
        assert!(!client.server.wants_close(id), "not before the answer is out");
        let output = client.take(id);
        let reply = parse(&output).0;
        assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
        assert!(client.server.wants_close(id));
    }
}

#[test]
fn check_02_pipelined_requests_are_all_answered_in_order() {
    let mut client = Client::new();
    let id = client.open();
    let stream = HI.replace("{\"m", "{\"stream\":true,\"m");
    let all = [get("/health"), post(CHAT, HI), post(CHAT, &stream), get("/v1/models"), post(TEXT, r#"{"prompt":"x"}"#)];
    client.send(id, all.concat().as_bytes(), usize::MAX);
    client.settle();
    let replies = parse_all(&client.take(id));
    assert_eq!(replies.len(), 5);
    assert_eq!(replies[0].json()["status"], "ok");
    assert_eq!(replies[1].json()["object"], "chat.completion");
    assert_eq!(replies[2].chunks().last().unwrap()["choices"][0]["finish_reason"], "stop");
    assert_eq!(replies[3].json()["object"], "list");
    assert_eq!(replies[4].json()["choices"][0]["text"], "x");
}

/// Checks 3 and 5: the same bytes give the same answers however they are cut.
#[test]
fn check_03_and_05_segmentation_changes_nothing() {
    let chunked = format!("POST {CHAT} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: CHUNKED\r\nexpect: 100-continue\r\n\r\n");
    let (first, second) = HI.split_at(20);
    let chunked = format!("{chunked}{:x}\r\n{first}\r\n{:X};a=b\r\n{second}\r\n0\r\n\r\n", first.len(), second.len());
    let all = ["\r\n".to_string(), get("/v1/models/none"), chunked, post(TEXT, r#"{"prompt":"é","seed":1}"#), get("/")].concat();
    let run = |cuts: &mut dyn FnMut() -> usize| {
        let mut client = Client::new();
        let id = client.open();
        let mut rest = all.as_bytes();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cuts().clamp(1, rest.len()));
            client.send(id, piece, piece.len());
            rest = after;
        }
        client.settle();
        client.take(id)
    };
    let whole = run(&mut || usize::MAX);
    let statuses: Vec<_> = parse_all(&whole).iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [404, 200, 200, 200]);
    assert!(String::from_utf8_lossy(&whole).contains("HTTP/1.1 100 Continue\r\n\r\n"));
    // Timings depend on when the server looks at the clock: it looks once for each request and event, whatever the cuts.
    assert_eq!(run(&mut || 1), whole);
    let mut random = 12345u64;
    for _ in 0..200 {
        let mut cut = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) as usize % 60
        };
        assert_eq!(run(&mut cut), whole);
    }
}

#[test]
fn check_04_continue_is_sent_before_the_body_and_not_for_a_lost_cause() {
    let expect = |path: &str, length: usize| {
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nExpect: 100-Continue\r\n\r\n")
    };
    let mut client = Client::new();
    let id = client.open();
    client.send(id, expect(CHAT, HI.len()).as_bytes(), 1);
    assert_eq!(client.take(id), b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send(id, HI.as_bytes(), 1);
    client.settle();
    assert_eq!(parse(&client.take(id)).0.status, 200);
    for (request, status) in [(expect("/nowhere", 9), 404), (expect("/health", 9), 405), (expect(CHAT, 1 << 30), 413)] {
        let id = client.open();
        client.send(id, request.as_bytes(), 99);
        assert_eq!(parse(&client.take(id)).0.status, status);
        client.wait(3 * SECOND_NS);
        assert!(client.server.wants_close(id));
    }
}

#[test]
fn check_06_browsers_may_ask_and_read() {
    let mut client = Client::new();
    let reply = client.request(
        b"OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nAccess-Control-Request-Method: POST\r\n\
          Access-Control-Request-Headers: authorization,x-stainless-os\r\n\r\n",
    );
    assert_eq!((reply.status, reply.header("content-length")), (204, None));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-allow-headers"), Some("authorization,x-stainless-os"));
    assert!(reply.header("access-control-allow-methods").unwrap().contains("POST"));
    assert_eq!(client.get("/v1/models").header("access-control-allow-origin"), Some("*"));
    assert_eq!(client.get("/nowhere").header("access-control-allow-origin"), Some("*"));
    let spoof = b"OPTIONS / HTTP/1.1\r\nHost: a\r\nAccess-Control-Request-Headers: a:b\r\n\r\n";
    assert_eq!(client.request(spoof).header("access-control-allow-headers"), Some("authorization, content-type"));
}

#[test]
fn check_07_json_is_labelled_as_such() {
    let mut client = Client::new();
    for reply in [client.get("/v1/models"), client.post(CHAT, HI), client.get("/nowhere"), client.get("/health")] {
        assert_eq!(reply.header("content-type"), Some("application/json"));
        reply.json();
    }
}

#[test]
fn check_08_stainless_headers_and_unknown_fields_are_ignored() {
    let body = r#"{"messages":[{"role":"user","content":"hi","name":"x"}],"user":"u","metadata":{"a":[1]},"store":true}"#;
    let request = post(CHAT, body).replace("\r\nHost", "\r\nX-Stainless-Lang: js\r\nX-Stainless-Retry-Count: 0\r\nHost");
    assert_eq!(Client::new().request(request.as_bytes()).status, 200);
}

#[test]
fn check_09_a_key_is_asked_for_where_one_is_set() {
    let mut client = Client::with(Config { api_key: Some("sk-1".into()), ..Config::default() });
    let with = |key: &str| get("/v1/models").replace("\r\nHost", &format!("\r\nAuthorization: {key}\r\nHost"));
    for wrong in [get("/v1/models"), with("Bearer sk-2"), with("Bearer sk-"), with("Bearer"), with("Basic sk-1"), get("/x")] {
        let reply = client.request(wrong.as_bytes());
        assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer")));
        assert_eq!(reply.error(), ("authentication_error".into(), None::<u8>.into(), "invalid_api_key".into()));
    }
    assert_eq!(client.request(with("bearer  sk-1 ").as_bytes()).status, 200);
    assert_eq!(client.get("/health").status, 200);
    assert_eq!(client.request(b"OPTIONS /v1/models HTTP/1.1\r\nHost: a\r\n\r\n").status, 204);
}

#[test]
fn check_10_every_answer_has_a_request_id_of_its_own() {
    let mut client = Client::new();
    let replies = [client.get("/health"), client.get("/health"), client.get("/nowhere"), client.post(CHAT, HI)];
    let mut ids: Vec<_> = replies.iter().map(|reply| reply.header("x-request-id").unwrap().to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), replies.len());
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let mut client = Client::new();
    let id = client.open();
    client.send(id, get("/health").replace("GET", "HEAD").as_bytes(), 9);
    client.send(id, get("/health").as_bytes(), 9);
    let text = String::from_utf8(client.take(id)).unwrap();
    let (head, rest) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Content-Length: 15"));
    assert_eq!(parse(rest.as_bytes()).0.json()["status"], "ok");
}

#[test]
fn what_is_no_http_is_told_so_at_once() {
    let mut client = Client::new();
    let id = client.open();
    client.send(id, b"\x16\x03\x01\x02", 1);
    assert_eq!(parse(&client.take(id)).0.status, 400);
    // What follows is dropped until the client has had time to read.
    client.send(id, &[0x80; 100_000], 1000);
    assert!(!client.server.wants_close(id));
    client.wait(3 * SECOND_NS);
    assert!(client.server.wants_close(id));
}

#[test]
fn heads_are_bounded() {
    let mut client = Client::new();
    let limit = Limits::default().head_bytes;
    for step in [1, 100, usize::MAX] {
        for request in [format!("GET /{}", "a".repeat(limit)), get(&format!("/{}", "a".repeat(limit)))] {
            let id = client.open();
            client.send(id, request.as_bytes(), step);
            assert_eq!(parse(&client.take(id)).0.status, 431);
            client.server.close(id);
        }
    }
}

#[test]
fn slow_requests_end_with_408_and_idle_connections_without_a_word() {
    let mut client = Client::new();
    let idle = client.open();
    let head = client.open();
    let body = client.open();
    client.send(body, b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1", 9);
    for byte in b"GET /health HTTP" {
        client.send(head, &[*byte], 1);
        client.wait(2 * SECOND_NS);
    }
    assert_eq!(parse(&client.take(head)).0.status, 408);
    assert_eq!(parse(&client.take(body)).0.status, 408);
    assert!(!client.server.wants_close(idle));
    client.wait(80 * SECOND_NS);
    assert!(client.server.wants_close(idle) && client.server.output(idle).is_empty());
    assert!(client.server.wants_close(head) && client.server.wants_close(body));
}

#[test]
fn connections_are_bounded() {
    let mut client = Client::with(Config { limits: Limits { connections: 2, ..Limits::default() }, ..Config::default() });
    let first = client.open();
    client.open();
    let third = client.open();
    let output = client.take(third);
    let reply = parse(&output).0;
    assert_eq!((reply.status, reply.header("retry-after-ms")), (503, Some("1000")));
    client.wait(3 * SECOND_NS);
    assert!(client.server.wants_close(third) && !client.server.wants_close(first));
    client.server.close(third);
    client.server.close(first);
    assert_eq!(client.get("/health").status, 200);
}

#[test]
fn bodies_are_bounded_together() {
    let limits = Limits { all_bodies_bytes: 1000, ..Limits::default() };
    let mut client = Client::with(Config { limits, ..Config::default() });
    let head = b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n";
    let (a, b) = (client.open(), client.open());
    for id in [a, b] {
        client.send(id, head, 99);
        client.send(id, &[b' '; 800], 99);
    }
    assert_eq!(client.server.output(a), b"");
    assert_eq!(parse(&client.take(b)).0.status, 503);
}

#[test]
fn input_waits_while_an_answer_is_made_and_output_while_nobody_reads() {
    let limits = Limits { output_bytes: 1000, ..Limits::default() };
    let mut client = Client::with(Config { limits, ..Config::default() });
    let id = client.open();
    let many = get("/health").repeat(10_000);
    let mut taken = 0;
    while taken < many.len() {
        let count = client.server.receive(id, &many.as_bytes()[taken..]);
        taken += count;
        if count == 0 {
            break;
        }
    }
    assert!(taken < 40_000, "took {taken} bytes");
    assert!(client.server.output(id).len() < 2000);
    // The rest follows as the answers are read.
    let mut answers = Vec::new();
    while taken < many.len() || !client.server.output(id).is_empty() {
        let mut output = client.take(id);
        answers.append(&mut output);
        taken += client.server.receive(id, &many.as_bytes()[taken..]);
    }
    assert_eq!(parse_all(&answers).len(), 10_000);
}

#[test]
fn the_other_pages_tell_what_is_so() {
    let mut client = Client::new();
    assert!(client.get("/").text().contains("echo-1"));
    assert_eq!(client.get("/props").json()["default_generation_settings"]["n_ctx"], 512);
    assert_eq!(client.get("/slots").json(), serde_json::json!([]));
    let tokens = client.post("/tokenize", r#"{"content":"<s>é"}"#).json();
    assert_eq!(tokens, serde_json::json!({ "tokens": [257, 195, 169] }));
    let pieces = client.post("/tokenize", r#"{"content":"aé","with_pieces":true,"add_special":true}"#).json();
    assert_eq!(pieces["tokens"][0], serde_json::json!({ "id": 257, "piece": "<s>" }));
    assert_eq!(pieces["tokens"][2], serde_json::json!({ "id": 195, "piece": [195] }));
    let plain = client.post("/tokenize", r#"{"content":"<s>","parse_special":false}"#).json();
    assert_eq!(plain["tokens"].as_array().unwrap().len(), 3);
    assert_eq!(client.post("/detokenize", r#"{"tokens":[195,169,10]}"#).json()["content"], "é\n");
    assert_eq!(client.post("/detokenize", r#"{"tokens":[999]}"#).status, 400);
    assert_eq!(client.post("/apply-template", HI).json()["prompt"], "<s>Uhi\n");
    let big = format!(r#"{{"content":"{}"}}"#, "a".repeat(300_000));
    assert_eq!(client.post("/tokenize", &big).status, 413);
}

#[test]
fn metrics_count_what_happened() {
    let mut client = Client::new();
    let value = |client: &mut Client, name: &str| -> f64 {
        let reply = client.get("/metrics");
        assert!(reply.header("content-type").unwrap().starts_with("text/plain"));
        let line = reply.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(ToString::to_string));
        line.unwrap().parse().unwrap()
    };
    client.post(CHAT, HI);
    client.post(CHAT, "{");
    println!("{}", client.get("/metrics").text());
    // "<s>Uhi\n" is 5 tokens, of which the fake finds one cached; it says 4.
    assert_eq!(value(&mut client, "llamacpp:prompt_tokens_total"), 4.0);
    assert_eq!(value(&mut client, "llamacpp:tokens_predicted_total"), 4.0);
    assert_eq!(value(&mut client, "ring0_http_refusals_total"), 1.0);
    assert_eq!(value(&mut client, "llamacpp:requests_processing"), 0.0);
    // Prometheus' names: letters, digits, underscores, colons.
    for line in client.get("/metrics").text().lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(' ').next().unwrap();
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:".contains(&b)), "{line}");
    }
}
