//! How to shut down and reset, and a clock (ACPI 6.5, section 5.2.9).

use super::{u8_at, u32_at, u64_at};

/// A register in memory or ports (ACPI 6.5, section 5.2.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Register {
    /// Physical address.
    Memory(u64),
    /// Port.
    Port(u16),
}

impl Register {
    fn parse(bytes: &[u8], at: usize) -> Option<Self> {
        let address = u64_at(bytes, at.checked_add(4)?)?;
        match u8_at(bytes, at)? {
            _ if address == 0 => None,
            0 => Some(Register::Memory(address)),
            1 => u16::try_from(address).ok().map(Register::Port),
            _ => None,
        }
    }
}

/// What the FADT says about power and time (ACPI 6.5, section 5.2.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fadt {
    /// Physical address of the DSDT.
    pub dsdt: u64,
    /// Whether the fixed registers do not exist.
    pub hardware_reduced: bool,
    /// Port of the power management timer, and whether it has 32 bits (else 24).
    pub timer: Option<(u16, bool)>,
    /// Ports of the PM1a and PM1b control registers.
    pub pm1_control: [Option<u16>; 2],
    /// Port and value that turn ACPI mode on, when it is not on.
    pub enable: Option<(u16, u8)>,
    /// Register and value that reset the machine.
    pub reset: Option<(Register, u8)>,
    /// Sleep control register of hardware-reduced machines.
    pub sleep_control: Option<Register>,
    /// Sleep types of the state S5 for PM1a and PM1b, from the DSDT.
    pub s5: Option<[u8; 2]>,
}

impl Fadt {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let flags = u32_at(bytes, 112)?;
        let port = |at: usize| u32_at(bytes, at).and_then(|p| u16::try_from(p).ok()).filter(|p| *p != 0);
        // The extended fields win where they name a port (they must agree anyway).
        let extended = |at: usize| match Register::parse(bytes, at) {
            Some(Register::Port(port)) => Some(port),
            _ => None,
        };
        let hardware_reduced = flags & 1 << 20 != 0;
        let dsdt = u64_at(bytes, 140).filter(|d| *d != 0).or(u32_at(bytes, 40).map(u64::from))?;
        let fixed = !hardware_reduced;
        Some(Fadt {
            dsdt,
            hardware_reduced,
            timer: extended(208).or(port(76)).filter(|_| fixed).map(|port| (port, flags & 1 << 8 != 0)),
            pm1_control: [extended(172).or(port(64)).filter(|_| fixed), extended(184).or(port(68)).filter(|_| fixed)],
            enable: port(48).zip(u8_at(bytes, 52)).filter(|(_, value)| *value != 0 && fixed),
            reset: Register::parse(bytes, 116).zip(u8_at(bytes, 128)).filter(|_| flags & 1 << 10 != 0),
            sleep_control: Register::parse(bytes, 244),
            s5: None,
        })
    }
}

/// Finds `Name (_S5_, Package () { a, b, … })` in AML without interpreting it: the bytes `_S5_`, PackageOp, a package length, the number
/// of elements, and integers as constants or byte-prefixed (ACPI 6.5, section 20.2). Every operating system in small reads it so.
pub(super) fn find_s5(aml: &[u8]) -> Option<[u8; 2]> {
    let at = aml.windows(4).position(|w| w == b"_S5_")?;
    let rest = aml.get(at + 4..)?;
    let &[0x12, lead, ..] = rest else { return None };
    // Package length: the top two bits of the lead byte count the bytes that follow. Then the number of elements.
    let mut rest = rest.get(2 + usize::from(lead >> 6) + 1..)?;
    let mut values = [0; 2];
    for value in &mut values {
        (*value, rest) = match rest {
            [0x00, tail @ ..] => (0, tail),
            [0x01, tail @ ..] => (1, tail),
            [0x0a, value, tail @ ..] => (*value, tail),
            _ => return None,
        };
    }
    Some(values)
}
