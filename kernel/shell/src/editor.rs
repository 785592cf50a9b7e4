//! Line editing on a terminal at the other end of a serial line (ECMA-48 sequences, as xterm sends and understands them).

use crate::{History, complete};
use alloc::{string::String, vec::Vec};
use core::fmt::Write;

/// Characters in one line; more are refused with the bell, so that a flood cannot fill the heap.
const MAX_CHARS: usize = 4096;

/// What a byte completed.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// Enter: the line, without its end.
    Line(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-L: clear the screen, then show the prompt again with [`LineEditor::redraw`].
    Clear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    Started,
    /// After `ESC [` or `ESC O`, with the number read so far.
    Sequence(u16),
}

/// The line being typed, and the state of the keys' escape sequences.
#[derive(Debug)]
pub struct LineEditor {
    prompt: &'static str,
    line: Vec<char>,
    cursor: usize,
    escape: Escape,
    utf8: Vec<u8>,
    last_was_cr: bool,
    history: History,
}

impl LineEditor {
    /// An editor that shows `prompt`.
    pub fn new(prompt: &'static str) -> Self {
        LineEditor {
            prompt,
            line: Vec::new(),
            cursor: 0,
            escape: Escape::None,
            utf8: Vec::new(),
            last_was_cr: false,
            history: History::default(),
        }
    }

    /// The lines entered so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Shows the prompt and what is typed. Call after something else wrote to the terminal.
    pub fn redraw(&self, out: &mut dyn Write) {
        let _ = write!(out, "\r\x1b[K{}", self.prompt);
        self.show_from(0, self.line.len(), out);
    }

    /// Takes one byte from the terminal and echoes what it changes.
    pub fn input(&mut self, byte: u8, out: &mut dyn Write) -> Option<Input> {
        let after_cr = core::mem::replace(&mut self.last_was_cr, byte == b'\r');
        match (self.escape, byte) {
            (Escape::Started, b'[' | b'O') => self.escape = Escape::Sequence(0),
            (Escape::Started, byte) => {
                self.escape = Escape::None;
                match byte {
                    b'b' => self.move_to(self.word_start(), out),
                    b'f' => self.move_to(self.word_end(), out),
                    _ => {}
                }
            }
            (Escape::Sequence(n), b'0'..=b'9') => {
                self.escape = Escape::Sequence(n.saturating_mul(10).saturating_add(u16::from(byte - b'0')));
            }
            // Modifiers (`1;5C`): the last number counts, the key stays the same.
            (Escape::Sequence(_), b';') => self.escape = Escape::Sequence(0),
            (Escape::Sequence(n), byte) => {
                self.escape = Escape::None;
                self.key(n, byte, out);
            }
            (Escape::None, b'\n') if after_cr => {}
            (Escape::None, byte) => return self.plain(byte, out),
        }
        None
    }

    fn plain(&mut self, byte: u8, out: &mut dyn Write) -> Option<Input> {
        match byte {
            b'\r' | b'\n' => {
                let _ = out.write_str("\r\n");
                let line: String = self.line.drain(..).collect();
                self.cursor = 0;
                self.history.push(&line);
                return Some(Input::Line(line));
            }
            0x03 => {
                let _ = out.write_str("^C\r\n");
                self.line.clear();
                self.cursor = 0;
                return Some(Input::Interrupt);
            }
            0x0c => return Some(Input::Clear),
            0x01 => self.move_to(0, out),
            0x02 => self.move_to(self.cursor.saturating_sub(1), out),
            0x04 => self.erase(self.cursor, self.cursor + 1, out),
            0x05 => self.move_to(self.line.len(), out),
            0x06 => self.move_to(self.cursor + 1, out),
            0x08 | 0x7f => self.erase(self.cursor.saturating_sub(1), self.cursor, out),
            b'\t' => self.complete(out),
            0x0b => self.erase(self.cursor, self.line.len(), out),
            0x0e => self.recall(false, out),
            0x10 => self.recall(true, out),
            0x15 => self.erase(0, self.cursor, out),
            0x17 => self.erase(self.word_start(), self.cursor, out),
            0x1b => self.escape = Escape::Started,
            0x00..0x20 => {}
            byte => self.character(byte, out),
        }
        None
    }

