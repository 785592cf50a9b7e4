//! The order of the boot.

use crate::records::{RING0_BOOT_REPORT, RING0_EPITAPH, RING0_TRACE_RING};
use core::sync::atomic::Ordering::Relaxed;
use ring0_arch::{
    BootInfo, acpi_info, apic, clock, cpu, fault, ioapic, memory, memory_stats, now_ticks, platform, println, report, serial,
    smp, tables, tsc_hz,
};

/// Runs `work` as a phase of the boot report.
pub fn phase<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let phase = RING0_BOOT_REPORT.begin(name, now_ticks());
    let result = work();
    RING0_BOOT_REPORT.end(phase, now_ticks());
    result
}

/// Both entry paths end here, on the first core, with the boot page tables.
#[unsafe(no_mangle)]
fn ring0_start(boot: &'static BootInfo) -> ! {
    serial::init();
    RING0_BOOT_REPORT.entry_tsc.store(boot.entry_tsc, Relaxed);
    RING0_BOOT_REPORT.source.store(boot.source as u32, Relaxed);
    report::set_epitaph(&RING0_EPITAPH);
    tables::init();
    phase("memory", || memory::init(boot));
    RING0_BOOT_REPORT.memory_bytes.store(memory_stats().total, Relaxed);
    if let Err(error) = phase("acpi", || platform::init(boot)) {
        println!("ring0: no ACPI tables: {error:?}");
    }
    phase("clock", || {
        if !apic::init() {
            println!("ring0: no APIC: one core, and no interrupts");
        }
        clock::init();
        ioapic::wake_on_serial();
    });
    RING0_BOOT_REPORT.tsc_hz.store(tsc_hz(), Relaxed);
    RING0_TRACE_RING.tsc_hz.store(tsc_hz(), Relaxed);
    let processors = &acpi_info().processors;
    RING0_BOOT_REPORT.cores_found.store(processors.len().max(1) as u32, Relaxed);
    let online = phase("cores", || smp::start(boot, processors));
    RING0_BOOT_REPORT.cores_online.store(online as u32, Relaxed);
    println!("tsc {} cores {online} of {:?}", tsc_hz(), acpi_info());
    let words: alloc::vec::Vec<&str> = boot.command_line.split(' ').collect();
    println!("ring0: {:?} boot, {} command line words, {:?}", boot.source, words.len(), memory_stats());
    for (name, fault) in fault::FAULTS {
        if words.iter().any(|word| word.strip_prefix("panic=") == Some(name)) {
            fault::provoke(fault);
        }
    }
    cpu::stop()
}
