import { ByteView, OutOfBounds } from '../../base/bytes.ts';
import { FORM } from './forms.ts';
import { DwarfReader, type DwarfSections, stringAt, Unsupported } from './reader.ts';

/**
 * Debugging information entries (DWARF 4 and 5, §7.5): a tree of tags with attributes in `.debug_info`, whose shapes are in
 * `.debug_abbrev`. Entries are read where they are needed, by their offset; one pass over all of them finds what has a name.
 */

export const TAG = {
  arrayType: 0x01,
  enumerationType: 0x04,
  formalParameter: 0x05,
  member: 0x0d,
  pointerType: 0x0f,
  compileUnit: 0x11,
  structureType: 0x13,
  subroutineType: 0x15,
  typedef: 0x16,
  unionType: 0x17,
  variant: 0x19,
  subrangeType: 0x21,
  baseType: 0x24,
  constType: 0x26,
  enumerator: 0x28,
  subprogram: 0x2e,
  variantPart: 0x33,
  variable: 0x34,
  volatileType: 0x35,
  namespace: 0x39,
} as const;

export const AT = {
  location: 0x02,
  name: 0x03,
  byteSize: 0x0b,
  discr: 0x15,
  discrValue: 0x16,
  constValue: 0x1c,
  upperBound: 0x2f,
  count: 0x37,
  dataMemberLocation: 0x38,
  encoding: 0x3e,
  type: 0x49,
  linkageName: 0x6e,
} as const;

export type DieValue = number | bigint | string | Uint8Array;

export interface Die {
  /** Offset in `.debug_info`. */
  readonly offset: number;
  readonly tag: number;
  readonly attributes: ReadonlyMap<number, DieValue>;
  /** Where its first child is; null if it has none. */
  readonly childrenAt: number | null;
  /** Behind its own attributes. */
  readonly end: number;
}

interface Abbreviation {
  readonly tag: number;
  readonly children: boolean;
  readonly attributes: readonly { readonly name: number; readonly form: number; readonly constant: number }[];
}

interface Unit {
  readonly start: number;
  readonly end: number;
  readonly firstDie: number;
  readonly version: number;
  readonly offsetSize: 4 | 8;
  readonly addressSize: number;
  readonly abbreviations: ReadonlyMap<number, Abbreviation>;
}

const MAX_UNITS = 100_000;
const MAX_ABBREVIATIONS = 100_000;
const MAX_ATTRIBUTES = 200;
const MAX_DEPTH = 200;
const NONE: ReadonlySet<number> = new Set();

/** Reads entries by their offsets. Every method throws `OutOfBounds` or `Unsupported` on what it cannot read; borders catch them. */
export class DieReader {
  readonly #sections: DwarfSections;
  readonly #reader: DwarfReader;
  readonly units: readonly Unit[];

  constructor(sections: DwarfSections) {
    this.#sections = sections;
    this.#reader = new DwarfReader(sections.info);
    this.units = this.#readUnits();
  }

  /** The entry at an offset; null where a list of children ends. With `named`, text is read for entries of these tags only. */
  at(offset: number, unit = this.unitAt(offset), named: ReadonlySet<number> | null = null): Die | null {
    const reader = this.#reader;
    reader.offset = offset;
    const code = reader.uleb();
    if (code === 0) return null;
    const shape = unit.abbreviations.get(code);
    if (shape === undefined) throw new Unsupported(offset, `abbreviation ${code} is not there`);
    const withText = named === null || named.has(shape.tag);
    const attributes = new Map<number, DieValue>();
    for (const { name, form, constant } of shape.attributes) {
      const value = this.#value(form, constant, unit, withText);
      if (value !== null) attributes.set(name, value);
    }
    const end = reader.offset;
    return { offset, tag: shape.tag, attributes, childrenAt: shape.children ? end : null, end };
  }

  /** The entries right below one, at most `limit`. */
  children(die: Die, limit = 10_000): Die[] {
    const found: Die[] = [];
    if (die.childrenAt === null) return found;
    const unit = this.unitAt(die.offset);
    for (let at = die.childrenAt; found.length < limit; ) {
      const child = this.at(at, unit);
      if (child === null) break;
      found.push(child);
      at = this.#behind(child, unit);
    }
    return found;
  }

  /** Goes through all entries of a unit, with the text of those of `named` tags. `visit` is told their depth, and may read no others meanwhile. */
  walk(unit: Unit, named: ReadonlySet<number>, visit: (die: Die, depth: number) => void): void {
    let depth = 0;
    for (let at = unit.firstDie; at < unit.end; ) {
      const die = this.at(at, unit, named);
      if (die === null) {
        depth -= 1;
        at = this.#reader.offset;
        if (depth <= 0) return;
        continue;
      }
      visit(die, depth);
      at = die.end;
      if (die.childrenAt !== null) {
        depth += 1;
        if (depth > MAX_DEPTH) throw new Unsupported(at, 'entries are nested too deeply');
      } else if (depth === 0) return;
    }
  }

  unitAt(offset: number): Unit {
    let [low, high] = [0, this.units.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.units[middle]?.end ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    const found = this.units[low];
    if (found === undefined || offset < found.firstDie) throw new OutOfBounds(offset, 1, 0);
    return found;
  }

  /** Behind an entry and all below it. */
  #behind(die: Die, unit: Unit): number {
    if (die.childrenAt === null) return die.end;
    let depth = 1;
    let at = die.childrenAt;
    while (depth > 0) {
      const next = this.at(at, unit, NONE);
      at = next === null ? this.#reader.offset : next.end;
      if (next === null) depth -= 1;
      else if (next.childrenAt !== null) depth += 1;
      if (depth > MAX_DEPTH || at > unit.end) throw new Unsupported(at, 'entries are nested too deeply');
    }
    return at;
  }

