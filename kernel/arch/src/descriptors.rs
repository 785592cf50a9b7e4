//! Descriptor tables as the processor reads them (Intel SDM Vol. 3, sections 3.4.5, 6.14, 8.2, 8.7).

/// Selector of the 64-bit code segment.
pub const CODE_SELECTOR: u16 = 0x08;
/// Selector of the data segment.
pub const DATA_SELECTOR: u16 = 0x10;
/// Selector of the TSS, whose descriptor takes two slots.
pub const TSS_SELECTOR: u16 = 0x18;
/// Limit of a TSS without I/O bitmap: what the processor knows of it, not the padding of ours.
pub const TSS_LIMIT: u16 = (TSS_BYTES - 1) as u16;

/// Present, ring 0, code, readable, accessed, long mode.
const CODE: u64 = 0x00af_9b00_0000_ffff;
/// Present, ring 0, data, writable, accessed.
pub(crate) const DATA: u64 = 0x00cf_9300_0000_ffff;

/// Null, code, data, and the two halves of the TSS descriptor. "Accessed" is set already, so the processor never writes to it.
#[repr(C, align(16))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gdt(pub [u64; 5]);

impl Gdt {
    /// What GDTR gets: the entries alone, without what alignment adds.
    pub const LIMIT: u16 = (size_of::<[u64; 5]>() - 1) as u16;

    /// A table whose TSS lies at `tss`.
    pub const fn new(tss: u64) -> Self {
        // Type 9, available 64-bit TSS; present.
        let low = TSS_LIMIT as u64 | (tss & 0x00ff_ffff) << 16 | 0x89 << 40 | (tss >> 24 & 0xff) << 56;
        Gdt([0, CODE, DATA, low, tss >> 32])
    }
}

/// 64-bit task state segment: only its stack pointers are used. Fields are pairs of `u32`, because the structure is not aligned.
#[repr(C, align(16))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tss {
    reserved0: u32,
    rsp: [[u32; 2]; 3],
    reserved1: [u32; 2],
    ist: [[u32; 2]; 7],
    reserved2: [u32; 2],
    /// Low half reserved; high half the offset of the I/O bitmap, which is beyond the limit: there is none.
    io_map: u32,
    padding: [u32; 2],
}

/// Bytes of a TSS that the processor knows.
const TSS_BYTES: usize = 104;

impl Tss {
    /// A TSS whose interrupt stacks 1 to 7 begin (downwards) at `ist`.
    pub fn new(ist: [u64; 7]) -> Self {
        Tss {
            reserved0: 0,
            rsp: [[0; 2]; 3],
            reserved1: [0; 2],
            ist: ist.map(|top| [top as u32, (top >> 32) as u32]),
            reserved2: [0; 2],
            io_map: (TSS_BYTES as u32) << 16,
            padding: [0; 2],
        }
    }
}

impl Tss {
    /// Changes where one interrupt stack begins.
    pub fn set_stack(&mut self, ist: Ist, top: u64) {
        self.ist[ist as usize - 1] = [top as u32, (top >> 32) as u32];
    }
}

/// Which interrupt stack a vector uses; every vector has one, because compiled code may use the red zone below its stack pointer.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ist {
    /// Vector 2.
    NonMaskable = 1,
    /// Vector 8.
    DoubleFault = 2,
    /// Vector 18.
    MachineCheck = 3,
    /// Vector 14.
    PageFault = 4,
    /// Vector 1.
    Debug = 5,
    /// Vectors from 32 on.
    Interrupt = 6,
    /// All other exceptions.
    Other = 7,
}

impl Ist {
    /// The stack of `vector`.
    pub const fn of(vector: u8) -> Self {
        match vector {
            1 => Ist::Debug,
            2 => Ist::NonMaskable,
            8 => Ist::DoubleFault,
            14 => Ist::PageFault,
            18 => Ist::MachineCheck,
            0..=31 => Ist::Other,
            _ => Ist::Interrupt,
        }
    }
}

/// An interrupt gate: present, ring 0, interrupts off while the handler runs.
#[repr(C, align(16))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate(pub [u64; 2]);

impl Gate {
    /// A gate that nothing may pass.
    pub const ABSENT: Gate = Gate([0; 2]);

    /// A gate to `handler` on interrupt stack `ist`.
    pub const fn new(handler: u64, ist: Ist) -> Self {
        let low =
            handler & 0xffff | (CODE_SELECTOR as u64) << 16 | (ist as u64) << 32 | 0x8e << 40 | (handler >> 16 & 0xffff) << 48;
        Gate([low, handler >> 32])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tss_descriptor_spreads_its_base() {
        let gdt = Gdt::new(0x1122_3344_5566_7788);
        assert_eq!(gdt.0[3], 0x5500_8966_7788_0067);
        assert_eq!(gdt.0[4], 0x1122_3344);
        assert_eq!(Gdt::LIMIT, TSS_SELECTOR + 15, "the table ends with the TSS descriptor");
    }

    #[test]
    fn tss_fields_are_where_the_processor_looks() {
        let tss = Tss::new(core::array::from_fn(|n| 0xffff_ff00_0000_0000 + n as u64));
        // SAFETY: `Tss` is plain `u32` fields without padding between them; any byte pattern is a valid `u32`.
        let words: [u32; size_of::<Tss>() / 4] = unsafe { core::mem::transmute(tss) };
        // IST1 at byte 36, IST7 at byte 84, I/O map base at byte 102.
        assert_eq!((words[9], words[10]), (0, 0xffff_ff00));
        assert_eq!((words[21], words[22]), (6, 0xffff_ff00));
        assert_eq!(words[25] >> 16, 104);
        let mut changed = tss;
        changed.set_stack(Ist::NonMaskable, 0x1122_3344_5566_7788);
        // SAFETY: as above.
        let now: [u32; size_of::<Tss>() / 4] = unsafe { core::mem::transmute(changed) };
        assert_eq!((now[9], now[10]), (0x5566_7788, 0x1122_3344));
        assert_eq!((&words[..9], &words[11..]), (&now[..9], &now[11..]));
    }

    #[test]
    fn gates_spread_their_offset() {
        let gate = Gate::new(0xffff_ffff_8020_1234, Ist::of(14));
        assert_eq!(gate.0, [0x8020_8e04_0008_1234, 0xffff_ffff]);
    }

    #[test]
    fn the_five_dangerous_vectors_have_stacks_of_their_own() {
        let own: [Ist; 5] = [Ist::of(1), Ist::of(2), Ist::of(8), Ist::of(14), Ist::of(18)];
        for vector in 0..=255u8 {
            assert_eq!(own.contains(&Ist::of(vector)), [1, 2, 8, 14, 18].contains(&vector), "vector {vector}");
        }
    }
}
