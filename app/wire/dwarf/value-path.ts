import { fail, ok, type Result } from '../../base/result.ts';
import type { DwarfType, Field, TypeTable } from './types.ts';
import type { ReadTarget } from './value.ts';

/** One step into a value: `.field`, `[3]`, or `[3..7]`, whose end is not among them (null: the array's). */
export type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: bigint }
  | { readonly kind: 'range'; readonly from: bigint; readonly to: bigint | null };

/** A value within a static. */
export interface Spot {
  /** As it is written: `RING0_TRACE_RING.spans[3]`. */
  readonly path: string;
  readonly address: bigint;
  readonly type: number;
  /** Of an array, whose first element of all lies at `address`: the elements that are meant. */
  readonly range: { readonly first: number; readonly count: number } | null;
}

const MAX_STEPS = 64;
const MAX_WRAPPERS = 12;
const FIELDS_NAMED = 24;
const HOW = 'Write NAME.field, NAME[3] or NAME[3..7], such as RING0_DRIVER_REGISTRY.devices[0].queues[0..2].';

/** Where the steps begin in a name: behind the last `::`, whose own brackets (`<[u8]>::X`) belong to the path. */
export function splitPath(name: string): { readonly base: string; readonly steps: string } {
  const from = name.lastIndexOf('::') + 1;
  const at = name.slice(from).search(/[.[]/);
  return at < 0 ? { base: name, steps: '' } : { base: name.slice(0, from + at), steps: name.slice(from + at) };
}

/** `.field[3].x[1000..1020]`. Numbers are decimal or 0x…; the error says from which character on it makes no sense. */
export function parseSteps(text: string): Result<Step[]> {
  const steps: Step[] = [];
  const pattern =
    /\.([A-Za-z_]\w*|\d+)|\[\s*(?:(\d+|0x[0-9a-f]+)|(\d+|0x[0-9a-f]+)?\s*\.\.(=?)\s*(\d+|0x[0-9a-f]+)?)\s*\]/iy;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const [, field, index, from, closed, to] = pattern.exec(text) ?? [];
    if (pattern.lastIndex === 0 || (closed === '=' && to === undefined))
      return fail('bad-path', `"${text}" cannot be followed.`, `"${text.slice(at)}" is no field and no index`, HOW);
    if (steps.at(-1)?.kind === 'range')
      return fail('bad-path', `"${text}" cannot be followed.`, `"${text.slice(at)}" follows a range of elements`, HOW);
    if (steps.length >= MAX_STEPS)
      return fail('bad-path', `"${text}" cannot be followed.`, `it has more than ${MAX_STEPS} steps`, HOW);
    if (field !== undefined) steps.push({ kind: 'field', name: field });
    else if (index !== undefined) steps.push({ kind: 'index', index: BigInt(index) });
    else {
      const end = to === undefined ? null : BigInt(to) + (closed === '=' ? 1n : 0n);
      steps.push({ kind: 'range', from: BigInt(from ?? 0), to: end });
    }
  }
  return ok(steps);
}

/**
 * Goes from a value into its parts. Pointers, slices and wrappers (a cell, an atomic, a newtype) on the way are gone through as Rust does;
 * an enum has the fields of the variant that memory says it is.
 * @param read what is in memory now; undefined where nothing is mapped
 */
export function followSteps(types: TypeTable, start: Spot, steps: readonly Step[], read: ReadTarget): Result<Spot> {
  let spot = start;
  for (const step of steps) {
    const next = step.kind === 'field' ? intoField(types, spot, step.name, read) : intoArray(types, spot, step, read);
    if (!next.ok) return next;
    spot = { ...next.value, address: BigInt.asUintN(64, next.value.address) };
  }
  return ok(spot);
}

function intoField(types: TypeTable, start: Spot, name: string, read: ReadTarget): Result<Spot> {
  let spot = start;
  // The innermost that has fields is the one whose fields an error lists.
  let known: readonly Field[] = [];
  let owner = types.type(start.type).name;
  for (let hop = 0; hop < MAX_WRAPPERS; hop++) {
    const type = types.type(spot.type);
    const fields = fieldsOf(types, type, spot, read);
    if (!fields.ok) return fields;
    const found = fields.value.find((it) => nameOf(it) === name);
    if (found !== undefined)
      return ok({
        ...spot,
        path: `${start.path}.${name}`,
        address: spot.address + BigInt(found.offset),
        type: found.type,
      });
    if (fields.value.length > 0) [known, owner] = [fields.value, type.name];
    const inner = wrapped(types, type, spot, read);
    if (!inner.ok) return inner;
    if (inner.value === null) break;
    spot = inner.value;
  }
  const names = known.map(nameOf);
  const shown = names.slice(0, FIELDS_NAMED).join(', ');
  return fail(
    'no-field',
    `${start.path} has no field ${name}.`,
    names.length === 0
      ? `${owner} has no fields`
      : `${owner} has ${shown}${names.length > FIELDS_NAMED ? `, and ${names.length - FIELDS_NAMED} more` : ''}`,
    'Name one of them.',
  );
}

function intoArray(
  types: TypeTable,
  start: Spot,
  step: Exclude<Step, { readonly kind: 'field' }>,
  read: ReadTarget,
): Result<Spot> {
  let spot = start;
  for (let hop = 0; hop < MAX_WRAPPERS; hop++) {
    const type = types.type(spot.type);
    const array = arrayAt(types, type, spot, read);
    if (!array.ok) return array;
    if (array.value !== null) return withinArray(types, start.path, array.value, step);
    const inner = wrapped(types, type, spot, read);
    if (!inner.ok) return inner;
    if (inner.value === null) break;
    spot = inner.value;
  }
  const { name } = types.type(start.type);
  return fail('no-array', `${start.path} is no array.`, `its type is ${name}`, 'Leave out the index.');
}

