//! The order of the boot.

use crate::kernel::Kernel;
use crate::records::{RING0_BOOT_REPORT, RING0_EPITAPH, RING0_MSRS, RING0_TRACE_RING};
use crate::units::bytes;
use core::sync::atomic::Ordering::Relaxed;
use ring0_arch::{
    BootInfo, acpi_info, apic, clock, ioapic, memory, memory_stats, msrs, now_ticks, platform, report, serial, smp, tables,
    tsc_hz,
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
        crate::log!("no ACPI tables: {error:?}");
    }
    phase("clock", || {
        if !apic::init() {
            crate::log!("no APIC: one core, and no interrupts");
        }
        clock::init();
        ioapic::wake_on_serial();
    });
    RING0_BOOT_REPORT.tsc_hz.store(tsc_hz(), Relaxed);
    RING0_TRACE_RING.tsc_hz.store(tsc_hz(), Relaxed);
    RING0_MSRS.tsc_hz.store(tsc_hz(), Relaxed);
    msrs::set_record(&RING0_MSRS);
    msrs::write_down();
    let processors = &acpi_info().processors;
    RING0_BOOT_REPORT.cores_found.store(processors.len().max(1) as u32, Relaxed);
    let online = phase("cores", || smp::start(boot, processors));
    RING0_BOOT_REPORT.cores_online.store(online as u32, Relaxed);
    crate::log!("{:?} boot, {online} of {} cores, {} memory", boot.source, processors.len().max(1), bytes(memory_stats().total));
    let mut kernel = Kernel::new(boot);
    kernel.load_boot_model();
    kernel.run()
}
