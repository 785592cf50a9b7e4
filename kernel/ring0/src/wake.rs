//! How a device ends the first core's halt. Drivers poll; an interrupt only says that polling is worth while again.

use ring0_arch::{PhysAddr, apic, interrupt, map_mmio, wake_on_device};
use ring0_pci::{ConfigAccess, Function, Msix, Window};
use ring0_virtio::Interrupts;

/// Entry of the MSI-X table that is used.
const ENTRY: u16 = 0;

/// Points a PCI function's MSI-X at this core and switches it on. A function without it is polled: its interrupt line's way to the I/O APIC
/// is in the firmware's byte code only.
pub fn by_message(access: &dyn ConfigAccess, function: &Function) -> Interrupts {
    match program(access, function) {
        Some(_) => Interrupts::MsiX { entry: ENTRY, vector: interrupt::DEVICE },
        None => Interrupts::Polled,
    }
}

/// As [`by_message`], but with the entry masked: the device notes its interrupts as pending, and none is sent. A mistake on purpose.
pub fn by_masked_message(access: &dyn ConfigAccess, function: &Function) -> Interrupts {
    match program(access, function) {
        Some((msix, window)) => {
            msix.set_masked(&window, ENTRY, true);
            Interrupts::MsiX { entry: ENTRY, vector: interrupt::DEVICE }
        }
        None => Interrupts::Polled,
    }
}

fn program(access: &dyn ConfigAccess, function: &Function) -> Option<(Msix, Window)> {
    let msix = Msix::find(access, function)?;
    let table = (*function.bars.get(usize::from(msix.table_bar))?)?.base().checked_add(u64::from(msix.table_offset))?;
    let core = u8::try_from(apic::id()).ok()?;
    function.enable(access);
    let pointer = map_mmio(PhysAddr(table), msix.table_bytes())?;
    // SAFETY: mapped uncached just now, and device windows are never unmapped.
    let window = unsafe { Window::new(pointer, msix.table_bytes()) };
    if !msix.program(&window, ENTRY, core, interrupt::DEVICE) {
        return None;
    }
    msix.set_enabled(access, true);
    Some((msix, window))
}

/// Routes an MMIO slot's line to this core.
pub fn by_line(line: u32) -> Interrupts {
    match wake_on_device(line) {
        Some(()) => Interrupts::Line { vector: interrupt::DEVICE },
        None => Interrupts::Polled,
    }
}
