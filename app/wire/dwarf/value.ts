import { formatAddress } from '../../base/address.ts';
import { ByteView, decodeUtf8, OutOfBounds } from '../../base/bytes.ts';
import type { ArrayWindow, TypedValue } from '../../contract/inspect/symbol.ts';
import { Unsupported } from './reader.ts';
import type { DwarfType, Field, TypeTable } from './types.ts';
import { nameOf, variantOf } from './value-path.ts';

/** DW_ATE_* (DWARF 5, §7.8, table 7.11). */
const ENCODING = {
  boolean: 0x02,
  float: 0x04,
  signed: 0x05,
  signedChar: 0x06,
  unsigned: 0x07,
  unsignedChar: 0x08,
  utf: 0x10,
} as const;
/** Values in one answer; the rest is counted. */
const MAX_NODES = 3000;
const MAX_DEPTH = 12;
const MAX_CHILDREN = 128;
const MAX_TEXT = 240;

/** What is behind pointers; undefined where nothing is mapped. */
export type ReadTarget = (address: bigint, size: number) => Uint8Array | undefined;

/**
 * Lays a type over bytes. The bytes are the guest's: a value that its type does not have is shown as what it is.
 * @param windows where long arrays begin, if not with their first element
 */
export function typedValue(
  types: TypeTable,
  type: number,
  bytes: Uint8Array,
  address: bigint,
  read: ReadTarget,
  windows: readonly ArrayWindow[] = [],
): TypedValue {
  return new Overlay(types, bytes, address, read, windows).value('', type, 0, 0);
}

/**
 * Elements of an array, of whatever length, as an array of their own whose elements keep their numbers.
 * @param bytes of the elements `first` to `first + count`, of which the first lies at `address`
 */
export function typedElements(
  types: TypeTable,
  element: number,
  { first, count }: { readonly first: number; readonly count: number },
  bytes: Uint8Array,
  address: bigint,
  read: ReadTarget,
): TypedValue {
  return new Overlay(types, bytes, address, read, []).elements(element, first, count);
}

class Overlay {
  readonly #types: TypeTable;
  readonly #view: ByteView;
  readonly #address: bigint;
  readonly #read: ReadTarget;
  readonly #windows: readonly ArrayWindow[];
  #nodes = 0;

  constructor(types: TypeTable, bytes: Uint8Array, address: bigint, read: ReadTarget, windows: readonly ArrayWindow[]) {
    this.#types = types;
    this.#view = new ByteView(bytes);
    this.#address = address;
    this.#read = read;
    this.#windows = windows;
  }

