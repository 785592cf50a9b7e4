//! A configuration space in memory: bridges route by the bus numbers that they hold, BARs can be sized.

use crate::{Address, ConfigAccess};
use core::cell::RefCell;
use core::ops::RangeInclusive;
use std::vec::Vec;

/// One function of a [`FakeConfig`].
#[derive(Debug, Clone)]
pub struct FakeFunction {
    parent: Option<usize>,
    device: u8,
    function: u8,
    words: [u32; 64],
    bar_masks: [u32; 6],
}

impl FakeFunction {
    /// An endpoint on the root bus; `class` is the double word at offset 8.
    pub fn endpoint(device: u8, function: u8, vendor: u16, id: u16, class: u32) -> Self {
        let mut words = [0; 64];
        words[0] = u32::from(id) << 16 | u32::from(vendor);
        words[2] = class;
        FakeFunction { parent: None, device, function, words, bar_masks: [0; 6] }
    }

    /// A PCI-to-PCI bridge on the root bus, with these bus numbers.
    pub fn bridge(device: u8, function: u8, primary: u8, secondary: u8, subordinate: u8) -> Self {
        Self::endpoint(device, function, 0x1b36, 0x000c, 0x0604_0000)
            .with(0x0c, 0x01 << 16)
            .with(0x18, u32::from_le_bytes([primary, secondary, subordinate, 0]))
    }

    /// The same, behind the bridge that [`FakeConfig::add`] gave this number.
    pub fn behind(mut self, bridge: usize) -> Self {
        self.parent = Some(bridge);
        self
    }

    /// The same, with `value` at configuration offset `offset`.
    pub fn with(mut self, offset: usize, value: u32) -> Self {
        self.words[offset / 4] = value;
        self
    }

    /// The same, with a base address register of this value and these writable bits.
    pub fn with_bar(mut self, index: usize, value: u32, mask: u32) -> Self {
        self.words[4 + index] = value;
        self.bar_masks[index] = mask;
        self
    }
}

/// The configuration space.
#[derive(Debug, Default)]
pub struct FakeConfig(RefCell<Vec<FakeFunction>>);

impl FakeConfig {
    /// Adds a function and returns its number, for [`FakeFunction::behind`].
    pub fn add(&self, function: FakeFunction) -> usize {
        self.0.borrow_mut().push(function);
        self.0.borrow().len() - 1
    }

    fn find(&self, address: Address) -> Option<usize> {
        let functions = self.0.borrow();
        functions.iter().position(|f| {
            let bus = f.parent.map_or(0, |p| functions[p].words[6].to_le_bytes()[1]);
            let routed = f.parent.is_none() || bus != 0;
            routed && (bus, f.device, f.function) == (address.bus, address.device, address.function)
        })
    }
}

impl ConfigAccess for FakeConfig {
    fn segment(&self) -> u16 {
        0
    }

    fn buses(&self) -> RangeInclusive<u8> {
        0..=255
    }

    fn read(&self, address: Address, offset: u16) -> u32 {
        let word = usize::from(offset / 4);
        self.find(address).and_then(|n| self.0.borrow()[n].words.get(word).copied()).unwrap_or(u32::MAX)
    }

    fn write(&self, address: Address, offset: u16, value: u32) {
        let Some(n) = self.find(address) else { return };
        let function = &mut self.0.borrow_mut()[n];
        let word = usize::from(offset / 4);
        let is_bridge = function.words[3] >> 16 & 0x7f == 1;
        let bars = if is_bridge { 2 } else { 6 };
        if let Some(mask) = word.checked_sub(4).filter(|&i| i < bars).map(|i| function.bar_masks[i]) {
            let fixed = function.words[word] & !mask;
            function.words[word] = value & mask | fixed;
        } else if word == 1 {
            function.words[1] = function.words[1] & 0xffff_0000 | value & 0xffff;
        } else if (6..64).contains(&word) {
            function.words[word] = value;
        }
    }
}
