import { OutOfBounds } from '../../base/bytes.ts';
import { fail, ok, type Result } from '../../base/result.ts';
import type { Elf } from '../elf.ts';
import { AT, type Die, DieReader, numberOf, referenceOf, staticAddress, TAG, textOf } from './die.ts';
import { dwarfSections, Unsupported } from './reader.ts';

/** What a type says about the bytes of its values. */
export type DwarfType =
  | { readonly kind: 'base'; readonly name: string; readonly bytes: number; readonly encoding: number }
  | { readonly kind: 'pointer'; readonly name: string; readonly bytes: number; readonly target: number | null }
  | {
      readonly kind: 'struct';
      readonly name: string;
      readonly bytes: number;
      readonly fields: readonly Field[];
      readonly variants: VariantPart | null;
    }
  | { readonly kind: 'union'; readonly name: string; readonly bytes: number; readonly fields: readonly Field[] }
  | {
      readonly kind: 'array';
      readonly name: string;
      readonly bytes: number;
      readonly element: number;
      readonly count: number;
    }
  | {
      readonly kind: 'enum';
      readonly name: string;
      readonly bytes: number;
      readonly names: ReadonlyMap<bigint, string>;
    }
  /** Without a size, or of a sort that has no values. */
  | { readonly kind: 'opaque'; readonly name: string; readonly bytes: number };

export interface Field {
  readonly name: string;
  readonly offset: number;
  /** Offset of its type. */
  readonly type: number;
}

/** A Rust enum with fields (DWARF 5, §5.7.10): which variant it is says the discriminant. */
export interface VariantPart {
  readonly discriminant: Field | null;
  /** `value` null: the variant that is meant when no other is. */
  readonly variants: readonly { readonly value: bigint | null; readonly field: Field }[];
}

/** A variable at a fixed address. */
export interface StaticVariable {
  /** `ring0::records::RING0_BOOT_REPORT`. */
  readonly path: string;
  readonly linkageName: string;
  readonly address: bigint;
  readonly type: number;
}

const MAX_NAMES = 500_000;
const MAX_HOPS = 32;
const MAX_FIELDS = 4096;
/** What is part of a path, or has one. */
const WITH_PATHS: ReadonlySet<number> = new Set([
  ...[TAG.namespace, TAG.variable, TAG.subprogram, TAG.structureType],
  ...[TAG.unionType, TAG.enumerationType, TAG.baseType],
]);
const NAMED_TYPES: ReadonlySet<number> = new Set([TAG.structureType, TAG.unionType, TAG.enumerationType, TAG.baseType]);

/** Types and statics of an image, out of its debug information. */
export class TypeTable {
  readonly #reader: DieReader;
  readonly #types = new Map<number, DwarfType>();
  readonly statics: readonly StaticVariable[];
  /** Offsets of types by their paths. */
  readonly named: ReadonlyMap<string, number>;
  readonly #paths: ReadonlyMap<number, string>;

  constructor(reader: DieReader) {
    this.#reader = reader;
    const statics: StaticVariable[] = [];
    const named = new Map<string, number>();
    const paths = new Map<number, string>();
    for (const unit of reader.units) {
      const path: string[] = [];
      reader.walk(unit, WITH_PATHS, (die, depth) => {
        path.length = Math.max(0, depth - 1);
        const name = textOf(die, AT.name);
        // Positions in the path count from the unit, whose own name is its file's.
        if (depth > 0) path[depth - 1] = name;
        if (statics.length + paths.size >= MAX_NAMES) return;
        if (die.tag === TAG.variable) {
          const address = staticAddress(die);
          const type = referenceOf(die, AT.type);
          if (address === undefined || type === null || name === '') return;
          statics.push({
            path: path.filter((it) => it !== '').join('::'),
            linkageName: textOf(die, AT.linkageName),
            address,
            type,
          });
        } else if (NAMED_TYPES.has(die.tag) && name !== '') {
          const whole = path.filter((it) => it !== '').join('::');
          paths.set(die.offset, whole);
          if (!named.has(whole)) named.set(whole, die.offset);
        }
      });
    }
    this.statics = statics;
    this.named = named;
    this.#paths = paths;
  }

  /** The path of the type at an offset, qualifiers looked through; null for what has none: pointers, arrays, functions. */
  pathOf(offset: number): string | null {
    return this.#paths.get(offset) ?? this.#paths.get(this.#unqualified(offset)?.offset ?? -1) ?? null;
  }

  /** The type at an offset; qualifiers and other names are looked through. */
  type(offset: number): DwarfType {
    const known = this.#types.get(offset);
    if (known !== undefined) return known;
    const type = this.#read(offset);
    this.#types.set(offset, type);
    return type;
  }

