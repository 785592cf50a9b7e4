//! The machine as the API sees it.

use crate::clock::now_ns;
use crate::loader::Loaded;
use alloc::vec::Vec;
use ring0_arch::{memory_stats, now_ticks, tsc_hz};
use ring0_engine::api::Event;
use ring0_server::{Backend, Language, Metric, MetricKind};

/// The clock, the model, and the shell's mail.
pub struct Machine {
    /// The model, once there is one.
    pub loaded: Option<Loaded>,
    /// Events of requests that the shell made.
    pub shell_events: Vec<Event>,
    /// Wall time at `now_ns() == 0`, seconds since 1970.
    epoch: u64,
    random: u64,
}

impl Machine {
    /// A machine without a model.
    pub fn new() -> Self {
        let epoch = crate::rtc::unix_time().unwrap_or(0).saturating_sub(now_ns() / 1_000_000_000);
        Machine { loaded: None, shell_events: Vec::new(), epoch, random: now_ticks() ^ epoch.rotate_left(32) }
    }
}

impl Backend for Machine {
    fn language(&mut self) -> Option<&mut dyn Language> {
        self.loaded.as_mut().map(|loaded| &mut loaded.llm as &mut dyn Language)
    }

    fn ticks(&self) -> u64 {
        now_ticks()
    }

    fn ticks_per_second(&self) -> u64 {
        tsc_hz().max(1)
    }

    fn unix_time(&self) -> u64 {
        self.epoch + now_ns() / 1_000_000_000
    }

    /// RDRAND where the processor has it (Intel SDM Vol. 1, 7.3.17); the time of the call is mixed in by SplitMix64 in any case.
    fn entropy(&mut self) -> u64 {
        let hardware = crate::processor::random().unwrap_or(0);
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ now_ticks() ^ hardware;
        let mut z = self.random;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn metrics(&self, out: &mut Vec<Metric>) {
        let memory = memory_stats();
        let mut gauge = |name, help, value| out.push(Metric { name, help, kind: MetricKind::Gauge, value });
        gauge("ring0_uptime_seconds", "Time since the kernel's first instruction.", now_ns() as f64 / 1e9);
        gauge("ring0_memory_bytes", "Memory that the firmware calls usable.", memory.total as f64);
        gauge("ring0_memory_free_bytes", "Memory that nobody uses.", memory.free as f64);
        gauge("ring0_heap_used_bytes", "Live objects on the heap.", memory.heap_used as f64);
        gauge("ring0_regions_bytes", "Weights, KV cache and DMA memory.", memory.regions as f64);
        gauge("ring0_cores_online", "Processors that run.", crate::team::cores().count() as f64);
    }

    fn other_event(&mut self, event: Event) {
        self.shell_events.push(event);
    }
}
