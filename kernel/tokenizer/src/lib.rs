//! SPM and byte-level BPE tokenizers, chat templates.
#![no_std]