    fn key(&mut self, number: u16, last: u8, out: &mut dyn Write) {
        match (last, number) {
            (b'A', _) => self.recall(true, out),
            (b'B', _) => self.recall(false, out),
            (b'C', 5) => self.move_to(self.word_end(), out),
            (b'D', 5) => self.move_to(self.word_start(), out),
            (b'C', _) => self.move_to(self.cursor + 1, out),
            (b'D', _) => self.move_to(self.cursor.saturating_sub(1), out),
            (b'H', _) | (b'~', 1 | 7) => self.move_to(0, out),
            (b'F', _) | (b'~', 4 | 8) => self.move_to(self.line.len(), out),
            (b'~', 3) => self.erase(self.cursor, self.cursor + 1, out),
            _ => {}
        }
    }

    /// Collects a UTF-8 sequence; what is not UTF-8 is dropped.
    fn character(&mut self, byte: u8, out: &mut dyn Write) {
        if !(0x80..0xc0).contains(&byte) {
            self.utf8.clear();
        }
        self.utf8.push(byte);
        match core::str::from_utf8(&self.utf8) {
            Ok(text) => {
                let c = text.chars().next();
                self.utf8.clear();
                if let Some(c) = c {
                    self.insert(c, out);
                }
            }
            Err(error) if error.error_len().is_some() => self.utf8.clear(),
            Err(_) => {}
        }
    }

    fn insert(&mut self, c: char, out: &mut dyn Write) {
        if self.line.len() >= MAX_CHARS {
            let _ = out.write_char('\x07');
            return;
        }
        self.line.insert(self.cursor, c);
        self.cursor += 1;
        let _ = out.write_char(c);
        if self.cursor < self.line.len() {
            self.show_from(self.cursor, self.line.len(), out);
        }
    }

    /// Removes the characters `from..to` and leaves the cursor at `from`.
    fn erase(&mut self, from: usize, to: usize, out: &mut dyn Write) {
        let to = to.min(self.line.len());
        if from >= to {
            return;
        }
        self.move_to(from, out);
        self.line.drain(from..to);
        let _ = out.write_str("\x1b[K");
        self.show_from(from, self.line.len(), out);
    }

    /// Replaces the whole line, with the cursor at its end.
    fn replace(&mut self, text: &str, out: &mut dyn Write) {
        self.move_to(0, out);
        self.line.clear();
        self.line.extend(text.chars().take(MAX_CHARS));
        self.cursor = self.line.len();
        let _ = out.write_str("\x1b[K");
        self.show_from(0, self.line.len(), out);
    }

    fn recall(&mut self, older: bool, out: &mut dyn Write) {
        let current: String = self.line.iter().collect();
        let found = if older { self.history.older(&current) } else { self.history.newer() };
        if let Some(text) = found.map(String::from) {
            self.replace(&text, out);
        }
    }

    fn complete(&mut self, out: &mut dyn Write) {
        let word: String = self.line[..self.cursor].iter().collect();
        if word.contains(' ') {
            return;
        }
        let (common, names) = complete(&word);
        for c in common.chars().skip(word.chars().count()) {
            self.insert(c, out);
        }
        match names.as_slice() {
            [] => {
                let _ = out.write_char('\x07');
            }
            [_] => self.insert(' ', out),
            _ if common.len() == word.len() => {
                let _ = write!(out, "\r\n{}\r\n", names.join("  "));
                self.redraw(out);
            }
            _ => {}
        }
    }

    /// Writes the characters `from..to` at the cursor's place on the screen and moves back to the cursor.
    fn show_from(&self, from: usize, to: usize, out: &mut dyn Write) {
        for c in &self.line[from..to] {
            let _ = out.write_char(*c);
        }
        if to > self.cursor {
            let _ = write!(out, "\x1b[{}D", to - self.cursor);
        }
    }

    fn move_to(&mut self, to: usize, out: &mut dyn Write) {
        let to = to.min(self.line.len());
        let _ = match to.cmp(&self.cursor) {
            core::cmp::Ordering::Less => write!(out, "\x1b[{}D", self.cursor - to),
            core::cmp::Ordering::Greater => write!(out, "\x1b[{}C", to - self.cursor),
            core::cmp::Ordering::Equal => Ok(()),
        };
        self.cursor = to;
    }

    fn word_start(&self) -> usize {
        let before = &self.line[..self.cursor];
        let end = before.iter().rposition(|c| !c.is_whitespace()).map_or(0, |i| i + 1);
        before[..end].iter().rposition(|c| c.is_whitespace()).map_or(0, |i| i + 1)
    }

