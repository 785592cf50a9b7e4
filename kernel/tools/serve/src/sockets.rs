//! Moves bytes between the host's sockets and the server, on one thread.

use ring0_server::{Backend, ConnId, Server};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// How long the thread sleeps when there was nothing to do.
const NAP: Duration = Duration::from_micros(500);

struct Socket {
    stream: TcpStream,
    id: ConnId,
    /// Read, but not taken by the server yet.
    unread: Vec<u8>,
    ended: bool,
}

/// A listening socket and what came out of it.
pub struct Sockets {
    listener: TcpListener,
    open: Vec<Socket>,
    started: Instant,
}

impl Sockets {
    /// # Errors
    /// Where the address cannot be listened on.
    pub fn bind(address: impl ToSocketAddrs + std::fmt::Debug) -> Result<Sockets, String> {
        let listener = TcpListener::bind(&address).map_err(|e| format!("cannot listen on {address:?}: {e}"))?;
        listener.set_nonblocking(true).map_err(|e| e.to_string())?;
        Ok(Sockets { listener, open: Vec::new(), started: Instant::now() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)))
    }

    /// One round: what arrived, one step of the engine, what is to be sent. Sleeps where there was nothing to do.
    pub fn turn<B: Backend>(&mut self, server: &mut Server<B>) {
        let now = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut moved = self.accept(server, now);
        for socket in &mut self.open {
            moved |= receive(socket, server);
        }
        moved |= server.poll(now);
        for socket in &mut self.open {
            moved |= send(socket, server);
        }
        self.open.retain(|socket| {
            let done = server.wants_close(socket.id);
            if done {
                server.close(socket.id);
            }
            !done
        });
        if !moved {
            std::thread::sleep(NAP);
        }
    }

    fn accept<B: Backend>(&mut self, server: &mut Server<B>, now: u64) -> bool {
        let mut any = false;
        while let Ok((stream, _)) = self.listener.accept() {
            // Tokens are small and must not wait for one another.
            if stream.set_nonblocking(true).is_ok() && stream.set_nodelay(true).is_ok() {
                self.open.push(Socket { stream, id: server.open(now), unread: Vec::new(), ended: false });
                any = true;
            }
        }
        any
    }
}

fn receive<B: Backend>(socket: &mut Socket, server: &mut Server<B>) -> bool {
    let mut moved = false;
    let mut buffer = [0; 16 << 10];
    loop {
        if socket.unread.is_empty() && !socket.ended {
            match socket.stream.read(&mut buffer) {
                Ok(0) => {
                    socket.ended = true;
                    server.peer_closed(socket.id);
                }
                Ok(count) => socket.unread.extend_from_slice(&buffer[..count]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return moved,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(_) => {
                    socket.ended = true;
                    server.close(socket.id);
                }
            }
        }
        if socket.unread.is_empty() {
            return moved;
        }
        let taken = server.receive(socket.id, &socket.unread);
        socket.unread.drain(..taken);
        if taken == 0 {
            return moved;
        }
        moved = true;
    }
}

fn send<B: Backend>(socket: &mut Socket, server: &mut Server<B>) -> bool {
    let mut moved = false;
    loop {
        let output = server.output(socket.id);
        if output.is_empty() {
            return moved;
        }
        match socket.stream.write(output) {
            Ok(count) if count > 0 => {
                server.consume(socket.id, count);
                moved = true;
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => return moved,
            _ => {
                server.close(socket.id);
                return moved;
            }
        }
    }
}
