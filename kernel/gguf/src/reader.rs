//! A cursor over the file's beginning that tells a damaged file from a prefix that is merely too short.

use crate::error::{Error, Rule, Subject};

/// ggml's cap on string bytes and array elements.
pub(crate) const LENGTH_CAP: u64 = 1 << 30;

#[derive(Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    file_len: u64,
    pos: usize,
}

/// An error without its subject, which the caller knows.
pub(crate) struct Fault {
    pub offset: u64,
    pub rule: Rule,
}

impl Fault {
    pub fn about(self, subject: Subject) -> Error {
        Error { offset: self.offset, subject, rule: self.rule }
    }
}

impl<'a> Reader<'a> {
    /// `bytes` beyond `file_len` are not the file's.
    pub fn new(bytes: &'a [u8], file_len: u64) -> Self {
        let given = usize::try_from(file_len).map_or(bytes.len(), |len| len.min(bytes.len()));
        Reader { bytes: bytes.get(..given).unwrap_or(bytes), file_len, pos: 0 }
    }

    pub fn pos(&self) -> u64 {
        self.pos as u64
    }

    /// Bytes from here to the end of the file, given or not.
    pub fn remaining_in_file(&self) -> u64 {
        self.file_len.saturating_sub(self.pos())
    }

    pub fn fault(&self, rule: Rule) -> Fault {
        Fault { offset: self.pos(), rule }
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: u64) -> Result<&'a [u8], Fault> {
        if len > self.remaining_in_file() {
            return Err(self.fault(Rule::Truncated { wanted: len, file_len: self.file_len }));
        }
        let end = self.pos() + len;
        let taken = usize::try_from(end).ok().and_then(|end| self.bytes.get(self.pos..end));
        match taken {
            Some(taken) => {
                self.pos += taken.len();
                Ok(taken)
            }
            None => {
                // More than asked for: each round starts over, so rounds should be few.
                let generous = (self.bytes.len() as u64).saturating_mul(2).max(64 << 10);
                Err(self.fault(Rule::NeedMore(end.max(generous).min(self.file_len))))
            }
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N as u64)?);
        Ok(out)
    }

    pub fn u8(&mut self) -> Result<u8, Fault> {
        self.array::<1>().map(|[byte]| byte)
    }
    pub fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_le_bytes)
    }
    pub fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_le_bytes)
    }
    pub fn u64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_le_bytes)
    }

    /// A length and so many bytes.
    pub fn string(&mut self) -> Result<&'a [u8], Fault> {
        let start = self.pos();
        let len = self.u64()?;
        if len > LENGTH_CAP {
            return Err(Fault { offset: start, rule: Rule::StringTooLong(len) });
        }
        self.take(len)
    }
}
