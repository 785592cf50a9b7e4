//! Why a file is refused: where, about what, and by which rule.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use crate::dtype::DType;
use crate::value::ValueType;

/// A refusal. Prints as `offset 0x1a4: tensor 'blk.0.attn_q.weight': 5 dimensions, at most 4`.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// Byte of the file where the offending field lies. For what is missing: where the key/value pairs or tensor infos begin.
    pub offset: u64,
    /// What the field belongs to.
    pub subject: Subject,
    /// The rule that it breaks.
    pub rule: Rule,
}

/// What an [`Error`] is about. Names are the file's own, escaped and cut to a printable length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The file as a whole.
    File,
    /// The n-th key/value pair, whose key could not be read.
    Pair(u64),
    /// A key or its value.
    Key(Box<str>),
    /// The n-th tensor info, whose name could not be read.
    Info(u64),
    /// A tensor.
    Tensor(Box<str>),
}

impl Subject {
    pub(crate) fn key(name: &str) -> Subject {
        Subject::Key(printable(name))
    }
    pub(crate) fn tensor(name: &str) -> Subject {
        Subject::Tensor(printable(name))
    }
}

/// A rule of the format, of ggml's reader, or of the llama layout, together with what was found instead.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// Not an error of the file: the prefix given ends too early. See [`Error::needs`].
    NeedMore(u64),
    /// A field of `wanted` bytes runs past the end of the file.
    Truncated {
        /// Bytes that the field takes.
        wanted: u64,
        /// Size of the file.
        file_len: u64,
    },
    /// The first four bytes are not `GGUF`.
    Magic([u8; 4]),
    /// A version that is neither 2 nor 3.
    Version(u32),
    /// A version that would be sensible with its bytes in the other order.
    BigEndian(u32),
    /// More tensors than the rest of the file has room for.
    TensorCount(u64),
    /// More key/value pairs than the rest of the file has room for.
    PairCount(u64),
    /// The key is empty.
    EmptyKey,
    /// The key is longer than the spec's 65,535 bytes.
    KeyTooLong(u64),
    /// A key or name is not UTF-8.
    NotUtf8,
    /// The key was there before.
    DuplicateKey {
        /// Where it was first.
        first: u64,
    },
    /// A value type that does not exist.
    ValueType(u32),
    /// An array of arrays.
    NestedArray,
    /// A string longer than ggml takes (2^30 bytes).
    StringTooLong(u64),
    /// An array longer than ggml takes (2^30 elements).
    ArrayTooLong(u64),
    /// An array that the rest of the file has no room for.
    ArrayPastEnd {
        /// Elements that it claims.
        elements: u64,
        /// Size of the file.
        file_len: u64,
    },
    /// A boolean that is neither 0 nor 1.
    Bool(u8),
    /// `general.alignment` is not a u32.
    AlignmentType(ValueType),
    /// `general.alignment` is not a power of two, or larger than 16 MiB.
    Alignment(u32),
    /// A tensor name of 64 bytes or more.
    NameTooLong(u64),
    /// The tensor was there before.
    DuplicateTensor {
        /// Where its info was first.
        first: u64,
    },
    /// More than four dimensions.
    DimensionCount(u32),
    /// A dimension is 0.
    ZeroDimension(u32),
    /// A dimension is negative as the i64 that ggml reads.
    NegativeDimension {
        /// Which, from 0.
        index: u32,
        /// As read.
        value: i64,
    },
    /// The product of the dimensions does not fit an i64.
    ElementCount,
    /// The size in bytes does not fit.
    ByteSize,
    /// A type id that ggml removed.
    RemovedType(u32, &'static str),
    /// A type id that ggml does not have.
    UnknownType(u32),
    /// The first dimension is not a whole number of blocks.
    PartialBlock {
        /// The first dimension.
        row: u64,
        /// The tensor's type.
        dtype: DType,
    },
    /// The tensor does not start where the one before it ends, padded.
    TensorOffset {
        /// Relative to the data section, as read.
        found: u64,
        /// Relative to the data section, from the running sum.
        expected: u64,
    },
    /// The running sum of tensor sizes does not fit.
    DataSize,
    /// The tensor's bytes run past the end of the file.
    TensorPastEnd {
        /// Absolute end of the tensor.
        end: u64,
        /// Size of the file.
        file_len: u64,
    },
    /// No memory for the index of keys and tensors.
    OutOfMemory,
    /// A key that has to be there is not.
    MissingKey,
    /// A value of a type that does not fit the key.
    WrongType {
        /// As found.
        found: ValueType,
        /// What the key takes.
        expected: &'static str,
    },
    /// A value outside what makes sense for the key.
    OutOfRange {
        /// As found.
        value: Box<str>,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Something valid that this engine does not do.
    Unsupported {
        /// As found.
        value: Box<str>,
        /// What it does.
        supported: &'static str,
    },
    /// Query heads that cannot be shared out evenly among key/value heads.
    HeadsPerKvHead {
        /// Query heads.
        heads: u64,
        /// Key/value heads.
        kv_heads: u64,
    },
    /// An embedding that cannot be split evenly among the heads, with no explicit key length.
    EmbeddingPerHead {
        /// Width of the embedding.
        embedding: u64,
        /// Query heads.
        heads: u64,
    },
    /// More layers than the tensors of the file can make up.
    BlockCount {
        /// Layers claimed.
        blocks: u64,
        /// Tensors in the file.
        tensors: u64,
    },
    /// A tensor that has to be there is not.
    MissingTensor,
    /// A tensor that the llama graph has no place for.
    UnexpectedTensor,
    /// A tensor's shape contradicts the hyperparameters.
    Shape {
        /// As found; trailing ones are not listed.
        found: [u64; 4],
        /// From the hyperparameters.
        expected: [u64; 4],
    },
    /// A tensor's type has no use in this role.
    TensorType {
        /// As found.
        found: DType,
        /// What the role takes.
        expected: &'static str,
    },
}

impl Error {
    /// How many bytes of the file's beginning to come back with, where the file is not at fault and merely too few were given.
    /// At least what the parser must have to get on, generously rounded up (twice what was given), so that a loader rereads
    /// a header of any size O(log n) times; never more than the file has. That can be all of a hostile file, so a loader sets its
    /// own bound.
    pub fn needs(&self) -> Option<u64> {
        match self.rule {
            Rule::NeedMore(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl core::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {:#x}: ", self.offset)?;
        match &self.subject {
            Subject::File => {}
            Subject::Pair(index) => write!(f, "key/value pair {index}: ")?,
            Subject::Key(name) => write!(f, "key '{name}': ")?,
            Subject::Info(index) => write!(f, "tensor info {index}: ")?,
            Subject::Tensor(name) => write!(f, "tensor '{name}': ")?,
        }
        self.rule.fmt(f)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::NeedMore(bytes) => write!(f, "the header goes on: {bytes} bytes of the file's beginning are needed"),
            Rule::Truncated { wanted, file_len } => {
                write!(f, "{wanted} bytes are wanted here, but the file ends at {file_len:#x}; it is cut short or damaged")
            }
            Rule::Magic(found) => write!(f, "starts with '{}' and not with 'GGUF': not a GGUF file", found.escape_ascii()),
            Rule::Version(version) => write!(f, "version {version}; 2 and 3 can be read"),
            Rule::BigEndian(version) => {
                write!(f, "version {version:#010x}: a big-endian file; only little-endian ones can be read")
            }
            Rule::TensorCount(count) => write!(f, "{count} tensors are more than the file has room for"),
            Rule::PairCount(count) => write!(f, "{count} key/value pairs are more than the file has room for"),
            Rule::EmptyKey => f.write_str("the key is empty"),
            Rule::KeyTooLong(len) => write!(f, "a key of {len} bytes, at most 65535"),
            Rule::NotUtf8 => f.write_str("not UTF-8"),
            Rule::DuplicateKey { first } => write!(f, "the key was there before, at offset {first:#x}"),
            Rule::ValueType(id) => write!(f, "value type {id}; types are 0 to 12"),
            Rule::NestedArray => f.write_str("an array of arrays"),
            Rule::StringTooLong(len) => write!(f, "a string of {len} bytes, at most 2^30"),
            Rule::ArrayTooLong(len) => write!(f, "an array of {len} elements, at most 2^30"),
            Rule::ArrayPastEnd { elements, file_len } => {
                write!(f, "an array of {elements} elements runs past the end of the file at {file_len:#x}")
            }
            Rule::Bool(value) => write!(f, "a boolean of {value}; 0 and 1 exist"),
            Rule::AlignmentType(found) => write!(f, "the alignment is {found} and must be u32"),
            Rule::Alignment(value) => write!(f, "alignment {value}; it must be a power of two, at most 2^24"),
            Rule::NameTooLong(len) => write!(f, "a name of {len} bytes, at most 63"),
            Rule::DuplicateTensor { first } => write!(f, "the tensor was there before, at offset {first:#x}"),
            Rule::DimensionCount(count) => write!(f, "{count} dimensions, at most 4"),
            Rule::ZeroDimension(index) => write!(f, "dimension {index} is 0"),
            Rule::NegativeDimension { index, value } => write!(f, "dimension {index} is {value}, which is negative"),
            Rule::ElementCount => f.write_str("the product of the dimensions does not fit 63 bits"),
            Rule::ByteSize => f.write_str("the size in bytes does not fit 63 bits"),
            Rule::RemovedType(id, name) => write!(f, "type {id} ({name}) was removed from ggml; convert the model again"),
            Rule::UnknownType(id) => write!(f, "type {id} is not known; the known ones are 0 to 42"),
            Rule::PartialBlock { row, dtype } => {
                write!(f, "rows of {row} elements are not whole blocks of {} ({dtype})", dtype.block_elements())
            }
            Rule::TensorOffset { found, expected } => {
                write!(
                    f,
                    "data offset {found:#x} where the tensors before it end at {expected:#x}; gaps and overlaps are refused"
                )
            }
            Rule::DataSize => f.write_str("the sizes of the tensors add up to more than 63 bits"),
            Rule::TensorPastEnd { end, file_len } => {
                write!(
                    f,
                    "its data ends at {end:#x}, past the end of the file at {file_len:#x}; the file is cut short or damaged"
                )
            }
            Rule::OutOfMemory => f.write_str("no memory left for the index of keys and tensors"),
            Rule::MissingKey => f.write_str("missing; the model cannot be used without it"),
            Rule::WrongType { found, expected } => write!(f, "the value is {found} and must be {expected}"),
            Rule::OutOfRange { value, allowed } => write!(f, "{value}; it must be {allowed}"),
            Rule::Unsupported { value, supported } => write!(f, "{value} is not supported; {supported}"),
            Rule::HeadsPerKvHead { heads, kv_heads } => {
                write!(f, "{heads} heads cannot be shared out among {kv_heads} key/value heads")
            }
            Rule::EmbeddingPerHead { embedding, heads } => {
                write!(f, "an embedding of {embedding} cannot be split among {heads} heads")
            }
            Rule::BlockCount { blocks, tensors } => write!(f, "{blocks} layers cannot be made of {tensors} tensors"),
            Rule::MissingTensor => f.write_str("missing; the model cannot be used without it"),
            Rule::UnexpectedTensor => f.write_str("the llama graph has no place for this tensor, so its results would be wrong"),
            Rule::Shape { found, expected } => {
                write!(f, "shape {}, but the hyperparameters ask for {}", Dims(*found), Dims(*expected))
            }
            Rule::TensorType { found, expected } => write!(f, "type {found} cannot be used here; {expected} can"),
        }
    }
}

/// `[64, 512]`: dimensions without the trailing ones.
struct Dims([u64; 4]);

impl fmt::Display for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.0.iter().rposition(|&dim| dim != 1).map_or(1, |last| last + 1);
        f.debug_list().entries(self.0.iter().take(used)).finish()
    }
}

/// What of a hostile text goes into a message: escaped, at most 80 characters.
pub(crate) fn printable(text: &str) -> Box<str> {
    const MOST: usize = 80;
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == MOST {
            out.push('…');
            break;
        }
        // Quotes are harmless.
        if matches!(c, '\'' | '"') { out.push(c) } else { out.extend(c.escape_debug()) }
    }
    out.into_boxed_str()
}

/// [`printable`] for bytes that should be UTF-8.
pub(crate) fn printable_bytes(bytes: &[u8]) -> Box<str> {
    printable(&String::from_utf8_lossy(bytes.get(..bytes.len().min(400)).unwrap_or(bytes)))
}
