//! The end: shutdown and reboot.

use super::memory::map_mmio;
use super::platform::acpi_info;
use super::{clock, cpu, port};
use crate::acpi::Register;
use crate::addr::PhysAddr;
use core::arch::asm;

/// SLP_EN of a PM1 control register, and where SLP_TYP lies (ACPI 6.5, section 4.8.3.2.1).
const PM1_SLEEP: u16 = 1 << 13;
const PM1_TYPE_SHIFT: u32 = 10;
/// SCI_EN: ACPI mode is on.
const PM1_ACPI_MODE: u16 = 1;
/// SLP_EN and SLP_TYP of the sleep control register (ACPI 6.5, section 4.8.3.7).
const CONTROL_SLEEP: u8 = 1 << 5;
const CONTROL_TYPE_SHIFT: u32 = 2;
/// QEMU's S5 type where the DSDT names none.
const DEFAULT_S5: [u8; 2] = [0, 0];

fn write_register(register: Register, value: u8) {
    match register {
        // SAFETY: the firmware says that writing there does what we want; nothing of ours needs to survive it.
        Register::Port(at) => unsafe { port::out8(at, value) },
        Register::Memory(at) => {
            if let Some(at) = map_mmio(PhysAddr(at), 1) {
                // SAFETY: as above, and the page is mapped.
                unsafe { at.write_volatile(value) };
            }
        }
    }
}

/// Turns the machine off. Where that fails this core stops, which is all that is left to do.
pub fn shutdown() -> ! {
    if let Some(fadt) = &acpi_info().fadt {
        let [a, b] = fadt.s5.unwrap_or(DEFAULT_S5);
        if let Some(register) = fadt.sleep_control {
            write_register(register, CONTROL_SLEEP | (a & 7) << CONTROL_TYPE_SHIFT);
            clock::spin(10_000_000);
        }
        // SAFETY: the firmware says that these ports are the power management's.
        unsafe {
            if let (Some(control), Some((command, value))) = (fadt.pm1_control[0], fadt.enable)
                && port::in16(control) & PM1_ACPI_MODE == 0
            {
                port::out8(command, value);
                clock::spin(10_000_000);
            }
            for (control, kind) in fadt.pm1_control.into_iter().zip([a, b]) {
                if let Some(control) = control {
                    port::out16(control, u16::from(kind & 7) << PM1_TYPE_SHIFT | PM1_SLEEP);
                }
            }
        }
        clock::spin(10_000_000);
    }
    crate::println!("ring0: this machine does not turn itself off; it is safe to do so now");
    cpu::stop()
}

/// Restarts the machine, by the gentlest means that works.
pub fn reboot() -> ! {
    if let Some((register, value)) = acpi_info().fadt.as_ref().and_then(|f| f.reset) {
        write_register(register, value);
        clock::spin(10_000_000);
    }
    // SAFETY: the reset control register of PC chipsets, then the keyboard controller's reset line: harmless where there is neither.
    unsafe {
        port::out8(0xcf9, 2);
        port::out8(0xcf9, 6);
        clock::spin(10_000_000);
        port::out8(0x64, 0xfe);
        clock::spin(10_000_000);
    }
    // An exception without an IDT shuts the processor down, and every PC answers that with a reset.
    let nothing = [0u16; 5];
    // SAFETY: nothing runs after this.
    unsafe { asm!("lidt [{}]", "int3", in(reg) &raw const nothing, options(noreturn)) }
}
