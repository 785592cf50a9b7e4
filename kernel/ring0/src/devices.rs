//! The devices of this machine: what is on the PCI buses, and a driver for each virtio disk and network card.

use crate::clock::now_ns;
use crate::log;
use crate::provoke::{Provoked, Target};
use crate::records::RING0_DRIVER_REGISTRY;
use crate::wake;
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::ptr::NonNull;
use ring0_abi::DriverEntry;
use ring0_arch::{BootInfo, PhysAddr, acpi_info, alloc_region, free_region, interrupt, map_mmio, phys_of};
use ring0_pci::{ConfigAccess, Ecam, Function, PortAccess, PortWindow, Registers, Window, X86Ports, assign_buses, enumerate};
use ring0_virtio::transport::{Map, Mmio, MmioDevice, Transport, device_type, from_pci, legacy_from_pci, mmio_devices};
use ring0_virtio::{
    Block, BlockCounters, BlockInfo, Dma, DmaMemory, Error, Finished, Interrupts, Mistake, Net, PAGE_BYTES, describe,
};

/// The kernel's memory, as drivers want it.
#[derive(Debug, Clone, Copy)]
pub struct KernelDma;

// SAFETY: regions are page-aligned, contiguous, and one owner's each; they are zeroed below. `phys_of` knows the direct map and the
// image, which are all that drivers are handed buffers from.
unsafe impl Dma for KernelDma {
    fn allocate(&self, bytes: usize) -> Option<DmaMemory> {
        let bytes = bytes.checked_next_multiple_of(PAGE_BYTES)?;
        let region = alloc_region(bytes)?;
        region.fill(0);
        let phys = phys_of(region.as_ptr())?;
        Some(DmaMemory { pointer: NonNull::from(&mut region[0]), phys: phys.0, bytes })
    }

    unsafe fn release(&self, memory: &DmaMemory) {
        // SAFETY: exactly a region of `allocate`, given back once, as the trait's contract says.
        unsafe { free_region(core::slice::from_raw_parts_mut(memory.pointer.as_ptr(), memory.bytes)) };
    }

    /// The direct map and the image are contiguous in both worlds.
    fn translate(&self, pointer: *const u8, bytes: usize) -> Option<(u64, usize)> {
        Some((phys_of(pointer)?.0, bytes))
    }
}

/// Device memory through the direct map, ports as they are.
struct KernelMap;

impl Map for KernelMap {
    fn memory(&mut self, phys: u64, bytes: u64) -> Option<Box<dyn Registers>> {
        let pointer = map_mmio(PhysAddr(phys), bytes)?;
        // SAFETY: the window was just mapped uncached, and device windows are never unmapped.
        Some(Box::new(unsafe { Window::new(pointer, bytes) }))
    }

    fn ports(&mut self, base: u16, count: u16) -> Option<Box<dyn Registers>> {
        Some(Box::new(PortWindow::new(ports(), base, count)))
    }
}

fn ports() -> X86Ports {
    // SAFETY: this is ring 0, and the kernel's own drivers decide which ports are touched.
    unsafe { X86Ports::new() }
}

/// Device types (virtio 1.2, section 5).
const NETWORK: u32 = 1;
const BLOCK: u32 = 2;

type BoxedTransport = Box<dyn Transport>;

/// A network card and its driver.
pub type NetworkCard = Net<KernelDma, BoxedTransport>;

/// A disk and its driver.
pub struct Disk {
    name: String,
    block: Block<KernelDma, BoxedTransport>,
}

impl Disk {
    /// `vda`, `vdb`, … in the order in which they were found.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Size and features.
    pub fn info(&self) -> &BlockInfo {
        self.block.info()
    }
    /// What was read so far.
    pub fn counters(&self) -> BlockCounters {
        self.block.counters()
    }
    /// Reads whole sectors into `buffer`, as many requests in flight as the queue holds. `progress` hears the bytes done.
    pub fn read(&mut self, sector: u64, buffer: &mut [u8], progress: &mut dyn FnMut(usize)) -> Result<(), Error> {
        self.block.read(sector, buffer, progress)
    }
    /// Begins to read whole sectors and returns at once; [`poll`](Self::poll) gives the buffer back. On an error it is given back here.
    pub fn begin_read(&mut self, sector: u64, buffer: &'static mut [u8]) -> Result<(), (Error, &'static mut [u8])> {
        self.block.begin_read(sector, buffer).map(|_| ())
    }
    /// Moves what was begun on without waiting, and returns one read that has ended.
    pub fn poll(&mut self) -> Option<Finished> {
        self.block.poll()
    }
}

/// All that was found.
pub struct Devices {
    /// PCI functions, bridges included.
    pub functions: Vec<Function>,
    /// Disks.
    pub disks: Vec<Disk>,
    /// The first network card, until the network stack takes it.
    pub card: Option<NetworkCard>,
}

