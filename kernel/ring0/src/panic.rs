//! What the compiler wants of a kernel without an unwinder.

use core::panic::PanicInfo;
use ring0_arch::{cpu, report};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    report::panic(info)
}

/// Named by the compiled standard libraries; never called, because panics abort.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As [`rust_eh_personality`].
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    cpu::stop()
}
