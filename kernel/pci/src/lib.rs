//! PCI enumeration over ECAM and port I/O.
#![no_std]
