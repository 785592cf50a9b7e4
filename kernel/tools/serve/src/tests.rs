//! The real engine behind real sockets.

use crate::machine::Machine;
use crate::options::Options;
use crate::sockets::Sockets;
use ring0_server::{Config, Server};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::JoinHandle;

/// A server on a thread of its own; ends with the test.
struct Running {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Running {
    /// `None`, having said so, where the model is absent.
    fn start() -> Option<Running> {
        let model = format!("{}/../../../../shared/data/stories260K-q8_0.gguf", env!("CARGO_MANIFEST_DIR"));
        if !std::path::Path::new(&model).exists() {
            println!("skipped: ../shared/data/stories260K-q8_0.gguf is absent");
            return None;
        }
        let words = [model.as_str(), "--port", "0", "--cores", "1", "--slots", "2"];
        let options = Options::parse(words.iter().map(ToString::to_string)).unwrap();
        let mut sockets = Sockets::bind((options.host.as_str(), options.port)).unwrap();
        let (address, over) = (sockets.address(), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut server = Server::with_config(Machine::load(&options).unwrap(), Config::default());
            while !stop.load(SeqCst) {
                sockets.turn(&mut server);
            }
        });
        Some(Running { address, over, thread: Some(thread) })
    }

    /// Sends a body in pieces of `step` bytes and reads the whole answer.
    fn post(&self, path: &str, body: &Value, step: usize) -> String {
        let body = body.to_string();
        let length = body.len();
        let request = format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        for piece in request.as_bytes().chunks(step) {
            stream.write_all(piece).unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

fn json_of(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// llama.cpp's greedy answer.
const ONCE: &str = ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. \
                    She wanted to play with it, but it was too high.\nLily's mom said";

#[test]
fn greedy_text_is_that_of_llama_cpp_in_any_segmentation() {
    let Some(server) = Running::start() else { return };
    let body = json!({ "prompt": "Once upon a time", "max_tokens": 64, "temperature": 0 });
    for step in [1, 50, usize::MAX] {
        let reply = json_of(&server.post("/v1/completions", &body, step));
        assert_eq!(reply["choices"][0]["text"], ONCE);
        assert_eq!(reply["choices"][0]["finish_reason"], "length");
        assert_eq!(reply["usage"]["total_tokens"], 69);
    }
}

#[test]
fn check_33_clients_at_once_get_what_each_would_get_alone() {
    let Some(server) = Running::start() else { return };
    let body = |seed: u64| json!({ "prompt": "Once upon a time", "max_tokens": 60, "temperature": 1, "seed": seed });
    let text = |seed| json_of(&server.post("/v1/completions", &body(seed), usize::MAX))["choices"][0]["text"].clone();
    let alone: Vec<_> = (0..4).map(text).collect();
    assert_ne!(alone[0], alone[1]);
    let together: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|seed| scope.spawn(move || text(seed))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(alone, together);
}

#[test]
fn check_30_a_client_that_leaves_frees_its_slot() {
    let Some(server) = Running::start() else { return };
    let body = json!({ "prompt": "Once upon a time", "max_tokens": 500, "temperature": 0, "stream": true }).to_string();
    let request = format!("POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    for _ in 0..20 {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_exact(&mut [0; 100]).unwrap();
    }
    let get = |path: &str| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    while json_of(&get("/slots")) != json!([]) {}
    // A client may be too slow to leave before its answer is complete, but not twenty of them.
    let metrics = get("/metrics");
    let cancelled = metrics.lines().find_map(|line| line.strip_prefix("ring0_requests_cancelled_total ")).unwrap();
    assert_ne!(cancelled, "0");
    let reply = json_of(&server.post("/v1/completions", &json!({ "prompt": "Once", "max_tokens": 2 }), 99));
    assert_eq!(reply["usage"]["completion_tokens"], 2);
}
