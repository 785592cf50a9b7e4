//! virtio 1.2 transports, queue, block and network drivers.
#![no_std]
