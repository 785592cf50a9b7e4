import { writeFileSync } from 'node:fs';

/**
 * A guest of 118 bytes for tests. It prints `hello`, then answers bytes of the serial port: `p` prints a panic line, `t` makes a
 * triple fault, `r` resets by port 0xcf9 (PIIX and ICH reset control), anything else comes back. 32-bit, entered through PVH:
 *
 *     start:  mov $hello, %esi              reboot: mov $0xcf9, %edx; out 2; out 6; hlt
 *     print:  lodsb, out to 0x3f8 up to 0   triple: lidt nothing; int3
 *     wait:   poll 0x3fd bit 0, read 0x3f8  panic:  mov $message, %esi; jmp print
 */
const CODE = Buffer.from(
  'be54001000baf8030000ac84c07403eeebf8bafd030000eca80174fbbaf8030000ec3c74740b3c70740f3c727412eeebe10f011d4c001000ccbe5c001000ebc5' +
    'baf90c0000b002eeb006eef4000000000000000068656c6c6f0d0a0072696e67303a2050414e4943206f6e20707572706f73650d0a00',
  'hex',
);
const LOAD_ADDRESS = 0x10_0000n;
/** Counts its starts at 3 MiB, where memory outlives a reset, and from the second on makes a triple fault before it says anything. */
const DIES_LATER = Buffer.from('fe0500003000803d000030000175' + '05' + 'e976ffffff' + '0f011d4c001000cc', 'hex');
/** Guest-physical address of that count, one byte. */
export const STARTS_ADDRESS = 0x30_0000;

/** Writes it as an ELF64 file with the note that PVH wants (xen/include/public/arch-x86/hvm/start_info.h). */
export function writeTinyGuest(path: string, options: { readonly diesAfterReset?: boolean } = {}): void {
  const code = options.diesAfterReset === true ? Buffer.concat([CODE, DIES_LATER]) : CODE;
  const entry = options.diesAfterReset === true ? LOAD_ADDRESS + BigInt(CODE.length) : LOAD_ADDRESS;
  const file = Buffer.alloc(4096 + code.length);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file);
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(62, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(entry, 24);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  const segment = (at: number, type: number, offset: bigint, address: bigint, size: bigint) => {
    file.writeUInt32LE(type, at);
    file.writeUInt32LE(5, at + 4);
    for (const [n, value] of [offset, address, address, size, size, type === 1 ? 4096n : 4n].entries())
      file.writeBigUInt64LE(value, at + 8 + n * 8);
  };
  segment(64, 1, 4096n, LOAD_ADDRESS, BigInt(code.length));
  segment(120, 4, 256n, 0n, 24n);
  for (const [n, value] of [4, 8, 18, 0x006e_6558].entries()) file.writeUInt32LE(value, 256 + n * 4);
  file.writeBigUInt64LE(entry, 272);
  code.copy(file, 4096);
  writeFileSync(path, file);
}
