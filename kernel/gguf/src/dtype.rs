//! Tensor types: what the ids of ggml mean, and how many bytes a block of each takes.

use core::fmt;

macro_rules! dtypes {
    ($($id:literal $name:ident $elements:literal / $bytes:literal,)*) => {
        /// A tensor type of ggml. All of them are known by name and size, so that a model with a type that the engine cannot
        /// use is refused by name and not as garbage. Ids, block sizes and layouts: ggml-common.h.
        #[allow(non_camel_case_types, missing_docs, reason = "the names are ggml's")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum DType { $($name = $id,)* }

        impl DType {
            /// Every type, by ascending id as declared.
            pub const ALL: &'static [DType] = &[$(DType::$name,)*];

            /// The type of this id; `None` for ids that ggml never gave or has taken back (see [`removed_name`]).
            pub const fn from_id(id: u32) -> Option<DType> {
                match id { $($id => Some(DType::$name),)* _ => None }
            }

            /// ggml's name, in capitals.
            pub const fn name(self) -> &'static str {
                match self { $(DType::$name => stringify!($name),)* }
            }

            /// Elements in one block. Rows are whole blocks. 1 for plain numbers.
            pub const fn block_elements(self) -> u64 {
                match self { $(DType::$name => $elements,)* }
            }

            /// Bytes that one block takes.
            pub const fn block_bytes(self) -> u64 {
                match self { $(DType::$name => $bytes,)* }
            }
        }
    };
}

dtypes! {
    0 F32 1/4,
    1 F16 1/2,
    2 Q4_0 32/18,
    3 Q4_1 32/20,
    6 Q5_0 32/22,
    7 Q5_1 32/24,
    8 Q8_0 32/34,
    9 Q8_1 32/36,
    10 Q2_K 256/84,
    11 Q3_K 256/110,
    12 Q4_K 256/144,
    13 Q5_K 256/176,
    14 Q6_K 256/210,
    15 Q8_K 256/292,
    16 IQ2_XXS 256/66,
    17 IQ2_XS 256/74,
    18 IQ3_XXS 256/98,
    19 IQ1_S 256/50,
    20 IQ4_NL 32/18,
    21 IQ3_S 256/110,
    22 IQ2_S 256/82,
    23 IQ4_XS 256/136,
    24 I8 1/1,
    25 I16 1/2,
    26 I32 1/4,
    27 I64 1/8,
    28 F64 1/8,
    29 IQ1_M 256/56,
    30 BF16 1/2,
    34 TQ1_0 256/54,
    35 TQ2_0 256/66,
    39 MXFP4 32/17,
    40 NVFP4 64/36,
    41 Q1_0 128/18,
    42 Q2_0 64/18,
}

impl DType {
    /// ggml's id.
    pub const fn id(self) -> u32 {
        self as u32
    }

    /// Bytes of a row of `elements`; `None` where they are not whole blocks or the product does not fit.
    pub const fn row_bytes(self, elements: u64) -> Option<u64> {
        if !elements.is_multiple_of(self.block_elements()) {
            return None;
        }
        (elements / self.block_elements()).checked_mul(self.block_bytes())
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name that a type had before ggml removed it; `None` for any other id.
pub const fn removed_name(id: u32) -> Option<&'static str> {
    match id {
        4 => Some("Q4_2"),
        5 => Some("Q4_3"),
        31 => Some("Q4_0_4_4"),
        32 => Some("Q4_0_4_8"),
        33 => Some("Q4_0_8_8"),
        36 => Some("IQ4_NL_4_4"),
        37 => Some("IQ4_NL_4_8"),
        38 => Some("IQ4_NL_8_8"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_name_and_size_agree() {
        for &dtype in DType::ALL {
            assert_eq!(DType::from_id(dtype.id()), Some(dtype));
            assert_eq!(dtype.row_bytes(dtype.block_elements() * 3), Some(dtype.block_bytes() * 3));
            assert!(removed_name(dtype.id()).is_none());
        }
        let known = (0..64).filter(|&id| DType::from_id(id).is_some() || removed_name(id).is_some()).count();
        assert_eq!(known, 43, "ids 0 to 42 are all accounted for");
        assert_eq!(DType::Q8_0.row_bytes(33), None);
        assert_eq!(DType::F64.row_bytes(u64::MAX), None);
    }
}
