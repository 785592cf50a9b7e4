//! Writes GGUF files, version 3: for tests and for the trainer.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::dtype::DType;
use crate::file::{DEFAULT_ALIGNMENT, MAX_ALIGNMENT};
use crate::tensor::{MAX_DIMS, MAX_NAME};
use crate::value::ValueType;

/// A tensor that does not fit the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteError {
    /// More than 63 bytes of name.
    NameTooLong(String),
    /// No dimensions, more than four, one that is 0, or a product beyond 63 bits.
    BadShape(String),
    /// The data is not as long as shape and type ask for, or rows are not whole blocks.
    WrongSize {
        /// The tensor.
        name: String,
        /// Bytes given.
        found: usize,
        /// Bytes wanted; `None` where rows are not whole blocks.
        expected: Option<u64>,
    },
}

impl core::error::Error for WriteError {}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::NameTooLong(name) => write!(f, "tensor name '{name}' is longer than {MAX_NAME} bytes"),
            WriteError::BadShape(name) => write!(f, "tensor '{name}': 1 to 4 dimensions, none 0, product below 2^63"),
            WriteError::WrongSize { name, found, expected: Some(expected) } => {
                write!(f, "tensor '{name}': {found} bytes of data where shape and type take {expected}")
            }
            WriteError::WrongSize { name, .. } => write!(f, "tensor '{name}': rows are not whole blocks of its type"),
        }
    }
}

/// Collects keys and tensors; [`Builder::finish`] lays them out. Keys and tensors keep their order.
///
/// ```
/// use ring0_gguf::{DType, Gguf, write::Builder};
/// let mut builder = Builder::new();
/// builder.str("general.architecture", "llama").u32("llama.block_count", 1);
/// builder.tensor("output_norm.weight", &[2], DType::F32, &[0; 8])?;
/// let file = builder.finish();
/// let gguf = Gguf::parse(&file, file.len() as u64).expect("what is written can be read");
/// assert_eq!(gguf.u64("llama.block_count"), Ok(Some(1)));
/// # Ok::<(), ring0_gguf::write::WriteError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    alignment: u32,
    pairs: Vec<u8>,
    n_pairs: u64,
    infos: Vec<u8>,
    n_tensors: u64,
    data: Vec<u8>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

impl Builder {
    /// An empty file with the default alignment of 32.
    pub fn new() -> Builder {
        Builder { alignment: DEFAULT_ALIGNMENT, pairs: Vec::new(), n_pairs: 0, infos: Vec::new(), n_tensors: 0, data: Vec::new() }
    }

    /// An empty file with another alignment, which becomes its first key.
    ///
    /// # Panics
    /// Where it is not a power of two of at most 2^24.
    pub fn with_alignment(alignment: u32) -> Builder {
        assert!(alignment.is_power_of_two() && alignment <= MAX_ALIGNMENT, "no alignment: {alignment}");
        let mut builder = Builder::new();
        builder.alignment = alignment;
        builder.u32("general.alignment", alignment);
        builder
    }

    /// A value whose encoding the caller made. The other methods are made of this one.
    pub fn raw(&mut self, key: &str, kind: ValueType, value: &[u8]) -> &mut Builder {
        put_string(&mut self.pairs, key.as_bytes());
        self.pairs.extend_from_slice(&(kind as u32).to_le_bytes());
        self.pairs.extend_from_slice(value);
        self.n_pairs += 1;
        self
    }

    /// A u32.
    pub fn u32(&mut self, key: &str, value: u32) -> &mut Builder {
        self.raw(key, ValueType::U32, &value.to_le_bytes())
    }

    /// An f32.
    pub fn f32(&mut self, key: &str, value: f32) -> &mut Builder {
        self.raw(key, ValueType::F32, &value.to_le_bytes())
    }

    /// A boolean.
    pub fn bool(&mut self, key: &str, value: bool) -> &mut Builder {
        self.raw(key, ValueType::Bool, &[value.into()])
    }

