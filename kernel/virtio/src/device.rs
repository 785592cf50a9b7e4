//! The life of a device up to DRIVER_OK (§3.1.1), with what the registry tells of it.

use crate::transport::{QueueAddresses, status};
use crate::{Dma, Error, Mistake, QueueOptions, QueuePlace, SplitQueue, Transport, features};
use core::sync::atomic::Ordering::Relaxed;
use ring0_abi::{DeviceClass, DriverEntry, MAX_QUEUES};

/// How a driver hears of completions. Polling works in all three; the other two let the processor sleep in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupts {
    /// Never interrupts.
    Polled,
    /// The function's MSI-X is on, and the queue raises the table entry `entry`, which the caller pointed at processor vector
    /// `vector`.
    MsiX {
        /// Index in the MSI-X table.
        entry: u16,
        /// Processor vector, for the registry.
        vector: u8,
    },
    /// INTx or the MMIO slot's line, routed by the caller to this processor vector.
    Line {
        /// Processor vector, for the registry.
        vector: u8,
    },
}

/// Fills what a registry entry says of a device before its driver starts.
pub fn describe(entry: &DriverEntry, name: &str, transport: &dyn Transport) {
    entry.name.set(name);
    entry.transport.store(transport.kind() as u16, Relaxed);
    entry.location.store(transport.location(), Relaxed);
    let class = match transport.device_type() {
        1 => DeviceClass::Network,
        2 => DeviceClass::Block,
        _ => DeviceClass::None,
    };
    entry.class.store(class as u16, Relaxed);
}

/// A device between reset and reset. Dropping it resets the device, so it must be dropped before its queues' memory.
pub struct Device<T: Transport> {
    transport: T,
    entry: &'static DriverEntry,
    features: u64,
    mistake: Option<Mistake>,
}

impl<T: Transport> Device<T> {
    /// Resets the device, negotiates features and checks that the device agrees. `choose` gets the transport, to read the
    /// configuration, and the features offered, and says which of them the driver wants; VERSION_1 is added where it is needed.
    /// `mistake` is what the driver shall do wrong, if anything.
    pub fn begin(
        transport: T,
        entry: &'static DriverEntry,
        mistake: Option<Mistake>,
        choose: impl FnOnce(&T, u64) -> u64,
    ) -> Result<Self, Error> {
        let mut device = Device { transport, entry, features: 0, mistake };
        match device.negotiate(choose) {
            Ok(()) => Ok(device),
            Err(error) => {
                device.fail();
                Err(error)
            }
        }
    }

    fn negotiate(&mut self, choose: impl FnOnce(&T, u64) -> u64) -> Result<(), Error> {
        self.reset()?;
        self.add_status(status::ACKNOWLEDGE);
        self.add_status(status::DRIVER);
        let offered = self.transport.offered_features();
        self.entry.features_offered.store(offered, Relaxed);
        let mut accepted = choose(&self.transport, offered) & offered;
        if self.transport.is_legacy() {
            accepted &= 0xffff_ffff;
        } else {
            if offered & features::VERSION_1 == 0 {
                return Err(Error::MissingVersion1 { offered });
            }
            accepted |= features::VERSION_1;
        }
        self.transport.accept_features(accepted);
        self.entry.features_accepted.store(accepted, Relaxed);
        self.features = accepted;
        if !self.transport.is_legacy() {
            self.add_status(status::FEATURES_OK);
            if self.transport.status() & status::FEATURES_OK == 0 {
                return Err(Error::FeaturesRefused { offered, accepted });
            }
        }
        Ok(())
    }

    /// Writes zero to the status and waits until the device has taken it in (§4.1.4.3.1, §4.2.2.1).
    pub fn reset(&mut self) -> Result<(), Error> {
        self.transport.set_status(0);
        self.entry.status.store(0, Relaxed);
        // Each read is a trip to the device, so this many is a long time on any of them.
        for _ in 0..1_000_000 {
            if self.transport.status() == 0 {
                return Ok(());
            }
            core::hint::spin_loop();
        }
        Err(Error::ResetTimeout { status: self.transport.status() })
    }

