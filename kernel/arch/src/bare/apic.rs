//! The local APIC (Intel SDM Vol. 3, chapter 11), by memory or, where the firmware left it so, in x2APIC mode by MSR.

use super::interrupt::{SPURIOUS, TIMER};
use super::{cpu, memory, port};
use crate::addr::PhysAddr;
// Bit 8 first core, bit 10 x2APIC, bit 11 enabled, the rest the address.
use crate::msr::APIC_BASE;
use core::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// Registers, as offsets of the memory interface. Divided by 16 and raised by 800h they are x2APIC MSRs.
mod register {
    pub const ID: u32 = 0x20;
    pub const END_OF_INTERRUPT: u32 = 0xb0;
    pub const SPURIOUS: u32 = 0xf0;
    pub const IN_SERVICE: u32 = 0x100;
    pub const COMMAND: u32 = 0x300;
    pub const COMMAND_HIGH: u32 = 0x310;
    pub const TIMER: u32 = 0x320;
    pub const LINT0: u32 = 0x350;
    pub const LINT1: u32 = 0x360;
    pub const ERROR: u32 = 0x370;
    pub const INITIAL_COUNT: u32 = 0x380;
    pub const CURRENT_COUNT: u32 = 0x390;
    pub const DIVIDE: u32 = 0x3e0;
}

/// IA32_TSC_DEADLINE.
const TSC_DEADLINE: u32 = 0x6e0;
/// Masks an entry of the local vector table.
const MASKED: u32 = 1 << 16;
/// Timer mode of the local vector table: TSC deadline.
const DEADLINE_MODE: u32 = 2 << 17;

/// What COMMAND means.
const DELIVER_NMI: u32 = 4 << 8;
const DELIVER_INIT: u32 = 5 << 8;
const DELIVER_STARTUP: u32 = 6 << 8;
const ASSERT: u32 = 1 << 14;
const ALL_OTHERS: u32 = 3 << 18;
const PENDING: u32 = 1 << 12;

/// Address of the registers; 1 in x2APIC mode; 0 before [`init`].
static REGISTERS: AtomicU64 = AtomicU64::new(0);
/// Address for x2APIC mode, which has none.
const BY_MSR: u64 = 1;

/// Ticks of the timer per second, divisor 1; zero before the clock has measured it, and with TSC deadlines.
static TIMER_HZ: AtomicU64 = AtomicU64::new(0);

fn read(register: u32) -> u32 {
    match REGISTERS.load(Relaxed) {
        0 => 0,
        // SAFETY: in x2APIC mode these MSRs exist; the callers name readable ones.
        BY_MSR => unsafe { cpu::read_msr(0x800 + (register >> 4)) as u32 },
        // SAFETY: `init` mapped the page of registers there.
        base => unsafe { ((base + u64::from(register)) as *const u32).read_volatile() },
    }
}

fn write(register: u32, value: u32) {
    match REGISTERS.load(Relaxed) {
        0 => {}
        // SAFETY: as in `read`.
        BY_MSR => unsafe { cpu::write_msr(0x800 + (register >> 4), u64::from(value)) },
        // SAFETY: as in `read`.
        base => unsafe { ((base + u64::from(register)) as *mut u32).write_volatile(value) },
    }
}

/// Finds the registers and sets this core's APIC up. Also silences the legacy interrupt controllers. False when the processor has no
/// APIC or its registers cannot be mapped: then there are no interrupts, and no other cores.
pub fn init() -> bool {
    silence_legacy();
    if cpu::cpuid(1).edx & 1 << 9 == 0 {
        return false;
    }
    // SAFETY: CPUID says that there is an APIC, so it has this MSR.
    let base = unsafe { cpu::read_msr(APIC_BASE) };
    let registers = if base & 1 << 10 != 0 {
        BY_MSR
    } else {
        match memory::map_mmio(PhysAddr(base & 0x000f_ffff_ffff_f000), 4096) {
            Some(registers) => registers as u64,
            None => return false,
        }
    };
    REGISTERS.store(registers, Relaxed);
    init_core();
    true
}

/// Sets up the APIC of the core that runs this.
pub(super) fn init_core() {
    // SAFETY: the MSR exists; bit 11 turns the APIC on, bit 10 must be as on the first core and is legal to set from on.
    unsafe {
        let base = cpu::read_msr(APIC_BASE) | 1 << 11;
        cpu::write_msr(APIC_BASE, base);
        if REGISTERS.load(Relaxed) == BY_MSR && base & 1 << 10 == 0 {
            cpu::write_msr(APIC_BASE, base | 1 << 10);
        }
    }
    for entry in [register::TIMER, register::LINT0, register::LINT1, register::ERROR] {
        write(entry, MASKED);
    }
    write(register::DIVIDE, 0xb);
    write(register::SPURIOUS, 1 << 8 | u32::from(SPURIOUS));
    if has_deadline() {
        write(register::TIMER, DEADLINE_MODE | u32::from(TIMER));
        // The mode must be in place before the first deadline is written (Intel SDM Vol. 3, section 11.5.4.1).
        // SAFETY: a fence has no other effect.
        unsafe { core::arch::x86_64::_mm_mfence() };
    }
}

