//! Serial shell: line editor, history, command parsing.
#![no_std]