    fn add_status(&mut self, bit: u32) {
        let status = self.entry.status.load(Relaxed) | bit;
        self.transport.set_status(status);
        self.entry.status.store(status, Relaxed);
    }

    /// Tells the device that the driver gave up.
    pub fn fail(&mut self) {
        self.add_status(status::FAILED);
    }

    /// Makes queue `index`, with the size that the device reports and registry slot `slot`. `segments` is the longest chain that
    /// the driver will ask for.
    pub fn queue<D: Dma>(
        &mut self,
        dma: D,
        index: u16,
        slot: usize,
        segments: u16,
        interrupts: Interrupts,
    ) -> Result<SplitQueue<D>, Error> {
        let entry = self.entry.queues.get(slot).ok_or(Error::MissingQueue { queue: index })?;
        let offered = self.transport.queue_size(index);
        if offered == 0 {
            return Err(Error::MissingQueue { queue: index });
        }
        let least = if self.has(features::INDIRECT_DESC) { 2 } else { segments.max(2) };
        let offered = u16::try_from(offered)
            .ok()
            .filter(|size| size.is_power_of_two() && *size <= 32768 && *size >= least)
            .ok_or(Error::BadQueueSize { queue: index, size: offered, least })?;
        let legacy = self.transport.is_legacy();
        let size = match self.mistake {
            Some(Mistake::QueueSize(size)) if legacy => size.min(offered),
            _ => offered,
        };
        let options = QueueOptions {
            event_idx: self.has(features::EVENT_IDX),
            indirect_segments: if self.has(features::INDIRECT_DESC) { segments } else { 0 },
            // §2.7.8.2: legacy devices have been seen to report lengths that mean nothing.
            lenient_length: legacy,
            device_size: offered,
            mistake: self.mistake,
        };
        let (msix, vector) = match interrupts {
            Interrupts::Polled => (None, 0),
            Interrupts::MsiX { entry, vector } => (Some(entry), vector),
            Interrupts::Line { vector } => (None, vector),
        };
        let queue = SplitQueue::new(dma, index, size, options, entry)?;
        let mut place = queue.place();
        if legacy && self.mistake == Some(Mistake::VirtualAddress) {
            // What is left of it in the legacy register, which takes a page number of 32 bits.
            place.descriptors &= (1 << 44) - 1;
        }
        let QueuePlace { descriptors, avail, used } = place;
        // `offered`, not `size`: they differ only by mistake, and then nobody has told the device.
        self.transport.enable_queue(index, &QueueAddresses { size: offered, descriptors, avail, used }, msix)?;
        entry.vector.store(u16::from(vector), Relaxed);
        self.entry.queue_count.store((slot as u32 + 1).min(MAX_QUEUES as u32), Relaxed);
        Ok(queue)
    }

    /// Sets DRIVER_OK: from here on the device works its queues.
    pub fn start(&mut self) {
        self.add_status(status::DRIVER_OK);
    }

    /// Tells the device of new buffers, unless it asked not to be told.
    pub fn kick<D: Dma>(&self, queue: &mut SplitQueue<D>) {
        if self.mistake != Some(Mistake::NoKick) && queue.take_kick() {
            self.transport.notify(queue.index());
        }
    }

    /// Whether all these features were agreed on.
    pub fn has(&self, features: u64) -> bool {
        self.features & features == features
    }

    /// What the driver does wrong because it was asked to.
    pub fn mistake(&self) -> Option<Mistake> {
        self.mistake
    }

    /// The features agreed on.
    pub fn features(&self) -> u64 {
        self.features
    }

    /// The device's registers.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// The device's place in the registry.
    pub fn entry(&self) -> &'static DriverEntry {
        self.entry
    }
}

impl<T: Transport> Drop for Device<T> {
    fn drop(&mut self) {
        let failed = self.entry.status.load(Relaxed) & status::FAILED;
        // A device that does not reset cannot be helped; its queues are given up all the same.
        let _ = self.reset();
        self.entry.status.store(failed, Relaxed);
    }
}
