//! `trace`: where the last forward passes spent their time.

use crate::clock::milliseconds;
use crate::records::RING0_TRACE_RING as RING;
use alloc::collections::BTreeMap;
use core::sync::atomic::Ordering::Relaxed;
use ring0_abi::{Operation, SPAN_COUNT, SpanRecord};
use ring0_arch::println;

/// Passes shown when no number is given.
const PASSES: u32 = 32;

/// `trace [on | off | show [PASSES]]`.
pub fn trace(what: Option<&str>, passes: Option<&str>) {
    match what {
        Some("on") => RING.enabled.store(1, Relaxed),
        Some("off") => RING.enabled.store(0, Relaxed),
        None | Some("show") => match passes.map_or(Ok(PASSES), str::parse) {
            Ok(passes) if passes > 0 => return show(passes),
            _ => return println!("trace show: '{}' is not a number of passes", passes.unwrap_or_default()),
        },
        Some(other) => return println!("trace: '{other}'? on, off, or show [PASSES]"),
    }
    println!("tracing {}", if RING.is_enabled() { "on" } else { "off" });
}

fn show(passes: u32) {
    let written = RING.written();
    let spans = || (written.saturating_sub(SPAN_COUNT as u64)..written).filter_map(|n| RING.read(n));
    let Some(last) = spans().map(|s| s.token).max() else {
        return println!("no spans: tracing is {}; ask the model something", if RING.is_enabled() { "on" } else { "off" });
    };
    // The oldest pass in the ring may have lost its beginning.
    let oldest = spans().map(|s| s.token).min().map_or(0, |n| if written > SPAN_COUNT as u64 { n + 1 } else { n });
    let first = last.saturating_sub(passes - 1).max(oldest);
    let chosen = || spans().filter(|s| s.token >= first);

    let ticks = |s: &SpanRecord| s.end.saturating_sub(s.start);
    let mut by_operation: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    let mut by_layer: BTreeMap<u16, (u64, u64)> = BTreeMap::new();
    let mut forward = (0, 0);
    for span in chosen() {
        if span.operation == Operation::Forward {
            forward = (forward.0 + 1, forward.1 + ticks(&span));
            continue;
        }
        let entry = by_operation.entry(span.operation as usize).or_default();
        *entry = (entry.0 + 1, entry.1 + ticks(&span));
        if span.layer != u16::MAX {
            let entry = by_layer.entry(span.layer).or_default();
            entry.0 += ticks(&span);
            if span.operation == Operation::Attention {
                entry.1 += ticks(&span);
            }
        }
    }
    let total: u64 = by_operation.values().map(|(_, ticks)| ticks).sum();
    println!("passes {first} to {last}, {} forward in {:.3} ms; core time by operation:", forward.0, milliseconds(forward.1));
    for (operation, (count, ticks)) in by_operation {
        let share = ticks as f64 * 100.0 / total.max(1) as f64;
        let operation = Operation::ALL[operation];
        println!("  {:<16} {share:5.1} % {:10.3} ms {count:7} spans", alloc::format!("{operation:?}"), milliseconds(ticks));
    }
    println!("core time by layer, and attention's part:");
    for (layer, (all, attention)) in by_layer {
        println!("  {layer:>3} {:10.3} ms {:10.3} ms", milliseconds(all), milliseconds(attention));
    }
}
