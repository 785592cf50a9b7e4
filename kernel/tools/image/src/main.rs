//! Post-link step for the kernel image.
fn main() {}
