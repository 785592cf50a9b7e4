//! `lspci` and `lsblk`.

use crate::kernel::Kernel;
use crate::loader::holds_gguf;
use crate::units::bytes;
use ring0_arch::println;

/// `lspci`.
pub fn lspci(kernel: &Kernel) {
    if kernel.devices.functions.is_empty() {
        println!("no PCI bus on this machine");
    }
    for function in &kernel.devices.functions {
        println!("{function}");
    }
}

/// `lsblk`.
pub fn lsblk(kernel: &mut Kernel) {
    if kernel.devices.disks.is_empty() {
        println!("no disks");
    }
    let used = kernel.server.backend().loaded.as_ref().map(|loaded| loaded.disk.clone());
    for disk in &mut kernel.devices.disks {
        let content = if holds_gguf(disk) { "GGUF" } else { "no GGUF" };
        let (info, counters) = (disk.info(), disk.counters());
        let mut notes = alloc::string::String::new();
        if info.read_only {
            notes.push_str(", read-only");
        }
        if used.as_deref() == Some(disk.name()) {
            notes.push_str(", loaded");
        }
        println!(
            "{:<5} {:>10}  {content}{notes}; {} requests, {} read, {} errors; serial '{}'",
            disk.name(),
            bytes(info.sectors.saturating_mul(512)),
            counters.requests,
            bytes(counters.bytes),
            counters.errors,
            info.serial
        );
    }
}