  #read(offset: number): DwarfType {
    const die = this.#unqualified(offset);
    if (die === null) return { kind: 'opaque', name: '?', bytes: 0 };
    const name = textOf(die, AT.name);
    const bytes = size(numberOf(die, AT.byteSize) ?? 0n);
    switch (die.tag) {
      case TAG.baseType:
        return { kind: 'base', name, bytes, encoding: Number(numberOf(die, AT.encoding) ?? 0n) };
      case TAG.pointerType:
        return {
          kind: 'pointer',
          name: name === '' ? '*' : name,
          bytes: bytes === 0 ? 8 : bytes,
          target: referenceOf(die, AT.type),
        };
      case TAG.structureType:
        return { kind: 'struct', name, bytes, ...this.#members(die) };
      case TAG.unionType:
        return { kind: 'union', name, bytes, fields: this.#members(die).fields };
      case TAG.enumerationType:
        return this.#enum(die, name, bytes);
      case TAG.arrayType:
        return this.#array(die);
      default:
        return { kind: 'opaque', name, bytes };
    }
  }

  #unqualified(offset: number): Die | null {
    let die = this.#reader.at(offset);
    for (let hop = 0; hop < MAX_HOPS && die !== null && isQualifier(die.tag); hop++) {
      const next = referenceOf(die, AT.type);
      if (next === null) break;
      die = this.#reader.at(next);
    }
    return die;
  }

  #members(die: Die): { fields: readonly Field[]; variants: VariantPart | null } {
    const fields: Field[] = [];
    let variants: VariantPart | null = null;
    for (const child of this.#reader.children(die, MAX_FIELDS)) {
      if (child.tag === TAG.member) {
        const field = fieldOf(child);
        if (field !== null) fields.push(field);
      } else if (child.tag === TAG.variantPart) variants = this.#variantPart(child);
    }
    return { fields, variants };
  }

  #variantPart(die: Die): VariantPart {
    let discriminant: Field | null = null;
    const variants: { value: bigint | null; field: Field }[] = [];
    const wanted = referenceOf(die, AT.discr);
    for (const child of this.#reader.children(die, MAX_FIELDS)) {
      if (child.tag === TAG.member && child.offset === wanted) discriminant = fieldOf(child);
      if (child.tag !== TAG.variant) continue;
      const member = this.#reader.children(child, 8).find(({ tag }) => tag === TAG.member);
      const field = member === undefined ? null : fieldOf(member);
      if (field !== null) variants.push({ value: numberOf(child, AT.discrValue) ?? null, field });
    }
    return { discriminant, variants };
  }

  #enum(die: Die, name: string, bytes: number): DwarfType {
    const names = new Map<bigint, string>();
    for (const child of this.#reader.children(die)) {
      const value = numberOf(child, AT.constValue);
      if (child.tag === TAG.enumerator && value !== undefined)
        names.set(BigInt.asUintN(8 * Math.min(bytes, 16), value), textOf(child, AT.name));
    }
    return { kind: 'enum', name, bytes, names };
  }

  #array(die: Die): DwarfType {
    const element = referenceOf(die, AT.type);
    if (element === null) return { kind: 'opaque', name: '[?]', bytes: 0 };
    let count = 1n;
    for (const child of this.#reader.children(die, 8)) {
      if (child.tag !== TAG.subrangeType) continue;
      const upper = numberOf(child, AT.upperBound);
      count *= numberOf(child, AT.count) ?? (upper === undefined ? 0n : upper + 1n);
    }
    const inner = this.#shallow(element);
    const total = size(count);
    return {
      kind: 'array',
      name: `[${inner.name}; ${total}]`,
      bytes: size(BigInt(inner.bytes) * count),
      element,
      count: total,
    };
  }

  /** Name and size of a type without its parts: arrays of arrays end here, and what leads to itself too. */
  #shallow(offset: number, depth = 0): { readonly name: string; readonly bytes: number } {
    const known = this.#types.get(offset);
    if (known !== undefined) return known;
    const die = this.#reader.at(offset);
    if (die === null || depth > MAX_HOPS) return { name: '?', bytes: 0 };
    if (isQualifier(die.tag)) return this.#shallow(referenceOf(die, AT.type) ?? offset, depth + 1);
    if (die.tag === TAG.pointerType)
      return { name: textOf(die, AT.name), bytes: size(numberOf(die, AT.byteSize) ?? 8n) };
    if (die.tag !== TAG.arrayType) return { name: textOf(die, AT.name), bytes: size(numberOf(die, AT.byteSize) ?? 0n) };
    return depth >= 8 ? { name: '[…]', bytes: 0 } : this.#array(die);
  }
}

function isQualifier(tag: number): boolean {
  return tag === TAG.typedef || tag === TAG.constType || tag === TAG.volatileType;
}

function fieldOf(die: Die): Field | null {
  const type = referenceOf(die, AT.type);
  return type === null
    ? null
    : { name: textOf(die, AT.name), offset: size(numberOf(die, AT.dataMemberLocation) ?? 0n), type };
}

/** No value is larger than what is looked at in one go by far; a lying size is cut. */
function size(value: bigint): number {
  return value > 1n << 40n ? 2 ** 40 : Number(value);
}

/** Reads the types of an image; the error says why there are none. */
export function readTypes(bytes: Uint8Array, elf: Elf): Result<TypeTable> {
  const none = (why: string) =>
    fail(
      'no-types',
      'The image has no types.',
      why,
      'Build the kernel with debug information: debug = true in its profile.',
    );
  const sections = dwarfSections(bytes, elf);
  if (sections.info.length === 0) return none('there is no .debug_info section');
  try {
    const table = new TypeTable(new DieReader(sections));
    return table.statics.length === 0 && table.named.size === 0 ? none('its .debug_info has lines only') : ok(table);
  } catch (error) {
    if (error instanceof OutOfBounds || error instanceof Unsupported)
      return none(`offset ${error.offset} of .debug_info: ${error.message}`);
    throw error;
  }
}
