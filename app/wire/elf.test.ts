import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../base/bytes.ts';
import { demangle, readElf } from './elf.ts';

/** A kernel-like image: one loaded segment, `RING0_BOOT_REPORT` and a function. */
function image(): Uint8Array {
  const bytes = new Uint8Array(1024);
  const view = new DataView(bytes.buffer);
  const put = (at: number, data: Uint8Array) => bytes.set(data, at);
  put(0, new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]));
  view.setUint16(18, 62, true);
  view.setBigUint64(24, 0xffff_ffff_8020_0000n, true);
  view.setBigUint64(32, 64n, true);
  view.setBigUint64(40, 128n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint16(58, 64, true);
  view.setUint16(60, 4, true);
  view.setUint16(62, 3, true);
  view.setUint32(64, 1, true);
  view.setBigUint64(64 + 16, 0xffff_ffff_8020_0000n, true);
  view.setBigUint64(64 + 24, 0x20_0000n, true);
  view.setBigUint64(64 + 32, 0x100n, true);
  view.setBigUint64(64 + 40, 0x3000n, true);
  const strings = '\0RING0_BOOT_REPORT\0_ZN5ring04main17h0123456789abcdefE\0';
  const sectionNames = '\0.symtab\0.strtab\0.shstrtab\0';
  const section = (n: number, name: number, type: number, offset: number, size: number, link: number) => {
    const at = 128 + n * 64;
    view.setUint32(at, name, true);
    view.setUint32(at + 4, type, true);
    view.setBigUint64(at + 24, BigInt(offset), true);
    view.setBigUint64(at + 32, BigInt(size), true);
    view.setUint32(at + 40, link, true);
  };
  section(1, 1, 2, 512, 72, 2);
  section(2, 9, 3, 640, strings.length, 0);
  section(3, 17, 3, 800, sectionNames.length, 0);
  put(640, encodeUtf8(strings));
  put(800, encodeUtf8(sectionNames));
  const symbol = (n: number, name: number, type: number, value: bigint, size: bigint) => {
    const at = 512 + n * 24;
    view.setUint32(at, name, true);
    view.setUint8(at + 4, type);
    view.setUint16(at + 6, 1, true);
    view.setBigUint64(at + 8, value, true);
    view.setBigUint64(at + 16, size, true);
  };
  symbol(1, 1, 1, 0xffff_ffff_8020_2000n, 0x598n);
  symbol(2, 19, 2, 0xffff_ffff_8020_1000n, 0x40n);
  return bytes;
}

describe('an image', () => {
  const elf = readElf(image());
  if (!elf.ok) throw new Error(elf.error.why);

  test('gives sections, segments and symbols', () => {
    expect(elf.value.sections.map((section) => section.name)).toEqual(['', '.symtab', '.strtab', '.shstrtab']);
    expect(elf.value.symbol('RING0_BOOT_REPORT')).toEqual({
      name: 'RING0_BOOT_REPORT',
      address: 0xffff_ffff_8020_2000n,
      size: 0x598n,
      kind: 'object',
    });
    expect(elf.value.segments).toHaveLength(1);
  });

  test('knows where it is loaded', () => {
    expect(elf.value.physicalOf(0xffff_ffff_8020_2000n)).toBe(0x20_2000n);
    expect(elf.value.physicalOf(0xffff_ffff_8020_3000n)).toBeUndefined();
  });

  test('names the function of an address', () => {
    expect(elf.value.symbolise(0xffff_ffff_8020_1012n)).toBe('ring0::main+0x12');
    expect(elf.value.symbolise(0xffff_ffff_8020_1040n)).toBeUndefined();
    expect(elf.value.symbolise(0xffff_ffff_8020_1040n, true)).toBe('ring0::main+0x40');
    expect(elf.value.symbolise(0xffff_ffff_8020_1000n, true)).toBeUndefined();
    expect(elf.value.symbolise(0n)).toBeUndefined();
  });
});

test('no truncation and no flipped byte makes it throw', () => {
  const bytes = image();
  for (let size = 0; size < bytes.length; size++) expect(() => readElf(bytes.subarray(0, size))).not.toThrow();
  for (let at = 0; at < bytes.length; at++) {
    const broken = image();
    broken[at] = 0xff;
    expect(() => readElf(broken)).not.toThrow();
  }
});

test('refusals name the offset', () => {
  const noMagic = readElf(new Uint8Array(64));
  expect(noMagic.ok ? '' : noMagic.error.why).toContain('offset 0');
  const broken = image();
  new DataView(broken.buffer).setBigUint64(40, 1n << 60n, true);
  const beyond = readElf(broken);
  expect(beyond.ok ? '' : beyond.error.why).toContain('offset 40');
});

test('names of Rust functions', () => {
  const write = '_$LT$ring0..Shell$u20$as$u20$core..fmt..Write$GT$';
  expect(
    [
      '_ZN4core9panicking5panic17h0123456789abcdefE',
      `_ZN${write.length}${write}9write_str17h0123456789abcdefE`,
      'memcpy',
      '_ZN99short17hE',
      '_RNvCsfLfy6EI15iL_7___rustc17rust_begin_unwind',
      '_RNvNtCsgEmfK2I1SDS_4core9panicking9panic_fmt',
      '_RINvNtC3std3mem8align_ofjE',
      '_RNvC9short',
    ].map(demangle),
  ).toEqual([
    'core::panicking::panic',
    '<ring0::Shell as core::fmt::Write>::write_str',
    'memcpy',
    '_ZN99short17hE',
    '__rustc::rust_begin_unwind',
    'core::panicking::panic_fmt',
    '_RINvNtC3std3mem8align_ofjE',
    '_RNvC9short',
  ]);
});
