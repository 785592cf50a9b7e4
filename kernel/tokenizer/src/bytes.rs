//! GPT-2's way of writing bytes as printable characters, so that merges can be a text file: printable Latin-1 stands for itself,
//! the other 68 bytes become U+0100 onwards, in order. A space is `Ġ`.

use alloc::vec::Vec;

/// The character that stands for a byte.
pub(crate) const fn byte_to_char(byte: u8) -> char {
    let code = match byte {
        b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => byte as u32,
        0..=b' ' => 0x100 + byte as u32,
        0x7f..=0xa0 => 0x100 + 33 + (byte as u32 - 0x7f),
        0xad => 0x100 + 33 + 34,
    };
    match char::from_u32(code) {
        Some(c) => c,
        None => char::REPLACEMENT_CHARACTER,
    }
}

/// The byte that a character stands for.
pub(crate) fn char_to_byte(c: char) -> Option<u8> {
    let code = u32::from(c);
    let byte = match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => code,
        0x100..=0x120 => code - 0x100,
        0x121..=0x142 => code - 0x121 + 0x7f,
        0x143 => 0xad,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

/// The bytes of a token's text. Characters that stand for no byte stay what they are.
pub(crate) fn decode(text: &[u8], out: &mut Vec<u8>) {
    let Ok(text) = core::str::from_utf8(text) else {
        out.extend_from_slice(text);
        return;
    };
    for c in text.chars() {
        match char_to_byte(c) {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_character_and_back() {
        for byte in 0..=255 {
            assert_eq!(char_to_byte(byte_to_char(byte)), Some(byte));
        }
        assert_eq!((byte_to_char(b' '), byte_to_char(b'\n'), byte_to_char(0xad)), ('Ġ', 'Ċ', 'Ń'));
        assert_eq!((char_to_byte(' '), char_to_byte('▁'), char_to_byte('\u{144}')), (None, None, None));
    }
}