impl Devices {
    /// Looks at PCI and at the MMIO slots of the command line, and starts the drivers. A device that fails is logged and left out.
    /// `provoked` is the mistake that a driver shall make.
    pub fn find(boot: &BootInfo, provoked: Option<Provoked>) -> Devices {
        let mistake_of = |device_type| {
            let target = if device_type == NETWORK { Target::Network } else { Target::Disk };
            provoked.and_then(|provoked| provoked.of_driver(target))
        };
        let mut devices = Devices { functions: Vec::new(), disks: Vec::new(), card: None };
        if let Some(access) = config_access() {
            assign_buses(&*access);
            devices.functions = enumerate(&*access);
            let virtio: Vec<Function> = devices.functions.iter().filter(|f| device_type(f).is_some()).cloned().collect();
            for function in virtio {
                let mistake = device_type(&function).and_then(mistake_of);
                // Before the transport is made: MSI-X moves the registers of a legacy device. Disks are waited for without halting.
                let interrupts = match (device_type(&function), mistake) {
                    (_, Some(Mistake::NoInterrupt)) => wake::by_masked_message(&*access, &function),
                    (Some(NETWORK), _) => wake::by_message(&*access, &function),
                    _ => Interrupts::Polled,
                };
                let transport = match mistake {
                    Some(Mistake::QueueSize(_)) => legacy_from_pci(&*access, &function, &mut KernelMap)
                        .or_else(|_| from_pci(&*access, &function, &mut KernelMap)),
                    _ => from_pci(&*access, &function, &mut KernelMap),
                };
                match transport {
                    Ok(transport) => devices.start(transport, interrupts, mistake),
                    Err(error) => log!("PCI {}: {error}", function.address),
                }
                if mistake == Some(Mistake::NoBusMaster) {
                    // Last, because QEMU forgets the bit with each reset of the device.
                    function.enable_without_bus_mastering(&*access);
                }
            }
        }
        // QEMU's microvm names its slots on the command line when ACPI is off, in ACPI when it is on.
        let mut slots: Vec<MmioDevice> = mmio_devices(boot.command_line).collect();
        for found in &acpi_info().virtio_mmio {
            if slots.iter().all(|slot| slot.base != found.base) {
                slots.push(MmioDevice { bytes: found.bytes, base: found.base, irq: found.interrupt });
            }
        }
        for slot in slots {
            let registers = KernelMap.memory(slot.base, slot.bytes);
            match registers.map(|registers| Mmio::probe(registers, slot.base)) {
                Some(Ok(Some(transport))) => {
                    let network = transport.device_type() == NETWORK;
                    let mistake = mistake_of(transport.device_type());
                    let interrupts = match mistake {
                        // Asked for, and not routed: the line ends at a masked pin of the I/O APIC.
                        Some(Mistake::NoInterrupt) => Interrupts::Line { vector: interrupt::DEVICE },
                        _ if network => wake::by_line(slot.irq),
                        _ => Interrupts::Polled,
                    };
                    devices.start(Box::new(transport), interrupts, mistake);
                }
                Some(Ok(None)) => {}
                Some(Err(error)) => log!("virtio-mmio {:#x}: {error}", slot.base),
                None => log!("virtio-mmio {:#x}: cannot be mapped", slot.base),
            }
        }
        devices
    }

    fn start(&mut self, transport: BoxedTransport, interrupts: Interrupts, mistake: Option<Mistake>) {
        match mistake {
            Some(Mistake::QueueSize(_)) if !transport.is_legacy() => {
                log!(
                    "*** no mistake after all: over virtio 1.x the driver sets the queue's size. Use a transitional device (profile: transitional)"
                );
            }
            Some(Mistake::NoBusMaster) if transport.kind() != ring0_abi::Transport::PciModern => {
                log!("*** no mistake after all: only for a virtio 1.x PCI device is bus mastering the driver's to switch on");
            }
            _ => {}
        }
        match transport.device_type() {
            NETWORK => {
                let entry = register("virtio-net0", &*transport);
                match Net::new(transport, KernelDma, entry, interrupts, mistake) {
                    Ok(_) if self.card.is_some() => log!("a second network card is left alone"),
                    Ok(card) => self.card = Some(card),
                    Err(error) => log!("virtio-net0: {error}"),
                }
            }
            BLOCK => {
                let number = self.disks.len();
                let entry = register(&format!("virtio-blk{number}"), &*transport);
                match Block::new(transport, KernelDma, entry, interrupts, mistake, now_ns) {
                    Ok(block) => self.disks.push(Disk { name: disk_name(number), block }),
                    Err(error) => log!("virtio-blk{number}: {error}"),
                }
            }
            other => log!("virtio device of type {other} has no driver here"),
        }
    }
}

/// The way to PCI configuration space: ECAM where ACPI names it, else the ports, else none.
fn config_access() -> Option<Box<dyn ConfigAccess>> {
    if let Some(ecam) = acpi_info().ecam.first() {
        let buses = u64::from(ecam.last_bus - ecam.first_bus) + 1;
        // MCFG names where bus 0 is or would be.
        let first = ecam.base.saturating_add(u64::from(ecam.first_bus) << 20);
        if let Some(pointer) = map_mmio(PhysAddr(first), buses << 20) {
            // SAFETY: mapped uncached, never unmapped; configuration space is 1 MiB for each bus.
            let window = unsafe { Window::new(pointer, buses << 20) };
            return Some(Box::new(Ecam::new(window, ecam.segment, ecam.first_bus, ecam.last_bus)));
        }
    }
    let access = PortAccess::new(ports());
    if access.is_present() { Some(Box::new(access)) } else { None }
}

/// An entry of the registry; one that nobody reads where that is full.
fn register(name: &str, transport: &dyn Transport) -> &'static DriverEntry {
    RING0_DRIVER_REGISTRY.register(|entry| describe(entry, name, transport)).unwrap_or_else(|| Box::leak(Box::default()))
}

/// `vda` to `vdz`, then `vdaa` and on.
fn disk_name(mut number: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'a' + (number % 26) as u8);
        if number < 26 {
            break;
        }
        number = number / 26 - 1;
    }
    letters.iter().rev().fold("vd".to_string(), |name, letter| name + char::from(*letter).encode_utf8(&mut [0; 4]))
}