    fn word_end(&self) -> usize {
        let after = &self.line[self.cursor..];
        let start = after.iter().position(|c| !c.is_whitespace()).unwrap_or(after.len());
        self.cursor + after[start..].iter().position(|c| c.is_whitespace()).map_or(after.len(), |i| start + i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{string::ToString, vec};

    /// A terminal of one long row: enough to see what a person would see.
    #[derive(Default)]
    struct Screen {
        row: Vec<char>,
        column: usize,
        sequence: Option<String>,
    }

    impl Write for Screen {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            for c in text.chars() {
                if let Some(sequence) = &mut self.sequence {
                    if c.is_ascii_alphabetic() {
                        let n = sequence.trim_start_matches('[').parse().unwrap_or(1);
                        match c {
                            'D' => self.column -= n,
                            'C' => self.column += n,
                            'K' => self.row.truncate(self.column),
                            other => panic!("sequence {other}"),
                        }
                        self.sequence = None;
                    } else {
                        sequence.push(c);
                    }
                    continue;
                }
                match c {
                    '\x1b' => self.sequence = Some(String::new()),
                    '\r' => self.column = 0,
                    '\n' => self.row.clear(),
                    '\x07' => {}
                    c => {
                        if self.column == self.row.len() {
                            self.row.push(c);
                        } else {
                            self.row[self.column] = c;
                        }
                        self.column += 1;
                    }
                }
            }
            Ok(())
        }
    }

    fn typed(keys: &str) -> (Screen, Vec<Input>) {
        let mut screen = Screen::default();
        let mut editor = LineEditor::new("> ");
        editor.redraw(&mut screen);
        let inputs = keys.bytes().filter_map(|b| editor.input(b, &mut screen)).collect();
        (screen, inputs)
    }

    fn row(keys: &str) -> String {
        typed(keys).0.row.iter().collect()
    }

    fn line(keys: &str) -> String {
        match typed(keys).1.pop() {
            Some(Input::Line(line)) => line,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn edits_in_the_middle() {
        assert_eq!(row("helo\x1b[Dl"), "> hello");
        assert_eq!(line("helo\x1b[Dl\r"), "hello");
        assert_eq!(line("abc\x01x\x05y\r"), "xabcy");
        assert_eq!(line("abc\x7f\x7fz\r"), "az");
        assert_eq!(line("one two\x17three\r"), "one three");
        assert_eq!(line("one two\x1b[1;5Dx\r"), "one xtwo");
        assert_eq!(line("abc\x01\x1b[3~\x04\r"), "c");
        assert_eq!(row("abcdef\x02\x02\x0b"), "> abcd");
    }

    #[test]
    fn cr_lf_is_one_end_of_line_and_each_alone_is_one_too() {
        let lines = |keys| typed(keys).1.len();
        assert_eq!((lines("a\r\nb\r\n"), lines("a\nb\n"), lines("a\rb\r")), (2, 2, 2));
    }

    #[test]
    fn recalls_and_keeps_what_was_being_typed() {
        assert_eq!(line("one\rtwo\r\x1b[A\x1b[A\r"), "one");
        assert_eq!(row("one\rtwo\rdra\x1b[A\x1b[B"), "dra");
        assert_eq!(line("same\rsame\rx\r\x1b[A\x1b[A\x1b[A\r"), "same");
    }

    #[test]
    fn completes_names() {
        assert_eq!(row("upt\t"), "> uptime ");
        let listed = typed("ai-\t\t").0;
        assert_eq!(listed.row.iter().collect::<String>(), "> ai-");
    }

    #[test]
    fn interrupt_drops_the_line() {
        assert_eq!(typed("abc\x03").1, vec![Input::Interrupt]);
        assert_eq!(line("abc\x03d\r"), "d");
    }

    #[test]
    fn utf8_is_kept_and_broken_utf8_dropped() {
        assert_eq!(line("grüße 🦀\r"), "grüße 🦀");
        let mut editor = LineEditor::new("> ");
        let mut screen = Screen::default();
        for byte in [0xff, 0xc3, b'a', 0x80, 0xf0, 0x9f, b'b'] {
            assert_eq!(editor.input(byte, &mut screen), None);
        }
        assert_eq!(editor.input(b'\r', &mut screen), Some(Input::Line("ab".to_string())));
    }

    #[test]
    fn any_bytes_are_survived() {
        let mut editor = LineEditor::new("> ");
        let mut sink = String::new();
        let mut x = 1u32;
        for _ in 0..200_000 {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            editor.input((x >> 24) as u8, &mut sink);
            sink.clear();
        }
        assert!(editor.line.len() <= MAX_CHARS);
    }
}
