//! Tensor infos: name, shape, type and place, all checked.

use crate::dtype::{DType, removed_name};
use crate::error::{Error, Rule, Subject};
use crate::reader::{Fault, Reader};

/// Dimensions that a tensor has at most (`GGML_MAX_DIMS`).
pub const MAX_DIMS: usize = 4;
/// Bytes that a name has at most: `GGML_MAX_NAME` less the terminating zero.
pub const MAX_NAME: u64 = 63;

/// One tensor. Its bytes lie in the file at `offset..offset + size`, which is inside the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TensorInfo<'a> {
    /// Its name, at most 63 bytes.
    pub name: &'a str,
    /// Elements along each axis, the fastest first; 1 beyond `n_dims`. None is 0, the product fits an i64.
    pub dims: [u64; MAX_DIMS],
    /// Dimensions that the file states, 0 to 4.
    pub n_dims: u32,
    /// Type of the elements; `dims[0]` is a whole number of its blocks.
    pub dtype: DType,
    /// First byte of the data, from the start of the file. A multiple of the alignment.
    pub offset: u64,
    /// Bytes of data.
    pub size: u64,
    /// Where the info itself lies in the file, for messages.
    pub info_offset: u64,
}

impl<'a> TensorInfo<'a> {
    /// Elements in all.
    pub fn elements(&self) -> u64 {
        self.dims.iter().product()
    }

    /// Rows: the product of all dimensions but the first.
    pub fn rows(&self) -> u64 {
        self.dims.iter().skip(1).product()
    }

    pub(crate) fn error(&self, rule: Rule) -> Error {
        Error { offset: self.info_offset, subject: Subject::tensor(self.name), rule }
    }

    /// Reads the info of tensor `index`; `offset` stays relative to the data section.
    pub(crate) fn read(reader: &mut Reader<'a>, index: u64) -> Result<TensorInfo<'a>, Error> {
        let info_offset = reader.pos();
        let name = read_name(reader).map_err(|fault| fault.about(Subject::Info(index)))?;
        TensorInfo::read_rest(reader, name, info_offset).map_err(|fault| fault.about(Subject::tensor(name)))
    }

    fn read_rest(reader: &mut Reader<'a>, name: &'a str, info_offset: u64) -> Result<TensorInfo<'a>, Fault> {
        let at = reader.pos();
        let n_dims = reader.u32()?;
        if n_dims as usize > MAX_DIMS {
            return Err(Fault { offset: at, rule: Rule::DimensionCount(n_dims) });
        }
        let mut dims = [1u64; MAX_DIMS];
        let mut elements = 1i64;
        for (index, dim) in (0..n_dims).zip(&mut dims) {
            let at = reader.pos();
            *dim = reader.u64()?;
            let rule = match i64::try_from(*dim) {
                Ok(0) => Rule::ZeroDimension(index),
                Ok(value) => match elements.checked_mul(value) {
                    Some(product) => {
                        elements = product;
                        continue;
                    }
                    None => Rule::ElementCount,
                },
                Err(_) => Rule::NegativeDimension { index, value: dim.cast_signed() },
            };
            return Err(Fault { offset: at, rule });
        }

        let at = reader.pos();
        let id = reader.u32()?;
        let fault = |rule| Fault { offset: at, rule };
        let dtype = DType::from_id(id)
            .ok_or_else(|| fault(removed_name(id).map_or(Rule::UnknownType(id), |name| Rule::RemovedType(id, name))))?;
        let [row, ..] = dims;
        if !row.is_multiple_of(dtype.block_elements()) {
            return Err(fault(Rule::PartialBlock { row, dtype }));
        }
        let rows: u64 = dims.iter().skip(1).product();
        let size = dtype
            .row_bytes(row)
            .and_then(|bytes| bytes.checked_mul(rows))
            .filter(|&size| i64::try_from(size).is_ok())
            .ok_or_else(|| fault(Rule::ByteSize))?;
        let offset = reader.u64()?;
        Ok(TensorInfo { name, dims, n_dims, dtype, offset, size, info_offset })
    }
}

fn read_name<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Fault> {
    let at = reader.pos();
    let len = reader.u64()?;
    if len > MAX_NAME {
        return Err(Fault { offset: at, rule: Rule::NameTooLong(len) });
    }
    core::str::from_utf8(reader.take(len)?).map_err(|_| Fault { offset: at, rule: Rule::NotUtf8 })
}
