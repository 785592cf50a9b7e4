//! Boot entries, processor tables, paging, interrupts, cores, clock.
#![no_std]
