//! GGUF container parser and llama layout.
#![no_std]
