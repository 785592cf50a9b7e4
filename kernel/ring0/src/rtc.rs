//! Wall-clock time from the battery-backed clock (MC146818; its registers are those of every PC since).

use ring0_arch::port::{in8, out8};

const INDEX: u16 = 0x70;
const DATA: u16 = 0x71;
/// Status register A: an update is in progress, and the registers change.
const UPDATING: u8 = 0x80;
/// Status register B: values are binary, not BCD.
const BINARY: u8 = 4;
/// Status register B: hours count to 24.
const HOURS_24: u8 = 2;

fn register(index: u8) -> u8 {
    // SAFETY: these two ports belong to the CMOS clock. Bit 7 of the index masks NMIs while set; it is left clear.
    unsafe {
        out8(INDEX, index);
        in8(DATA)
    }
}

/// Seconds, minutes, hours, day, month, year, century, and status B, read until two readings agree: no update fell between.
fn stable() -> Option<[u8; 8]> {
    let read = || [0x00, 0x02, 0x04, 0x07, 0x08, 0x09, 0x32, 0x0b].map(register);
    for _ in 0..1000 {
        if register(0x0a) & UPDATING == 0 {
            let first = read();
            if register(0x0a) & UPDATING == 0 && read() == first {
                return Some(first);
            }
        }
    }
    None
}

/// Seconds since 1970 (UTC, if the clock is set so); `None` where there is no clock or it shows nonsense.
pub fn unix_time() -> Option<u64> {
    let [second, minute, hour, day, month, year, century, status] = stable()?;
    let value = |register: u8| if status & BINARY != 0 { register } else { (register >> 4) * 10 + (register & 15) };
    let mut hours = u64::from(value(hour & 0x7f));
    if status & HOURS_24 == 0 {
        hours = hours % 12 + if hour & 0x80 != 0 { 12 } else { 0 };
    }
    let century = if (0x19..=0x21).contains(&century) { u64::from(value(century)) } else { 20 };
    let (year, month, day) = (century * 100 + u64::from(value(year)), u64::from(value(month)), u64::from(value(day)));
    let plausible = (1970..2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day) && hours < 24;
    plausible.then(|| days(year, month, day) * 86_400 + hours * 3600 + u64::from(value(minute)) * 60 + u64::from(value(second)))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> u64 {
    // The year begins in March, so that the leap day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    365 * year + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + (day - 1) - 719_468
}
