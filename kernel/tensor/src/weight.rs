//! The weight types that the engine computes with.

/// Elements of a quantised block.
pub const BLOCK: usize = 32;
/// Bytes of a Q8_0 block: an f16 scale and 32 signed bytes.
pub const Q8_0_BYTES: usize = 34;
/// Bytes of a Q4_0 block: an f16 scale and 16 bytes; byte `i` holds element `i` in its low half and element `i + 16` in its high
/// half, each biased by 8.
pub const Q4_0_BYTES: usize = 18;

/// How the elements of a weight matrix are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WeightType {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of a binary32.
    Bf16,
    /// Blocks of 32 signed bytes with one f16 scale: `x = d * q`.
    Q8_0,
    /// Blocks of 32 half-bytes with one f16 scale: `x = d * (q - 8)`.
    Q4_0,
}

impl WeightType {
    /// Every type, the widest first.
    pub const ALL: [WeightType; 5] = [WeightType::F32, WeightType::F16, WeightType::Bf16, WeightType::Q8_0, WeightType::Q4_0];

    /// The type with this ggml number.
    pub const fn from_ggml(id: u32) -> Option<WeightType> {
        match id {
            0 => Some(WeightType::F32),
            1 => Some(WeightType::F16),
            2 => Some(WeightType::Q4_0),
            8 => Some(WeightType::Q8_0),
            30 => Some(WeightType::Bf16),
            _ => None,
        }
    }

    /// ggml's name.
    pub const fn name(self) -> &'static str {
        match self {
            WeightType::F32 => "F32",
            WeightType::F16 => "F16",
            WeightType::Bf16 => "BF16",
            WeightType::Q8_0 => "Q8_0",
            WeightType::Q4_0 => "Q4_0",
        }
    }

    /// Elements in the smallest unit that stands on its own.
    pub const fn block_elements(self) -> usize {
        match self {
            WeightType::F32 | WeightType::F16 | WeightType::Bf16 => 1,
            WeightType::Q8_0 | WeightType::Q4_0 => BLOCK,
        }
    }

    /// Bytes of that unit.
    pub const fn block_bytes(self) -> usize {
        match self {
            WeightType::F32 => 4,
            WeightType::F16 | WeightType::Bf16 => 2,
            WeightType::Q8_0 => Q8_0_BYTES,
            WeightType::Q4_0 => Q4_0_BYTES,
        }
    }

    /// Whether blocks share a scale, so that activations are quantised as well.
    pub const fn is_quantized(self) -> bool {
        self.block_elements() > 1
    }

    /// Bytes of a row of `columns` elements; `None` where the row is not a whole number of blocks or does not fit in memory.
    pub const fn row_bytes(self, columns: usize) -> Option<usize> {
        if !columns.is_multiple_of(self.block_elements()) {
            return None;
        }
        (columns / self.block_elements()).checked_mul(self.block_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_whole_blocks() {
        assert_eq!(WeightType::Q8_0.row_bytes(64), Some(68));
        assert_eq!(WeightType::Q4_0.row_bytes(64), Some(36));
        assert_eq!(WeightType::Q4_0.row_bytes(172), None);
        assert_eq!(WeightType::Bf16.row_bytes(3), Some(6));
        assert_eq!(WeightType::F32.row_bytes(usize::MAX), None);
    }
}
