//! Typed values of the key/value section. Nothing is copied: strings and arrays point into the file's bytes.

use core::fmt;

use crate::error::{Rule, printable_bytes};
use crate::reader::{Fault, LENGTH_CAP, Reader};

macro_rules! value_types {
    ($($id:literal $name:ident $text:literal $size:literal,)*) => {
        /// The thirteen value types of GGUF.
        #[allow(missing_docs, reason = "the names say it")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum ValueType { $($name = $id,)* }

        impl ValueType {
            /// The type of this id.
            pub const fn from_id(id: u32) -> Option<ValueType> {
                match id { $($id => Some(ValueType::$name),)* _ => None }
            }
            /// The spec's name, in lower case.
            pub const fn name(self) -> &'static str {
                match self { $(ValueType::$name => $text,)* }
            }
            /// Bytes that a value takes; for strings and arrays, the least.
            pub const fn least_bytes(self) -> u64 {
                match self { $(ValueType::$name => $size,)* }
            }
        }
    };
}

value_types! {
    0 U8 "u8" 1,
    1 I8 "i8" 1,
    2 U16 "u16" 2,
    3 I16 "i16" 2,
    4 U32 "u32" 4,
    5 I32 "i32" 4,
    6 F32 "f32" 4,
    7 Bool "bool" 1,
    8 String "string" 8,
    9 Array "array" 12,
    10 U64 "u64" 8,
    11 I64 "i64" 8,
    12 F64 "f64" 8,
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value as the file has it.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    /// The spec says UTF-8; vocabularies hold tokens that are not.
    String(&'a [u8]),
    Array(Array<'a>),
    U64(u64),
    I64(i64),
    F64(f64),
}

impl<'a> Value<'a> {
    /// The value's type.
    pub fn value_type(&self) -> ValueType {
        match self {
            Value::U8(_) => ValueType::U8,
            Value::I8(_) => ValueType::I8,
            Value::U16(_) => ValueType::U16,
            Value::I16(_) => ValueType::I16,
            Value::U32(_) => ValueType::U32,
            Value::I32(_) => ValueType::I32,
            Value::F32(_) => ValueType::F32,
            Value::Bool(_) => ValueType::Bool,
            Value::String(_) => ValueType::String,
            Value::Array(_) => ValueType::Array,
            Value::U64(_) => ValueType::U64,
            Value::I64(_) => ValueType::I64,
            Value::F64(_) => ValueType::F64,
        }
    }

    /// Any integer that is not negative, whatever its width.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Value::U8(v) => Some(v.into()),
            Value::U16(v) => Some(v.into()),
            Value::U32(v) => Some(v.into()),
            Value::U64(v) => Some(v),
            Value::I8(v) => v.try_into().ok(),
            Value::I16(v) => v.try_into().ok(),
            Value::I32(v) => v.try_into().ok(),
            Value::I64(v) => v.try_into().ok(),
            _ => None,
        }
    }

    /// Any integer.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Value::I8(v) => Some(v.into()),
            Value::I16(v) => Some(v.into()),
            Value::I32(v) => Some(v.into()),
            Value::I64(v) => Some(v),
            _ => self.as_u64().and_then(|v| v.try_into().ok()),
        }
    }

    /// A float of either width.
    pub fn as_f32(&self) -> Option<f32> {
        match *self {
            Value::F32(v) => Some(v),
            Value::F64(v) => Some(v as f32),
            _ => None,
        }
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Value::Bool(v) => Some(v),
            _ => None,
        }
    }

    /// A string's bytes.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match *self {
            Value::String(v) => Some(v),
            _ => None,
        }
    }

    /// A string that is UTF-8.
    pub fn as_str(&self) -> Option<&'a str> {
        self.as_bytes().and_then(|bytes| core::str::from_utf8(bytes).ok())
    }

    /// An array.
    pub fn as_array(&self) -> Option<Array<'a>> {
        match *self {
            Value::Array(v) => Some(v),
            _ => None,
        }
    }

    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Value<'a>, Fault> {
        let start = reader.pos();
        let id = reader.u32()?;
        match ValueType::from_id(id) {
            Some(ValueType::Array) => Array::read(reader).map(Value::Array),
            Some(kind) => Value::read_as(reader, kind),
            None => Err(Fault { offset: start, rule: Rule::ValueType(id) }),
        }
    }

    fn read_as(reader: &mut Reader<'a>, kind: ValueType) -> Result<Value<'a>, Fault> {
        Ok(match kind {
            ValueType::U8 => Value::U8(reader.u8()?),
            ValueType::I8 => Value::I8(reader.u8()?.cast_signed()),
            ValueType::U16 => Value::U16(reader.u16()?),
            ValueType::I16 => Value::I16(reader.u16()?.cast_signed()),
            ValueType::U32 => Value::U32(reader.u32()?),
            ValueType::I32 => Value::I32(reader.u32()?.cast_signed()),
            ValueType::F32 => Value::F32(f32::from_bits(reader.u32()?)),
            ValueType::Bool => {
                let start = reader.pos();
                match reader.u8()? {
                    0 => Value::Bool(false),
                    1 => Value::Bool(true),
                    other => return Err(Fault { offset: start, rule: Rule::Bool(other) }),
                }
            }
            ValueType::String => Value::String(reader.string()?),
            ValueType::Array => return Err(reader.fault(Rule::NestedArray)),
            ValueType::U64 => Value::U64(reader.u64()?),
            ValueType::I64 => Value::I64(reader.u64()?.cast_signed()),
            ValueType::F64 => Value::F64(f64::from_bits(reader.u64()?)),
        })
    }
}

