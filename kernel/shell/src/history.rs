//! Lines typed before, recalled with the arrow keys.

use alloc::{collections::VecDeque, string::String};

/// Lines kept; the oldest goes first.
const KEPT: usize = 100;

/// The lines, and where in them a person stands. The line being typed is kept while older ones are looked at.
#[derive(Debug, Default)]
pub struct History {
    lines: VecDeque<String>,
    /// Index into `lines` of the one shown; `lines.len()` is the line being typed.
    at: usize,
    draft: String,
}

impl History {
    /// Remembers a line that was entered; blank ones and repetitions of the last are not kept.
    pub fn push(&mut self, line: &str) {
        if !line.trim().is_empty() && self.lines.back().is_none_or(|last| last != line) {
            if self.lines.len() == KEPT {
                self.lines.pop_front();
            }
            self.lines.push_back(line.into());
        }
        self.at = self.lines.len();
        self.draft.clear();
    }

    /// The line before the one shown, if any. `current` is kept when it is the one being typed.
    pub fn older(&mut self, current: &str) -> Option<&str> {
        let at = self.at.checked_sub(1)?;
        if self.at == self.lines.len() {
            self.draft = current.into();
        }
        self.at = at;
        self.lines.get(at).map(String::as_str)
    }

    /// The line after the one shown; at the end, what was being typed.
    pub fn newer(&mut self) -> Option<&str> {
        if self.at == self.lines.len() {
            return None;
        }
        self.at += 1;
        Some(self.lines.get(self.at).unwrap_or(&self.draft))
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}
