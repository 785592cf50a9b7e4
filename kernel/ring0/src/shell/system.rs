//! Commands about the machine itself.

use crate::clock::{milliseconds, now_ns, seconds};
use crate::kernel::Kernel;
use crate::processor;
use crate::records::RING0_BOOT_REPORT;
use crate::units::{bytes, text};
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;
use ring0_arch::fault::{self, FAULTS};
use ring0_arch::{memory_stats, now_ticks, println, tsc_hz};

/// `info`: all at a glance.
pub fn info(kernel: &mut Kernel) {
    let memory = memory_stats();
    let report = &RING0_BOOT_REPORT;
    println!("kernel   Ring0 {}, {:?} boot, up {:.1} s", env!("CARGO_PKG_VERSION"), kernel.boot.source, now_ns() as f64 / 1e9);
    println!(
        "machine  {}, {} of {} cores online, {} MHz TSC",
        processor::brand(),
        report.cores_online.load(Relaxed),
        report.cores_found.load(Relaxed),
        tsc_hz() / 1_000_000
    );
    println!("memory   {} of {} free", bytes(memory.free), bytes(memory.total));
    super::model::summary(kernel);
    super::network::summary(kernel);
}

/// `cpuid`.
pub fn cpuid() {
    println!(
        "{} ({}), {}",
        processor::brand(),
        processor::vendor(),
        processor::hypervisor().unwrap_or_else(|| "no hypervisor".into())
    );
    println!("TSC {} Hz, XCR0 {:#x}", tsc_hz(), ring0_arch::xcr0());
    println!("features: {}", processor::features().join(" "));
    let names: Vec<_> = ring0_engine::Isa::available().map(|isa| isa.name()).collect();
    println!("engine:   {} (best here: {})", names.join(" "), ring0_engine::Isa::detect().name());
}

/// `free`: each use on a line; they add up.
pub fn free() {
    let m = memory_stats();
    let rows = [
        ("kernel image", m.image),
        ("below 1 MiB", m.low),
        ("page tables", m.page_tables),
        ("core stacks", m.stacks),
        ("heap", m.heap),
        ("regions", m.regions),
        ("lost", m.lost),
        ("free", m.free),
    ];
    for (name, value) in rows.into_iter().filter(|(name, value)| *value > 0 || *name != "lost") {
        println!("{name:<14}{value:>16}  {}", bytes(value));
    }
    println!("{:<14}{:>16}  {}", "total", m.total, bytes(m.total));
    println!("heap: {} in live objects; regions hold weights, KV cache and DMA memory", bytes(m.heap_used));
    println!("largest contiguous free piece: {}", bytes(m.largest_free));
}

/// `memmap`.
pub fn memmap(kernel: &Kernel) {
    for region in kernel.boot.memory {
        let last = region.end().saturating_sub(1);
        println!("{:#014x}-{last:#014x} {:>10}  {:?}", region.start.0, bytes(region.bytes), region.kind);
    }
}

/// `config`: what was asked for and what came of it.
pub fn config(kernel: &mut Kernel) {
    println!("command line: {}", if kernel.boot.command_line.is_empty() { "(empty)" } else { kernel.boot.command_line });
    for error in &kernel.option_errors {
        println!("  {error}");
    }
    let o = &kernel.options;
    let or = |value: Option<u64>, default: &str| value.map_or_else(|| default.into(), |v| alloc::format!("{v}"));
    println!("model  {}", o.model.as_deref().unwrap_or("the first disk that holds one"));
    println!("serve  {}", or(o.serve.port().map(u64::from), "off"));
    println!("ctx    {}", or(o.context.map(u64::from), "what the model was trained for, as memory allows"));
    println!("slots  {}", or(o.slots.map(u64::from), "as memory allows, at most 4"));
    println!("cores  {}", or(o.cores.map(u64::from), "as many as help"));
    println!("seed   {}", or(o.seed, "a fresh one for each request"));
    println!("isa    {}", o.isa.as_deref().unwrap_or("the best that the processor has"));
    println!("ip     {}", if o.ip.is_some() { "static" } else { "DHCP" });
    println!("key    {}", if o.api_key.is_some() { "required" } else { "none: everyone may ask" });
}

/// `uptime`: since when, and the boot's phases.
pub fn uptime() {
    let report = &RING0_BOOT_REPORT;
    println!("up {:.3} s", now_ns() as f64 / 1e9);
    for phase in report.phases() {
        let (start, end) = (phase.start.load(Relaxed), phase.end.load(Relaxed));
        let length = if end == 0 { now_ticks() } else { end }.saturating_sub(start);
        let name = phase.name.bytes();
        println!("  {:>10.6} s {:>10.3} ms  {}", seconds(start), milliseconds(length), text(&name));
    }
    let first = report.first_token_tsc.load(Relaxed);
    if first != 0 {
        println!("  {:>10.6} s                first token", seconds(first));
    }
}

/// `panic KIND`: provokes a fault.
pub fn provoke(kind: Option<&str>) {
    if let Some((_, fault)) = FAULTS.iter().find(|(name, _)| Some(*name) == kind) {
        fault::provoke(*fault);
    }
    let names: Vec<&str> = FAULTS.iter().map(|(name, _)| *name).collect();
    println!("panic KIND, where KIND is one of: {}", names.join(" "));
}
