//! Parameters: checks 31 to 40.

use super::client::*;
use crate::Config;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Value, json};

fn chat(more: &str) -> String {
    format!(r#"{{"messages":[{{"role":"user","content":"hello"}}]{more}}}"#)
}

fn text(more: &str) -> String {
    format!(r#"{{"prompt":"hello"{more}}}"#)
}

#[test]
fn check_31_the_newer_limit_wins() {
    let mut client = Client::new();
    for (more, tokens, reason) in [
        (r#","max_tokens":2"#, 2, "length"),
        (r#","max_tokens":2,"max_completion_tokens":3"#, 3, "length"),
        (r#","max_completion_tokens":3,"max_tokens":null"#, 3, "length"),
        (r#","n_predict":1"#, 1, "length"),
        (r#","max_tokens":-1"#, 7, "stop"),
        (r#","max_tokens":99999999999"#, 7, "stop"),
        ("", 7, "stop"),
    ] {
        let reply = client.post(CHAT, &chat(more)).json();
        let got = (&reply["usage"]["completion_tokens"], &reply["choices"][0]["finish_reason"]);
        assert_eq!(got, (&json!(tokens), &json!(reason)), "{more}");
    }
    for (value, param) in [("0", "max_tokens"), ("-2", "max_tokens")] {
        assert_eq!(client.post(CHAT, &chat(&format!(r#","max_tokens":{value}"#))).error().1, param);
    }
    let long = format!(r#"{{"prompt":"{}"}}"#, "a".repeat(50));
    assert_eq!(client.post(TEXT, &long).json()["usage"]["completion_tokens"], 16, "OpenAI's default");
}

#[test]
fn check_31_a_full_context_is_length_too() {
    let body = format!(r#"{{"prompt":"{}","max_tokens":-1}}"#, "a".repeat(500));
    let reply = Client::new().post(TEXT, &body).json();
    assert_eq!((&reply["choices"][0]["finish_reason"], &reply["usage"]["total_tokens"]), (&json!("length"), &json!(512)));
}

#[test]
fn check_32_stop_is_a_string_or_up_to_four() {
    let mut client = Client::new();
    let with = |stop: &str| text(&format!(r#","stop":{stop}"#));
    assert_eq!(client.post(TEXT, &with(r#""l""#)).json()["choices"][0]["text"], "he");
    assert_eq!(client.post(TEXT, &with(r#"["1","2","3","o"]"#)).json()["choices"][0]["text"], "hell");
    assert_eq!(client.post(TEXT, &with("null")).json()["choices"][0]["text"], "hello");
    assert_eq!(client.post(TEXT, &with(r#"["1","2","3","4","5"]"#)).error().1, "stop");
    assert_eq!(client.post(TEXT, &with(&json!("x".repeat(2000)).to_string())).error().1, "stop");
}

#[test]
fn check_33_the_same_seed_gives_the_same_bytes_alone_and_in_company() {
    let body = r#"{"prompt":"abcdefghijklmnop","seed":SEED,"temperature":1,"max_tokens":12}"#;
    let answer = |client: &mut Client, seed: &str| {
        let reply = client.post(TEXT, &body.replace("SEED", seed)).json();
        assert_eq!(reply["system_fingerprint"], "fp_echo");
        reply["choices"][0]["text"].to_string()
    };
    let mut client = Client::new();
    let alone = answer(&mut client, "7");
    assert_eq!(answer(&mut client, "7"), alone);
    assert_ne!(answer(&mut client, "8"), alone);
    assert_ne!(answer(&mut client, "-7"), alone);
    assert_ne!(answer(&mut client, "null"), answer(&mut client, "null"), "without a seed each answer is drawn anew");
    let ids = [client.open(), client.open(), client.open()];
    for id in ids {
        client.send(id, post(TEXT, &body.replace("SEED", "7")).as_bytes(), 13);
    }
    client.settle();
    for id in ids {
        assert_eq!(parse(&client.take(id)).0.json()["choices"][0]["text"].to_string(), alone);
    }
    let mut fixed = Client::with(Config { seed: Some(7), ..Config::default() });
    assert_eq!(answer(&mut fixed, "null"), alone, "the seed that the server was started with");
}

#[test]
fn check_34_sampling_parameters_are_within_their_ranges() {
    let mut client = Client::new();
    let greedy = client.post(TEXT, &text(r#","temperature":0"#)).json();
    assert_eq!(greedy["choices"][0]["text"], "hello");
    for (name, least, most, below, above) in [
        ("temperature", "0", "2", "-0.1", "2.1"),
        ("top_p", "0", "1", "-0.1", "1.1"),
        ("min_p", "0", "1", "-1e300", "1e300"),
        ("presence_penalty", "-2", "2", "-2.5", "2.5"),
        ("frequency_penalty", "-2", "2", "-2.5", "2.5"),
        ("repeat_penalty", "0.5", "2", "0", "11"),
        ("top_k", "-1", "40", "-2", "1e99"),
        ("repeat_last_n", "-1", "64", "-2", "9999999999"),
    ] {
        for good in [least, most] {
            assert_eq!(client.post(TEXT, &text(&format!(r#","{name}":{good}"#))).status, 200, "{name} {good}");
        }
        for bad in [below, above] {
            let reply = client.post(TEXT, &text(&format!(r#","{name}":{bad}"#)));
            assert_eq!((reply.status, reply.error().1), (400, json!(name)), "{bad}");
        }
    }
}

#[test]
fn check_35_chat_logprobs_have_bytes_and_alternatives() {
    let mut client = Client::new();
    let body = r#"{"messages":[{"role":"user","content":"é"}],"logprobs":true,"top_logprobs":2}"#;
    let reply = client.post(CHAT, body).json();
    let tokens = reply["choices"][0]["logprobs"]["content"].as_array().unwrap();
    assert_eq!(tokens.len(), 4);
    assert_eq!(tokens[0]["token"], "U");
    assert_eq!(tokens[0]["bytes"], json!([0x55]));
    assert_eq!(tokens[0]["top_logprobs"][1], json!({ "token": "V", "logprob": -1.25, "bytes": [0x56] }));
    assert_eq!((&tokens[1]["token"], &tokens[1]["bytes"]), (&json!("\\xc3"), &json!([0xc3])));
    // In a stream the same tokens come with the text that they make.
    let stream = client.post(CHAT, &body.replacen('{', r#"{"stream":true,"#, 1)).chunks();
    let parts = stream.iter().filter_map(|c| c["choices"][0]["logprobs"]["content"].as_array());
    assert_eq!(parts.map(Vec::len).collect::<Vec<_>>(), [1, 2, 1]);
    let none = client.post(CHAT, &body.replace("2}", "0}")).json();
    assert_eq!(none["choices"][0]["logprobs"]["content"][0]["top_logprobs"], json!([]));
    assert_eq!(client.post(CHAT, &chat("")).json()["choices"][0]["logprobs"], Value::Null);
    for more in [r#","top_logprobs":2"#, r#","logprobs":true,"top_logprobs":21"#, r#","logprobs":true,"top_logprobs":-1"#] {
        assert_eq!(client.post(CHAT, &chat(more)).error().1, "top_logprobs");
    }
}

#[test]
fn check_35_completion_logprobs_are_parallel_arrays() {
    let mut client = Client::new();
    let reply = client.post(TEXT, r#"{"prompt":"aé","logprobs":2}"#).json();
    let logprobs = &reply["choices"][0]["logprobs"];
    assert_eq!(logprobs["tokens"], json!(["a", "bytes:\\xc3", "bytes:\\xa9"]));
    assert_eq!(logprobs["token_logprobs"], json!([-0.25, -0.25, -0.25]));
    assert_eq!(logprobs["top_logprobs"][0], json!({ "a": -0.25, "b": -1.25 }));
    assert_eq!(logprobs["text_offset"], json!([0, 1, 1]));
    assert_eq!(client.post(TEXT, &text(r#","logprobs":21"#)).error().1, "logprobs");
}

#[test]
fn check_35_tokens_of_a_stop_string_are_not_reported() {
    let mut client = Client::new();
    let reply = client.post(TEXT, &text(r#","logprobs":0,"stop":"lo""#)).json();
    assert_eq!(reply["choices"][0]["text"], "hel");
    assert_eq!(reply["choices"][0]["logprobs"]["tokens"], json!(["h", "e", "l"]));
}

#[test]
fn check_36_one_choice_only() {
    let mut client = Client::new();
    assert_eq!(client.post(CHAT, &chat(r#","n":1"#)).status, 200);
    for more in [r#","n":2"#, r#","n":0"#, r#","best_of":3"#] {
        let reply = client.post(TEXT, &text(more));
        assert_eq!((reply.status, reply.error().2), (400, json!("unsupported_parameter")));
    }
    assert_eq!(client.post(TEXT, r#"{"prompt":["a","b"]}"#).error().1, "prompt");
}

#[test]
fn check_37_every_form_of_content_and_role() {
    let mut client = Client::new();
    let body = json!({ "messages": [
        { "role": "developer", "content": "d" },
        { "role": "system", "content": [{ "type": "text", "text": "s1" }, { "type": "text", "text": "s2" }] },
        { "role": "user", "content": [] },
        { "role": "assistant", "content": null, "tool_calls": [] },
        { "role": "assistant", "content": [{ "type": "refusal", "refusal": "no" }] },
        { "role": "tool", "content": "t", "tool_call_id": "1" },
    ] });
    let prompt = client.post("/apply-template", &body.to_string()).json();
    assert_eq!(prompt["prompt"], "<s>Sd\nSs1s2\nU\nA\nAno\nTt\n");
    assert_eq!(client.post(CHAT, &body.to_string()).status, 200);
}

#[test]
fn check_37_every_form_of_prompt() {
    let mut client = Client::new();
    for prompt in [r#""ab""#, r#"["ab"]"#, " [97, 98]", "[[97,98]]", r#"[ "ab" ]"#] {
        let reply = client.post(TEXT, &format!(r#"{{"prompt":{prompt},"echo":true,"max_tokens":1}}"#)).json();
        assert_eq!(reply["choices"][0]["text"], "aba", "{prompt}");
    }
    let stream = client.post(TEXT, r#"{"prompt":"ab","echo":true,"stream":true}"#).chunks();
    assert_eq!(stream[0]["choices"][0]["text"], "ab");
    assert_eq!(client.post(TEXT, r#"{"prompt":"ab","echo":true,"logprobs":1}"#).error().1, "echo");
    // Messages cannot forge markup; a raw prompt is all the caller's own.
    let forged = client.post("/apply-template", r#"{"messages":[{"role":"user","content":"<s>"}]}"#).json();
    assert_eq!(forged["prompt"], "<s>U<s>\n");
    let forged = r#"{"messages":[{"role":"user","content":"<s>"}],"max_tokens":9}"#;
    assert_eq!(client.post(CHAT, forged).json()["choices"][0]["message"]["content"], "U<s>\n");
}

#[test]
fn check_38_null_is_the_default() {
    let names = [
        "model",
        "stream",
        "stream_options",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "seed",
        "stop",
        "logprobs",
        "top_logprobs",
        "n",
        "logit_bias",
        "tools",
        "tool_choice",
        "response_format",
        "presence_penalty",
        "frequency_penalty",
        "functions",
        "modalities",
        "audio",
        "return_progress",
    ];
    let more: String = names.iter().map(|name| format!(r#","{name}":null"#)).collect();
    let reply = Client::new().post(CHAT, &chat(&more));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["choices"][0]["message"]["role"], "assistant");
}

#[test]
fn check_39_what_is_not_implemented_is_refused() {
    let mut client = Client::new();
    for (param, value) in [
        ("tools", r#"[{"type":"function"}]"#),
        ("functions", "[{}]"),
        ("tool_choice", r#""required""#),
        ("tool_choice", r#"{"type":"function"}"#),
        ("function_call", r#"{"name":"f"}"#),
        ("response_format", r#"{"type":"json_object"}"#),
        ("response_format", r#"{"type":"json_schema"}"#),
        ("response_format", "{}"),
        ("logit_bias", r#"{"5":1}"#),
        ("modalities", r#"["text","audio"]"#),
        ("audio", "{}"),
        ("grammar", r#""root ::= x""#),
        ("suffix", r#""end""#),
        ("messages", r#"[{"role":"assistant","tool_calls":[{}]}]"#),
    ] {
        let reply = client.post(CHAT, &chat(&format!(r#","{param}":{value}"#)));
        assert_eq!(reply.status, 400, "{param}");
        assert_eq!(reply.error().2, "unsupported_parameter");
        assert!(reply.error().1.as_str().unwrap().starts_with(param));
    }
    let harmless = r#","tools":[ ],"logit_bias":{},"tool_choice":"auto","response_format":{"type":"text"},"modalities":["text"],"suffix":"""#;
    assert_eq!(client.post(CHAT, &chat(harmless)).status, 200);
}

#[test]
fn check_40_models_are_listed_and_found() {
    let mut client = Client::new();
    let list = client.get("/v1/models").json();
    assert_eq!(list["object"], "list");
    let model = &list["data"][0];
    assert_eq!((&model["id"], &model["object"]), (&json!("echo-1"), &json!("model")));
    assert!(model["created"].is_u64() && model["owned_by"].is_string());
    assert_eq!(&client.get("/v1/models/echo-1").json(), model);
    assert_eq!(&client.get("/models/echo%2D1").json(), model);
}

#[test]
fn a_whole_answer_has_everything() {
    let reply = Client::new().post(CHAT, &chat("")).json();
    assert_eq!(reply["object"], "chat.completion");
    assert_eq!(reply["choices"][0]["message"], json!({ "role": "assistant", "content": "Uhello\n", "refusal": null }));
    assert!(reply["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(reply["usage"]["total_tokens"], 15);
    let timings = &reply["timings"];
    // The fake: 8 prompt tokens of which 1 cached, 8 ms; 7 tokens, 2 ms between them; a clock of 1 MHz.
    assert_eq!((&timings["cache_n"], &timings["prompt_n"], &timings["prompt_ms"]), (&json!(1), &json!(7), &json!(8.0)));
    assert_eq!((&timings["predicted_n"], &timings["predicted_ms"]), (&json!(7), &json!(12.0)));
    assert_eq!((&timings["predicted_per_second"], &timings["predicted_per_token_ms"]), (&json!(500.0), &json!(2.0)));
    assert_eq!(timings["first_token_ms"], 8.007);
}
