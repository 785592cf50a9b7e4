//! The flat image: the loadable segments at their offsets in memory, which is what UEFI firmware loads.

use crate::Error;
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};

/// Segments of `bytes`, an ELF file, laid out as they lie in memory from the lowest physical address on. Zero-filled ends are left
/// out: the PE header says how much memory they take.
pub fn flatten(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let header = elf::FileHeader64::<Endianness>::parse(bytes).map_err(Error::NotElf)?;
    let endian = header.endian().map_err(Error::NotElf)?;
    let segments = header.program_headers(endian, bytes).map_err(Error::NotElf)?;
    let loads: Vec<_> = segments.iter().filter(|s| s.p_type(endian) == elf::PT_LOAD && s.p_filesz(endian) > 0).collect();
    let base = loads.iter().map(|s| s.p_paddr(endian)).min().ok_or(Error::Empty)?;
    let mut flat = Vec::new();
    for segment in loads {
        let data = segment.data(endian, bytes).map_err(|()| Error::Segment(segment.p_offset(endian)))?;
        let start = usize::try_from(segment.p_paddr(endian) - base).map_err(|_| Error::Segment(segment.p_offset(endian)))?;
        let end =
            start.checked_add(data.len()).filter(|end| *end <= MAX_BYTES).ok_or(Error::Segment(segment.p_offset(endian)))?;
        if flat.len() < end {
            flat.resize(end, 0);
        }
        flat[start..end].copy_from_slice(data);
    }
    Ok(flat)
}

/// As much as the kernel's UEFI entry has page tables for.
const MAX_BYTES: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF with loadable segments of (physical address, contents).
    fn elf(segments: &[(u64, &[u8])]) -> Vec<u8> {
        let mut file = vec![0u8; 64 + 56 * segments.len()];
        file[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
        file[16] = 2;
        file[18] = 62;
        file[20] = 1;
        file[32..40].copy_from_slice(&64u64.to_le_bytes());
        file[52] = 64;
        file[54] = 56;
        file[56] = segments.len() as u8;
        for (n, (address, data)) in segments.iter().enumerate() {
            let at = 64 + 56 * n;
            let offset = file.len() as u64;
            file[at] = 1;
            file[at + 8..at + 16].copy_from_slice(&offset.to_le_bytes());
            file[at + 24..at + 32].copy_from_slice(&address.to_le_bytes());
            file[at + 32..at + 40].copy_from_slice(&(data.len() as u64).to_le_bytes());
            file[at + 40..at + 48].copy_from_slice(&(data.len() as u64).to_le_bytes());
            file.extend_from_slice(data);
        }
        file
    }

    #[test]
    fn segments_lie_as_in_memory() {
        let flat = flatten(&elf(&[(0x20_0004, b"late"), (0x20_0000, b"one")])).unwrap();
        assert_eq!(flat, b"one\0late");
    }

    #[test]
    fn hostile_files_are_refused() {
        assert!(matches!(flatten(b"MZ"), Err(Error::NotElf(_))));
        assert!(matches!(flatten(&elf(&[])), Err(Error::Empty)));
        assert!(matches!(flatten(&elf(&[(0, b"a"), (u64::MAX, b"b")])), Err(Error::Segment(_))));
        let mut cut = elf(&[(0, b"abc")]);
        cut.pop();
        assert!(matches!(flatten(&cut), Err(Error::Segment(_))));
    }
}
