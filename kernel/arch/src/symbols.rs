//! The symbol table inside of the image, for backtraces. The tool `ring0-image` writes it after linking into the section `.ksyms`.
//!
//! Little-endian: magic (8 bytes), number of symbols (u32), bytes of names (u32); then per symbol, sorted: offset of its first byte from
//! the beginning of the image (u32), offset of its name (u32); then the names, each closed by a zero byte.

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"R0KSYMS1";
/// Bytes before the symbols.
pub const HEADER_BYTES: usize = 16;
/// Bytes per symbol.
pub const ENTRY_BYTES: usize = 8;

/// A table whose sizes fit its bytes; everything else in it is checked when it is used.
#[derive(Debug, Clone, Copy)]
pub struct SymbolTable<'a> {
    entries: &'a [u8],
    names: &'a [u8],
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

impl<'a> SymbolTable<'a> {
    /// Reads the table in `bytes`; `None` when there is none, as in an image that the tool has not seen.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.get(..8)? != MAGIC {
            return None;
        }
        let count = u32_at(bytes, 8)? as usize;
        let names = u32_at(bytes, 12)? as usize;
        let (entries, rest) = bytes.get(HEADER_BYTES..)?.split_at_checked(count.checked_mul(ENTRY_BYTES)?)?;
        Some(SymbolTable { entries, names: rest.get(..names)? })
    }

    /// Symbols in the table.
    pub fn len(&self) -> usize {
        self.entries.len() / ENTRY_BYTES
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The symbol that begins last at or before `offset` bytes into the image, and how far `offset` is into it.
    pub fn lookup(&self, offset: u64) -> Option<(&'a str, u64)> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if u64::from(u32_at(self.entries, middle * ENTRY_BYTES)?) <= offset {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let at = low.checked_sub(1)? * ENTRY_BYTES;
        let start = u64::from(u32_at(self.entries, at)?);
        let name = self.names.get(u32_at(self.entries, at + 4)? as usize..)?;
        let name = name.split(|b| *b == 0).next()?;
        Some((core::str::from_utf8(name).ok()?, offset.checked_sub(start)?))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn table(symbols: &[(u32, u32)], names: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend((symbols.len() as u32).to_le_bytes());
        bytes.extend((names.len() as u32).to_le_bytes());
        for (offset, name) in symbols {
            bytes.extend(offset.to_le_bytes());
            bytes.extend(name.to_le_bytes());
        }
        bytes.extend(names);
        bytes.extend([0xff; 32]);
        bytes
    }

    #[test]
    fn finds_the_symbol_around_an_address() {
        let bytes = table(&[(0x1000, 0), (0x1040, 5), (0x2000, 9)], b"main\0sub\0last\0");
        let table = SymbolTable::parse(&bytes).unwrap();
        assert_eq!(table.lookup(0xfff), None);
        assert_eq!(table.lookup(0x1000), Some(("main", 0)));
        assert_eq!(table.lookup(0x103f), Some(("main", 0x3f)));
        assert_eq!(table.lookup(0x1040), Some(("sub", 0)));
        assert_eq!(table.lookup(u64::MAX), Some(("last", u64::MAX - 0x2000)));
    }

    #[test]
    fn damage_is_noticed() {
        let good = table(&[(0, 0)], b"a\0");
        assert!(SymbolTable::parse(&[0; 64]).is_none());
        assert!(SymbolTable::parse(&good[..20]).is_none());
        let mut many = good.clone();
        many[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(SymbolTable::parse(&many).is_none());
        let far = table(&[(0, 50)], b"a\0");
        assert_eq!(SymbolTable::parse(&far).unwrap().lookup(0), None);
        let empty = table(&[], b"");
        assert!(SymbolTable::parse(&empty).unwrap().is_empty());
        assert_eq!(SymbolTable::parse(&empty).unwrap().lookup(5), None);
    }
}
