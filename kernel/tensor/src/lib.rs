//! Tensor element types and quantised blocks.
#![no_std]
