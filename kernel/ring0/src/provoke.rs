//! `provoke=` on the command line: one mistake on purpose, said loudly. What hangs or dies afterwards was asked to; the studio's panes
//! shall find out why.

use crate::log;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use ring0_arch::mistake::{self, TABLE_MISTAKES, TableMistake};
use ring0_shell::Options;
use ring0_virtio::{MISTAKES, Mistake};

/// Whose driver makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Disks: the model is never loaded.
    Disk,
    /// The network card: there is no address, and the API cannot be reached.
    Network,
}

/// What the command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provoked {
    /// A driver's.
    Driver(Mistake, Target),
    /// In a table of the processor.
    Table(TableMistake),
}

impl Provoked {
    /// What the options ask for, if they do. An unknown name is logged with all that are known.
    pub fn from_options(options: &Options) -> Option<Provoked> {
        let asked = options.provoke.as_deref()?;
        let found = parse(asked);
        if found.is_none() {
            log!("command line: 'provoke={asked}' ignored: known are {}", names().join(" "));
        }
        found
    }

    /// The mistake of the driver of `target`.
    pub fn of_driver(self, target: Target) -> Option<Mistake> {
        match self {
            Provoked::Driver(mistake, of) if of == target => Some(mistake),
            _ => None,
        }
    }

    /// Says what is wrong from now on, and makes it so where it is in a table. Does not return where the kernel dies of it.
    pub fn announce(self) {
        let (name, what) = match self {
            Provoked::Table(wanted) => TABLE_MISTAKES
                .iter()
                .find(|(_, mistake, _)| *mistake == wanted)
                .map_or(("", ""), |(name, _, what)| (*name, *what)),
            Provoked::Driver(_, Target::Disk) => ("of the disk driver", self.what()),
            Provoked::Driver(_, Target::Network) => ("of the network driver", self.what()),
        };
        log!("*** MISTAKE ON PURPOSE (provoke=), {name}: {what}");
        if let Provoked::Table(wanted) = self {
            match mistake::make(wanted) {
                Some((place, value)) => log!("*** {place} {value:#x}"),
                None => log!("*** it could not be made"),
            }
        }
    }

    fn what(self) -> &'static str {
        match self {
            Provoked::Driver(mistake, _) => mistake.explain(),
            Provoked::Table(_) => "",
        }
    }
}

fn parse(text: &str) -> Option<Provoked> {
    let (name, target) = match text.split_once('@') {
        Some((name, "net")) => (name, Target::Network),
        Some((name, "disk")) => (name, Target::Disk),
        Some(_) => return None,
        None => (text, Target::Disk),
    };
    let table = TABLE_MISTAKES.iter().find(|(known, ..)| *known == text);
    table.map(|(_, mistake, _)| Provoked::Table(*mistake)).or_else(|| Some(Provoked::Driver(Mistake::parse(name)?, target)))
}

/// All names that are understood.
fn names() -> Vec<String> {
    let drivers = MISTAKES.iter().map(|(name, _)| alloc::format!("{name}[@net]"));
    drivers.chain(TABLE_MISTAKES.iter().map(|(name, ..)| (*name).to_string())).collect()
}
