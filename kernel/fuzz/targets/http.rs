//! What a stranger sends to the API, in pieces of any size and at any pace.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ring0_server::fake::Fake;
use ring0_server::{Config, ConnId, Limits, Server};

/// Small, so that short inputs reach them.
const LIMITS: fn() -> Limits = || Limits {
    head_bytes: 1024,
    body_bytes: 4096,
    all_bodies_bytes: 6000,
    output_bytes: 16_384,
    tokenize_bytes: 512,
    connections: 3,
    ..Limits::default()
};

/// More output than this cannot pile up: the bound, and one answer more.
const MOST_OUTPUT: usize = 16_384 + 65_536;

fuzz_target!(|data: &[u8]| {
    let [cut, pace, bytes @ ..] = data else { return };
    let (whole, _) = calm(bytes, usize::MAX);
    let (cut_up, ended) = calm(bytes, usize::from(*cut) + 1);
    assert_eq!(String::from_utf8_lossy(&whole), String::from_utf8_lossy(&cut_up), "ended: {ended}");
    assert!(whole.is_empty() || whole.starts_with(b"HTTP/1.1 "));
    hurried(bytes, *cut, u64::from(*pace));
});

fn server() -> Server<Fake> {
    Server::with_config(Fake::default(), Config { limits: LIMITS(), ..Config::default() })
}

fn take(server: &mut Server<Fake>, id: ConnId, into: &mut Vec<u8>) -> bool {
    let output = server.output(id);
    assert!(output.len() <= MOST_OUTPUT);
    let count = output.len();
    into.extend_from_slice(output);
    server.consume(id, count);
    count > 0
}

/// One connection, all of the bytes, and everything that comes back while no time passes.
fn calm(bytes: &[u8], step: usize) -> (Vec<u8>, bool) {
    let mut server = server();
    let id = server.open(0);
    let mut output = Vec::new();
    for piece in bytes.chunks(step) {
        let mut rest = piece;
        while !rest.is_empty() {
            let taken = server.receive(id, rest);
            rest = &rest[taken..];
            let moved = take(&mut server, id, &mut output);
            assert!(taken > 0 || moved || server.poll(0), "input is refused, and nothing moves");
        }
    }
    while server.poll(0) || take(&mut server, id, &mut output) {}
    assert_eq!(server.generations(), 0);
    (output, server.wants_close(id))
}

/// The bytes dealt out to several connections that stall, leave and come back, while the clock runs.
fn hurried(bytes: &[u8], cut: u8, pace: u64) {
    let mut server = server();
    let mut ids = vec![server.open(0), server.open(0)];
    let (mut now, mut sink) = (0, Vec::new());
    for (turn, piece) in bytes.chunks(usize::from(cut) + 1).enumerate() {
        now += pace * pace * 10_000_000;
        let at = turn % ids.len();
        let id = ids[at];
        assert!(server.receive(id, piece) <= piece.len());
        match (turn + usize::from(cut)) % 7 {
            0 => drop(take(&mut server, id, &mut sink)),
            1 => server.consume(id, 1),
            2 => server.peer_closed(id),
            3 => server.backend_mut().loading = turn % 11 == 0,
            4 => server.abandon("The model is being replaced."),
            _ => drop(server.poll(now)),
        }
        if server.wants_close(id) {
            server.close(id);
            ids[at] = server.open(now);
        }
    }
    for id in ids {
        server.close(id);
    }
    server.backend_mut().loading = false;
    while server.poll(now) {}
    assert_eq!((server.connections(), server.generations()), (0, 0));
}
