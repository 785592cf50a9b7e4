//! The container: header, key/value pairs, tensor infos, and where the data lies.

use alloc::vec::Vec;

use crate::error::{Error, Rule, Subject};
use crate::reader::{Fault, Reader};
use crate::tensor::TensorInfo;
use crate::value::{Array, Value, ValueType};

/// The alignment of files that do not state one.
pub const DEFAULT_ALIGNMENT: u32 = 32;
/// Larger ones are refused: no device asks for more, and padding must stay small against the file.
pub const MAX_ALIGNMENT: u32 = 1 << 24;

/// Fewest bytes of a key/value pair: the key's length, one byte of key, the type, one byte of value.
const LEAST_PAIR: u64 = 8 + 1 + 4 + 1;
/// Fewest bytes of a tensor info: the name's length, no name, no dimensions, type and offset.
const LEAST_INFO: u64 = 8 + 4 + 4 + 8;

/// A key and its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry<'a> {
    /// The key; never empty.
    pub key: &'a str,
    /// Its value.
    pub value: Value<'a>,
    /// Where the pair lies in the file.
    pub offset: u64,
}

/// A parsed and checked GGUF header. Strings and arrays borrow from the bytes that were parsed.
#[derive(Debug, Clone)]
pub struct Gguf<'a> {
    /// 2 or 3; they differ in nothing that this parser sees.
    pub version: u32,
    /// Tensors begin at multiples of this; a power of two.
    pub alignment: u32,
    /// Where the tensor data begins, from the start of the file. Past the end of a file that has no tensors and no padding.
    pub data_offset: u64,
    /// Where the last tensor ends; `data_offset` where there are none.
    pub end_offset: u64,
    /// Where the tensor infos begin.
    pub infos_offset: u64,
    entries: Vec<Entry<'a>>,
    entries_by_key: Vec<u32>,
    tensors: Vec<TensorInfo<'a>>,
    tensors_by_name: Vec<u32>,
}

/// Where the key/value pairs begin in every file.
pub(crate) const PAIRS_OFFSET: u64 = 24;

impl<'a> Gguf<'a> {
    /// Parses a header out of `bytes`, the beginning of a file of `file_len` bytes. Everything up to the tensor data is checked,
    /// and that each tensor's data lies inside the file; the data itself is not looked at and need not be given.
    ///
    /// An error for which [`Error::needs`] says a number means that `bytes` are too few; any other is final. Memory used is
    /// proportional to the bytes given, whatever the counts in the file claim.
    pub fn parse(bytes: &'a [u8], file_len: u64) -> Result<Gguf<'a>, Error> {
        let mut reader = Reader::new(bytes, file_len);
        let (version, n_tensors, n_pairs) = read_header(&mut reader).map_err(|fault| fault.about(Subject::File))?;
        let entries = read_entries(&mut reader, n_pairs)?;
        let entries_by_key = index(
            &entries,
            |entry| entry.key,
            |first, second| Error {
                offset: second.offset,
                subject: Subject::key(second.key),
                rule: Rule::DuplicateKey { first: first.offset },
            },
        )?;
        let alignment = read_alignment(&entries)?;

        let infos_offset = reader.pos();
        let mut tensors = read_infos(&mut reader, n_tensors)?;
        let tensors_by_name = index(
            &tensors,
            |tensor| tensor.name,
            |first, second| second.error(Rule::DuplicateTensor { first: first.info_offset }),
        )?;
        let file_end = Error { offset: reader.pos(), subject: Subject::File, rule: Rule::DataSize };
        let data_offset = pad(reader.pos(), alignment).ok_or(file_end)?;
        let end_offset = place(&mut tensors, alignment, data_offset, file_len)?;
        Ok(Gguf { version, alignment, data_offset, end_offset, infos_offset, entries, entries_by_key, tensors, tensors_by_name })
    }

    /// All pairs, in the order of the file.
    pub fn entries(&self) -> &[Entry<'a>] {
        &self.entries
    }

    /// All tensors, in the order of the file, which is the order of their data.
    pub fn tensors(&self) -> &[TensorInfo<'a>] {
        &self.tensors
    }

    /// The pair of this key, in O(log n).
    pub fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        find(&self.entries, &self.entries_by_key, |entry| entry.key, key)
    }

