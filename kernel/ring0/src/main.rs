//! The kernel image: boot order and wiring.
#![no_std]
#![no_main]

extern crate alloc;

mod boot;
mod panic;
mod records;
