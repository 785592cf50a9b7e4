//! Times the engine on this machine, with any model, instruction set and number of threads; prints greedy token ids; writes
//! synthetic models whose shapes are real and whose weights are random (they time like real ones).

mod bandwidth;
mod measure;
mod options;
mod shapes;

use measure::Bench;
use options::{Command, Options};
use std::process::ExitCode;

fn main() -> ExitCode {
    let result = options::parse(lexopt::Parser::from_env()).and_then(|command| match command {
        Command::Help => {
            print!("{}", options::HELP);
            Ok(())
        }
        Command::Write { shape, kind, path } => shapes::write(&shape, kind, &path),
        Command::Run(options) => run(&options),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("ring0-bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let file: &'static [u8] = std::fs::read(&options.model).map_err(|e| format!("{}: {e}", options.model))?.leak();
    let mut rows = Vec::new();
    for threads in &options.threads {
        let gb_per_s = if options.bandwidth { Some(bandwidth::read(*threads)) } else { None };
        for isa in &options.isas {
            let mut bench = Bench::new(file, *isa, *threads, options)?;
            if let Some(count) = options.greedy {
                println!("{}", bench.greedy(&options.ids, count)?.iter().map(u32::to_string).collect::<Vec<_>>().join(" "));
                continue;
            }
            let row = bench.run(options, gb_per_s);
            if !options.json {
                println!("{row}");
            }
            if options.profile {
                bench.profile(options);
            }
            rows.push(row);
        }
    }
    if options.json && options.greedy.is_none() {
        let rows: Vec<_> = rows.iter().map(measure::Row::json).collect();
        println!("{}", serde_json::json!({ "model": options.model, "results": rows }));
    }
    Ok(())
}
