//! Nothing that arrives makes the server panic, hang, or hold more than its bounds.

use super::client::*;
use crate::config::SECOND_NS;
use crate::fake::{Fake, requests};
use crate::{Config, ConnId, Limits, Server};
use alloc::string::String;
use alloc::vec::Vec;

/// A seeded source of mischief (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit.max(1)
    }
}

/// Changes a few bytes, cuts, doubles, or splices in a word that means something.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    const WORDS: [&[u8]; 16] = [
        b"\r\n",
        b"\r\n\r\n",
        b"\n\n",
        b"\0",
        b"\xff",
        b"Content-Length: 18446744073709551615\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"ffffffffffffffff\r\n",
        b"null",
        b"1e999",
        b"-0",
        b"[[[[[[",
        b"{\"",
        b"\\ud800",
        b"\"max_tokens\":1,",
        b"0\r\n\r\n",
    ];
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.next() as u8;
                }
            }
            1 => bytes.truncate(at),
            2 => {
                let word = WORDS[random.below(WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            3 => {
                let end = at + random.below(bytes.len() - at);
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let end = at + random.below(bytes.len() - at);
                bytes.drain(at..end);
            }
        }
    }
}

#[test]
fn mutated_requests_over_many_connections() {
    let limits = Limits { connections: 6, output_bytes: 20_000, body_bytes: 5_000, all_bodies_bytes: 9_000, ..Limits::default() };
    let seeds = requests();
    let mut random = Random(0x5eed);
    let mut server = Server::with_config(Fake::default(), Config { limits, ..Config::default() });
    let mut open: Vec<ConnId> = Vec::new();
    let (mut now, mut answers, mut good) = (0, 0, 0);
    for _ in 0..60_000 {
        match random.below(12) {
            0 if open.len() < 8 => open.push(server.open(now)),
            1 => now += random.next() % (SECOND_NS / 4),
            2 if !open.is_empty() => {
                let id = open.swap_remove(random.below(open.len()));
                if random.below(2) == 0 {
                    server.peer_closed(id);
                }
                server.close(id);
            }
            3 => drop(server.poll(now)),
            4 => server.backend_mut().loading = random.below(20) == 0,
            _ => {
                let Some(id) = open.get(random.below(open.len())).copied() else { continue };
                let mut bytes = seeds[random.below(seeds.len())].clone().into_bytes();
                if random.below(3) > 0 {
                    mutate(&mut random, &mut bytes);
                }
                let cut = random.below(bytes.len() + 1);
                for piece in [&bytes[..cut], &bytes[cut..]] {
                    assert!(server.receive(id, piece) <= piece.len());
                }
            }
        }
        for id in &open {
            let output = server.output(*id);
            // One answer may pass the bound; the next is not begun.
            assert!(output.len() < 20_000 + 20_000);
            answers += usize::from(output.starts_with(b"HTTP/1.1 "));
            good += usize::from(output.starts_with(b"HTTP/1.1 200"));
            let count = random.below(output.len() + 1);
            server.consume(*id, count);
        }
        open.retain(|id| {
            let ended = server.wants_close(*id);
            if ended {
                server.close(*id);
            }
            !ended
        });
    }
    assert!(answers > 1000 && good > 300, "{answers} answers, {good} of them good: the test lost its way");
    // And it still works.
    for id in open {
        server.close(id);
    }
    server.backend_mut().loading = false;
    while server.poll(now) {}
    assert_eq!((server.connections(), server.generations()), (0, 0));
    let mut client = Client { server, now };
    assert_eq!(client.get("/health").status, 200);
}

#[test]
fn mutated_requests_are_answered_the_same_however_they_are_cut() {
    let seeds = requests();
    let mut random = Random(7);
    for round in 0..3_000 {
        let mut bytes = Vec::new();
        for _ in 0..=random.below(3) {
            bytes.extend_from_slice(seeds[random.below(seeds.len())].as_bytes());
        }
        mutate(&mut random, &mut bytes);
        let run = |step: usize| {
            let mut client = Client::new();
            let id = client.open();
            client.send(id, &bytes, step);
            client.settle();
            client.take(id)
        };
        let step = 1 + round % 17;
        assert_eq!(run(step), run(usize::MAX), "{:?}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn unknown_connections_are_ignored() {
    let mut client = Client::new();
    let id = ConnId(999);
    assert_eq!(client.server.receive(id, b"GET"), 3);
    client.server.consume(id, 5);
    client.server.peer_closed(id);
    client.server.close(id);
    assert!(client.server.wants_close(id) && client.server.output(id).is_empty());
}
