//! Time: the TSC, its frequency, and the APIC timer that ends a halt.

use super::platform::acpi_info;
use super::{apic, cpu, now_ticks, port};
use core::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};

/// Ticks per second; zero before [`init`].
static TSC_HZ: AtomicU64 = AtomicU64::new(0);

/// How the frequency became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockSource {
    /// The processor says it (CPUID 15h, 16h).
    Processor,
    /// The hypervisor says it (CPUID 40000010h).
    Hypervisor,
    /// Measured against the ACPI power management timer.
    PowerManagementTimer,
    /// Measured against the 8254 timer.
    IntervalTimer,
    /// Measured against the APIC timer, which QEMU drives at 1 GHz.
    ApicTimer,
    /// Unknown: 1 GHz is assumed, and durations are wrong.
    Guess,
}

/// The power management timer's frequency (ACPI 6.5, section 4.8.2.1).
const PM_TIMER_HZ: u64 = 3_579_545;
/// The 8254's.
const PIT_HZ: u64 = 1_193_182;
/// What QEMU's APIC timer counts at, with and without KVM.
const QEMU_APIC_HZ: u64 = 1_000_000_000;
/// How long to measure: 1/200 s. An error of two microseconds is then one of 0.04 %.
const MEASURE: u64 = 200;
/// TSC ticks after which a timer that has not moved is given up: 1 ms at 4 GHz, a thousand times what the slowest one takes.
const STANDSTILL: u64 = 4_000_000;
/// TSC ticks after which a timer that moves too slowly is given up: 50 ms at 4 GHz.
const PATIENCE: u64 = 200_000_000;

/// Finds out the frequencies of the TSC and of the APIC timer. Takes 5 ms at most on the machines that we know.
pub fn init() -> ClockSource {
    let (hz, source) = find_tsc_hz();
    TSC_HZ.store(hz, Release);
    if !apic::has_deadline() {
        apic::set_timer_hz(if on_qemu() { QEMU_APIC_HZ } else { measure_apic(hz) });
    }
    source
}

fn find_tsc_hz() -> (u64, ClockSource) {
    if let Some(hz) = processor_says() {
        return (hz, ClockSource::Processor);
    }
    if let Some(hz) = hypervisor_says() {
        return (hz, ClockSource::Hypervisor);
    }
    if let Some((timer, wide)) = acpi_info().fadt.and_then(|f| f.timer) {
        // SAFETY: the firmware says that this port is the timer; reading it has no effect.
        let read = || unsafe { port::in32(timer) };
        if let Some(hz) = measure(read, if wide { u32::MAX } else { 0xff_ffff }, PM_TIMER_HZ) {
            return (hz, ClockSource::PowerManagementTimer);
        }
    }
    start_pit();
    if let Some(hz) = measure(|| u32::from(!read_pit()), 0xffff, PIT_HZ) {
        return (hz, ClockSource::IntervalTimer);
    }
    if on_qemu() {
        apic::count_down();
        let hz = measure(apic::counted, u32::MAX, QEMU_APIC_HZ);
        apic::disarm_timer();
        if let Some(hz) = hz {
            return (hz, ClockSource::ApicTimer);
        }
    }
    (1_000_000_000, ClockSource::Guess)
}

/// CPUID 15h: crystal frequency and ratio (Intel SDM Vol. 3, section 20.7.3); 16h where the crystal is not named.
fn processor_says() -> Option<u64> {
    if !cpu::has_leaf(0x15) {
        return None;
    }
    let leaf = cpu::cpuid(0x15);
    if leaf.eax == 0 || leaf.ebx == 0 {
        return None;
    }
    if leaf.ecx != 0 {
        return Some(u64::from(leaf.ecx) * u64::from(leaf.ebx) / u64::from(leaf.eax));
    }
    let base_mhz = if cpu::has_leaf(0x16) { cpu::cpuid(0x16).eax & 0xffff } else { 0 };
    (base_mhz != 0).then_some(u64::from(base_mhz) * 1_000_000)
}

/// CPUID 40000010h EAX: TSC frequency in kHz, of VMware, and of KVM where it is asked for.
fn hypervisor_says() -> Option<u64> {
    cpu::hypervisor()?;
    if cpu::cpuid(0x4000_0000).eax < 0x4000_0010 {
        return None;
    }
    match cpu::cpuid(0x4000_0010).eax {
        0 => None,
        khz => Some(u64::from(khz) * 1000),
    }
}

