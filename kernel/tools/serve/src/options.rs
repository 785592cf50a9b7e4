//! The command line.

const USAGE: &str = "\
Usage: ring0-serve MODEL.gguf [options]

  --port N       TCP port; 0 takes a free one (8080)
  --host A       address to listen on (127.0.0.1)
  --ctx N        context of one request in tokens (the model's own, at most 4096)
  --slots N      requests that run at one time (4)
  --cores N      threads (all)
  --isa NAME     instruction set of the engine (the best)
  --seed N       seed of requests that name none (a fresh one each)
  --api-key K    key that clients must send (none)";

/// What the program was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The GGUF file.
    pub model: String,
    /// Address to listen on.
    pub host: String,
    /// Port; 0 takes a free one.
    pub port: u16,
    /// Tokens of a request's context.
    pub context: Option<usize>,
    /// Requests at one time.
    pub slots: usize,
    /// Threads.
    pub cores: Option<usize>,
    /// The engine's instruction set by name.
    pub isa: Option<String>,
    /// Seed of requests that name none.
    pub seed: Option<u64>,
    /// Key that clients must send.
    pub api_key: Option<String>,
}

impl Options {
    /// # Errors
    /// What is wrong, or how the program is used.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            model: String::new(),
            host: "127.0.0.1".into(),
            port: 8080,
            context: None,
            slots: 4,
            cores: None,
            isa: None,
            seed: None,
            api_key: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n\n{USAGE}"));
            match word.as_str() {
                "--port" => options.port = number(&word, &value()?)?,
                "--host" => options.host = value()?,
                "--ctx" => options.context = Some(number(&word, &value()?)?),
                "--slots" => options.slots = number(&word, &value()?)?,
                "--cores" => options.cores = Some(number(&word, &value()?)?),
                "--isa" => options.isa = Some(value()?),
                "--seed" => options.seed = Some(number(&word, &value()?)?),
                "--api-key" => options.api_key = Some(value()?),
                _ if word.starts_with('-') || !options.model.is_empty() => {
                    return Err(format!("{word} is not understood\n\n{USAGE}"));
                }
                _ => options.model = word,
            }
        }
        if options.model.is_empty() { Err(USAGE.into()) } else { Ok(options) }
    }
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name} takes a number, not {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn options_are_read_and_mistakes_are_told() {
        let options = parse("--port 0 m.gguf --seed 7 --api-key k").unwrap();
        assert_eq!((options.model.as_str(), options.port, options.seed), ("m.gguf", 0, Some(7)));
        for bad in ["", "m.gguf --port", "m.gguf --port x", "m.gguf n.gguf", "m.gguf --what"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
