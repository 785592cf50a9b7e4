import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import { type LineTable, readLineTable } from '../../../app/wire/dwarf/line.ts';
import { readTypes, type TypeTable } from '../../../app/wire/dwarf/types.ts';
import { type Elf, readElf } from '../../../app/wire/elf.ts';
import { SymbolMap } from '../../../app/wire/symbol-map.ts';

const MAX_ELF_BYTES = 256 << 20;
/** Images that stay parsed: one or two kernels are looked at in turn. */
const KEPT = 4;

export interface KernelImage {
  readonly path: string;
  readonly elf: Elf;
  /** The file itself. */
  readonly bytes: Uint8Array;
  readonly modifiedMs: number;
  /** The line table; read on the first call. */
  readonly lines: () => Result<LineTable>;
  /** Symbols by address; sorted on the first call. */
  readonly symbols: () => SymbolMap;
  /** Types and statics; read on the first call. */
  readonly types: () => Result<TypeTable>;
  /** SHA-256 of the file, hex: tells whether a dump was made of this very kernel. */
  readonly digest: () => string;
}

function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Parsed images by path, valid while the file is the same. */
export class KernelImages {
  readonly #images = new Map<string, { readonly stamp: string; readonly image: KernelImage }>();

  async open(path: string): Promise<Result<KernelImage>> {
    try {
      // At once: a pool of threads takes longer than the question, which every look asks.
      const { size, mtimeMs } = statSync(path);
      if (size > MAX_ELF_BYTES) throw new Error(`${path}: ${size} bytes, at most ${MAX_ELF_BYTES} are read`);
      const stamp = `${size}:${mtimeMs}`;
      const known = this.#images.get(path);
      if (known?.stamp === stamp) return ok(known.image);
      const bytes = new Uint8Array(await readFile(path));
      if (!isElf(bytes))
        return fail(
          'no-symbols',
          'This kernel comes without symbols.',
          `${path} is no ELF file: a compressed image, such as a bzImage, names nothing`,
          'Write addresses (0x…) or registers ($rsp) instead of names, or boot the ELF file that it was made of (vmlinux).',
        );
      const elf = readElf(bytes);
      if (!elf.ok) return elf;
      let lines: Result<LineTable> | undefined;
      let symbols: SymbolMap | undefined;
      let digest: string | undefined;
      let types: Result<TypeTable> | undefined;
      const image: KernelImage = {
        path,
        elf: elf.value,
        bytes,
        modifiedMs: mtimeMs,
        lines: () => {
          lines ??= readLineTable(bytes, elf.value);
          return lines;
        },
        symbols: () => {
          symbols ??= new SymbolMap(elf.value);
          return symbols;
        },
        types: () => {
          types ??= readTypes(bytes, elf.value);
          return types;
        },
        digest: () => {
          digest ??= createHash('sha256').update(bytes).digest('hex');
          return digest;
        },
      };
      this.#images.delete(path);
      this.#images.set(path, { stamp, image });
      for (const oldest of this.#images.keys()) if (this.#images.size > KEPT) this.#images.delete(oldest);
      return ok(image);
    } catch (error) {
      return fail(
        'no-kernel-image',
        'The image of the running kernel cannot be read.',
        messageOf(error),
        'Build it again: `ring0 build`.',
      );
    }
  }
}
