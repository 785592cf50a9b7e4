//! Interrupts. They arrive only while a core halts (see the crate's documentation), so waking it up was all there was to do:
//! a handler counts and acknowledges.

use super::apic;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// #BP.
pub(super) const BREAKPOINT: u8 = 3;
/// The APIC timer.
pub(super) const TIMER: u8 = 0x40;
/// From another core: there is work.
pub(super) const WAKE: u8 = 0x41;
/// The serial port.
pub(super) const SERIAL: u8 = 0x42;
/// A device that a driver told to use [`DEVICE`].
pub const DEVICE: u8 = 0x43;
/// Where the legacy interrupt controllers are moved to, out of the exceptions' way, before they are masked.
pub(super) const LEGACY: u8 = 0x20;
/// The APIC's spurious vector; the low four bits must be ones on old processors.
pub(super) const SPURIOUS: u8 = 0xff;

/// Interrupts by cause since boot, over all cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InterruptCounts {
    /// APIC timer.
    pub timer: u64,
    /// Wake-ups from other cores.
    pub wake: u64,
    /// Serial port.
    pub serial: u64,
    /// Devices.
    pub device: u64,
    /// Spurious ones, those of the masked legacy controllers included.
    pub spurious: u64,
    /// Vectors that nobody asked for.
    pub unhandled: u64,
}

static TIMERS: AtomicU64 = AtomicU64::new(0);
static WAKES: AtomicU64 = AtomicU64::new(0);
static SERIALS: AtomicU64 = AtomicU64::new(0);
static DEVICES: AtomicU64 = AtomicU64::new(0);
static SPURIOUSES: AtomicU64 = AtomicU64::new(0);
static UNHANDLED: AtomicU64 = AtomicU64::new(0);

pub(super) fn handle(vector: u8) {
    let (counter, acknowledge) = match vector {
        TIMER => (&TIMERS, true),
        WAKE => (&WAKES, true),
        SERIAL => (&SERIALS, true),
        DEVICE => (&DEVICES, true),
        SPURIOUS => (&SPURIOUSES, false),
        LEGACY..=0x2f => (&SPURIOUSES, false),
        _ => (&UNHANDLED, apic::in_service(vector)),
    };
    counter.fetch_add(1, Relaxed);
    if acknowledge {
        apic::end_of_interrupt();
    }
}

/// Interrupts since boot.
pub fn interrupt_counts() -> InterruptCounts {
    InterruptCounts {
        timer: TIMERS.load(Relaxed),
        wake: WAKES.load(Relaxed),
        serial: SERIALS.load(Relaxed),
        device: DEVICES.load(Relaxed),
        spurious: SPURIOUSES.load(Relaxed),
        unhandled: UNHANDLED.load(Relaxed),
    }
}

/// Address and data that a device with MSI or MSI-X writes to wake the core that runs this (Intel SDM Vol. 3, section 11.11). The driver
/// polls; the interrupt only ends its core's halt.
pub fn device_message() -> (u64, u32) {
    (0xfee0_0000 | u64::from(apic::id() & 0xff) << 12, u32::from(DEVICE))
}
