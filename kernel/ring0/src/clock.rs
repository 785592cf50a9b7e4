//! TSC ticks to time.

use ring0_arch::{nanoseconds, now_ticks, tsc_hz};

/// Nanoseconds since our first instruction.
pub fn now_ns() -> u64 {
    nanoseconds(now_ticks().saturating_sub(entry()))
}

/// Seconds from our first instruction to `ticks`.
pub fn seconds(ticks: u64) -> f64 {
    ticks.saturating_sub(entry()) as f64 / tsc_hz().max(1) as f64
}

/// Milliseconds that `ticks` last.
pub fn milliseconds(ticks: u64) -> f64 {
    ticks as f64 * 1e3 / tsc_hz().max(1) as f64
}

fn entry() -> u64 {
    crate::records::RING0_BOOT_REPORT.entry_tsc.load(core::sync::atomic::Ordering::Relaxed)
}
