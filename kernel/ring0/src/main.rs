//! The kernel image: boot order and wiring.
#![no_std]
#![no_main]

extern crate alloc;

mod backend;
mod boot;
mod clock;
mod console;
mod devices;
mod kernel;
mod loader;
mod log;
mod network;
mod panic;
mod processor;
mod provoke;
mod records;
mod rtc;
mod shell;
mod team;
mod units;
mod wake;
mod watch;
