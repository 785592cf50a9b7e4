//! The commands by name: what `help` prints, Tab completes and a typing mistake is compared with.

use alloc::{string::String, vec::Vec};

/// One command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// What a person types.
    pub name: &'static str,
    /// Its arguments.
    pub arguments: &'static str,
    /// One line for `help`.
    pub summary: &'static str,
}

const fn command(name: &'static str, arguments: &'static str, summary: &'static str) -> Command {
    Command { name, arguments, summary }
}

/// All commands, in the order of `help`.
pub const COMMANDS: &[Command] = &[
    command("help", "[COMMAND]", "list the commands, or explain one"),
    command("info", "", "kernel, machine, model and API at a glance"),
    command("ai", "[-n TOKENS] [-t TEMPERATURE] [--raw] PROMPT", "ask the model; Ctrl-C stops it"),
    command("ai-load", "[DEVICE]", "load a GGUF model from a disk, in place of the loaded one"),
    command("ai-info", "", "the loaded model: shape, weights, tokenizer, template, engine"),
    command("ai-bench", "[PROMPT_TOKENS] [DECODE_TOKENS]", "measure prefill and decode"),
    command("ai-serve", "[PORT | off]", "serve the OpenAI-compatible API"),
    command("cpuid", "", "processor, instruction sets, hypervisor"),
    command("free", "", "where the memory is"),
    command("memmap", "", "the firmware's memory map"),
    command("lspci", "", "PCI devices, bridges included"),
    command("lsblk", "", "disks, and what is on them"),
    command("blk-bench", "[SECONDS] [READS_PER_SECOND]", "read every disk at once, and measure"),
    command("ip", "", "network address, gateway, counters"),
    command("ss", "", "TCP sockets and API connections"),
    command("trace", "[on | off | show [PASSES]]", "time per layer and operation"),
    command("dmesg", "", "the kernel's log since boot"),
    command("config", "", "the kernel command line and what was made of it"),
    command("uptime", "", "time since boot, and where the boot went"),
    command("panic", "[KIND]", "provoke a fault, to see how it is reported"),
    command("history", "", "lines typed before"),
    command("clear", "", "clear the screen"),
    command("reboot", "", "restart the machine"),
    command("shutdown", "", "switch the machine off"),
];

/// The command of that name.
pub fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|c| c.name == name)
}

/// The names that begin with `word`, and what they all begin with.
pub fn complete(word: &str) -> (String, Vec<&'static str>) {
    let names: Vec<_> = COMMANDS.iter().map(|c| c.name).filter(|n| n.starts_with(word)).collect();
    let mut common = String::from(names.first().copied().unwrap_or(word));
    for name in &names {
        let same = common.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
        common.truncate(same);
    }
    (common, names)
}

/// The command that a mistyped name most likely meant: at most two letters off.
pub fn nearest(word: &str) -> Option<&'static str> {
    let scored = COMMANDS.iter().map(|c| (distance(word.as_bytes(), c.name.as_bytes()), c.name));
    scored.min().filter(|(d, name)| *d <= 2 && *d < name.len()).map(|(_, name)| name)
}

/// Levenshtein distance; `a` beyond 32 bytes counts as far away.
fn distance(a: &[u8], b: &[u8]) -> usize {
    if a.len() > 32 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = core::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = substituted.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completion_stops_where_names_part() {
        assert_eq!(complete("up"), ("uptime".into(), alloc::vec!["uptime"]));
        let (common, names) = complete("ai-");
        assert_eq!((common.as_str(), names.len()), ("ai-", 4));
        assert_eq!(complete("zz").1.len(), 0);
    }

    #[test]
    fn mistakes_find_their_command() {
        assert_eq!(nearest("hlep"), Some("help"));
        assert_eq!(nearest("lspic"), Some("lspci"));
        assert_eq!(nearest("aiload"), Some("ai-load"));
        assert_eq!(nearest("frobnicate"), None);
        assert_eq!(nearest(""), None);
    }

    #[test]
    fn names_are_unique() {
        for (i, c) in COMMANDS.iter().enumerate() {
            assert!(COMMANDS[..i].iter().all(|d| d.name != c.name), "{}", c.name);
        }
    }
}
