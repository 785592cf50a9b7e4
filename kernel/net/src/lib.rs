//! TCP/IP over a network device: smoltcp, DHCP, listeners.
#![no_std]
