import { joinPath, type LineHeader } from './line-header.ts';
import type { LineRows } from './line-rows.ts';
import { type DwarfReader, Unsupported } from './reader.ts';

/** Standard opcodes (DWARF 5, §6.2.5.2). */
const LNS = {
  copy: 1,
  advancePc: 2,
  advanceLine: 3,
  setFile: 4,
  setColumn: 5,
  constAddPc: 8,
  fixedAdvancePc: 9,
} as const;
/** Extended opcodes (§6.2.5.3); `defineFile` is gone in version 5. */
const LNE = { endSequence: 1, setAddress: 2, defineFile: 3 } as const;
const MAX_DEFINED_FILES = 10_000;
const MASK = 0xffff_ffff_ffff_ffffn;

/** Runs one unit's program to the end of `reader` and adds its rows. What only a debugger's stepping needs is read past. */
export function runLineProgram(reader: DwarfReader, header: LineHeader, rows: LineRows): void {
  const { opcodeBase, lineBase, lineRange, minimumInstructionBytes, argumentCounts, files } = header;
  const numbers: number[] = [];
  const fileNumber = (file: number) => {
    if (file >= files.length) return rows.fileNumber('');
    numbers[file] ??= rows.fileNumber(files[file] ?? '');
    return numbers[file];
  };
  let base = 0n;
  /** Added to `base`: small numbers are faster than large ones. */
  let advance = 0;
  let file = 1;
  let line = 1;
  let column = 0;
  const address = () => (base + BigInt(advance)) & MASK;
  const emit = () => rows.add(address(), fileNumber(file), line, column);
  const addOperations = (count: number) => {
    advance += count * minimumInstructionBytes;
    if (advance > 2 ** 40) throw new Unsupported(reader.offset, 'an address runs away');
  };
  while (reader.remaining > 0) {
    const opcode = reader.u8();
    if (opcode >= opcodeBase) {
      const adjusted = opcode - opcodeBase;
      addOperations(Math.floor(adjusted / lineRange));
      line += lineBase + (adjusted % lineRange);
      emit();
      continue;
    }
    switch (opcode) {
      case 0: {
        const size = reader.uleb();
        const end = reader.offset + size;
        const extended = size === 0 ? 0 : reader.u8();
        if (extended === LNE.endSequence) {
          rows.end(address());
          [base, advance, file, line, column] = [0n, 0, 1, 1, 0];
        } else if (extended === LNE.setAddress) {
          base = size === 9 ? reader.u64() : BigInt(reader.u32());
          advance = 0;
        } else if (extended === LNE.defineFile) {
          const name = reader.text();
          if (files.length > MAX_DEFINED_FILES) throw new Unsupported(reader.offset, 'too many files');
          files.push(joinPath(header.folders[reader.uleb()] ?? '', name));
        }
        reader.offset = end;
        break;
      }
      case LNS.copy:
        emit();
        break;
      case LNS.advancePc:
        addOperations(reader.uleb());
        break;
      case LNS.advanceLine:
        line += reader.sleb();
        break;
      case LNS.setFile:
        file = reader.uleb();
        break;
      case LNS.setColumn:
        column = Math.min(reader.uleb(), 0xffff);
        break;
      case LNS.constAddPc:
        addOperations(Math.floor((255 - opcodeBase) / lineRange));
        break;
      case LNS.fixedAdvancePc:
        advance += reader.u16();
        break;
      default:
        for (let n = argumentCounts[opcode - 1] ?? 0; n > 0; n--) reader.uleb();
    }
  }
}