    /// The value of this key.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        self.entry(key).map(|entry| entry.value)
    }

    /// The tensor of this name, in O(log n).
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo<'a>> {
        find(&self.tensors, &self.tensors_by_name, |tensor| tensor.name, name)
    }

    /// A non-negative integer of any width; `Ok(None)` where the key is absent.
    pub fn u64(&self, key: &str) -> Result<Option<u64>, Error> {
        self.typed(key, "a non-negative integer", Value::as_u64)
    }

    /// A float of either width.
    pub fn f32(&self, key: &str) -> Result<Option<f32>, Error> {
        self.typed(key, "f32", Value::as_f32)
    }

    /// A boolean.
    pub fn bool(&self, key: &str) -> Result<Option<bool>, Error> {
        self.typed(key, "bool", Value::as_bool)
    }

    /// A string in UTF-8.
    pub fn str(&self, key: &str) -> Result<Option<&'a str>, Error> {
        self.typed(key, "a string in UTF-8", Value::as_str)
    }

    /// An array whose elements are of one type.
    pub fn array(&self, key: &str, element: ValueType) -> Result<Option<Array<'a>>, Error> {
        let expected = match element {
            ValueType::String => "an array of strings",
            ValueType::F32 => "an array of f32",
            ValueType::I32 => "an array of i32",
            _ => "an array of another type",
        };
        self.typed(key, expected, |value| value.as_array().filter(|array| array.element_type() == element))
    }

    fn typed<T>(&self, key: &str, expected: &'static str, convert: impl Fn(&Value<'a>) -> Option<T>) -> Result<Option<T>, Error> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        match convert(&entry.value) {
            Some(value) => Ok(Some(value)),
            None => Err(self.key_error(key, Rule::WrongType { found: entry.value.value_type(), expected })),
        }
    }

    /// An error about a key: at its pair, or where pairs begin if there is none.
    pub fn key_error(&self, key: &str, rule: Rule) -> Error {
        let offset = self.entry(key).map_or(PAIRS_OFFSET, |entry| entry.offset);
        Error { offset, subject: Subject::key(key), rule }
    }

    /// An error about a tensor: at its info, or where infos begin if there is none.
    pub fn tensor_error(&self, name: &str, rule: Rule) -> Error {
        let offset = self.tensor(name).map_or(self.infos_offset, |tensor| tensor.info_offset);
        Error { offset, subject: Subject::tensor(name), rule }
    }
}

fn read_header(reader: &mut Reader<'_>) -> Result<(u32, u64, u64), Fault> {
    let mut magic = [0; 4];
    magic.copy_from_slice(reader.take(4)?);
    if &magic != b"GGUF" {
        return Err(Fault { offset: 0, rule: Rule::Magic(magic) });
    }
    let version = reader.u32()?;
    if !matches!(version, 2 | 3) {
        let rule = if matches!(version.swap_bytes(), 1..=3) { Rule::BigEndian(version) } else { Rule::Version(version) };
        return Err(Fault { offset: 4, rule });
    }
    let n_tensors = reader.u64()?;
    let n_pairs = reader.u64()?;
    let room = reader.remaining_in_file();
    if n_tensors > room / LEAST_INFO {
        return Err(Fault { offset: 8, rule: Rule::TensorCount(n_tensors) });
    }
    if n_pairs > room / LEAST_PAIR {
        return Err(Fault { offset: 16, rule: Rule::PairCount(n_pairs) });
    }
    Ok((version, n_tensors, n_pairs))
}

fn read_entries<'a>(reader: &mut Reader<'a>, count: u64) -> Result<Vec<Entry<'a>>, Error> {
    let mut entries = Vec::new();
    for index in 0..count {
        let offset = reader.pos();
        let key = read_key(reader).map_err(|fault| fault.about(Subject::Pair(index)))?;
        let value = Value::read(reader).map_err(|fault| fault.about(Subject::key(key)))?;
        push(&mut entries, Entry { key, value, offset }, offset)?;
    }
    Ok(entries)
}

fn read_key<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Fault> {
    let at = reader.pos();
    let len = reader.u64()?;
    match len {
        0 => Err(Fault { offset: at, rule: Rule::EmptyKey }),
        1..=0xffff => core::str::from_utf8(reader.take(len)?).map_err(|_| Fault { offset: at, rule: Rule::NotUtf8 }),
        _ => Err(Fault { offset: at, rule: Rule::KeyTooLong(len) }),
    }
}

