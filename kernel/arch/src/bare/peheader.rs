//! The PE/COFF header at the beginning of the image, by hand (Microsoft PE format, "Optional header"; UEFI 2.10, section 2.1.1).
//!
//! The flat image is what the ELF's segments are in memory, so that an offset in the file is an RVA. Three sections with the accesses
//! that our own page tables will give them, for firmware that enforces them. There is nothing to relocate: the entry maps the image to
//! where it is linked before anything else runs. Hence no relocation table, and no claim that relocations were stripped, which
//! firmware would take as a wish for one fixed address.

use core::arch::global_asm;

global_asm!(
    r#"
.section .pehdr, "ax", @progbits
.global ring0_pe
ring0_pe:
    .ascii "MZ"
    .fill 58, 1, 0
    .long 64                                # where the PE header is
    .ascii "PE\0\0"
    .short 0x8664                           # x86_64
    .short 3                                # sections
    .long 0, 0, 0                           # time, symbol table, symbols
    .short 3f - 2f                          # bytes of the optional header
    .short 0x0022                           # executable, large addresses
2:  .short 0x20b                            # PE32+
    .byte 0, 0                              # linker version
    .long __pe_text_bytes            # code
    .long __pe_data_file_bytes           # initialised data
    .long __pe_bss_bytes          # zero-filled data
    .long ring0_uefi_entry - ring0_pe       # entry
    .long __pe_text - ring0_pe              # base of code
    .quad 0                                 # wanted address: any
    .long 4096, 4096                        # alignment in memory and in the file
    .short 0, 0, 0, 0, 0, 0                 # versions of system, image, subsystem
    .long 0
    .long __pe_image_bytes            # bytes in memory
    .long 4096                              # bytes of headers
    .long 0                                 # checksum
    .short 10                               # EFI application
    .short 0x0100                           # data is not executed
    .quad 0x100000, 0x1000, 0x100000, 0x1000 # stack and heap, not used
    .long 0
    .long 6                                 # data directories, all empty
    .fill 6, 8, 0
3:  .ascii ".text\0\0\0"
    .long __pe_text_bytes            # bytes in memory
    .long __pe_text - ring0_pe              # RVA
    .long __pe_text_bytes            # bytes in the file
    .long __pe_text - ring0_pe              # offset in the file
    .long 0, 0, 0
    .long 0x60000020                        # code, execute, read
    .ascii ".rodata\0"
    .long __pe_rodata_bytes
    .long __text_end - ring0_pe
    .long __pe_rodata_bytes
    .long __text_end - ring0_pe
    .long 0, 0, 0
    .long 0x40000040                        # data, read
    .ascii ".data\0\0\0"
    .long __pe_data_bytes        # with the zero-filled part
    .long __rodata_end - ring0_pe
    .long __pe_data_file_bytes
    .long __rodata_end - ring0_pe
    .long 0, 0, 0
    .long 0xc0000040                        # data, read, write
    .balign 4096
"#,
    options(att_syntax)
);
