//! The command line that UEFI firmware passes: UCS-2 text of whoever wrote the boot entry, or arbitrary bytes.

/// Writes the text of `bytes` (UCS-2, little-endian, perhaps closed by a zero) into `out` as UTF-8, without the program's own name,
/// and returns its length. Zero where the bytes are not text: some boot entries carry binary data there.
pub fn to_utf8(bytes: &[u8], out: &mut [u8]) -> usize {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).take_while(|unit| *unit != 0);
    let mut used = 0;
    for character in char::decode_utf16(units) {
        let Ok(character) = character else { return 0 };
        if character.is_control() && !character.is_ascii_whitespace() {
            return 0;
        }
        let mut buffer = [0; 4];
        let encoded = character.encode_utf8(&mut buffer).as_bytes();
        let Some(slot) = out.get_mut(used..used + encoded.len()) else { break };
        slot.copy_from_slice(encoded);
        used += encoded.len();
    }
    let skip = program_name(&out[..used]);
    out.copy_within(skip..used, 0);
    used - skip
}

/// Bytes that the program's name takes: the UEFI shell puts it first, boot entries do not.
fn program_name(line: &[u8]) -> usize {
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let tail = &line[end.saturating_sub(4)..end];
    if tail.eq_ignore_ascii_case(b".efi") { end } else { 0 }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::{string::String, vec::Vec};

    fn text(line: &str, room: usize) -> String {
        let bytes: Vec<u8> = line.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut out = std::vec![0; room];
        let n = to_utf8(&bytes, &mut out);
        String::from_utf8(out[..n].to_vec()).unwrap()
    }

    #[test]
    fn the_program_is_not_part_of_the_line() {
        assert_eq!(text("FS0:\\ring0\\BOOTX64.EFI serve=8080 ctx=512", 100), " serve=8080 ctx=512");
        assert_eq!(text("serve=8080\0rest", 100), "serve=8080");
        assert_eq!(text("a.efi", 100), "");
        assert_eq!(text("", 100), "");
    }

    #[test]
    fn what_is_not_text_is_no_line() {
        assert_eq!(to_utf8(&[0x00, 0xd8, 0x20, 0x00], &mut [0; 8]), 0);
        assert_eq!(to_utf8(&[0x01, 0x00, 0x41, 0x00], &mut [0; 8]), 0);
        assert_eq!(to_utf8(&[0x41], &mut [0; 8]), 0);
    }

    #[test]
    fn a_long_line_ends_between_characters() {
        assert_eq!(text("aé€", 3), "aé");
        assert_eq!(text("aé€", 4), "aé");
        assert_eq!(text("aé€", 6), "aé€");
    }
}
