//! From the ELF's symbols to the compact table that the kernel reads (`ring0_arch::symbols`).

use crate::Error;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use ring0_arch::symbols::{ENTRY_BYTES, HEADER_BYTES, MAGIC};
use std::collections::{BTreeMap, HashMap};

/// The section that the kernel reserves.
pub const SECTION: &str = ".ksyms";
/// Longest name that is kept, in bytes: generic code has names of many hundreds, of which nobody reads the end.
const NAME_BYTES: usize = 120;

/// Functions of the image by offset from its beginning, names demangled and without hashes.
pub fn functions(elf: &object::File<'_>, image_base: u64) -> BTreeMap<u32, String> {
    let text = elf.section_by_name(".text").map_or(0..0, |s| s.address()..s.address() + s.size());
    let mut functions = BTreeMap::new();
    for symbol in elf.symbols() {
        // Assembler labels have no type; what begins with two underscores is the linker script's.
        let code = matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Unknown | SymbolKind::Label);
        let Ok(name) = symbol.name() else { continue };
        if !code || name.is_empty() || name.starts_with(".L") || name.starts_with("__") || !text.contains(&symbol.address()) {
            continue;
        }
        let Ok(offset) = u32::try_from(symbol.address() - image_base) else { continue };
        let mut name = format!("{:#}", rustc_demangle::demangle(name));
        if name.len() > NAME_BYTES {
            let cut = (0..=NAME_BYTES).rev().find(|n| name.is_char_boundary(*n)).unwrap_or(0);
            name.truncate(cut);
            name.push('…');
        }
        functions.insert(offset, name);
    }
    functions
}

/// The table as bytes; equal names are stored once.
pub fn encode(functions: &BTreeMap<u32, String>) -> Vec<u8> {
    let mut names = Vec::new();
    let mut places: HashMap<&str, u32> = HashMap::new();
    let mut table = MAGIC.to_vec();
    let mut entries = Vec::with_capacity(functions.len() * ENTRY_BYTES);
    for (offset, name) in functions {
        let place = *places.entry(name).or_insert_with(|| {
            let place = names.len() as u32;
            names.extend_from_slice(name.as_bytes());
            names.push(0);
            place
        });
        entries.extend(offset.to_le_bytes());
        entries.extend(place.to_le_bytes());
    }
    table.extend((functions.len() as u32).to_le_bytes());
    table.extend((names.len() as u32).to_le_bytes());
    debug_assert_eq!(table.len(), HEADER_BYTES);
    table.extend(entries);
    table.extend(names);
    table
}

/// Writes the table over the reserved section in `bytes`, the whole ELF file; what is left of the section becomes zeros.
/// Returns the bytes of the table and of the section.
pub fn patch(bytes: &mut [u8], table: &[u8]) -> Result<(usize, usize), Error> {
    let (start, size) = {
        let elf = object::File::parse(&*bytes).map_err(Error::NotElf)?;
        let section = elf.section_by_name(SECTION).ok_or(Error::NoSection)?;
        section.file_range().ok_or(Error::NoSection)?
    };
    let room = usize::try_from(start)
        .ok()
        .zip(usize::try_from(size).ok())
        .and_then(|(start, size)| bytes.get_mut(start..start.checked_add(size)?))
        .ok_or(Error::NoSection)?;
    if table.len() > room.len() {
        return Err(Error::TooLarge { table: table.len(), reserved: room.len() });
    }
    room.fill(0);
    room[..table.len()].copy_from_slice(table);
    Ok((table.len(), room.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring0_arch::symbols::SymbolTable;

    #[test]
    fn the_kernel_reads_what_is_written() {
        let functions = BTreeMap::from([(0x1000, "a::b".to_string()), (0x1010, "c".to_string()), (0x1020, "a::b".to_string())]);
        let table = encode(&functions);
        let parsed = SymbolTable::parse(&table).unwrap();
        assert_eq!(parsed.len(), 3);
        assert_eq!(parsed.lookup(0x100f), Some(("a::b", 0xf)));
        assert_eq!(parsed.lookup(0x1011), Some(("c", 1)));
        assert_eq!(parsed.lookup(0x1020), Some(("a::b", 0)));
        // Two names, not three.
        assert_eq!(table.len(), HEADER_BYTES + 3 * ENTRY_BYTES + 5 + 2);
    }

    #[test]
    fn what_is_not_an_elf_is_refused() {
        assert!(matches!(patch(&mut [0; 64], &[]), Err(Error::NotElf(_))));
    }
}
