//! Which model-specific registers a processor has, by CPUID: reading another is #GP. Intel SDM Vol. 4, table 2-2; AMD APM Vol. 2,
//! appendix A.

/// IA32_APIC_BASE.
pub const APIC_BASE: u32 = 0x1b;
/// IA32_MTRRCAP.
pub const MTRR_CAP: u32 = 0xfe;
/// IA32_MTRR_PHYSBASE0; base and mask of each range follow one another.
pub const MTRR_PHYSBASE_0: u32 = 0x200;
/// IA32_MTRR_DEF_TYPE.
pub const MTRR_DEF_TYPE: u32 = 0x2ff;
/// IA32_PAT.
pub const PAT: u32 = 0x277;
/// IA32_EFER.
pub const EFER: u32 = 0xc000_0080;
/// IA32_GS_BASE.
pub const GS_BASE: u32 = 0xc000_0101;

const TSC_ADJUST: u32 = 0x3b;
const SPEC_CTRL: u32 = 0x48;
const ARCH_CAPABILITIES: u32 = 0x10a;
const SYSENTER: [u32; 3] = [0x174, 0x175, 0x176];
const MISC_ENABLE: u32 = 0x1a0;
/// STAR, LSTAR, CSTAR, FMASK.
const SYSCALL: [u32; 4] = [0xc000_0081, 0xc000_0082, 0xc000_0083, 0xc000_0084];
const FS_BASE: u32 = 0xc000_0100;
const KERNEL_GS_BASE: u32 = 0xc000_0102;
const TSC_AUX: u32 = 0xc000_0103;

/// Variable ranges that are looked at; processors have eight or ten.
const MAX_VARIABLE_RANGES: u32 = 16;

/// CPUID's answer: EAX, EBX, ECX, EDX.
pub type Leaf = [u32; 4];

/// The registers of interest that a processor in long mode has, but for its variable memory ranges. `cpuid` is asked for leaves that
/// exist only.
pub fn of_interest(cpuid: impl Fn(u32, u32) -> Leaf) -> impl Iterator<Item = u32> {
    let [highest, b, c, d] = cpuid(0, 0);
    let intel = [b, d, c] == [*b"Genu", *b"ineI", *b"ntel"].map(u32::from_le_bytes);
    let [.., one] = cpuid(1, 0);
    let [_, seven_b, seven_c, seven_d] = if highest >= 7 { cpuid(7, 0) } else { [0; 4] };
    let [highest_extended, ..] = cpuid(0x8000_0000, 0);
    let extended = |leaf| if highest_extended >= leaf { cpuid(leaf, 0) } else { [0; 4] };
    let [.., extended_one] = extended(0x8000_0001);
    let [_, speculation, ..] = extended(0x8000_0008);
    let bit = |register: u32, n: u32| register >> n & 1 == 1;
    let apic = bit(one, 9);
    let sysenter = bit(one, 11);
    let mtrr = bit(one, 12);
    let tsc_aux = bit(extended_one, 27) || bit(seven_c, 22);
    // Each vendor has its own bits: IBRS, STIBP, SSBD.
    let spec_ctrl = [26, 27, 31].iter().any(|n| bit(seven_d, *n)) || [14, 15, 24].iter().any(|n| bit(speculation, *n));
    [
        (EFER, true),
        (FS_BASE, true),
        (GS_BASE, true),
        (KERNEL_GS_BASE, true),
        (SYSCALL[0], true),
        (SYSCALL[1], true),
        (SYSCALL[2], true),
        (SYSCALL[3], true),
        (SYSENTER[0], sysenter),
        (SYSENTER[1], sysenter),
        (SYSENTER[2], sysenter),
        (TSC_AUX, tsc_aux),
        (TSC_ADJUST, bit(seven_b, 1)),
        (APIC_BASE, apic),
        // No bit says so: each of Intel's with long mode has it, and no other.
        (MISC_ENABLE, intel),
        (SPEC_CTRL, spec_ctrl),
        (ARCH_CAPABILITIES, bit(seven_d, 29)),
        (PAT, bit(one, 16)),
        (MTRR_CAP, mtrr),
        (MTRR_DEF_TYPE, mtrr),
    ]
    .into_iter()
    .filter_map(|(number, has)| has.then_some(number))
}

/// The base and mask registers of a processor's variable ranges, by the value of [`MTRR_CAP`].
pub fn variable_ranges(cap: u64) -> impl Iterator<Item = u32> {
    let ranges = (cap as u32 & 0xff).min(MAX_VARIABLE_RANGES);
    MTRR_PHYSBASE_0..MTRR_PHYSBASE_0 + 2 * ranges
}