fn on_qemu() -> bool {
    cpu::hypervisor().is_some_and(|name| name == *b"TCGTCGTCGTCG" || name == *b"KVMKVMKVM\0\0\0")
}

/// Channel 2 of the 8254, counting down from 65535 once, its speaker off.
fn start_pit() {
    // SAFETY: these ports are the timer's and its gate's on every PC; nothing else answers there.
    unsafe {
        port::out8(0x61, port::in8(0x61) & !2 | 1);
        port::out8(0x43, 0xb0);
        port::out8(0x42, 0xff);
        port::out8(0x42, 0xff);
    }
}

fn read_pit() -> u16 {
    // SAFETY: as in `start_pit`; the command latches channel 2.
    unsafe {
        port::out8(0x43, 0x80);
        u16::from(port::in8(0x42)) | u16::from(port::in8(0x42)) << 8
    }
}

/// Reads a counter and the TSC at about the same time. Of three tries the quickest counts: an interruption makes the others slow.
fn sample(read: &mut impl FnMut() -> u32) -> (u64, u32) {
    let mut best = (u64::MAX, 0, 0);
    for _ in 0..3 {
        let before = now_ticks();
        let count = read();
        let took = now_ticks().wrapping_sub(before);
        if took < best.0 {
            best = (took, before.wrapping_add(took / 2), count);
        }
    }
    (best.1, best.2)
}

/// The TSC's frequency by a counter that rises `hz` times a second, modulo `mask` + 1. `None` when the counter stands still.
fn measure(mut read: impl FnMut() -> u32, mask: u32, hz: u64) -> Option<u64> {
    let (start, from) = sample(&mut read);
    loop {
        let passed = u64::from(read().wrapping_sub(from) & mask);
        if passed >= hz / MEASURE {
            break;
        }
        if now_ticks().wrapping_sub(start) > if passed == 0 { STANDSTILL } else { PATIENCE } {
            return None;
        }
        core::hint::spin_loop();
    }
    let (end, to) = sample(&mut read);
    let passed = u128::from(to.wrapping_sub(from) & mask);
    let ticks = u128::from(end.wrapping_sub(start));
    u64::try_from(ticks * u128::from(hz) / passed.max(1)).ok().filter(|hz| *hz > 1_000_000)
}

/// The APIC timer's frequency by the TSC, over 2 ms.
fn measure_apic(tsc_hz: u64) -> u64 {
    apic::count_down();
    let mut read = apic::counted;
    let (start, from) = sample(&mut read);
    while now_ticks().wrapping_sub(start) < tsc_hz / 500 {
        core::hint::spin_loop();
    }
    let (end, to) = sample(&mut read);
    apic::disarm_timer();
    let ticks = end.wrapping_sub(start).max(1);
    (u128::from(to.wrapping_sub(from)) * u128::from(tsc_hz) / u128::from(ticks)) as u64
}

/// TSC ticks per second; zero before the clock is set up.
pub fn tsc_hz() -> u64 {
    TSC_HZ.load(Acquire)
}

/// TSC ticks as nanoseconds; zero before the clock is set up.
pub fn nanoseconds(ticks: u64) -> u64 {
    match tsc_hz() {
        0 => 0,
        hz => u64::try_from(u128::from(ticks) * 1_000_000_000 / u128::from(hz)).unwrap_or(u64::MAX),
    }
}

/// Nanoseconds as TSC ticks.
pub fn ticks(nanoseconds: u64) -> u64 {
    u64::try_from(u128::from(nanoseconds) * u128::from(tsc_hz()) / 1_000_000_000).unwrap_or(u64::MAX)
}

/// Halts until the TSC reaches `deadline` or any interrupt comes, whichever is first (the APIC timer's count is 32 bits, so a distant
/// deadline may be reported early). Callers look at the clock themselves. Returns at once where there is no timer to end the halt.
pub fn halt_until(deadline: u64) {
    let now = now_ticks();
    if deadline <= now || !apic::is_present() || tsc_hz() == 0 {
        return;
    }
    apic::arm_timer(now, deadline - now, tsc_hz());
    cpu::wait_for_interrupt();
    apic::disarm_timer();
}

/// As [`halt_until`], for at most `nanoseconds`.
pub fn halt_for(nanoseconds: u64) {
    halt_until(now_ticks().saturating_add(ticks(nanoseconds)));
}

/// Waits for `nanoseconds` without halting, for devices that need a moment.
pub fn spin(nanoseconds: u64) {
    let end = now_ticks().saturating_add(ticks(nanoseconds));
    while now_ticks() < end {
        core::hint::spin_loop();
    }
}
