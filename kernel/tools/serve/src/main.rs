//! The kernel's engine, tokenizer and API as a host program: `cargo run --release -p ring0-serve -- MODEL.gguf`.
//!
//! All that the guest serves over virtio-net and smoltcp is served here over the host's sockets, so that clients, the official
//! `openai` package among them, can be tried without a machine, and native speed measured.

mod machine;
mod options;
mod sockets;
#[cfg(test)]
mod tests;

use machine::Machine;
use options::Options;
use ring0_server::{Backend, Config, Server};
use sockets::Sockets;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(never) => match never {},
        Err(message) => {
            eprintln!("ring0-serve: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<std::convert::Infallible, String> {
    let mut machine = Machine::load(options)?;
    let mut sockets = Sockets::bind((options.host.as_str(), options.port))?;
    let id = machine.language().map_or(String::new(), |language| language.card().id.clone());
    println!("serving {id} on http://{}", sockets.address());
    let sampling = machine.sampling().clone();
    let config = Config { sampling, api_key: options.api_key.clone(), seed: options.seed, ..Config::default() };
    let mut server = Server::with_config(machine, config);
    loop {
        sockets.turn(&mut server);
    }
}
