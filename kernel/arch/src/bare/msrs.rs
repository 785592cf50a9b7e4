//! Each core writes down its model-specific registers, for the studio: nobody else can tell what they are.

use super::{apic, cpu, now_ticks, smp, tables};
use crate::msr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use ring0_abi::{MAX_MSR_CORES, MsrRecord};

static RECORD: AtomicPtr<MsrRecord> = AtomicPtr::new(core::ptr::null_mut());

const _: () = assert!(smp::MAX_CORES <= MAX_MSR_CORES);

/// Where to write them.
pub fn set_record(record: &'static MsrRecord) {
    RECORD.store(core::ptr::from_ref(record).cast_mut(), Relaxed);
}

fn record() -> Option<&'static MsrRecord> {
    // SAFETY: `set_record` took a reference that lives forever.
    unsafe { RECORD.load(Relaxed).as_ref() }
}

/// Writes down the registers of the core that runs this, at the end of its bring-up.
pub fn write_down() {
    let Some(record) = record() else { return };
    let leaf = |leaf, sub| {
        let answer = cpu::cpuid_count(leaf, sub);
        [answer.eax, answer.ebx, answer.ecx, answer.edx]
    };
    // SAFETY: CPUID says that the processor has each of these.
    let read = |number| (number, unsafe { cpu::read_msr(number) });
    let mut ranges = 0;
    let fixed = msr::of_interest(leaf).map(read).inspect(|(number, value)| {
        if *number == msr::MTRR_CAP {
            ranges = *value;
        }
    });
    // All of these first: they are read when they are written down, and the last of them says how many ranges there are.
    let mut registers = [(0, 0); ring0_abi::MAX_MSRS];
    let mut count = 0;
    for (slot, register) in registers.iter_mut().zip(fixed) {
        *slot = register;
        count += 1;
    }
    let all = registers.into_iter().take(count).chain(msr::variable_ranges(ranges).map(read));
    record.write(tables::core_index(), apic::id(), now_ticks(), xcr0(), all);
}

/// XCR0 of this core; zero where CR4.OSXSAVE is off.
fn xcr0() -> u64 {
    if cpu::read_cr4() & 1 << 18 == 0 { 0 } else { cpu::read_xcr0() }
}

/// Notes that this core has written `number`.
#[cold]
pub(super) fn changed(number: u32) {
    let Some(record) = record() else { return };
    // SAFETY: every processor has GS_BASE; the other register was written just now.
    unsafe {
        // A core that has no block yet does not know which one it is.
        if cpu::read_msr(msr::GS_BASE) != 0 {
            record.changed(tables::core_index(), number, cpu::read_msr(number), now_ticks());
        }
    }
}
