//! The first serial port: a 16550 at the PC's customary place.

use super::lock::Mutex;
use super::port::{in8, out8};
use core::fmt;

/// First port of COM1.
const BASE: u16 = 0x3f8;
const DATA: u16 = BASE;
const INTERRUPT_ENABLE: u16 = BASE + 1;
const FIFO_CONTROL: u16 = BASE + 2;
const LINE_CONTROL: u16 = BASE + 3;
const MODEM_CONTROL: u16 = BASE + 4;
const LINE_STATUS: u16 = BASE + 5;

/// Line status: a byte has arrived.
const DATA_READY: u8 = 1;
/// Line status: the transmit FIFO is empty.
const TRANSMIT_EMPTY: u8 = 1 << 5;
/// Bytes of the transmit FIFO.
const FIFO_BYTES: usize = 16;
/// Polls before output is given up: a port that is not there must not stop the kernel.
const PATIENCE: u32 = 1_000_000;

static LOCK: Mutex<()> = Mutex::new(());

/// 115200 baud, 8 data bits, no parity, FIFOs on, interrupts off (see [`enable_receive_interrupt`]).
pub fn init() {
    // SAFETY: these ports belong to COM1; no register of it touches memory.
    unsafe {
        out8(INTERRUPT_ENABLE, 0);
        out8(LINE_CONTROL, 0x80);
        out8(DATA, 1);
        out8(INTERRUPT_ENABLE, 0);
        out8(LINE_CONTROL, 3);
        out8(FIFO_CONTROL, 0xc7);
        // Data terminal ready, request to send, and the gate of the interrupt line.
        out8(MODEM_CONTROL, 0x0b);
    }
}

/// Lets the port raise its interrupt when a byte arrives, so that a halted core wakes up.
pub fn enable_receive_interrupt() {
    // SAFETY: as in `init`. FIFO trigger level one byte: what a person types must not wait for more.
    unsafe {
        out8(FIFO_CONTROL, 0x07);
        out8(INTERRUPT_ENABLE, 1);
    }
}

/// The next byte that has arrived, if any. Never waits.
pub fn read() -> Option<u8> {
    // SAFETY: as in `init`; the data register is read only when a byte is there.
    unsafe { (in8(LINE_STATUS) & DATA_READY != 0).then(|| in8(DATA)) }
}

/// Writes bytes as they are, waiting for the port's FIFO. One core's bytes stay together.
pub fn write(bytes: &[u8]) {
    let _lock = LOCK.lock();
    write_unlocked(bytes);
}

/// Like [`write`], without the lock: for reporting a death, when the lock's owner may be the one that died.
pub fn write_unlocked(bytes: &[u8]) {
    for chunk in bytes.chunks(FIFO_BYTES) {
        let mut patience = PATIENCE;
        // SAFETY: as in `init`.
        while unsafe { in8(LINE_STATUS) } & TRANSMIT_EMPTY == 0 {
            patience -= 1;
            if patience == 0 {
                return;
            }
            core::hint::spin_loop();
        }
        for byte in chunk {
            // SAFETY: as in `init`; the FIFO was empty and the chunk is no longer than it.
            unsafe { out8(DATA, *byte) };
        }
    }
}

/// Writes text with `\n` as `\r\n`.
struct Text(fn(&[u8]));

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for line in text.split_inclusive('\n') {
            match line.strip_suffix('\n') {
                Some(line) => {
                    (self.0)(line.as_bytes());
                    (self.0)(b"\r\n");
                }
                None => (self.0)(line.as_bytes()),
            }
        }
        Ok(())
    }
}

/// For [`crate::print`] and [`crate::println`].
pub fn print(arguments: fmt::Arguments<'_>) {
    let _lock = LOCK.lock();
    // A serial port cannot fail, and a formatting error is the value's own.
    let _ = fmt::Write::write_fmt(&mut Text(write_unlocked), arguments);
}

/// As [`print()`], for a dying kernel.
pub fn print_unlocked(arguments: fmt::Arguments<'_>) {
    let _ = fmt::Write::write_fmt(&mut Text(write_unlocked), arguments);
}

/// Prints to the serial port; lines end with `\r\n`.
#[macro_export]
macro_rules! print {
    ($($arguments:tt)*) => { $crate::serial::print(format_args!($($arguments)*)) };
}

/// Prints a line to the serial port.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($arguments:tt)*) => { $crate::print!("{}\n", format_args!($($arguments)*)) };
}
