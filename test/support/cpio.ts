/** Archives that Linux unpacks as its first file system: cpio, "newc" (Documentation/driver-api/early-userspace/buffer-format.rst). */

export interface CpioEntry {
  readonly name: string;
  /** With the type: 0o100755 is a program, 0o040755 a directory, 0o020600 a character device. */
  readonly mode: number;
  readonly bytes?: Uint8Array;
  /** Of a device. */
  readonly major?: number;
  readonly minor?: number;
}

export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const [n, entry] of [...entries, { name: 'TRAILER!!!', mode: 0 }].entries()) {
    const { name, mode, bytes = new Uint8Array(), major = 0, minor = 0 } = entry as CpioEntry;
    // inode, mode, uid, gid, links, mtime, size, device of the file (2), device that it is (2), length of the name, checksum
    const fields = [n + 1, mode, 0, 0, 1, 0, bytes.length, 0, 0, major, minor, name.length + 1, 0];
    const head = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
    parts.push(padded(Buffer.from(head, 'latin1')), padded(Buffer.from(bytes)));
  }
  return Buffer.concat(parts);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
