//! The server: connections on one side, the engine on the other.
//!
//! Here is what the owner of the sockets calls; [`requests`] answers what arrives, [`generations`] passes on what the engine does.

mod generations;
mod requests;

use crate::api::Totals;
use crate::backend::Backend;
use crate::config::Config;
use crate::connection::{Connection, Phase};
use crate::error::ApiError;
use crate::job::Job;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use ring0_engine::api::{Event, RequestId, Sampling};

/// Names a connection for as long as it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// The API over any number of byte streams.
///
/// The owner of the sockets calls, for each connection: [`open`](Self::open) once, [`receive`](Self::receive) with what arrived,
/// [`output`](Self::output) and [`consume`](Self::consume) with what was sent, and [`close`](Self::close) when
/// [`wants_close`](Self::wants_close) says so or the socket is gone; and [`poll`](Self::poll) over and over. Unknown ids are
/// ignored everywhere.
#[derive(Debug)]
pub struct Server<B: Backend> {
    backend: B,
    config: Config,
    now: u64,
    opened: u64,
    connections: BTreeMap<ConnId, Connection>,
    jobs: BTreeMap<RequestId, Job>,
    events: Vec<Event>,
    totals: Totals,
    /// Mixed into ids, that two runs do not share them.
    salt: u64,
    named: u64,
}

impl<B: Backend> Server<B> {
    /// A server with [`Config::default`].
    pub fn new(backend: B) -> Self {
        Self::with_config(backend, Config::default())
    }

    /// A server.
    pub fn with_config(mut backend: B, config: Config) -> Self {
        let salt = backend.entropy();
        Server {
            backend,
            config,
            now: 0,
            opened: 0,
            connections: BTreeMap::new(),
            jobs: BTreeMap::new(),
            events: Vec::new(),
            totals: Totals::default(),
            salt,
            named: 0,
        }
    }

    /// The machine.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The machine, to load a model into it. Call [`abandon`](Self::abandon) first if there was one: requests of the old engine
    /// mean nothing to a new one.
    pub fn backend_mut(&mut self) -> &mut B {
        &mut self.backend
    }

    /// How it behaves.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Sampling of requests that name none, from now on: what the model recommends (see [`recommended`](crate::recommended)).
    pub fn set_sampling(&mut self, sampling: Sampling) {
        self.config.sampling = sampling;
    }

    /// A new connection. Beyond `limits.connections` it is told 503 and closed.
    pub fn open(&mut self, now_ns: u64) -> ConnId {
        self.now = self.now.max(now_ns);
        self.opened += 1;
        let id = ConnId(self.opened);
        let mut connection = Connection::new(self.now);
        if self.connections.len() >= self.config.limits.connections {
            let error = ApiError::overloaded("Too many connections. Try again in a second.");
            self.refuse(&mut connection, &error);
        }
        self.connections.insert(id, connection);
        id
    }

    /// Takes bytes that arrived, and returns how many. The rest must be given again after the next [`poll`](Self::poll), and is best
    /// left in the socket until then.
    pub fn receive(&mut self, id: ConnId, bytes: &[u8]) -> usize {
        let mut taken = 0;
        loop {
            let Some(connection) = self.connections.get_mut(&id) else { return bytes.len() };
            let count = connection.accept(bytes.get(taken..).unwrap_or_default(), self.now, &self.config.limits);
            taken += count;
            if count == 0 {
                return taken;
            }
            self.advance(id);
        }
    }

    /// Bytes to be sent.
    pub fn output(&self, id: ConnId) -> &[u8] {
        self.connections.get(&id).map_or(&[], Connection::pending)
    }

    /// The first `count` bytes of [`output`](Self::output) were sent.
    pub fn consume(&mut self, id: ConnId, count: usize) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.consume(count, self.now);
        self.advance(id);
    }

    /// The other side sends no more. Whole requests are still answered, for a client may close its own direction and listen on (`nc -N`
    /// does); one that is gone altogether resets the connection at the next byte it is sent, and until then its generation gives way
    /// to others (see `make_way`).
    pub fn peer_closed(&mut self, id: ConnId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.half_closed = true;
        if matches!(connection.phase, Phase::Linger { .. }) {
            connection.phase = Phase::Closing;
        }
        self.advance(id);
    }

    /// Whether the connection is to be closed now: everything is sent, or nothing more is worth sending.
    pub fn wants_close(&self, id: ConnId) -> bool {
        self.connections.get(&id).is_none_or(Connection::wants_close)
    }

    /// The connection is gone.
    pub fn close(&mut self, id: ConnId) {
        if let Some(Connection { phase: Phase::Busy { job }, .. }) = self.connections.remove(&id) {
            self.orphan(job);
        }
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Generations under way.
    pub fn generations(&self) -> usize {
        self.jobs.len()
    }

    /// Ends every generation with an error that says `why`, before the model is replaced.
    pub fn abandon(&mut self, why: &str) {
        let requests: Vec<_> = self.jobs.keys().copied().collect();
        for request in requests {
            if let Some(language) = self.backend.language() {
                language.generator().cancel(request);
            }
            self.fail(request, &ApiError::overloaded(why));
        }
    }

    /// One step of the engine, and everybody's clocks. Returns whether there was work; if not, sleeping is fine.
    pub fn poll(&mut self, now_ns: u64) -> bool {
        self.now = self.now.max(now_ns);
        let mut events = core::mem::take(&mut self.events);
        let worked = match self.backend.language() {
            Some(language) => language.generator().step(&mut events),
            None => {
                self.abandon("The model was unloaded.");
                false
            }
        };
        let idle = !worked && events.is_empty();
        let drawn = events.iter().filter(|event| matches!(event, Event::Token { .. })).count() as u64;
        self.totals.decodes += u64::from(drawn > 0);
        self.totals.decoded += drawn;
        for event in events.drain(..) {
            self.dispatch(event);
        }
        self.events = events;
        if idle && !self.jobs.is_empty() {
            // Jobs that the engine does not know: it was replaced under them.
            let lost: Vec<_> = self.jobs.keys().copied().collect();
            for request in lost {
                self.fail(request, &ApiError::internal(500, "generation_lost", "The engine lost this request."));
            }
        }
        self.ping();
        self.expire();
        !idle
    }

    /// Ends connections whose time is up.
    fn expire(&mut self) {
        let (now, limits) = (self.now, self.config.limits);
        let expired = |(id, connection): (&ConnId, &Connection)| Some((*id, connection.expired(now, &limits)?));
        let expired: Vec<_> = self.connections.iter().filter_map(expired).collect();
        for (id, error) in expired {
            let Some(mut connection) = self.connections.remove(&id) else { continue };
            match (error, &connection.phase) {
                (Some(error), _) => self.refuse(&mut connection, &error),
                (None, Phase::Busy { job }) => {
                    let job = *job;
                    connection.kill();
                    self.orphan(job);
                }
                (None, _) => connection.kill(),
            }
            self.connections.insert(id, connection);
        }
    }

    /// A name that no other request has: a counter, mixed (splitmix64).
    pub(crate) fn name(&mut self, prefix: &str) -> String {
        self.named += 1;
        let mut z = self.salt.wrapping_add(self.named.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        format!("{prefix}_{z:016x}{:08x}", self.named)
    }
}
