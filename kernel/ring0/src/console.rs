//! The serial console: keys in, prompt and answers out. Never waits, so that the network is served meanwhile.

use crate::clock::now_ns;
use crate::kernel::Kernel;
use crate::log;
use crate::shell::{self, Job};
use core::fmt;
use ring0_arch::serial;
use ring0_shell::{Input, LineEditor};

/// Bytes taken from the port in one go; then the network gets its turn.
const BATCH: usize = 64;
/// Between other work the port is looked at this often. Reading one of its registers makes an emulated processor wait until its emulator's
/// main loop is free, which a debugger that asks questions keeps busy; and nobody notices that a key has waited so long.
const LOOK_NS: u64 = 10_000_000;

/// Text to the port as it is: the editor places the cursor itself.
struct Raw;

impl fmt::Write for Raw {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        serial::write(text.as_bytes());
        Ok(())
    }
}

/// The line editor, and the command that runs, if any.
pub struct Console {
    editor: LineEditor,
    job: Option<Job>,
    looked_ns: u64,
}

impl Console {
    /// A console that has shown nothing yet.
    pub fn new() -> Self {
        Console { editor: LineEditor::new("ring0> "), job: None, looked_ns: 0 }
    }

    /// Whether a command runs.
    pub fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    /// Takes what was typed, lets a running command go on, and shows the prompt when nothing runs. Returns whether there was
    /// anything to do. `hurry`: there is other work, so keys may wait a little.
    pub fn poll(&mut self, kernel: &mut Kernel, hurry: bool) -> bool {
        let now = now_ns();
        let mut worked = false;
        if !hurry || now.saturating_sub(self.looked_ns) >= LOOK_NS {
            self.looked_ns = now;
            worked = self.take_keys(kernel);
        }
        if let Some(job) = &mut self.job
            && job.poll(kernel)
        {
            self.job = None;
            worked = true;
        }
        if self.job.is_none() && !log::is_prompt_shown() {
            self.editor.redraw(&mut Raw);
            log::set_prompt_shown(true);
        }
        worked
    }

    /// Whether there were any.
    fn take_keys(&mut self, kernel: &mut Kernel) -> bool {
        for taken in 0..BATCH {
            let Some(byte) = serial::read() else { return taken > 0 };
            match &mut self.job {
                Some(job) => {
                    // Ctrl-C stops a command; other keys wait for nobody, as on any console without type-ahead.
                    if byte == 3 {
                        job.cancel(kernel);
                    }
                }
                None => self.key(byte, kernel),
            }
        }
        true
    }

    fn key(&mut self, byte: u8, kernel: &mut Kernel) {
        if !log::is_prompt_shown() {
            self.editor.redraw(&mut Raw);
            log::set_prompt_shown(true);
        }
        match self.editor.input(byte, &mut Raw) {
            None => {}
            Some(Input::Interrupt) => log::set_prompt_shown(false),
            Some(Input::Clear) => {
                shell::clear();
                log::set_prompt_shown(false);
            }
            Some(Input::Line(line)) => {
                log::set_prompt_shown(false);
                self.job = shell::run(&line, kernel, self.editor.history());
            }
        }
    }
}
