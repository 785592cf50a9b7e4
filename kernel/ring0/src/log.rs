//! The kernel's log: on the serial line as it happens, and in a ring for `dmesg`.

use alloc::{format, string::String, vec::Vec};
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use ring0_arch::{Mutex, now_ticks, serial};

/// Bytes kept; older lines are overwritten.
const KEPT: usize = 64 << 10;

struct Ring {
    bytes: [u8; KEPT],
    /// Bytes written since boot.
    written: usize,
}

static RING: Mutex<Ring> = Mutex::new(Ring { bytes: [0; KEPT], written: 0 });
/// Whether a prompt stands on the terminal, which a log line has to push down.
static PROMPT: AtomicBool = AtomicBool::new(false);

/// Says that a prompt now stands on the terminal (or no longer does).
pub fn set_prompt_shown(shown: bool) {
    PROMPT.store(shown, Relaxed);
}

/// Whether a prompt stands on the terminal. False after a log line has wiped it: the console then draws it again.
pub fn is_prompt_shown() -> bool {
    PROMPT.load(Relaxed)
}

/// Writes a line `ring0: …`. Use [`crate::log!`].
pub fn write(arguments: fmt::Arguments<'_>) {
    let text = format!("ring0: {arguments}\n");
    if PROMPT.swap(false, Relaxed) {
        serial::write(b"\r\x1b[K");
    }
    ring0_arch::print!("{text}");
    let stamp = format!("[{:>13.6}] ", crate::clock::seconds(now_ticks()));
    let mut ring = RING.lock();
    for byte in stamp.bytes().chain(text.bytes()) {
        let at = ring.written % KEPT;
        ring.bytes[at] = byte;
        ring.written += 1;
    }
}

/// What the ring holds, from the oldest whole line on.
pub fn text() -> String {
    let ring = RING.lock();
    if ring.written <= KEPT {
        return String::from_utf8_lossy(&ring.bytes[..ring.written]).into_owned();
    }
    let (new, old) = ring.bytes.split_at(ring.written % KEPT);
    let bytes: Vec<u8> = old.iter().chain(new).copied().skip_while(|b| *b != b'\n').skip(1).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Logs a line.
#[macro_export]
macro_rules! log {
    ($($arguments:tt)*) => { $crate::log::write(format_args!($($arguments)*)) };
}