    /// A string.
    pub fn str(&mut self, key: &str, value: &str) -> &mut Builder {
        let mut bytes = Vec::new();
        put_string(&mut bytes, value.as_bytes());
        self.raw(key, ValueType::String, &bytes)
    }

    /// An array whose elements the caller encoded.
    pub fn array(&mut self, key: &str, element: ValueType, len: usize, elements: &[u8]) -> &mut Builder {
        let mut bytes = Vec::with_capacity(12 + elements.len());
        bytes.extend_from_slice(&(element as u32).to_le_bytes());
        bytes.extend_from_slice(&(len as u64).to_le_bytes());
        bytes.extend_from_slice(elements);
        self.raw(key, ValueType::Array, &bytes)
    }

    /// An array of strings, which need not be UTF-8.
    pub fn strings<S: AsRef<[u8]>>(&mut self, key: &str, values: &[S]) -> &mut Builder {
        let mut bytes = Vec::new();
        values.iter().for_each(|value| put_string(&mut bytes, value.as_ref()));
        self.array(key, ValueType::String, values.len(), &bytes)
    }

    /// An array of f32.
    pub fn f32s(&mut self, key: &str, values: &[f32]) -> &mut Builder {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.array(key, ValueType::F32, values.len(), &bytes)
    }

    /// An array of i32.
    pub fn i32s(&mut self, key: &str, values: &[i32]) -> &mut Builder {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.array(key, ValueType::I32, values.len(), &bytes)
    }

    /// A tensor: dimensions with the fastest first, data as the file will have it.
    pub fn tensor(&mut self, name: &str, dims: &[u64], dtype: DType, data: &[u8]) -> Result<&mut Builder, WriteError> {
        if name.len() as u64 > MAX_NAME {
            return Err(WriteError::NameTooLong(name.into()));
        }
        let elements = dims.iter().try_fold(1i64, |product, &dim| product.checked_mul(i64::try_from(dim).ok()?));
        let (Some(1..), Some((&row, rest)), true) = (elements, dims.split_first(), dims.len() <= MAX_DIMS) else {
            return Err(WriteError::BadShape(name.into()));
        };
        let expected = dtype.row_bytes(row).and_then(|bytes| bytes.checked_mul(rest.iter().product()));
        if expected != Some(data.len() as u64) {
            return Err(WriteError::WrongSize { name: name.into(), found: data.len(), expected });
        }
        let offset = self.data.len() as u64;
        put_string(&mut self.infos, name.as_bytes());
        self.infos.extend_from_slice(&(dims.len() as u32).to_le_bytes());
        dims.iter().for_each(|dim| self.infos.extend_from_slice(&dim.to_le_bytes()));
        self.infos.extend_from_slice(&dtype.id().to_le_bytes());
        self.infos.extend_from_slice(&offset.to_le_bytes());
        self.n_tensors += 1;
        self.data.extend_from_slice(data);
        pad(&mut self.data, self.alignment);
        Ok(self)
    }

    /// The file.
    pub fn finish(&self) -> Vec<u8> {
        let mut file = Vec::with_capacity(64 + self.pairs.len() + self.infos.len() + self.data.len());
        file.extend_from_slice(b"GGUF");
        file.extend_from_slice(&3u32.to_le_bytes());
        file.extend_from_slice(&self.n_tensors.to_le_bytes());
        file.extend_from_slice(&self.n_pairs.to_le_bytes());
        file.extend_from_slice(&self.pairs);
        file.extend_from_slice(&self.infos);
        pad(&mut file, self.alignment);
        file.extend_from_slice(&self.data);
        file
    }
}

fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    out.extend_from_slice(text);
}

fn pad(out: &mut Vec<u8>, alignment: u32) {
    out.resize(out.len().next_multiple_of(alignment as usize), 0);
}