  value(name: string, offset: number, at: number, depth: number): TypedValue {
    this.#nodes += 1;
    let type: DwarfType;
    try {
      type = this.#types.type(offset);
    } catch (error) {
      if (!(error instanceof OutOfBounds) && !(error instanceof Unsupported)) throw error;
      type = { kind: 'opaque', name: `? (${error.message})`, bytes: 0 };
    }
    const place = {
      name,
      type: type.name,
      offset: at,
      bytes: type.bytes,
      address: formatAddress(BigInt.asUintN(64, this.#address + BigInt(at))),
    };
    const leaf = (kind: TypedValue['kind'], text: string): TypedValue => ({
      ...place,
      ...NOWHERE,
      kind,
      text,
      children: [],
      omitted: 0,
    });
    if (at + type.bytes > this.#view.length) return leaf('absent', 'not in the bytes that were read');
    switch (type.kind) {
      case 'base':
        return leaf(...this.#base(type, at));
      case 'pointer': {
        const target = this.#number(at, Math.min(type.bytes, 8));
        const text = formatAddress(target);
        const leads = target === 0n ? NOWHERE : { target: text, pointee: this.#pathOf(type.target) };
        return { ...leaf('pointer', text), ...leads };
      }
      case 'enum': {
        const value = this.#number(at, type.bytes);
        return leaf('enum', type.names.get(value) ?? `${value}, which is none of ${type.name}`);
      }
      case 'array':
        return { ...place, ...this.#array(type, at, depth) };
      case 'struct':
        return { ...place, ...this.#struct(type, at, depth) };
      case 'union':
        return { ...place, ...NOWHERE, kind: 'union', text: '', ...this.#fields(type.fields, at, depth) };
      case 'opaque':
        return leaf('opaque', type.bytes === 0 ? '()' : '');
    }
  }

  /** As many as one answer holds. */
  elements(element: number, first: number, count: number): TypedValue {
    const { name, bytes } = this.#types.type(element);
    const children: TypedValue[] = [];
    for (let n = 0; n < count && this.#nodes < MAX_NODES; n++)
      children.push(this.value(String(first + n), element, n * bytes, 1));
    return {
      ...{
        name: '',
        type: `[${name}; ${count}]`,
        offset: 0,
        bytes: count * bytes,
        address: formatAddress(this.#address),
      },
      ...{ ...NOWHERE, kind: 'array', text: '', children, omitted: count - children.length },
    };
  }

  /** Of what a pointer leads to; the debug information is a file's, and may lead anywhere. */
  #pathOf(type: number | null): string | null {
    try {
      return type === null ? null : this.#types.pathOf(type);
    } catch (error) {
      if (!(error instanceof OutOfBounds) && !(error instanceof Unsupported)) throw error;
      return null;
    }
  }

  #number(at: number, bytes: number): bigint {
    let value = 0n;
    for (let n = Math.min(bytes, 16) - 1; n >= 0; n--) value = (value << 8n) | BigInt(this.#view.u8(at + n));
    return value;
  }

  #base({ name, bytes, encoding }: Extract<DwarfType, { kind: 'base' }>, at: number): [TypedValue['kind'], string] {
    const raw = this.#number(at, bytes);
    switch (encoding) {
      case ENCODING.boolean:
        return ['bool', raw === 0n ? 'false' : raw === 1n ? 'true' : `${raw}, which is no bool`];
      case ENCODING.float:
        return ['number', String(bytes === 4 ? this.#view.f32(at) : bytes === 8 ? this.#view.f64(at) : raw)];
      case ENCODING.signed:
      case ENCODING.signedChar:
        return ['number', String(BigInt.asIntN(8 * bytes, raw))];
      case ENCODING.utf:
        return [
          'char',
          raw <= 0x10ffffn && !(raw >= 0xd800n && raw <= 0xdfffn)
            ? JSON.stringify(String.fromCodePoint(Number(raw)))
            : `0x${raw.toString(16)}, which is no ${name}`,
        ];
      default:
        return name === '()' ? ['opaque', '()'] : ['number', `${raw}${raw > 9n ? ` (0x${raw.toString(16)})` : ''}`];
    }
  }

  #array(type: Extract<DwarfType, { kind: 'array' }>, at: number, depth: number): Parts {
    const element = this.#types.type(type.element);
    if (type.count > 0 && this.#isByte(element)) {
      const bytes = this.#view.slice(at, type.count);
      const end = bytes.indexOf(0);
      const text = decodeUtf8(bytes.subarray(0, end < 0 ? undefined : end));
      if (
        text.length > 0 &&
        !/[^\x20-\x7e\n\t]/.test(text) &&
        bytes.subarray(end < 0 ? type.count : end).every((byte) => byte === 0)
      )
        return { ...NOWHERE, kind: 'text', text: quote(text), children: [], omitted: 0 };
    }
    const children: TypedValue[] = [];
    const window = this.#windows.find(({ offset, bytes }) => offset === at && bytes === type.bytes);
    const first = Math.min(window?.first ?? 0, Math.max(0, type.count - 1));
    const end = depth >= MAX_DEPTH || element.bytes === 0 ? 0 : Math.min(type.count, first + MAX_CHILDREN);
    for (let n = first; n < end && this.#nodes < MAX_NODES; n++)
      children.push(this.value(String(n), type.element, at + n * element.bytes, depth + 1));
    const simple = children.length > 0 && children.every(({ children: inner }) => inner.length === 0);
    const text = simple
      ? `[${first > 0 ? '…, ' : ''}${children
          .slice(0, 8)
          .map((it) => it.text)
          .join(', ')}${type.count > first + 8 ? ', …' : ''}]`
      : '';
    return { ...NOWHERE, kind: 'array', text, children, omitted: type.count - children.length };
  }

  #struct(type: Extract<DwarfType, { kind: 'struct' }>, at: number, depth: number): Parts {
    if (type.variants !== null) return this.#variant(type.variants, at, depth);
    const text = this.#textBehind(type, at);
    const parts = this.#fields(type.fields, at, depth);
    const [only] = parts.children;
    // A wrapper (an atomic, a cell, a newtype) says what it wraps.
    const wraps = type.fields.length === 1 && only !== undefined && only.offset === at && only.bytes === type.bytes;
    if (wraps && only.children.length === 0)
      return { kind: only.kind, text: only.text, ...leadsOf(only), children: [], omitted: 0 };
    return {
      kind: text === null ? 'struct' : 'text',
      text: text ?? (wraps ? only.text : ''),
      ...(wraps ? leadsOf(only) : NOWHERE),
      ...parts,
    };
  }

  /** `u8` and what wraps one. */
  #isByte(type: DwarfType): boolean {
    let inner = type;
    for (
      let hop = 0;
      hop < MAX_DEPTH && inner.kind === 'struct' && inner.bytes === 1 && inner.variants === null;
      hop++
    ) {
      const [only, second] = inner.fields;
      if (only === undefined || second !== undefined) return false;
      inner = this.#types.type(only.type);
    }
    return inner.kind === 'base' && inner.bytes === 1 && inner.encoding !== ENCODING.boolean;
  }

  /** `&str` and the like: a pointer and a length, and the text that they mean. */
  #textBehind({ name, fields, bytes }: Extract<DwarfType, { kind: 'struct' }>, at: number): string | null {
    if (bytes !== 16 || !/^&(mut )?str$/.test(name)) return null;
    const field = (wanted: string) => fields.find((it) => it.name === wanted);
    const [pointer, length] = [field('data_ptr'), field('length')];
    if (pointer === undefined || length === undefined) return null;
    const size = this.#number(at + length.offset, 8);
    const found = this.#read(this.#number(at + pointer.offset, 8), size > BigInt(MAX_TEXT) ? MAX_TEXT : Number(size));
    if (found === undefined) return `${size} bytes that are not mapped`;
    return `${quote(decodeUtf8(found))}${size > BigInt(MAX_TEXT) ? ` … ${size} bytes` : ''}`;
  }

  #variant(
    { discriminant, variants }: NonNullable<Extract<DwarfType, { kind: 'struct' }>['variants']>,
    at: number,
    depth: number,
  ): Parts {
    const discriminantBytes = discriminant === null ? 0 : this.#types.type(discriminant.type).bytes;
    const value = discriminant === null ? 0n : this.#number(at + discriminant.offset, discriminantBytes);
    const chosen = variantOf(variants, value, discriminantBytes);
    if (chosen === undefined)
      return {
        kind: 'enum',
        text: `discriminant ${value}, which no variant has`,
        ...NOWHERE,
        children: [],
        omitted: 0,
      };
    const { field } = chosen;
    const inner = this.value(field.name, field.type, at + field.offset, depth + 1);
    const empty = inner.children.length === 0 && inner.omitted === 0;
    const single = inner.children.length === 1 ? inner.children[0] : undefined;
    const text = empty
      ? field.name
      : `${field.name}(${single === undefined || single.text === '' ? '…' : single.text})`;
    const leads = single === undefined ? NOWHERE : leadsOf(single);
    return { kind: 'enum', text, ...leads, children: inner.children, omitted: inner.omitted };
  }

  #fields(fields: readonly Field[], at: number, depth: number): { children: TypedValue[]; omitted: number } {
    const children: TypedValue[] = [];
    const ordered = fields.toSorted((a, b) => a.offset - b.offset);
    for (const field of depth >= MAX_DEPTH ? [] : ordered) {
      if (this.#nodes >= MAX_NODES || children.length >= MAX_CHILDREN) break;
      children.push(this.value(nameOf(field), field.type, at + field.offset, depth + 1));
    }
    return { children, omitted: fields.length - children.length };
  }
}

type Parts = Pick<TypedValue, 'kind' | 'text' | 'target' | 'pointee' | 'children' | 'omitted'>;

/** Of a value that is no pointer. */
const NOWHERE = { target: null, pointee: null };

const leadsOf = ({ target, pointee }: TypedValue) => ({ target, pointee });

/** As a Rust literal; what a terminal would obey stands as an escape. */
function quote(text: string): string {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return JSON.stringify(cut).replace(/[\x7f-\x9f\u2028\u2029]/g, (it) => `\\u{${it.charCodeAt(0).toString(16)}}`);
}
