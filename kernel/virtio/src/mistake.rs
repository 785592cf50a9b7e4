//! Mistakes on purpose, the way drivers in the field make them, so that tools which explain a hang can be shown one. Each is a single
//! deviation of an otherwise right driver, and none ever reaches memory that is not the driver's own.

/// What the driver of one device does wrong. A driver with a mistake never gives up waiting: the hang is there to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// Takes the queue to have so many entries without asking, and does not tell the device either. Only on legacy transports is that a
    /// mistake: there the size is the device's (§4.1.4.10), on the others it is what the driver writes.
    QueueSize(u16),
    /// Never notifies the device.
    NoKick,
    /// Gives the device the queue's virtual address.
    VirtualAddress,
    /// Waits for an interrupt that its caller has masked, and does not look at the used ring before it comes.
    NoInterrupt,
    /// Drives a PCI function whose bus mastering its caller left off.
    NoBusMaster,
}

/// The names in which a person asks for a mistake, with what it does.
pub const MISTAKES: [(&str, &str); 5] = [
    ("virtq-size:N", "the driver lays out and masks its queue for N entries; the device (legacy interface) uses its own number"),
    ("virtq-no-kick", "the driver publishes buffers and never notifies the device"),
    ("virtq-virtual-address", "the driver gives the device the virtual address of its queue instead of the physical one"),
    ("virtq-no-irq", "the driver waits for the queue's interrupt, which is masked, and does not poll"),
    ("virtq-no-bus-master", "the driver leaves bus mastering off: a PCI device can neither read nor write memory"),
];

impl Mistake {
    /// The mistake that `name` asks for; N is a power of two from 4 to 128.
    pub fn parse(name: &str) -> Option<Mistake> {
        Some(match name {
            "virtq-no-kick" => Mistake::NoKick,
            "virtq-virtual-address" => Mistake::VirtualAddress,
            "virtq-no-irq" => Mistake::NoInterrupt,
            "virtq-no-bus-master" => Mistake::NoBusMaster,
            _ => {
                let size: u16 = name.strip_prefix("virtq-size:")?.parse().ok()?;
                return (size.is_power_of_two() && (4..=128).contains(&size)).then_some(Mistake::QueueSize(size));
            }
        })
    }

    /// What it does, in words.
    pub fn explain(self) -> &'static str {
        let at = match self {
            Mistake::QueueSize(_) => 0,
            Mistake::NoKick => 1,
            Mistake::VirtualAddress => 2,
            Mistake::NoInterrupt => 3,
            Mistake::NoBusMaster => 4,
        };
        MISTAKES[at].1
    }
}

#[cfg(test)]
#[path = "mistake_tests.rs"]
mod tests;