/// For people: strings escaped and cut, arrays by type, length and place.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::U8(v) => v.fmt(f),
            Value::I8(v) => v.fmt(f),
            Value::U16(v) => v.fmt(f),
            Value::I16(v) => v.fmt(f),
            Value::U32(v) => v.fmt(f),
            Value::I32(v) => v.fmt(f),
            Value::F32(v) => v.fmt(f),
            Value::Bool(v) => v.fmt(f),
            Value::String(bytes) => printable_bytes(bytes).fmt(f),
            Value::Array(array) => fmt::Debug::fmt(array, f),
            Value::U64(v) => v.fmt(f),
            Value::I64(v) => v.fmt(f),
            Value::F64(v) => v.fmt(f),
        }
    }
}

/// An array as the file has it: checked when the file was parsed, decoded when asked for.
#[derive(Clone, Copy, PartialEq)]
pub struct Array<'a> {
    element: ValueType,
    len: u64,
    offset: u64,
    bytes: &'a [u8],
}

impl<'a> Array<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Array<'a>, Fault> {
        let start = reader.pos();
        let id = reader.u32()?;
        let element = match ValueType::from_id(id) {
            Some(ValueType::Array) => return Err(Fault { offset: start, rule: Rule::NestedArray }),
            Some(element) => element,
            None => return Err(Fault { offset: start, rule: Rule::ValueType(id) }),
        };
        let len_at = reader.pos();
        let len = reader.u64()?;
        if len > LENGTH_CAP {
            return Err(Fault { offset: len_at, rule: Rule::ArrayTooLong(len) });
        }
        // `len` is at most 2^30 here and an element at least one byte, so this cannot wrap.
        let least = len * element.least_bytes();
        if least > reader.remaining_in_file() {
            let file_len = reader.pos() + reader.remaining_in_file();
            return Err(Fault { offset: len_at, rule: Rule::ArrayPastEnd { elements: len, file_len } });
        }
        let offset = reader.pos();
        let mut ahead = reader.clone();
        match element {
            ValueType::String => {
                for _ in 0..len {
                    ahead.string()?;
                }
            }
            ValueType::Bool => {
                for _ in 0..len {
                    Value::read_as(&mut ahead, ValueType::Bool)?;
                }
            }
            _ => {
                ahead.take(least)?;
            }
        }
        let bytes = reader.take(ahead.pos() - offset)?;
        Ok(Array { element, len, offset, bytes })
    }

    /// Type of the elements; never [`ValueType::Array`].
    pub fn element_type(&self) -> ValueType {
        self.element
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the first element lies in the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The elements, one after the other.
    pub fn iter(&self) -> ArrayIter<'a> {
        ArrayIter { element: self.element, left: self.len(), reader: Reader::new(self.bytes, self.bytes.len() as u64) }
    }

    /// One element: at once where elements have a fixed size; strings are walked to.
    pub fn get(&self, index: usize) -> Option<Value<'a>> {
        if self.element == ValueType::String {
            return self.iter().nth(index);
        }
        let size = self.element.least_bytes() as usize;
        let start = index.checked_mul(size)?;
        let bytes = self.bytes.get(start..start.checked_add(size)?)?;
        Value::read_as(&mut Reader::new(bytes, size as u64), self.element).ok()
    }

    /// The elements' bytes where they are strings.
    pub fn strings(&self) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
        (self.element == ValueType::String).then(|| self.iter().filter_map(|value| value.as_bytes()))
    }
}

impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] at {:#x}", self.element, self.len, self.offset)
    }
}

impl<'a> IntoIterator for Array<'a> {
    type Item = Value<'a>;
    type IntoIter = ArrayIter<'a>;
    fn into_iter(self) -> ArrayIter<'a> {
        self.iter()
    }
}

/// See [`Array::iter`].
#[derive(Clone)]
pub struct ArrayIter<'a> {
    element: ValueType,
    left: usize,
    reader: Reader<'a>,
}

impl<'a> Iterator for ArrayIter<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.left = self.left.checked_sub(1)?;
        Value::read_as(&mut self.reader, self.element).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for ArrayIter<'_> {}
