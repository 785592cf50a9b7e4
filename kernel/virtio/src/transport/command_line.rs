//! `virtio_mmio.device=<size>@<base>:<irq>[:<id>]`, by which QEMU's microvm and others tell of MMIO slots (the syntax of Linux,
//! drivers/virtio/virtio_mmio.c).

/// One slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MmioDevice {
    /// Bytes of registers.
    pub bytes: u64,
    /// Physical address.
    pub base: u64,
    /// Interrupt line (global system interrupt).
    pub irq: u32,
}

/// The slots that a command line names, in order. Words that do not parse are passed over.
pub fn mmio_devices(command_line: &str) -> impl Iterator<Item = MmioDevice> {
    command_line.split_ascii_whitespace().filter_map(|word| parse(word.strip_prefix("virtio_mmio.device=")?))
}

fn parse(text: &str) -> Option<MmioDevice> {
    let (bytes, rest) = text.split_once('@')?;
    let mut parts = rest.split(':');
    let (base, irq) = (number(parts.next()?)?, number(parts.next()?)?);
    let bytes = number(bytes)?;
    let plausible = bytes > 0 && base.is_multiple_of(4) && base.checked_add(bytes).is_some();
    plausible.then_some(MmioDevice { bytes, base, irq: u32::try_from(irq).ok()? })
}

/// Decimal or 0x-hexadecimal, with an optional K, M or G.
fn number(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 10),
        b'm' | b'M' => (&text[..text.len() - 1], 20),
        b'g' | b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    value.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn words_of_qemu_and_of_linux() {
        let line = "model=vda virtio_mmio.device=512@0xfeb00e00:12 serve=8080 virtio_mmio.device=0x1K@0x1001e000:74:3";
        let found: Vec<_> = mmio_devices(line).collect();
        assert_eq!(
            found,
            [MmioDevice { bytes: 512, base: 0xfeb0_0e00, irq: 12 }, MmioDevice { bytes: 1024, base: 0x1001_e000, irq: 74 }]
        );
    }

    #[test]
    fn nonsense_is_passed_over() {
        for word in
            ["512", "@", "512@", "512@0x10", "0@0x10:1", "512@0x11:1", "K@0x10:1", "-1@0x10:1", "9@0xffffffffffffffff:1", "é@0:1"]
        {
            let line = std::format!("virtio_mmio.device={word}");
            assert_eq!(mmio_devices(&line).count(), 0, "{word}");
        }
    }
}
