//! The kernel command line: `key=value` words. What is not understood is reported, never guessed.

use alloc::{string::String, vec::Vec};
use core::fmt;

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// `model=vda`: disk to load at boot; `model=none` loads nothing; absent: the first disk that holds a GGUF.
    pub model: Option<String>,
    /// `serve=8080`: port of the API; `serve=off` serves nothing; absent: 8080.
    pub serve: Serve,
    /// `ctx=2048`: tokens of context for each request; absent: what the model was trained for, as memory allows.
    pub context: Option<u32>,
    /// `seed=42`: seed of requests that bring none.
    pub seed: Option<u64>,
    /// `cores=2`: cores that work on the model; absent: as many as help.
    pub cores: Option<u32>,
    /// `slots=4`: requests worked on at the same time.
    pub slots: Option<u32>,
    /// `isa=avx2`: the engine's instruction set; absent: the best that the processor has.
    pub isa: Option<String>,
    /// `ip=10.0.2.15/24,10.0.2.2`: an address instead of DHCP; read by the network stack.
    pub ip: Option<String>,
    /// `key=SECRET`: clients must send `Authorization: Bearer SECRET`.
    pub api_key: Option<String>,
    /// `trace=off`: record no spans.
    pub trace_off: bool,
    /// `provoke=virtq-no-kick`: make one mistake on purpose; the kernel knows which there are.
    pub provoke: Option<String>,
}

/// What to do about the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Serve {
    /// Port 8080.
    #[default]
    Default,
    /// Not at all.
    Off,
    /// This port.
    Port(u16),
}

impl Serve {
    /// The port, if the API is to be served.
    pub fn port(self) -> Option<u16> {
        match self {
            Serve::Default => Some(8080),
            Serve::Off => None,
            Serve::Port(port) => Some(port),
        }
    }
}

/// A word that could not be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionsError {
    /// The word as it was given.
    pub word: String,
    /// What is wrong with it, and what would be right.
    pub why: &'static str,
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "command line: '{}' ignored: {}", self.word, self.why)
    }
}

impl Options {
    /// Reads a command line. Words that belong to somebody else (`virtio_mmio.…`, `console=…`) are passed over in silence.
    pub fn parse(command_line: &str) -> (Options, Vec<OptionsError>) {
        let mut options = Options::default();
        let mut errors = Vec::new();
        for word in crate::split(command_line) {
            let Some((key, value)) = word.split_once('=') else {
                errors.push(OptionsError { why: "not of the form key=value", word });
                continue;
            };
            if let Err(why) = options.set(key, value) {
                errors.push(OptionsError { why, word });
            }
        }
        (options, errors)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        match key {
            "model" if !value.is_empty() => self.model = Some(value.into()),
            "model" => return Err("a disk such as vda, or none"),
            "serve" => self.serve = serve(value).ok_or("a port from 1 to 65535, or off")?,
            "ctx" => self.context = Some(number(value, 1, 1 << 20).ok_or("tokens, from 1 to 1048576")?),
            "seed" => self.seed = Some(value.parse().map_err(|_| "a number from 0 to 18446744073709551615")?),
            "cores" => self.cores = Some(number(value, 1, 256).ok_or("a number from 1 to 256")?),
            "slots" => self.slots = Some(number(value, 1, 64).ok_or("a number from 1 to 64")?),
            "isa" => self.isa = Some(value.into()),
            "ip" => self.ip = Some(value.into()),
            "key" if !value.is_empty() => self.api_key = Some(value.into()),
            "key" => return Err("an API key"),
            "provoke" if !value.is_empty() && self.provoke.is_none() => self.provoke = Some(value.into()),
            "provoke" => return Err("one mistake at a time, such as virtq-no-kick"),
            "trace" => self.trace_off = on_off(value).ok_or("on or off").map(|on| !on)?,
            key if key.contains('.') || matches!(key, "console" | "BOOT_IMAGE" | "initrd") => {}
            _ => return Err("unknown key; known: model serve ctx seed cores slots isa ip key trace provoke"),
        }
        Ok(())
    }
}

fn number(text: &str, low: u32, high: u32) -> Option<u32> {
    text.parse().ok().filter(|n| (low..=high).contains(n))
}

fn on_off(text: &str) -> Option<bool> {
    match text {
        "on" | "1" | "yes" => Some(true),
        "off" | "0" | "no" => Some(false),
        _ => None,
    }
}

fn serve(text: &str) -> Option<Serve> {
    match text {
        "off" => Some(Serve::Off),
        "on" => Some(Serve::Default),
        _ => text.parse().ok().filter(|p| *p != 0).map(Serve::Port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_key() {
        let (options, errors) = Options::parse(
            "model=vdb serve=9000 ctx=512 seed=7 cores=2 slots=3 isa=sse ip=192.168.1.5/24,192.168.1.1 key=abc trace=off \
             provoke=virtq-size:16@net",
        );
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(
            options,
            Options {
                model: Some("vdb".into()),
                serve: Serve::Port(9000),
                context: Some(512),
                seed: Some(7),
                cores: Some(2),
                slots: Some(3),
                isa: Some("sse".into()),
                ip: Some("192.168.1.5/24,192.168.1.1".into()),
                api_key: Some("abc".into()),
                trace_off: true,
                provoke: Some("virtq-size:16@net".into()),
            }
        );
    }

    #[test]
    fn nothing_said_means_serve_on_8080() {
        assert_eq!(Options::parse("").0.serve.port(), Some(8080));
        assert_eq!(Options::parse("serve=off").0.serve.port(), None);
    }

    #[test]
    fn names_the_word_that_is_wrong() {
        let (options, errors) = Options::parse("serve=0 ctx=-1 frob=1 quiet cores=0 model= seed=x provoke=");
        assert_eq!(options, Options::default());
        let words: Vec<_> = errors.iter().map(|e| e.word.as_str()).collect();
        assert_eq!(words, ["serve=0", "ctx=-1", "frob=1", "quiet", "cores=0", "model=", "seed=x", "provoke="]);
    }

    #[test]
    fn leaves_alone_what_is_not_ours() {
        assert!(Options::parse("console=ttyS0 virtio_mmio.device=512@0xfeb00e00:12").1.is_empty());
    }
}
