//! What the 32 processor exceptions are called and what their error codes say (Intel SDM Vol. 3, sections 6.13 and 6.15).

use core::fmt;

/// Mnemonic and name by vector.
const NAMES: [(&str, &str); 32] = [
    ("#DE", "divide error"),
    ("#DB", "debug"),
    ("NMI", "non-maskable interrupt"),
    ("#BP", "breakpoint"),
    ("#OF", "overflow"),
    ("#BR", "bound range exceeded"),
    ("#UD", "invalid opcode"),
    ("#NM", "device not available"),
    ("#DF", "double fault"),
    ("#09", "coprocessor segment overrun"),
    ("#TS", "invalid TSS"),
    ("#NP", "segment not present"),
    ("#SS", "stack-segment fault"),
    ("#GP", "general protection"),
    ("#PF", "page fault"),
    ("#15", "reserved"),
    ("#MF", "x87 floating point"),
    ("#AC", "alignment check"),
    ("#MC", "machine check"),
    ("#XM", "SIMD floating point"),
    ("#VE", "virtualization"),
    ("#CP", "control protection"),
    ("#22", "reserved"),
    ("#23", "reserved"),
    ("#24", "reserved"),
    ("#25", "reserved"),
    ("#26", "reserved"),
    ("#27", "reserved"),
    ("#HV", "hypervisor injection"),
    ("#VC", "VMM communication"),
    ("#SX", "security"),
    ("#31", "reserved"),
];

/// Mnemonic and name of exception `vector`; vectors from 32 on are interrupts.
pub fn name(vector: u8) -> (&'static str, &'static str) {
    NAMES.get(usize::from(vector)).copied().unwrap_or(("INT", "interrupt"))
}

/// Whether the processor pushes an error code for `vector`.
pub const fn has_error_code(vector: u8) -> bool {
    matches!(vector, 8 | 10..=14 | 17 | 21 | 29 | 30)
}

/// An error code with the meaning that its vector gives it. Displays as nothing where there is no error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// The exception.
    pub vector: u8,
    /// As pushed.
    pub code: u64,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code;
        if !has_error_code(self.vector) {
            return Ok(());
        }
        write!(f, "error {code:#x}")?;
        let bit = |n: u32| code & 1 << n != 0;
        match self.vector {
            14 => {
                f.write_str(if bit(0) { " (page present, " } else { " (page not present, " })?;
                f.write_str(if bit(4) {
                    "instruction fetch"
                } else if bit(1) {
                    "write"
                } else {
                    "read"
                })?;
                f.write_str(if bit(2) { ", user" } else { ", supervisor" })?;
                for (n, text) in [(3, "reserved bit set"), (5, "protection key"), (6, "shadow stack"), (15, "SGX")] {
                    if bit(n) {
                        write!(f, ", {text}")?;
                    }
                }
                f.write_str(")")
            }
            10..=13 if code != 0 => {
                let index = code >> 3 & 0x1fff;
                match (bit(1), bit(2)) {
                    (true, _) => write!(f, " (IDT vector {index}: {}", name(index.min(255) as u8).1)?,
                    (false, true) => write!(f, " (LDT selector {:#x}", code & 0xfff8)?,
                    (false, false) => write!(f, " (GDT selector {:#x}", code & 0xfff8)?,
                }
                f.write_str(if bit(0) { ", external)" } else { ")" })
            }
            21 => match code & 0x7fff {
                1 => f.write_str(" (near return)"),
                2 => f.write_str(" (far return or iret)"),
                3 => f.write_str(" (missing endbranch)"),
                4 => f.write_str(" (rstorssp)"),
                5 => f.write_str(" (setssbsy)"),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::{format, string::ToString};

    fn text(vector: u8, code: u64) -> std::string::String {
        ErrorCode { vector, code }.to_string()
    }

    #[test]
    fn page_fault_bits() {
        assert_eq!(text(14, 2), "error 0x2 (page not present, write, supervisor)");
        assert_eq!(text(14, 0x11), "error 0x11 (page present, instruction fetch, supervisor)");
        assert_eq!(text(14, 0xd), "error 0xd (page present, read, user, reserved bit set)");
    }

    #[test]
    fn selector_codes() {
        assert_eq!(text(13, 0), "error 0x0");
        assert_eq!(text(13, 0x18), "error 0x18 (GDT selector 0x18)");
        assert_eq!(text(10, 0x2c), "error 0x2c (LDT selector 0x28)");
        assert_eq!(text(11, 0x1a), "error 0x1a (IDT vector 3: breakpoint)");
        assert_eq!(text(13, 0x103), "error 0x103 (IDT vector 32: interrupt, external)");
        // A hostile stack may hold anything.
        assert_eq!(text(13, u64::MAX), format!("error {:#x} (IDT vector 8191: interrupt, external)", u64::MAX));
    }

    #[test]
    fn error_codes_are_pushed_for_ten_vectors() {
        assert_eq!((0..=255).filter(|v| has_error_code(*v)).count(), 10);
        assert_eq!(text(6, 77), "");
        assert_eq!(name(6), ("#UD", "invalid opcode"));
        assert_eq!(name(200), ("INT", "interrupt"));
    }
}