  #readUnits(): Unit[] {
    const units: Unit[] = [];
    const tables = new Map<number, ReadonlyMap<number, Abbreviation>>();
    const reader = new DwarfReader(this.#sections.info);
    while (units.length < MAX_UNITS && reader.remaining > 11) {
      const start = reader.offset;
      const { bytes, offsetSize } = reader.unitLength();
      const end = Math.min(reader.offset + bytes, this.#sections.info.length);
      const version = reader.u16();
      const isFive = version === 5;
      const type = isFive ? reader.u8() : 1;
      let addressSize = isFive ? reader.u8() : 0;
      const abbreviationsAt = reader.sectionOffset(offsetSize);
      if (!isFive) addressSize = reader.u8();
      // Full and partial units have nothing more in their headers; the others hold no types of ours.
      if (version >= 2 && version <= 5 && (type === 1 || type === 3)) {
        const abbreviations =
          tables.get(abbreviationsAt) ?? readAbbreviations(this.#sections.abbreviations, abbreviationsAt);
        tables.set(abbreviationsAt, abbreviations);
        units.push({ start, end, firstDie: reader.offset, version, offsetSize, addressSize, abbreviations });
      }
      reader.offset = end;
    }
    return units;
  }

  #value(form: number, constant: number, unit: Unit, withText: boolean): DieValue | null {
    const reader = this.#reader;
    const { offsetSize, start, addressSize } = unit;
    const text = (section: Uint8Array) => {
      const at = reader.sectionOffset(offsetSize);
      return withText ? stringAt(section, at) : null;
    };
    switch (form) {
      case FORM.addr:
        return addressSize === 8 ? reader.u64() : BigInt(reader.u32());
      case FORM.data1:
      case FORM.flag:
        return reader.u8();
      case FORM.data2:
        return reader.u16();
      case FORM.data4:
        return reader.u32();
      case FORM.data8:
        return reader.u64();
      case FORM.data16:
        return reader.bytes(16);
      case FORM.sdata:
        return reader.sleb();
      case FORM.udata:
        return reader.uleb();
      case FORM.string:
        return reader.text();
      case FORM.strp:
        return text(this.#sections.strings);
      case FORM.lineStrp:
        return text(this.#sections.lineStrings);
      case FORM.secOffset:
        return reader.sectionOffset(offsetSize);
      case FORM.flagPresent:
        return 1;
      case FORM.implicitConst:
        return constant;
      case FORM.ref1:
        return start + reader.u8();
      case FORM.ref2:
        return start + reader.u16();
      case FORM.ref4:
        return start + reader.u32();
      case FORM.ref8:
        return start + reader.wide();
      case FORM.refUdata:
        return start + reader.uleb();
      case FORM.refAddr:
        return unit.version === 2 && addressSize === 8 ? reader.wide() : reader.sectionOffset(offsetSize);
      case FORM.block1:
        return reader.bytes(reader.u8());
      case FORM.block2:
        return reader.bytes(reader.u16());
      case FORM.block4:
        return reader.bytes(reader.u32());
      case FORM.block:
      case FORM.exprloc:
        return reader.bytes(reader.uleb());
      default:
        return this.#skip(form);
    }
  }

  /** Indexed forms of version 5, whose tables lie in sections of their own: read past. */
  #skip(form: number): null {
    const reader = this.#reader;
    if (form === FORM.strx || form === FORM.addrx || form === 0x22 || form === 0x23) reader.uleb();
    else if (form >= FORM.strx1 && form <= FORM.strx4) reader.skip(form - FORM.strx1 + 1);
    else if (form >= FORM.addrx1 && form <= FORM.addrx4) reader.skip(form - FORM.addrx1 + 1);
    else if (form === 0x20) reader.skip(8);
    else throw new Unsupported(reader.offset, `form 0x${form.toString(16)} is not known`);
    return null;
  }
}

function readAbbreviations(section: Uint8Array, offset: number): ReadonlyMap<number, Abbreviation> {
  const table = new Map<number, Abbreviation>();
  const reader = new DwarfReader(section, offset);
  while (table.size < MAX_ABBREVIATIONS) {
    const code = reader.uleb();
    if (code === 0) break;
    const tag = reader.uleb();
    const children = reader.u8() === 1;
    const attributes: { name: number; form: number; constant: number }[] = [];
    for (;;) {
      const [name, form] = [reader.uleb(), reader.uleb()];
      const constant = form === FORM.implicitConst ? reader.sleb() : 0;
      if (name === 0 && form === 0) break;
      if (attributes.push({ name, form, constant }) > MAX_ATTRIBUTES)
        throw new Unsupported(reader.offset, 'too many attributes');
    }
    table.set(code, { tag, children, attributes });
  }
  return table;
}

/** A number out of an attribute; undefined where there is none. Blocks are constants of up to eight bytes. */
export function numberOf(die: Die, name: number): bigint | undefined {
  const value = die.attributes.get(name);
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return BigInt(value);
  if (value instanceof Uint8Array && value.length <= 16)
    return value.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return undefined;
}

export function textOf(die: Die, name: number): string {
  const value = die.attributes.get(name);
  return typeof value === 'string' ? value : '';
}

/** The offset of another entry. */
export function referenceOf(die: Die, name: number): number | null {
  const value = die.attributes.get(name);
  return typeof value === 'number' ? value : null;
}

/** The fixed address of a variable: its location is `DW_OP_addr` and nothing else (§2.5.1.1). */
export function staticAddress(die: Die): bigint | undefined {
  const location = die.attributes.get(AT.location);
  return location instanceof Uint8Array && location.length === 9 && location[0] === 0x03
    ? new ByteView(location).u64(1)
    : undefined;
}
