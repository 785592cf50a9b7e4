//! Wrong tables and registers on purpose: each of these leaves the machine with exactly one mistake, of those that kernels in the field make, for
//! tools that shall find it.

use super::{cpu, interrupt, memory, stack, tables};
use crate::msr::PAT;

/// A mistake in a table, or in a register that every core has for itself. The first two kill the kernel, at once or at its next interrupt; with the others it lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableMistake {
    /// SS keeps a selector of a GDT that is gone; the next IRETQ pops it: #GP.
    StaleSs,
    /// The TSS is loaded a second time: #GP, for its descriptor is busy.
    BusyTss,
    /// The limit of the GDT cuts the TSS descriptor in half.
    ShortGdt,
    /// The gate of #BP names the data segment.
    GateSelector,
    /// The interrupt stack of NMI is given by its lowest address.
    StackStart,
    /// A page, such as the one in which other cores start, stays writable and executable.
    WriteExecute,
    /// One core has a memory type otherwise in its PAT than the others have.
    OneCorePat,
}

/// Names for a person to type, with what is wrong then.
pub const TABLE_MISTAKES: [(&str, TableMistake, &str); 7] = [
    (
        "gdt-stale-ss",
        TableMistake::StaleSs,
        "SS holds selector 0x30 of an earlier GDT, which ended with that descriptor; the new GDT ends before it (#GP at the next iretq)",
    ),
    (
        "gdt-short-limit",
        TableMistake::ShortGdt,
        "the GDT's limit is 8 too small: it ends in the middle of the 16-byte TSS descriptor",
    ),
    ("tss-busy", TableMistake::BusyTss, "LTR is executed a second time, on a descriptor that is busy (#GP at once)"),
    ("idt-bad-selector", TableMistake::GateSelector, "the gate of vector 3 names the data segment, 0x10 (#GP instead of #BP)"),
    (
        "ist-at-stack-start",
        TableMistake::StackStart,
        "IST1, the stack of NMI, holds the lowest address of the stack, from where it grows into the guard page",
    ),
    (
        "page-w-and-x",
        TableMistake::WriteExecute,
        "one page is mapped writable and executable at its physical address, as a start-up trampoline left behind",
    ),
    (
        "pat-one-core",
        TableMistake::OneCorePat,
        "entry 5 of the first core's PAT is write-combining; the other cores were not told, and have it write-through",
    ),
];

/// Makes the mistake. Returns where it is, in words, unless the kernel dies of it.
pub fn make(mistake: TableMistake) -> Option<(&'static str, u64)> {
    let first = stack::ISTS.first()?;
    // SAFETY: the first core calls this once its tables are loaded, and interrupts are off: nothing enters through what is changed
    // meanwhile. What comes of it afterwards is what was asked for.
    unsafe {
        match mistake {
            TableMistake::StaleSs => Some(("SS", tables::leave_stale_stack_segment())),
            TableMistake::BusyTss => {
                tables::load_task_register();
                None
            }
            TableMistake::ShortGdt => Some(("GDTR limit", tables::shorten_gdt())),
            TableMistake::GateSelector => Some(("IDT entry at", tables::break_gate(interrupt::BREAKPOINT))),
            TableMistake::StackStart => Some(("IST1 =", tables::set_first_stack(first.start()))),
            TableMistake::WriteExecute => memory::map_writable_and_executable().map(|at| ("page at", at)),
            TableMistake::OneCorePat if cpu::cpuid(1).edx & 1 << 16 == 0 => None,
            TableMistake::OneCorePat => {
                // No page of ours has PAT and PWT set.
                let pat = cpu::read_msr(PAT) & !(0xff << 40) | 1 << 40;
                cpu::write_msr(PAT, pat);
                Some(("PAT =", pat))
            }
        }
    }
}
