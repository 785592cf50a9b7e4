//! Names for the classes, vendors and devices that this kernel is likely to meet (PCI Code and ID Assignment Specification;
//! QEMU's docs/specs/pci-ids).

/// Name of a base class and subclass; the base class alone where the subclass is not known.
pub fn class_name(class: u8, subclass: u8) -> &'static str {
    match (class, subclass) {
        (0x00, _) => "Unclassified device",
        (0x01, 0x00) => "SCSI storage controller",
        (0x01, 0x01) => "IDE interface",
        (0x01, 0x06) => "SATA controller",
        (0x01, 0x08) => "Non-Volatile memory controller",
        (0x01, _) => "Mass storage controller",
        (0x02, 0x00) => "Ethernet controller",
        (0x02, _) => "Network controller",
        (0x03, 0x00) => "VGA compatible controller",
        (0x03, _) => "Display controller",
        (0x04, _) => "Multimedia controller",
        (0x05, _) => "Memory controller",
        (0x06, 0x00) => "Host bridge",
        (0x06, 0x01) => "ISA bridge",
        (0x06, 0x04) => "PCI bridge",
        (0x06, _) => "Bridge",
        (0x07, 0x00) => "Serial controller",
        (0x07, _) => "Communication controller",
        (0x08, _) => "System peripheral",
        (0x09, _) => "Input device controller",
        (0x0a, _) => "Docking station",
        (0x0b, _) => "Processor",
        (0x0c, 0x03) => "USB controller",
        (0x0c, 0x05) => "SMBus",
        (0x0c, _) => "Serial bus controller",
        (0x0d, _) => "Wireless controller",
        (0x10, _) => "Encryption controller",
        (0x12, _) => "Processing accelerator",
        _ => "Unknown class",
    }
}

/// Name of a vendor.
pub fn vendor_name(vendor: u16) -> Option<&'static str> {
    Some(match vendor {
        0x1002 | 0x1022 => "AMD",
        0x106b => "Apple Inc.",
        0x10de => "NVIDIA Corporation",
        0x10ec => "Realtek",
        0x1234 => "QEMU",
        0x144d => "Samsung",
        0x14e4 => "Broadcom",
        0x15ad => "VMware",
        0x15b3 => "Mellanox",
        0x1ae0 => "Google",
        0x1af4 | 0x1b36 => "Red Hat, Inc.",
        0x1d0f => "Amazon.com",
        0x8086 => "Intel Corporation",
        0x80ee => "InnoTek (VirtualBox)",
        _ => return None,
    })
}

/// Name of a device.
pub fn device_name(vendor: u16, device: u16) -> Option<&'static str> {
    Some(match (vendor, device) {
        (0x1af4, 0x1000) => "Virtio network device",
        (0x1af4, 0x1001) => "Virtio block device",
        (0x1af4, 0x1002) => "Virtio memory balloon",
        (0x1af4, 0x1003) => "Virtio console",
        (0x1af4, 0x1004) => "Virtio SCSI",
        (0x1af4, 0x1005) => "Virtio RNG",
        (0x1af4, 0x1009) => "Virtio filesystem",
        (0x1af4, 0x1041) => "Virtio 1.0 network device",
        (0x1af4, 0x1042) => "Virtio 1.0 block device",
        (0x1af4, 0x1043) => "Virtio 1.0 console",
        (0x1af4, 0x1044) => "Virtio 1.0 RNG",
        (0x1af4, 0x1045) => "Virtio 1.0 balloon",
        (0x1af4, 0x1048) => "Virtio 1.0 SCSI",
        (0x1af4, 0x1050) => "Virtio 1.0 GPU",
        (0x1af4, 0x1052) => "Virtio 1.0 input",
        (0x1b36, 0x0001) => "QEMU PCI-PCI bridge",
        (0x1b36, 0x0008) => "QEMU PCIe Host bridge",
        (0x1b36, 0x000c) => "QEMU PCIe Root port",
        (0x1b36, 0x000d) => "QEMU XHCI Host Controller",
        (0x1b36, 0x000e) => "QEMU PCIe-to-PCI bridge",
        (0x1b36, 0x0010) => "QEMU NVM Express Controller",
        (0x1234, 0x1111) => "standard VGA",
        (0x8086, 0x100e) => "82540EM Gigabit Ethernet (e1000)",
        (0x8086, 0x10d3) => "82574L Gigabit Ethernet (e1000e)",
        (0x8086, 0x1237) => "440FX PMC",
        (0x8086, 0x29c0) => "82G33/Q35 DRAM Controller",
        (0x8086, 0x2918) => "82801IB (ICH9) LPC",
        (0x8086, 0x2922) => "82801IR (ICH9R) SATA AHCI",
        (0x8086, 0x2930) => "82801I (ICH9) SMBus",
        (0x8086, 0x7000) => "82371SB PIIX3 ISA",
        (0x8086, 0x7010) => "82371SB PIIX3 IDE",
        (0x8086, 0x7113) => "82371AB PIIX4 ACPI",
        _ => return None,
    })
}
