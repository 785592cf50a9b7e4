//! Numeric kernels by instruction set.
#![no_std]
