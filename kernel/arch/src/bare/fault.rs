//! Faults on purpose, to see what becomes of them.

use super::{image, tables};
use core::arch::asm;
use core::hint::black_box;

/// A way to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// #DE: division by zero.
    Divide,
    /// #UD: an undefined instruction.
    UndefinedInstruction,
    /// #GP: a selector beyond the GDT.
    GeneralProtection,
    /// #PF: a read of an address that is not mapped.
    PageFault,
    /// #DF: a page fault that cannot be delivered.
    DoubleFault,
    /// #PF on the guard page: endless recursion.
    StackOverflow,
    /// A Rust panic.
    Panic,
    /// #PF: execution of data.
    ExecuteData,
    /// #PF: a write to code.
    WriteCode,
    /// #BP.
    Breakpoint,
}

/// Names for a person to type, in the order of [`Fault`]'s variants.
pub const FAULTS: [(&str, Fault); 10] = [
    ("divide", Fault::Divide),
    ("ud", Fault::UndefinedInstruction),
    ("gp", Fault::GeneralProtection),
    ("pf", Fault::PageFault),
    ("df", Fault::DoubleFault),
    ("stack", Fault::StackOverflow),
    ("panic", Fault::Panic),
    ("nx", Fault::ExecuteData),
    ("ro", Fault::WriteCode),
    ("bp", Fault::Breakpoint),
];

/// Dies as asked.
#[inline(never)]
pub fn provoke(fault: Fault) -> ! {
    // SAFETY: none of these leaves the kernel running; the exception handlers stop it.
    unsafe {
        match fault {
            Fault::Divide => {
                asm!("xor edx, edx", "xor ecx, ecx", "mov eax, 1", "div ecx", out("eax") _, out("ecx") _, out("edx") _)
            }
            Fault::UndefinedInstruction => asm!("ud2"),
            Fault::GeneralProtection => asm!("mov {0:e}, 0x1230", "mov fs, {0:e}", out(reg) _),
            Fault::PageFault => {
                black_box((0x0000_7fff_dead_0000 as *const u64).read_volatile());
            }
            // A page fault that cannot be delivered, because its gate is gone, is a double fault.
            Fault::DoubleFault => {
                tables::remove_gate(14);
                black_box((0x0000_7fff_dead_0000 as *const u64).read_volatile());
            }
            Fault::StackOverflow => {
                black_box(dig(1));
            }
            Fault::Panic => panic!("asked to panic"),
            Fault::ExecuteData => {
                let data = image::data().start;
                asm!("call {}", in(reg) data);
            }
            Fault::WriteCode => (image::text().start as *mut u64).write_volatile(0),
            Fault::Breakpoint => asm!("int3"),
        }
    }
    panic!("the fault {fault:?} did not happen");
}

/// Recurses until the stack ends.
#[inline(never)]
#[allow(unconditional_recursion)]
fn dig(depth: u64) -> u64 {
    let room = black_box([depth; 64]);
    dig(depth.wrapping_add(1)) + room[(depth % 64) as usize]
}
