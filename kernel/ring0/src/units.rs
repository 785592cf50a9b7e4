//! Numbers and record text for people.

use core::fmt;

/// Shows a number of bytes with a binary unit, as `free -h` does.
pub struct Bytes(u64);

/// `n` bytes for people.
pub fn bytes(n: u64) -> Bytes {
    Bytes(n)
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"];
        let mut value = self.0 as f64;
        let mut unit = 0;
        while value >= 1024.0 && unit + 1 < units.len() {
            value /= 1024.0;
            unit += 1;
        }
        let digits = usize::from(unit > 0 && value < 100.0);
        f.pad(&alloc::format!("{value:.digits$} {}", units[unit]))
    }
}

/// The text in a zero-padded field.
pub fn text(field: &[u8]) -> &str {
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    core::str::from_utf8(&field[..end]).unwrap_or("?")
}
