//! What CPUID tells of the processor (Intel SDM Vol. 2A, CPUID).

use alloc::{string::String, vec::Vec};
use core::arch::x86_64::{__cpuid, __cpuid_count, _rdrand64_step};

/// Four-letter pieces of text out of registers.
fn text(registers: &[u32]) -> String {
    let bytes: Vec<u8> = registers.iter().flat_map(|r| r.to_le_bytes()).filter(|b| *b != 0).collect();
    String::from_utf8_lossy(&bytes).trim().into()
}

/// The vendor's twelve letters.
pub fn vendor() -> String {
    let leaf = __cpuid(0);
    text(&[leaf.ebx, leaf.edx, leaf.ecx])
}

/// The brand string, or the vendor where there is none.
pub fn brand() -> String {
    if __cpuid(0x8000_0000).eax < 0x8000_0004 {
        return vendor();
    }
    let leaves = (0x8000_0002..=0x8000_0004).map(__cpuid);
    text(&leaves.flat_map(|l| [l.eax, l.ebx, l.ecx, l.edx]).collect::<Vec<_>>())
}

/// How a hypervisor names itself, where one says that it is there.
pub fn hypervisor() -> Option<String> {
    let present = __cpuid(1).ecx >> 31 == 1;
    present.then(|| {
        let leaf = __cpuid(0x4000_0000);
        text(&[leaf.ebx, leaf.ecx, leaf.edx])
    })
}

/// Instruction sets and features that matter here, by the SDM's names.
pub fn features() -> Vec<&'static str> {
    let one = __cpuid(1);
    let seven = if __cpuid(0).eax >= 7 { Some(__cpuid_count(7, 0)) } else { None };
    let (b, c) = seven.map_or((0, 0), |l| (l.ebx, l.ecx));
    let extended = __cpuid(0x8000_0001);
    let table = [
        (one.edx, 25, "sse"),
        (one.edx, 26, "sse2"),
        (one.ecx, 9, "ssse3"),
        (one.ecx, 19, "sse4.1"),
        (one.ecx, 28, "avx"),
        (one.ecx, 12, "fma"),
        (one.ecx, 29, "f16c"),
        (b, 5, "avx2"),
        (b, 16, "avx512f"),
        (b, 30, "avx512bw"),
        (b, 31, "avx512vl"),
        (c, 11, "avx512_vnni"),
        (one.ecx, 26, "xsave"),
        (one.ecx, 30, "rdrand"),
        (one.ecx, 21, "x2apic"),
        (one.ecx, 24, "tsc-deadline"),
        (b, 7, "smep"),
        (b, 20, "smap"),
        (extended.edx, 20, "nx"),
        (extended.edx, 26, "1g-pages"),
    ];
    table.into_iter().filter(|(register, bit, _)| register >> bit & 1 == 1).map(|(_, _, name)| name).collect()
}

/// A number from the processor's random generator, where it has one that answers.
pub fn random() -> Option<u64> {
    if __cpuid(1).ecx >> 30 & 1 == 0 {
        return None;
    }
    (0..10).find_map(|_| {
        let mut value = 0;
        // SAFETY: CPUID says that the instruction exists; carry clear means that there was no number yet.
        (unsafe { rdrand(&mut value) } == 1).then_some(value)
    })
}

#[target_feature(enable = "rdrand")]
fn rdrand(value: &mut u64) -> i32 {
    _rdrand64_step(value)
}