fn read_alignment(entries: &[Entry<'_>]) -> Result<u32, Error> {
    const KEY: &str = "general.alignment";
    let Some(entry) = entries.iter().find(|entry| entry.key == KEY) else { return Ok(DEFAULT_ALIGNMENT) };
    let rule = match entry.value {
        Value::U32(value) if value.is_power_of_two() && value <= MAX_ALIGNMENT => return Ok(value),
        Value::U32(value) => Rule::Alignment(value),
        other => Rule::AlignmentType(other.value_type()),
    };
    Err(Error { offset: entry.offset, subject: Subject::key(KEY), rule })
}

fn read_infos<'a>(reader: &mut Reader<'a>, count: u64) -> Result<Vec<TensorInfo<'a>>, Error> {
    let mut tensors = Vec::new();
    for index in 0..count {
        let offset = reader.pos();
        let tensor = TensorInfo::read(reader, index)?;
        push(&mut tensors, tensor, offset)?;
    }
    Ok(tensors)
}

/// Checks each tensor's offset against the padded sum of those before it, as ggml does, makes it absolute, and returns the end
/// of the last one.
fn place(tensors: &mut [TensorInfo<'_>], alignment: u32, data_offset: u64, file_len: u64) -> Result<u64, Error> {
    let mut expected = 0u64;
    let mut end = data_offset;
    for tensor in tensors {
        if tensor.offset != expected {
            return Err(tensor.error(Rule::TensorOffset { found: tensor.offset, expected }));
        }
        let placed = data_offset.checked_add(expected).and_then(|start| Some((start, start.checked_add(tensor.size)?)));
        // Offsets of files are signed 64-bit numbers to every system that has files.
        let Some((start, tensor_end)) = placed.filter(|&(_, end)| i64::try_from(end).is_ok()) else {
            return Err(tensor.error(Rule::DataSize));
        };
        end = tensor_end;
        if end > file_len {
            return Err(tensor.error(Rule::TensorPastEnd { end, file_len }));
        }
        expected =
            expected.checked_add(tensor.size).and_then(|sum| pad(sum, alignment)).ok_or_else(|| tensor.error(Rule::DataSize))?;
        tensor.offset = start;
    }
    Ok(end)
}

fn pad(value: u64, alignment: u32) -> Option<u64> {
    value.checked_next_multiple_of(alignment.into())
}

fn push<T>(list: &mut Vec<T>, item: T, offset: u64) -> Result<(), Error> {
    let no_memory = Error { offset, subject: Subject::File, rule: Rule::OutOfMemory };
    list.try_reserve(1).map_err(|_| no_memory)?;
    list.push(item);
    Ok(())
}

/// Positions of `items` in the order of their names. Two of one name are an error, of the second in file order.
fn index<'a, T>(items: &[T], name: impl Fn(&T) -> &'a str, duplicate: impl Fn(&T, &T) -> Error) -> Result<Vec<u32>, Error> {
    let mut order = Vec::new();
    let no_memory = Error { offset: 0, subject: Subject::File, rule: Rule::OutOfMemory };
    order.try_reserve_exact(items.len()).map_err(|_| no_memory.clone())?;
    // The counts were bounded by the file's size over 14 and over 24; 2^32 pairs would take 56 GiB of prefix.
    order.extend(0..u32::try_from(items.len()).map_err(|_| no_memory)?);
    let item = |position: &u32| items.get(*position as usize);
    order.sort_unstable_by(|a, b| item(a).map(&name).cmp(&item(b).map(&name)).then(a.cmp(b)));
    for pair in order.windows(2) {
        if let [first, second] = pair
            && let (Some(first), Some(second)) = (item(first), item(second))
            && name(first) == name(second)
        {
            return Err(duplicate(first, second));
        }
    }
    Ok(order)
}

fn find<'t, 'a, T>(items: &'t [T], order: &[u32], name: impl Fn(&T) -> &'a str, wanted: &str) -> Option<&'t T> {
    let at = order.binary_search_by(|&position| items.get(position as usize).map(&name).cmp(&Some(wanted))).ok()?;
    items.get(*order.get(at)? as usize)
}
