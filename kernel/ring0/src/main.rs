//! The kernel image: boot order and wiring.

fn main() {}
