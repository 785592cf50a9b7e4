//! TSC ticks to time.

use ring0_arch::{now_ticks, tsc_hz};

/// Nanoseconds from TSC zero, which every core's TSC shares.
pub fn nanoseconds(ticks: u64) -> u64 {
    let wide = u128::from(ticks) * 1_000_000_000 / u128::from(tsc_hz().max(1));
    wide.try_into().unwrap_or(u64::MAX)
}

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