interface ArrayPlace {
  readonly address: bigint;
  readonly element: number;
  readonly count: bigint;
}

function withinArray(
  types: TypeTable,
  path: string,
  { address, element, count }: ArrayPlace,
  step: Exclude<Step, { readonly kind: 'field' }>,
): Result<Spot> {
  const has = count === 0n ? 'it is empty' : `its length is ${count}: 0 to ${count - 1n}`;
  const outside = (what: string) => fail('out-of-bounds', what, has, 'Ask for what is in it.');
  const { bytes } = types.type(element);
  if (step.kind === 'index')
    return step.index >= count
      ? outside(`${path} has no element ${step.index}.`)
      : ok({
          path: `${path}[${step.index}]`,
          address: address + step.index * BigInt(bytes),
          type: element,
          range: null,
        });
  const { from, to } = { ...step, to: step.to ?? count };
  if (to < from) return fail('bad-path', `The range ${from}..${to} ends before it begins.`, has, HOW);
  if (to > count || from > count) return outside(`${path} has no elements ${from}..${to}.`);
  const range = { first: Number(from), count: Number(to - from) };
  return ok({ path: `${path}[${from}..${to}]`, address, type: element, range });
}

/** An array, or the elements that a slice leads to; null for what is neither. */
function arrayAt(types: TypeTable, type: DwarfType, spot: Spot, read: ReadTarget): Result<ArrayPlace | null> {
  if (type.kind === 'array') return ok({ address: spot.address, element: type.element, count: BigInt(type.count) });
  if (type.kind !== 'struct' || type.bytes !== 16) return ok(null);
  const field = (name: string) => type.fields.find((it) => it.name === name);
  const [pointer, length] = [field('data_ptr'), field('length')];
  const to = pointer === undefined ? undefined : types.type(pointer.type);
  if (pointer === undefined || length === undefined || to?.kind !== 'pointer' || to.target === null) return ok(null);
  const [address, count] = [pointer, length].map((it) => numberAt(spot.address + BigInt(it.offset), 8, read));
  if (address === undefined || count === undefined) return notMapped(spot);
  return ok({ address, element: to.target, count });
}

/** What a pointer leads to, or the only thing that a wrapper holds; null for everything else. */
function wrapped(types: TypeTable, type: DwarfType, spot: Spot, read: ReadTarget): Result<Spot | null> {
  if (type.kind === 'pointer') {
    if (type.target === null) return ok(null);
    const address = numberAt(spot.address, Math.min(type.bytes, 8), read);
    if (address === undefined) return notMapped(spot);
    if (address === 0n) return fail('null-pointer', `${spot.path} is null.`, 'it leads nowhere', 'End the path there.');
    return ok({ ...spot, address, type: type.target });
  }
  if (type.kind !== 'struct' || type.variants !== null) return ok(null);
  // Markers and other parts without bytes hold nothing.
  const full = type.fields.filter((it) => types.type(it.type).bytes > 0);
  const [only] = full;
  if (only === undefined || full.length > 1) return ok(null);
  return ok({ ...spot, address: spot.address + BigInt(only.offset), type: only.type });
}

/** Fields that a value has now. */
function fieldsOf(types: TypeTable, type: DwarfType, spot: Spot, read: ReadTarget): Result<readonly Field[]> {
  if (type.kind === 'union') return ok(type.fields);
  if (type.kind !== 'struct') return ok([]);
  if (type.variants === null) return ok(type.fields);
  const { discriminant, variants } = type.variants;
  const bytes = discriminant === null ? 0 : Math.min(types.type(discriminant.type).bytes, 16);
  const value = discriminant === null ? 0n : numberAt(spot.address + BigInt(discriminant.offset), bytes, read);
  if (value === undefined) return notMapped(spot);
  const chosen = variantOf(variants, value, bytes);
  if (chosen === undefined)
    return fail('no-variant', `${spot.path} is no variant of ${type.name}.`, `its discriminant is ${value}`, '');
  const inner = types.type(chosen.field.type);
  if (inner.kind !== 'struct' || inner.variants !== null) return ok([]);
  return ok(inner.fields.map((it) => ({ ...it, offset: it.offset + chosen.field.offset })));
}

/** The variant that a discriminant of so many bytes means. */
export function variantOf<V extends { readonly value: bigint | null }>(
  variants: readonly V[],
  value: bigint,
  bytes: number,
): V | undefined {
  const mask = (it: bigint) => BigInt.asUintN(8 * Math.max(1, Math.min(bytes, 16)), it);
  return (
    variants.find((it) => it.value !== null && mask(it.value) === value) ??
    variants.find((it) => it.value === null) ??
    (variants.length === 1 ? variants[0] : undefined)
  );
}

/** Of a tuple, `0` and not `__0`. */
export const nameOf = ({ name }: Field): string => name.replace(/^__(\d+)$/, '$1');

function notMapped({ path }: Spot) {
  return fail(
    'not-mapped',
    `${path} is not in memory.`,
    'what it holds decides where its parts are',
    'Look at the whole of it.',
  );
}

function numberAt(address: bigint, bytes: number, read: ReadTarget): bigint | undefined {
  const found = read(BigInt.asUintN(64, address), bytes);
  return found?.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
