//! Processors and interrupt controllers (ACPI 6.5, section 5.2.12).

use super::{Table, u8_at, u16_at, u32_at};
use core::ops::ControlFlow;

/// What the MADT lists (ACPI 6.5, section 5.2.12). Unknown entries are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadtEntry {
    /// A processor that may be started.
    Processor {
        /// Its local APIC's id.
        apic_id: u32,
    },
    /// An I/O APIC.
    IoApic {
        /// Physical address of its registers.
        address: u32,
        /// First global interrupt that it serves.
        first_interrupt: u32,
    },
    /// An ISA interrupt that is wired otherwise than one to one.
    Override {
        /// ISA interrupt.
        isa: u8,
        /// Global interrupt.
        interrupt: u32,
        /// Whether it is active low.
        active_low: bool,
        /// Whether it is level-triggered.
        level: bool,
    },
}

/// Calls `each` for the entries of a MADT until it breaks.
pub fn madt_entries(madt: &Table<'_>, mut each: impl FnMut(MadtEntry) -> ControlFlow<()>) {
    let mut rest = madt.bytes.get(44..).unwrap_or(&[]);
    while let Some(&[kind, length]) = rest.first_chunk() {
        let Some((entry, tail)) = rest.split_at_checked(usize::from(length)).filter(|(entry, _)| entry.len() >= 2) else {
            return;
        };
        rest = tail;
        if let Some(entry) = madt_entry(kind, entry)
            && each(entry).is_break()
        {
            return;
        }
    }
}

fn madt_entry(kind: u8, entry: &[u8]) -> Option<MadtEntry> {
    /// Enabled; the firmware wants it used.
    const ENABLED: u32 = 1;
    match kind {
        0 if u32_at(entry, 4)? & ENABLED != 0 => Some(MadtEntry::Processor { apic_id: u32::from(u8_at(entry, 3)?) }),
        1 => Some(MadtEntry::IoApic { address: u32_at(entry, 4)?, first_interrupt: u32_at(entry, 8)? }),
        2 => {
            let flags = u16_at(entry, 8)?;
            Some(MadtEntry::Override {
                isa: u8_at(entry, 3)?,
                interrupt: u32_at(entry, 4)?,
                active_low: flags & 3 == 3,
                level: flags >> 2 & 3 == 3,
            })
        }
        9 if u32_at(entry, 8)? & ENABLED != 0 => Some(MadtEntry::Processor { apic_id: u32_at(entry, 4)? }),
        _ => None,
    }
}
