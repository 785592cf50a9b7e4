//! I/O APICs (Intel 82093AA datasheet): which vector a device's interrupt line raises.

use super::memory::map_mmio;
use super::platform::{IsaOverride, acpi_info};
use super::{apic, interrupt, serial};

/// Index and data registers.
const SELECT: usize = 0x00;
const WINDOW: usize = 0x10;
/// Register 1: version; bits 16 to 23 are the number of the last pin.
const VERSION: u32 = 1;
/// First of the redirection entries, two registers each.
const REDIRECTION: u32 = 0x10;

/// Routes ISA interrupt `isa` to `vector` on the core with APIC id `core`. `None` where no I/O APIC serves it, or its registers cannot be
/// mapped.
pub fn route_isa(isa: u8, vector: u8, core: u32) -> Option<()> {
    let plain = IsaOverride { isa, interrupt: u32::from(isa), active_low: false, level: false };
    let wiring = acpi_info().overrides.iter().find(|o| o.isa == isa).copied().unwrap_or(plain);
    route(wiring, vector, core)
}

/// Lets global interrupt `interrupt` (such as the one in a `virtio_mmio.device=` option) wake the core that runs this. Edge-triggered, so
/// that a device whose interrupt nobody has acknowledged yet does not keep the core awake. `None` as for [`route_isa`].
pub fn wake_on_device(interrupt: u32) -> Option<()> {
    let wiring = IsaOverride { isa: 0, interrupt, active_low: false, level: false };
    route(wiring, interrupt::DEVICE, apic::id())
}

fn route(wiring: IsaOverride, vector: u8, core: u32) -> Option<()> {
    for io_apic in &acpi_info().io_apics {
        let Some(pin) = wiring.interrupt.checked_sub(io_apic.first_interrupt) else { continue };
        let registers = map_mmio(io_apic.address, 4096)?;
        let access = |register: u32, value: Option<u32>| {
            // SAFETY: `map_mmio` mapped the page; the I/O APIC is used by the first core alone.
            unsafe {
                registers.add(SELECT).cast::<u32>().write_volatile(register);
                let window = registers.add(WINDOW).cast::<u32>();
                match value {
                    Some(value) => {
                        window.write_volatile(value);
                        value
                    }
                    None => window.read_volatile(),
                }
            }
        };
        if pin > access(VERSION, None) >> 16 & 0xff {
            continue;
        }
        // The destination first: the other half unmasks.
        access(REDIRECTION + 2 * pin + 1, Some(core << 24));
        let polarity = u32::from(wiring.active_low) << 13 | u32::from(wiring.level) << 15;
        access(REDIRECTION + 2 * pin, Some(u32::from(vector) | polarity));
        return Some(());
    }
    None
}

/// The first serial port's interrupt, by custom.
const SERIAL_ISA: u8 = 4;

/// Lets a byte that arrives on the serial line wake the core that runs this. `None` as for [`route_isa`]: input then waits for the next
/// timer.
pub fn wake_on_serial() -> Option<()> {
    route_isa(SERIAL_ISA, interrupt::SERIAL, apic::id())?;
    serial::enable_receive_interrupt();
    Some(())
}