/// Whether `number` is written down where the processor has it. Decided when the kernel is compiled wherever the number is known then.
#[inline(always)]
pub const fn is_of_interest(number: u32) -> bool {
    matches!(
        number,
        APIC_BASE
            | TSC_ADJUST
            | SPEC_CTRL
            | MTRR_CAP
            | ARCH_CAPABILITIES
            | 0x174..=0x176
            | MISC_ENABLE
            | 0x200..=0x21f
            | PAT
            | MTRR_DEF_TYPE
            | EFER
            | 0xc000_0081..=0xc000_0084
            | FS_BASE
            | GS_BASE
            | KERNEL_GS_BASE
            | TSC_AUX
    )
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    const INTEL: Leaf = [0x16, u32::from_le_bytes(*b"Genu"), u32::from_le_bytes(*b"ntel"), u32::from_le_bytes(*b"ineI")];
    const AMD: Leaf = [0x10, u32::from_le_bytes(*b"Auth"), u32::from_le_bytes(*b"cAMD"), u32::from_le_bytes(*b"enti")];
    const ALWAYS: [u32; 8] =
        [0xc000_0080, 0xc000_0100, 0xc000_0101, 0xc000_0102, 0xc000_0081, 0xc000_0082, 0xc000_0083, 0xc000_0084];

    fn has(leaves: &[(u32, Leaf)]) -> Vec<u32> {
        let answer = |leaf, sub| {
            assert_eq!(sub, 0);
            leaves.iter().find(|(n, _)| *n == leaf).unwrap_or_else(|| panic!("leaf {leaf:#x} does not exist")).1
        };
        of_interest(answer).collect()
    }

    #[test]
    fn only_what_cpuid_says() {
        // A processor that has nothing beyond long mode, and no leaf that says more.
        assert_eq!(has(&[(0, [1, 0, 0, 0]), (1, [0; 4]), (0x8000_0000, [0x8000_0001, 0, 0, 0]), (0x8000_0001, [0; 4])]), ALWAYS);
        // A server of Intel's: CPUID of a Sapphire Rapids under KVM.
        let intel = has(&[
            (0, INTEL),
            (1, [0, 0, 0, 0x0f8b_fbff]),
            (7, [0, 0xf1bf_07ab, 0x1b41_5f6e, 0xbc01_4410]),
            (0x8000_0000, [0x8000_0008, 0, 0, 0]),
            (0x8000_0001, [0, 0, 0x121, 0x2c10_0800]),
            (0x8000_0008, [0x0030_3934, 0, 0, 0]),
        ]);
        let rest = [0x174, 0x175, 0x176, 0xc000_0103, 0x3b, 0x1b, 0x1a0, 0x48, 0x10a, 0x277, 0xfe, 0x2ff];
        assert_eq!(intel, ALWAYS.into_iter().chain(rest).collect::<Vec<_>>());
        // One of AMD's: MISC_ENABLE and ARCH_CAPABILITIES are none of its own, SPEC_CTRL is by another bit.
        let amd = has(&[
            (0, AMD),
            (1, [0, 0, 0, 0x178b_fbff]),
            (7, [0, 0x219c_91a9, 0, 0]),
            (0x8000_0000, [0x8000_0008, 0, 0, 0]),
            (0x8000_0001, [0, 0, 0, 0x2fd3_fbff]),
            (0x8000_0008, [0, 1 << 14, 0, 0]),
        ]);
        let rest = [0x174, 0x175, 0x176, 0xc000_0103, 0x1b, 0x48, 0x277, 0xfe, 0x2ff];
        assert_eq!(amd, ALWAYS.into_iter().chain(rest).collect::<Vec<_>>());
    }

    #[test]
    fn ranges_are_bounded() {
        assert_eq!(variable_ranges(0x508).collect::<Vec<_>>(), (0x200..0x210).collect::<Vec<_>>());
        assert_eq!(variable_ranges(0).count(), 0);
        assert_eq!(variable_ranges(u64::MAX).last(), Some(0x21f));
    }

    #[test]
    fn all_that_is_read_is_of_interest_and_fits() {
        let everything = |leaf: u32, _| if leaf == 0 { INTEL } else { [u32::MAX; 4] };
        let numbers: Vec<u32> = of_interest(everything).chain(variable_ranges(u64::MAX)).collect();
        assert!(numbers.iter().all(|n| is_of_interest(*n)));
        assert!(numbers.len() <= ring0_abi::MAX_MSRS);
        // Written with every token, and no news.
        assert!(!is_of_interest(0x6e0) && !is_of_interest(0x80b) && !is_of_interest(0x830));
    }
}
