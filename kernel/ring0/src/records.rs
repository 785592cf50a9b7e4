//! The records that the studio reads out of memory (see `ring0-abi`), under the names by which it finds them.

use ring0_abi::{BootReport, DriverRegistry, Epitaph, MsrRecord, TraceRing};

/// Which phase of the boot took how long.
#[used]
#[unsafe(no_mangle)]
pub static RING0_BOOT_REPORT: BootReport = BootReport::new();
/// What the engine's time goes into.
#[used]
#[unsafe(no_mangle)]
pub static RING0_TRACE_RING: TraceRing = TraceRing::new();
/// What killed the kernel.
#[used]
#[unsafe(no_mangle)]
pub static RING0_EPITAPH: Epitaph = Epitaph::new();
/// What each driver thinks of its queues.
#[used]
#[unsafe(no_mangle)]
pub static RING0_DRIVER_REGISTRY: DriverRegistry = DriverRegistry::new();
/// Each core's model-specific registers.
#[used]
#[unsafe(no_mangle)]
pub static RING0_MSRS: MsrRecord = MsrRecord::new();
