//! Which instruction sets there are, and which of them this processor has.

use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

/// An instruction set that this processor can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Isa(pub(crate) Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Plain Rust, one element at a time: the reference.
    Scalar,
    /// SSE2, which every x86-64 processor has.
    Sse,
    /// AVX2, FMA and F16C.
    Avx2,
    /// AVX-512 F, BW, DQ and VL; VNNI where it is there.
    Avx512 { vnni: bool },
    /// Integer arithmetic in general registers, for emulators that make floating point dear.
    Int,
}

impl Isa {
    /// The reference, which runs everywhere.
    pub const SCALAR: Isa = Isa(Kind::Scalar);

    /// The best choice for this processor. Under QEMU's emulator (TCG) that is `int`: 256-bit float costs there 2,450 times its
    /// native time, integer work 18 times.
    pub fn detect() -> Isa {
        if emulated() {
            return Isa(Kind::Int);
        }
        Isa::available().last().unwrap_or(Isa(Kind::Sse))
    }

    /// Everything that this processor can run: the reference first, then from slow to fast on hardware.
    pub fn available() -> impl Iterator<Item = Isa> {
        let features = Features::read();
        [
            Some(Kind::Scalar),
            Some(Kind::Int),
            Some(Kind::Sse),
            features.avx2.then_some(Kind::Avx2),
            features.avx512.then_some(Kind::Avx512 { vnni: features.vnni }),
        ]
        .into_iter()
        .flatten()
        .map(Isa)
    }

    /// The instruction set called `name`, where this processor can run it: `scalar`, `sse`, `avx2`, `avx512` or `int`.
    pub fn from_name(name: &str) -> Option<Isa> {
        Isa::available().find(|isa| isa.name() == name)
    }

    /// Its name, as [`Isa::from_name`] takes it.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar => "scalar",
            Kind::Sse => "sse",
            Kind::Avx2 => "avx2",
            Kind::Avx512 { .. } => "avx512",
            Kind::Int => "int",
        }
    }
}

/// Whether QEMU's TCG runs this machine: it names itself in the hypervisor leaf (QEMU `target/i386/cpu.c`, leaf 0x40000000).
fn emulated() -> bool {
    // CPUID.1:ECX[31] says that the hypervisor leaves are there.
    if __cpuid(1).ecx >> 31 == 0 {
        return false;
    }
    let leaf = __cpuid(0x4000_0000);
    [leaf.ebx, leaf.ecx, leaf.edx].map(u32::to_le_bytes) == [*b"TCGT", *b"CGTC", *b"GTCG"]
}

struct Features {
    avx2: bool,
    avx512: bool,
    vnni: bool,
}

impl Features {
    /// Intel SDM Vol. 2A, CPUID, leaves 1 and 7; Vol. 1, 13.3 for XCR0.
    fn read() -> Features {
        let none = Features { avx2: false, avx512: false, vnni: false };
        let bit = |value: u32, n: u32| value >> n & 1 == 1;
        let one = __cpuid(1);
        // OSXSAVE: the registers' state is managed, and XGETBV may be executed.
        if __cpuid(0).eax < 7 || !bit(one.ecx, 27) {
            return none;
        }
        // SAFETY: OSXSAVE is set, so XGETBV exists and XCR0 may be read from any privilege level.
        let xcr0 = unsafe { read_xcr0() };
        let seven = __cpuid_count(7, 0);
        let ymm = xcr0 & 0b110 == 0b110;
        let zmm = xcr0 & 0b1110_0110 == 0b1110_0110;
        let avx2 = ymm && bit(one.ecx, 28) && bit(one.ecx, 12) && bit(one.ecx, 29) && bit(seven.ebx, 5);
        let avx512 = avx2 && zmm && bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 30) && bit(seven.ebx, 31);
        Features { avx2, avx512, vnni: avx512 && bit(seven.ecx, 11) }
    }
}

#[target_feature(enable = "xsave")]
fn read_xcr0() -> u64 {
    // SAFETY: the caller has seen OSXSAVE; register 0 always exists then.
    unsafe { _xgetbv(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for isa in Isa::available() {
            assert_eq!(Isa::from_name(isa.name()), Some(isa));
        }
        assert_eq!(Isa::from_name("neon"), None);
    }

    #[test]
    fn detection_agrees_with_the_standard_library() {
        use std::is_x86_feature_detected as has;
        let names: std::vec::Vec<_> = Isa::available().map(Isa::name).collect();
        assert_eq!(names.contains(&"avx2"), has!("avx2") && has!("fma") && has!("f16c"));
        let avx512 = has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl");
        assert_eq!(names.contains(&"avx512"), avx512 && has!("avx2") && has!("fma") && has!("f16c"));
        assert!(Isa::available().any(|isa| isa == Isa::detect()));
    }
}
