//! The command line.

use ring0_engine::Isa;
use ring0_tensor::WeightType;

pub const HELP: &str = "\
Times the engine on this machine.

usage: ring0-bench MODEL.gguf [options]           time prompt and decode
       ring0-bench MODEL.gguf --greedy N [--ids L] print N greedily drawn token ids
       ring0-bench --write SHAPE TYPE FILE         write a synthetic model

  --isa LIST       of scalar, sse, avx2, avx512, int; `all`; default: the one that the kernel would choose
  --threads LIST   numbers of threads; default 1
  --cores N        cores that a pass may use; default 0, the engine's own choice
  -p N             prompt tokens; default 128
  -n N             tokens to decode; default 64
  --depth N        tokens in the context before decoding; default 0
  --runs N         runs of each; the median is printed; default 5
  --no-bandwidth   do not measure memory bandwidth
  --profile        print where the time of decoding goes
  --json           print one JSON object
  --ids LIST       prompt token ids for --greedy; default 1,403,407,261,378

SHAPE is 15M, 135M or 1.1B; TYPE is F32, F16, BF16, Q8_0 or Q4_0.
";

#[derive(Debug)]
pub struct Options {
    pub model: String,
    pub isas: Vec<Isa>,
    pub threads: Vec<usize>,
    pub cores: usize,
    pub prompt: usize,
    pub decode: usize,
    pub depth: usize,
    pub runs: usize,
    pub bandwidth: bool,
    pub profile: bool,
    pub json: bool,
    pub greedy: Option<usize>,
    pub ids: Vec<u32>,
}

#[derive(Debug)]
pub enum Command {
    Help,
    Write { shape: String, kind: WeightType, path: String },
    Run(Options),
}

fn list<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    text.split(',').map(|item| parse(item.trim()).ok_or_else(|| format!("'{item}' is not known here"))).collect()
}

fn isas(text: &str) -> Result<Vec<Isa>, String> {
    if text == "all" { Ok(Isa::available().collect()) } else { list(text, Isa::from_name) }
}

pub fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    read(&mut parser).map_err(|e| format!("{e}; --help lists the options"))
}

fn read(parser: &mut lexopt::Parser) -> Result<Command, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options {
        model: String::new(),
        isas: vec![Isa::detect()],
        threads: vec![1],
        cores: 0,
        prompt: 128,
        decode: 64,
        depth: 0,
        runs: 5,
        bandwidth: true,
        profile: false,
        json: false,
        greedy: None,
        ids: vec![1, 403, 407, 261, 378],
    };
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("write") => {
                let (shape, kind) = (parser.value()?.string()?, parser.value()?.string()?);
                let kind = WeightType::ALL.into_iter().find(|k| k.name() == kind).ok_or("no such type")?;
                return Ok(Command::Write { shape, kind, path: parser.value()?.string()? });
            }
            Long("isa") => options.isas = isas(&parser.value()?.string()?)?,
            Long("threads") => options.threads = list(&parser.value()?.string()?, |t| t.parse().ok().filter(|n| *n > 0))?,
            Long("cores") => options.cores = parser.value()?.parse()?,
            Short('p') => options.prompt = parser.value()?.parse()?,
            Short('n') => options.decode = parser.value()?.parse()?,
            Long("depth") => options.depth = parser.value()?.parse()?,
            Long("runs") => options.runs = parser.value()?.parse::<usize>()?.max(1),
            Long("no-bandwidth") => options.bandwidth = false,
            Long("profile") => options.profile = true,
            Long("json") => options.json = true,
            Long("greedy") => options.greedy = Some(parser.value()?.parse()?),
            Long("ids") => options.ids = list(&parser.value()?.string()?, |t| t.parse().ok())?,
            Value(path) if options.model.is_empty() => options.model = path.string()?,
            other => return Err(other.unexpected()),
        }
    }
    if options.model.is_empty() { Ok(Command::Help) } else { Ok(Command::Run(options)) }
}
