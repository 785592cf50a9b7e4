//! The last words: exceptions and panics, on the serial line and in the epitaph.

use super::trap::Frame;
use super::{apic, cpu, image, ksyms, memory, now_ticks, serial, stack, tables};
use crate::addr::STACKS_BASE;
use crate::exception::{self, ErrorCode};
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{
    AtomicPtr, AtomicU32,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use ring0_abi::{Cause, Epitaph, MAX_FRAMES, MESSAGE_BYTES, Registers};

static EPITAPH: AtomicPtr<Epitaph> = AtomicPtr::new(core::ptr::null_mut());
/// Number of the dying core + 1; zero while all is well.
static DYING: AtomicU32 = AtomicU32::new(0);
/// Faults of the dying core while it reported.
static NESTED: AtomicU32 = AtomicU32::new(0);

macro_rules! say {
    ($($arguments:tt)*) => { serial::print_unlocked(format_args!("{}\n", format_args!($($arguments)*))) };
}

/// Where to leave the epitaph.
pub fn set_epitaph(epitaph: &'static Epitaph) {
    EPITAPH.store(core::ptr::from_ref(epitaph).cast_mut(), Relaxed);
}

/// Claims the right to report. Returns when this core is the first to die; a core that faults while it reports says only that, and a
/// core that comes later says nothing.
fn begin() {
    let me = tables::core_index() as u32 + 1;
    match DYING.compare_exchange(0, me, AcqRel, Acquire) {
        Ok(_) => apic::stop_others(),
        Err(owner) => {
            if owner == me && NESTED.fetch_add(1, Relaxed) == 0 {
                say!("ring0: another fault while reporting this one; stopped");
            }
            cpu::stop();
        }
    }
}

/// A message of bounded length; what does not fit is cut off.
struct Message {
    bytes: [u8; MESSAGE_BYTES],
    used: usize,
}

impl Message {
    fn new(arguments: fmt::Arguments<'_>) -> Self {
        let mut message = Message { bytes: [0; MESSAGE_BYTES], used: 0 };
        // Running out of room is expected; the beginning is what matters.
        let _ = message.write_fmt(arguments);
        message
    }

    fn as_str(&self) -> &str {
        let bytes = &self.bytes[..self.used];
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            // Cut within a character.
            Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
        }
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.used..];
        let n = text.len().min(room.len());
        room[..n].copy_from_slice(&text.as_bytes()[..n]);
        self.used += n;
        if n == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Return addresses, innermost first.
struct Backtrace {
    frames: [u64; MAX_FRAMES],
    used: usize,
}

impl Backtrace {
    /// Follows the chain of frame pointers from `rbp`; `first`, where given, goes before. Stops at anything that does not look like a
    /// frame, so that a smashed stack gives a short backtrace and no fault.
    fn walk(first: Option<u64>, mut rbp: u64) -> Self {
        let mut trace = Backtrace { frames: [0; MAX_FRAMES], used: 0 };
        if let Some(first) = first {
            trace.push(first);
        }
        while trace.used < MAX_FRAMES {
            let on_a_stack = image::data().contains(&rbp) || (STACKS_BASE..image::all().start).contains(&rbp);
            if !on_a_stack || !rbp.is_multiple_of(8) || !memory::is_mapped(rbp) || !memory::is_mapped(rbp + 8) {
                break;
            }
            // SAFETY: aligned, and both words are mapped.
            let (next, address) = unsafe { (*(rbp as *const u64), *((rbp + 8) as *const u64)) };
            if !image::text().contains(&address) {
                break;
            }
            trace.push(address);
            // Callers' frames lie higher, except where an interrupt stack ends.
            if next == rbp {
                break;
            }
            rbp = next;
        }
        trace
    }

    fn push(&mut self, address: u64) {
        if let Some(slot) = self.frames.get_mut(self.used) {
            *slot = address;
            self.used += 1;
        }
    }

    fn print(&self, exact_first: bool) {
        for (n, address) in self.frames[..self.used].iter().enumerate() {
            // A return address may be the first byte after its function, when the call never returns.
            let call = if n == 0 && exact_first { *address } else { address.wrapping_sub(1) };
            match ksyms::lookup(call) {
                Some((name, offset)) => say!("ring0:   #{n} {address:#018x} {name}+{:#x}", offset + (address - call)),
                None => say!("ring0:   #{n} {address:#018x}"),
            }
        }
    }
}

/// Leaves the epitaph, where the kernel said where.
fn leave(cause: Cause, vector: u32, error: u64, registers: &Registers, trace: &Backtrace, message: &str) {
    // SAFETY: `set_epitaph` took a reference that lives forever.
    if let Some(epitaph) = unsafe { EPITAPH.load(Relaxed).as_ref() } {
        let core = tables::core_index() as u32;
        epitaph.write(cause, vector, error, core, now_ticks(), registers, &trace.frames[..trace.used], message);
    }
}

fn control_registers(registers: &mut Registers) {
    registers.cr0 = cpu::read_cr0();
    registers.cr2 = cpu::read_cr2();
    registers.cr3 = cpu::read_cr3();
    registers.cr4 = cpu::read_cr4();
    // SAFETY: every x86_64 processor has EFER.
    registers.efer = unsafe { cpu::read_msr(cpu::EFER) };
}

/// Reports an exception and stops the machine. An NMI that another core's death sent stops this core silently.
pub(super) fn exception(frame: &Frame) -> ! {
    if frame.vector == 2 && DYING.load(Acquire) != 0 {
        cpu::stop();
    }
    begin();
    let vector = frame.vector as u8;
    let mut registers = Registers {
        general: [
            frame.rax, frame.rbx, frame.rcx, frame.rdx, frame.rsi, frame.rdi, frame.rbp, frame.rsp, frame.r8, frame.r9,
            frame.r10, frame.r11, frame.r12, frame.r13, frame.r14, frame.r15,
        ],
        rip: frame.rip,
        rflags: frame.rflags,
        cs: frame.cs,
        ss: frame.ss,
        ..Registers::default()
    };
    control_registers(&mut registers);
    let trace = Backtrace::walk(Some(frame.rip), frame.rbp);
    let (mnemonic, name) = exception::name(vector);
    let error = ErrorCode { vector, code: frame.error_code };
    let comma = if exception::has_error_code(vector) { ", " } else { "" };
    let overflow = if stack::is_guard(registers.cr2) { " (stack overflow)" } else { "" };
    let message = match vector {
        14 => Message::new(format_args!(
            "{mnemonic} {name}{comma}{error}, address {:#x}{overflow}, at {:#x}",
            registers.cr2, frame.rip
        )),
        _ => Message::new(format_args!("{mnemonic} {name}{comma}{error}, at {:#x}", frame.rip)),
    };
    leave(Cause::Exception, u32::from(vector), frame.error_code, &registers, &trace, message.as_str());
    say!("\nring0: EXCEPTION {vector} {}, core {}", message.as_str(), tables::core_index());
    print_registers(&registers);
    trace.print(true);
    say!("ring0: all cores stopped");
    cpu::stop()
}

fn print_registers(r: &Registers) {
    const NAMES: [&str; 16] =
        ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", " r8", " r9", "r10", "r11", "r12", "r13", "r14", "r15"];
    for (names, values) in NAMES.chunks(4).zip(r.general.chunks(4)) {
        serial::print_unlocked(format_args!("ring0:  "));
        for (name, value) in names.iter().zip(values) {
            serial::print_unlocked(format_args!(" {name} {value:016x}"));
        }
        say!("");
    }
    say!("ring0:   rip {:016x} rfl {:016x}  cs {:04x}  ss {:04x}", r.rip, r.rflags, r.cs, r.ss);
    say!("ring0:   cr0 {:016x} cr2 {:016x} cr3 {:016x} cr4 {:08x} efer {:x}", r.cr0, r.cr2, r.cr3, r.cr4, r.efer);
}

/// Reports a Rust panic and stops the machine. For the panic handler.
pub fn panic(info: &PanicInfo<'_>) -> ! {
    begin();
    let rbp: u64;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mov {}, rbp", out(reg) rbp, options(nomem, nostack, preserves_flags)) };
    let trace = Backtrace::walk(None, rbp);
    let message = match info.location() {
        Some(place) => Message::new(format_args!("{} at {}:{}:{}", info.message(), place.file(), place.line(), place.column())),
        None => Message::new(format_args!("{}", info.message())),
    };
    let mut registers = Registers::default();
    control_registers(&mut registers);
    registers.general[6] = rbp;
    registers.rip = trace.frames[0];
    leave(Cause::Panic, 0, 0, &registers, &trace, message.as_str());
    match info.location() {
        Some(place) => say!("\nring0: PANIC {} at {}:{}:{}", info.message(), place.file(), place.line(), place.column()),
        None => say!("\nring0: PANIC {}", info.message()),
    }
    say!("ring0:   on core {}", tables::core_index());
    trace.print(false);
    say!("ring0: all cores stopped");
    cpu::stop()
}
