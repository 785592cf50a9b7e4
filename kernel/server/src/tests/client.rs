//! A client that knows just enough HTTP to take answers apart.

use crate::fake::Fake;
use crate::{Config, ConnId, Server};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use ring0_engine::api::Sampling;
use serde_json::Value;

pub const CHAT: &str = "/v1/chat/completions";
pub const TEXT: &str = "/v1/completions";

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> &str {
        core::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The error's `(type, param, code)`.
    pub fn error(&self) -> (String, Value, Value) {
        let error = &self.json()["error"];
        assert!(!error["message"].as_str().unwrap().is_empty());
        (error["type"].as_str().unwrap().to_string(), error["param"].clone(), error["code"].clone())
    }

    /// The data of its events; the last is `[DONE]`.
    pub fn events(&self) -> Vec<String> {
        assert_eq!(self.header("content-type"), Some("text/event-stream"));
        let blocks = self.text().strip_suffix("\n\n").unwrap().split("\n\n");
        blocks.filter_map(|block| block.strip_prefix("data: ")).map(ToString::to_string).collect()
    }

    /// Its chunks, `[DONE]` checked and left out.
    pub fn chunks(&self) -> Vec<Value> {
        let mut events = self.events();
        assert_eq!(events.pop().as_deref(), Some("[DONE]"));
        events.iter().map(|event| serde_json::from_str(event).unwrap()).collect()
    }
}

/// A server with one connection after another.
pub struct Client {
    pub server: Server<Fake>,
    pub now: u64,
}

impl Client {
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    /// Greedy, whatever the configuration, so that the fake says its prompt again.
    pub fn with(config: Config) -> Self {
        let config = Config { sampling: Sampling::GREEDY, ..config };
        Client { server: Server::with_config(Fake::default(), config), now: 0 }
    }

    pub fn open(&mut self) -> ConnId {
        self.server.open(self.now)
    }

    /// Feeds bytes in pieces of `step`, and polls where the server is full.
    pub fn send(&mut self, id: ConnId, bytes: &[u8], step: usize) {
        for piece in bytes.chunks(step) {
            let mut rest = piece;
            while !rest.is_empty() {
                let taken = self.server.receive(id, rest);
                rest = &rest[taken..];
                if taken == 0 {
                    assert!(self.server.poll(self.now), "the server takes no input and does no work");
                }
            }
        }
    }

    /// Polls until nothing moves.
    pub fn settle(&mut self) {
        while self.server.poll(self.now) {}
    }

    /// Lets time pass.
    pub fn wait(&mut self, ns: u64) {
        self.now += ns;
        self.server.poll(self.now);
    }

    pub fn take(&mut self, id: ConnId) -> Vec<u8> {
        let output = self.server.output(id).to_vec();
        self.server.consume(id, output.len());
        output
    }

    /// One request on a connection of its own, from beginning to end.
    pub fn request(&mut self, bytes: &[u8]) -> Reply {
        let id = self.open();
        self.send(id, bytes, usize::MAX);
        self.settle();
        let output = self.take(id);
        self.server.close(id);
        let (reply, rest) = parse(&output);
        assert_eq!(rest, b"", "bytes behind the answer");
        reply
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.request(get(path).as_bytes())
    }

    pub fn post(&mut self, path: &str, body: &str) -> Reply {
        self.request(post(path, body).as_bytes())
    }
}

pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: ring0\r\n\r\n")
}

pub fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: ring0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// Takes the first answer apart; interim ones are skipped.
pub fn parse(bytes: &[u8]) -> (Reply, &[u8]) {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("a whole head") + 4;
    let head = core::str::from_utf8(&bytes[..end - 4]).unwrap();
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
    if status == 100 {
        return parse(&bytes[end..]);
    }
    let split = |line: &str| line.split_once(": ").map(|(n, v)| (n.to_string(), v.to_string())).unwrap();
    let mut reply = Reply { status, headers: lines.map(split).collect(), body: Vec::new() };
    let mut rest = &bytes[end..];
    if reply.header("transfer-encoding") == Some("chunked") {
        loop {
            let line = rest.windows(2).position(|w| w == b"\r\n").expect("a chunk's size");
            let size = usize::from_str_radix(core::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
            reply.body.extend_from_slice(&rest[line + 2..line + 2 + size]);
            assert_eq!(&rest[line + 2 + size..line + 4 + size], b"\r\n");
            rest = &rest[line + 4 + size..];
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = reply.header("content-length") {
        let length: usize = length.parse().unwrap();
        reply.body.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
    } else if reply.status != 204 {
        reply.body.extend_from_slice(rest);
        rest = &[];
    }
    (reply, rest)
}

/// Every answer in `bytes`.
pub fn parse_all(bytes: &[u8]) -> Vec<Reply> {
    let mut replies = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (reply, after) = parse(rest);
        replies.push(reply);
        rest = after;
    }
    replies
}
