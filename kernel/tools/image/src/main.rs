//! Post-link step for the kernel image. `ring0-image [ELF]` writes the symbol table into the ELF, in place, and the flat UEFI image
//! beside it with the extension `efi`. Without an ELF it builds the kernel first, so that one command does it all.

mod flat;
mod symbols;

use object::{Object, ObjectSection};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fmt, fs, io};

/// Why the image could not be finished.
#[derive(Debug)]
pub enum Error {
    /// The file could not be read or written.
    File(PathBuf, io::Error),
    /// The file is not a 64-bit ELF.
    NotElf(object::Error),
    /// It has no section for the symbol table.
    NoSection,
    /// The symbols do not fit.
    TooLarge {
        /// Bytes of the table.
        table: usize,
        /// Bytes of the section.
        reserved: usize,
    },
    /// It has no loadable segment.
    Empty,
    /// The segment at this file offset is cut off or lies too far from the others.
    Segment(u64),
    /// The flat image has no PE header.
    NoPeHeader,
    /// Cargo could not be run, or failed.
    Build(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::File(path, error) => write!(f, "{}: {error}", path.display()),
            Error::NotElf(error) => write!(f, "not a kernel ELF: {error}; give it target/…/release/ring0"),
            Error::NoSection => write!(f, "no section {} in the file; is it the kernel?", symbols::SECTION),
            Error::TooLarge { table, reserved } => {
                write!(
                    f,
                    "the symbol table has {table} bytes but {reserved} are reserved; raise RESERVED in kernel/arch/src/bare/ksyms.rs"
                )
            }
            Error::Empty => write!(f, "the file has no loadable segment; is it the kernel?"),
            Error::Segment(offset) => write!(f, "the segment at file offset {offset:#x} is cut off or lies outside of the image"),
            Error::NoPeHeader => write!(f, "the image does not begin with a PE header, so no firmware would start it"),
            Error::Build(why) => write!(f, "building the kernel: {why}"),
        }
    }
}

/// Builds the kernel in its own folder, whose cargo settings make it an image, and returns the ELF's path.
fn build() -> Result<PathBuf, Error> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(["build", "--release"]).current_dir(workspace.join("ring0")).status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(Error::Build(format!("cargo ended with {status}"))),
        Err(error) => return Err(Error::Build(error.to_string())),
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    Ok(target.join("x86_64-unknown-linux-gnu/release/ring0"))
}

fn run() -> Result<(), Error> {
    let path = match env::args_os().nth(1) {
        Some(path) => PathBuf::from(path),
        None => build()?,
    };
    let mut bytes = fs::read(&path).map_err(|e| Error::File(path.clone(), e))?;
    let table = {
        let elf = object::File::parse(&*bytes).map_err(Error::NotElf)?;
        let base = elf.section_by_name(".pehdr").ok_or(Error::NoSection)?.address();
        symbols::encode(&symbols::functions(&elf, base))
    };
    let (used, reserved) = symbols::patch(&mut bytes, &table)?;
    let flat = flat::flatten(&bytes)?;
    if !flat.starts_with(b"MZ") {
        return Err(Error::NoPeHeader);
    }
    let efi = path.with_extension("efi");
    fs::write(&path, &bytes).map_err(|e| Error::File(path.clone(), e))?;
    fs::write(&efi, &flat).map_err(|e| Error::File(efi.clone(), e))?;
    println!("{}: symbols {used} of {reserved} bytes", path.display());
    println!("{}: {} bytes", efi.display(), flat.len());
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ring0-image: {error}");
            ExitCode::FAILURE
        }
    }
}