/// Moves the two 8259 controllers' vectors away from the exceptions and masks them: the I/O APIC does their work. Harmless where
/// there are none.
fn silence_legacy() {
    // SAFETY: these ports are the 8259s' by custom on every PC, and nothing else answers there.
    unsafe {
        for (command, vector, cascade) in [(0x20u16, super::interrupt::LEGACY, 4u8), (0xa0, super::interrupt::LEGACY + 8, 2)] {
            port::out8(command, 0x11);
            port::out8(command + 1, vector);
            port::out8(command + 1, cascade);
            port::out8(command + 1, 1);
            port::out8(command + 1, 0xff);
        }
    }
}

/// Whether the timer takes TSC values (CPUID 1 ECX bit 24).
pub(super) fn has_deadline() -> bool {
    cpu::cpuid(1).ecx & 1 << 24 != 0
}

/// This core's APIC id.
pub fn id() -> u32 {
    let id = read(register::ID);
    if REGISTERS.load(Relaxed) == BY_MSR { id } else { id >> 24 }
}

pub(super) fn end_of_interrupt() {
    write(register::END_OF_INTERRUPT, 0);
}

/// Whether this core has begun to serve `vector` and not acknowledged it.
pub(super) fn in_service(vector: u8) -> bool {
    read(register::IN_SERVICE + u32::from(vector >> 5) * 0x10) & 1 << (vector & 31) != 0
}

/// Sends `command` to the core with APIC id `to`.
fn command(to: u32, command: u32) {
    match REGISTERS.load(Relaxed) {
        0 => {}
        // SAFETY: in x2APIC mode the command register is one MSR of 64 bits.
        BY_MSR => unsafe { cpu::write_msr(0x830, u64::from(to) << 32 | u64::from(command)) },
        _ => {
            write(register::COMMAND_HIGH, to << 24);
            write(register::COMMAND, command);
            // Delivery takes microseconds at most; a bounded wait keeps a broken APIC from hanging the kernel.
            for _ in 0..100_000 {
                if read(register::COMMAND) & PENDING == 0 {
                    break;
                }
                core::hint::spin_loop();
            }
        }
    }
}

/// Raises `vector` on the core with APIC id `to`.
pub(super) fn send(to: u32, vector: u8) {
    // The memory that the other core shall see must be written before; x2APIC writes do not wait for stores by themselves.
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
    command(to, ASSERT | u32::from(vector));
}

/// Resets a core so that it waits for [`send_startup`].
pub(super) fn send_init(to: u32) {
    command(to, ASSERT | DELIVER_INIT);
}

/// Starts a waiting core at the page `page`, below 1 MiB.
pub(super) fn send_startup(to: u32, page: PhysAddr) {
    command(to, ASSERT | DELIVER_STARTUP | (page.0 >> 12 & 0xff) as u32);
}

/// Stops all other cores: their NMI handler finds the kernel dying.
pub(super) fn stop_others() {
    command(0, ASSERT | DELIVER_NMI | ALL_OTHERS);
}

/// Arms the timer to raise [`TIMER`] in `ticks` TSC ticks, given the TSC's frequency. Nothing happens before the clock is measured.
pub(super) fn arm_timer(now: u64, ticks: u64, tsc_hz: u64) {
    if has_deadline() {
        // SAFETY: CPUID says that the MSR exists. Zero would disarm it.
        unsafe { cpu::write_msr(TSC_DEADLINE, now.saturating_add(ticks).max(1)) };
        return;
    }
    let hz = TIMER_HZ.load(Acquire);
    if hz == 0 || tsc_hz == 0 {
        return;
    }
    let count = u128::from(ticks) * u128::from(hz) / u128::from(tsc_hz);
    write(register::TIMER, u32::from(TIMER));
    write(register::INITIAL_COUNT, count.clamp(1, u128::from(u32::MAX)) as u32);
}

/// Stops the timer.
pub(super) fn disarm_timer() {
    if has_deadline() {
        // SAFETY: as in `arm_timer`.
        unsafe { cpu::write_msr(TSC_DEADLINE, 0) };
    } else {
        write(register::INITIAL_COUNT, 0);
    }
}

/// Lets the timer count down from its largest value without an interrupt, for measuring.
pub(super) fn count_down() {
    write(register::TIMER, MASKED | u32::from(TIMER));
    write(register::INITIAL_COUNT, u32::MAX);
}

/// Ticks since [`count_down`].
pub(super) fn counted() -> u32 {
    u32::MAX - read(register::CURRENT_COUNT)
}

/// Says how fast the timer counts.
pub(super) fn set_timer_hz(hz: u64) {
    TIMER_HZ.store(hz, Release);
}

/// Whether [`init`] succeeded.
pub fn is_present() -> bool {
    REGISTERS.load(Relaxed) != 0
}
