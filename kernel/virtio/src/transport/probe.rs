//! From a PCI function to a transport (§4.1.2, §4.1.4).

use super::pci_modern::Structures;
use super::{PciLegacy, PciModern, Transport};
use crate::Error;
use alloc::boxed::Box;
use ring0_pci::{Bar, ConfigAccess, Function, Msix, Registers, capability_id};

/// Makes device registers reachable.
pub trait Map {
    /// `bytes` of device memory at `phys`, mapped uncached. `None` if that cannot be.
    fn memory(&mut self, phys: u64, bytes: u64) -> Option<Box<dyn Registers>>;
    /// `count` ports from `base`.
    fn ports(&mut self, base: u16, count: u16) -> Option<Box<dyn Registers>>;
}

const VENDOR: u16 = 0x1af4;

/// The virtio device type of a function, if it is one (§4.1.2): modern ids carry it, transitional ones have it as subsystem id.
pub fn device_type(function: &Function) -> Option<u32> {
    match (function.vendor, function.device) {
        (VENDOR, 0x1000..=0x103f) => Some(u32::from(function.subsystem.1)),
        (VENDOR, id @ 0x1040..=0x107f) => Some(u32::from(id - 0x1040)),
        _ => None,
    }
}

/// The transport of a virtio function: modern where it has the capabilities, else legacy in BAR 0. Switches the function's
/// decoding and bus mastering on.
pub fn from_pci(access: &dyn ConfigAccess, function: &Function, map: &mut dyn Map) -> Result<Box<dyn Transport>, Error> {
    let kind = device_type(function).ok_or(Error::NotVirtio)?;
    function.enable(access);
    if let Some(parts) = structures(access, function, map)? {
        return Ok(Box::new(PciModern::new(function.address, kind, parts)?));
    }
    if function.device >= 0x1040 {
        return Err(Error::BadCapability { what: "common configuration" });
    }
    legacy_from_pci(access, function, map)
}

/// The legacy interface of a transitional virtio function, whatever else it has (§4.1.4.10).
pub fn legacy_from_pci(access: &dyn ConfigAccess, function: &Function, map: &mut dyn Map) -> Result<Box<dyn Transport>, Error> {
    let kind = device_type(function).ok_or(Error::NotVirtio)?;
    function.enable(access);
    let registers = match function.bars[0] {
        Some(Bar::Io { base, size }) => {
            let base = u16::try_from(base).ok().filter(|&b| b != 0).ok_or(Error::BadCapability { what: "legacy register" })?;
            map.ports(base, u16::try_from(size).unwrap_or(u16::MAX))
                .ok_or(Error::CannotMap { phys: u64::from(base), bytes: u64::from(size) })?
        }
        _ => return Err(Error::BadCapability { what: "legacy register" }),
    };
    let msix = Msix::find(access, function).is_some_and(|m| m.is_enabled(access));
    Ok(Box::new(PciLegacy::new(function.address, kind, registers, msix)))
}

/// The mapped structures, or `None` if the function has no common configuration capability at all.
fn structures(access: &dyn ConfigAccess, function: &Function, map: &mut dyn Map) -> Result<Option<Structures>, Error> {
    let Some(common) = find(access, function, 1) else { return Ok(None) };
    let mut need = |place: Option<Place>, what| -> Result<Box<dyn Registers>, Error> {
        let place = place.ok_or(Error::BadCapability { what })?;
        let (phys, bytes) = place.inside(function).ok_or(Error::BadCapability { what })?;
        map.memory(phys, bytes).ok_or(Error::CannotMap { phys, bytes })
    };
    let notify = find(access, function, 2);
    let config = find(access, function, 4);
    Ok(Some(Structures {
        common: need(Some(common), "common configuration")?,
        notify: need(notify, "notification")?,
        notify_multiplier: notify.map_or(0, |n| n.extra),
        isr: need(find(access, function, 3), "interrupt status")?,
        config: if config.is_some() { Some(need(config, "device configuration")?) } else { None },
    }))
}

/// What one vendor capability says (§4.1.4).
#[derive(Clone, Copy)]
struct Place {
    bar: u8,
    offset: u32,
    length: u32,
    /// The double word behind the capability: the notification structure's multiplier.
    extra: u32,
}

impl Place {
    /// Physical address and length, if it lies inside an assigned memory BAR.
    fn inside(&self, function: &Function) -> Option<(u64, u64)> {
        let bar = (*function.bars.get(usize::from(self.bar))?)?;
        let Bar::Memory { base, size, .. } = bar else { return None };
        let end = u64::from(self.offset) + u64::from(self.length);
        (base != 0 && self.length != 0 && self.offset.is_multiple_of(4) && end <= size)
            .then(|| (base.saturating_add(u64::from(self.offset)), u64::from(self.length)))
    }
}

/// The first structure of this type: the device lists them in order of preference.
fn find(access: &dyn ConfigAccess, function: &Function, structure: u8) -> Option<Place> {
    function.capabilities.iter().filter(|c| c.id == capability_id::VENDOR).find_map(|c| {
        let word = |n: u16| access.read(function.address, u16::from(c.offset) + n);
        if (word(0) >> 24) as u8 != structure {
            return None;
        }
        let (offset, length, extra) = (word(8), word(12), word(16));
        Some(Place { bar: word(4) as u8, offset, length, extra })
    })
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
