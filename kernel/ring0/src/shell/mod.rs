//! The shell's commands. Each prints what is so now; the long ones become a [`Job`] that the main loop carries on.

mod device;
mod disk_bench;
mod generate;
mod model;
mod network;
mod system;
mod trace;

use crate::kernel::Kernel;
use ring0_arch::{println, serial};
use ring0_shell::{COMMANDS, History, find, nearest, split};

/// A command that takes long.
pub enum Job {
    /// `ai` or `ai-bench`.
    Generation(generate::Generation),
    /// `blk-bench`.
    Reading(disk_bench::Reading),
}

impl Job {
    /// Asks it to stop; it ends with one of its next polls.
    pub fn cancel(&mut self, kernel: &mut Kernel) {
        match self {
            Job::Generation(generation) => generation.cancel(kernel),
            Job::Reading(reading) => reading.cancel(),
        }
    }

    /// Lets it go on. Returns whether it is over.
    pub fn poll(&mut self, kernel: &mut Kernel) -> bool {
        match self {
            Job::Generation(generation) => generation.poll(kernel),
            Job::Reading(reading) => reading.poll(kernel),
        }
    }
}

/// Clears the screen and what was scrolled off it.
pub fn clear() {
    serial::write(b"\x1b[2J\x1b[3J\x1b[H");
}

/// Runs one line. A command that takes long comes back as a job.
pub fn run(line: &str, kernel: &mut Kernel, history: &History) -> Option<Job> {
    let words = split(line);
    let (name, arguments) = words.split_first()?;
    let argument = |n: usize| arguments.get(n).map(alloc::string::String::as_str);
    match name.as_str() {
        "help" | "?" => help(argument(0)),
        "info" => system::info(kernel),
        "ai" => return generate::ask(kernel, arguments).map(Job::Generation),
        "ai-load" => model::load(kernel, argument(0)),
        "ai-info" => model::info(kernel),
        "ai-bench" => return generate::bench(kernel, argument(0), argument(1)).map(Job::Generation),
        "ai-serve" => network::serve(kernel, argument(0)),
        "cpuid" => system::cpuid(),
        "free" => system::free(),
        "memmap" => system::memmap(kernel),
        "lspci" => device::lspci(kernel),
        "lsblk" => device::lsblk(kernel),
        "blk-bench" => return disk_bench::start(kernel, argument(0), argument(1)).map(Job::Reading),
        "ip" => network::ip(kernel),
        "ss" => network::ss(kernel),
        "trace" => trace::trace(argument(0), argument(1)),
        "dmesg" => ring0_arch::print!("{}", crate::log::text()),
        "config" => system::config(kernel),
        "uptime" => system::uptime(),
        "panic" => system::provoke(argument(0)),
        "history" => history.lines().enumerate().for_each(|(n, line)| println!("{:>4}  {line}", n + 1)),
        "clear" => clear(),
        "reboot" => {
            crate::log!("rebooting");
            ring0_arch::power::reboot()
        }
        "shutdown" => {
            crate::log!("shutting down");
            ring0_arch::power::shutdown()
        }
        unknown => match nearest(unknown) {
            Some(meant) => println!("{unknown}: no such command; did you mean {meant}?"),
            None => println!("{unknown}: no such command; help lists them"),
        },
    }
    None
}

fn help(name: Option<&str>) {
    match name {
        Some(name) => match find(name) {
            Some(c) => println!("{} {}\n    {}", c.name, c.arguments, c.summary),
            None => println!("{name}: no such command; help lists them"),
        },
        None => {
            for command in COMMANDS {
                println!("  {:<10} {}", command.name, command.summary);
            }
            println!("help COMMAND shows its arguments. Tab completes, arrows recall, Ctrl-C stops.");
        }
    }
}
