//! What the studio reads out of guest RAM.
//!
//! Five records, each one `static` in the kernel image, found by its ELF symbol or by its magic:
//!
//! | record | symbol | magic | says |
//! |---|---|---|---|
//! | [`BootReport`] | `RING0_BOOT_REPORT` | `R0BOOTRP` | which phase of the boot took how long |
//! | [`TraceRing`] | `RING0_TRACE_RING` | `R0TRACER` | timed spans: token, layer, operation, core |
//! | [`Epitaph`] | `RING0_EPITAPH` | `R0EPITAP` | what killed the kernel |
//! | [`DriverRegistry`] | `RING0_DRIVER_REGISTRY` | `R0DRIVER` | each driver's own idea of its queues |
//! | [`MsrRecord`] | `RING0_MSRS` | `R0MSREGS` | each core's model-specific registers at the end of its bring-up |
//!
//! All integers are little-endian and naturally aligned; every record starts with a [`Header`]. Readers check magic, version
//! and length, and must expect a record that is being written: each says how a torn read is noticed. Times are raw TSC values;
//! `tsc_hz` converts. The TypeScript twin is `app/wire/abi`; both are held together by `test/fixtures/abi/*.bin`.
#![no_std]
#![forbid(unsafe_code)]

mod boot;
mod driver;
mod epitaph;
mod msr;
mod text;
mod trace;

pub use boot::{BootReport, BootSource, MAX_PHASES, Phase};
pub use driver::{DeviceClass, DriverEntry, DriverRegistry, MAX_DEVICES, MAX_QUEUES, QueueEntry, QueueLayout, Transport};
pub use epitaph::{Cause, Epitaph, MAX_FRAMES, MESSAGE_BYTES, Registers};
pub use msr::{MAX_MSR_CORES, MAX_MSRS, MsrCore, MsrEntry, MsrRecord};
pub use text::{AtomicText, store_text};
pub use trace::{Operation, SPAN_COUNT, Span, SpanRecord, TraceRing};

/// The first 16 bytes of every record.
#[repr(C)]
#[derive(Debug)]
pub struct Header {
    /// Eight ASCII bytes that name the record.
    pub magic: [u8; 8],
    /// Raised by one whenever a field moves or changes its meaning.
    pub version: u32,
    /// Size of the whole record in bytes, this header included.
    pub length: u32,
}

impl Header {
    pub(crate) const fn new(magic: [u8; 8], length: usize) -> Self {
        Header { magic, version: 1, length: length as u32 }
    }
}
