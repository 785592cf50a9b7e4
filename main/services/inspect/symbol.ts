import { formatAddress, parseAddress } from '../../../app/base/address.ts';
import { OutOfBounds } from '../../../app/base/bytes.ts';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import type { SymbolQuestion, SymbolValue, TypedSymbol } from '../../../app/contract/index.ts';
import type { ArrayWindow } from '../../../app/contract/inspect/symbol.ts';
import { rank } from '../../../app/text/fuzzy.ts';
import { Unsupported } from '../../../app/wire/dwarf/reader.ts';
import type { TypeTable } from '../../../app/wire/dwarf/types.ts';
import { typedElements, typedValue } from '../../../app/wire/dwarf/value.ts';
import { followSteps, parseSteps, type Step, splitPath } from '../../../app/wire/dwarf/value-path.ts';
import { demangle } from '../../../app/wire/elf.ts';
import { type LinearMemory, linearMemory } from '../../../app/x86/memory.ts';
import { resolveAddress } from './resolve.ts';
import { type InspectTarget, lookSettled, pagingOf } from './target.ts';

/** A larger static is looked at from its beginning on. */
const MAX_BYTES = 4 << 20;

interface Place {
  readonly name: string;
  readonly address: bigint;
  readonly type: number;
  readonly steps: readonly Step[];
}

/** A static, a part of it, or memory as a type says. Read until two looks agree. */
export async function readSymbol(target: InspectTarget, question: SymbolQuestion): Promise<Result<SymbolValue>> {
  const image = await target.image();
  if (!image.ok) return image;
  const types = image.value.types();
  if (!types.ok) return types;
  const place = await findPlace(target, types.value, question);
  if (!place.ok) return place;
  const registers = await pagingOf(target, question.processor);
  if (!registers.ok) return registers;
  const { address, type, steps } = place.value;
  const { windows = [] } = question;
  // What is behind pointers belongs to the same look: a text that has moved is not read at its old place.
  const { cr0, cr3, cr4, efer } = registers.value;
  const looked = await lookSettled(
    target,
    'symbol',
    [cr0, cr3, cr4, efer, address, type, types.value, question.name, JSON.stringify(windows)],
    (memory) => valueIn(types.value, place.value, steps, windows, linearMemory(memory, registers.value)),
  );
  if (!looked.ok) return looked;
  const { value, torn } = looked.value;
  return value.ok ? ok({ ...value.value, torn }) : value;
}

/** What is behind the steps, as memory has it now. */
function valueIn(
  types: TypeTable,
  { name, address, type }: Place,
  steps: readonly Step[],
  windows: readonly ArrayWindow[],
  linear: LinearMemory,
): Result<Omit<SymbolValue, 'torn'>> {
  const read = (at: bigint, length: number) => linear.read(at, length);
  try {
    const spot = followSteps(types, { path: name, address, type, range: null }, steps, read);
    if (!spot.ok) return spot;
    const { path, range } = spot.value;
    const whole = types.type(spot.value.type);
    const start = BigInt.asUintN(64, spot.value.address + BigInt(range?.first ?? 0) * BigInt(whole.bytes));
    const bytes = whole.bytes * (range?.count ?? 1);
    const found = linear.readSome(start, Math.min(bytes, MAX_BYTES));
    if (found.length === 0 && bytes > 0) return notInMemory(path, start);
    const value =
      range === null
        ? typedValue(types, spot.value.type, found, start, read, windows)
        : typedElements(types, spot.value.type, range, found, start, read);
    return ok({ name: path, type: value.type, address: formatAddress(start), bytes, value });
  } catch (error) {
    if (!(error instanceof OutOfBounds) && !(error instanceof Unsupported)) throw error;
    return fail('no-type', `The type of ${name} cannot be read.`, error.message, 'Build the kernel again.');
  }
}

function notInMemory(name: string, address: bigint) {
  return fail(
    'not-mapped',
    `${name} is not in memory.`,
    `${formatAddress(address)} is not mapped to RAM`,
    '`ring0 inspect paging` lists what is mapped. A kernel that has just been started may not have mapped itself yet.',
  );
}

/** The name as a whole, which may have dots and brackets of its own; else as a name and the steps into its value. */
async function findPlace(target: InspectTarget, types: TypeTable, question: SymbolQuestion): Promise<Result<Place>> {
  const { base, steps } = splitPath(question.name);
  const whole = await findBase(target, types, question);
  if (whole.ok || steps === '' || !UNKNOWN.has(whole.error.code))
    return whole.ok ? ok({ ...whole.value, steps: [] }) : whole;
  const parsed = parseSteps(steps);
  if (!parsed.ok) return parsed;
  const found = await findBase(target, types, { ...question, name: base });
  return found.ok ? ok({ ...found.value, steps: parsed.value }) : found;
}

const UNKNOWN: ReadonlySet<string> = new Set(['no-symbol', 'no-register', 'no-type']);

async function findBase(
  target: InspectTarget,
  types: TypeTable,
  { name, type, processor }: SymbolQuestion,
): Promise<Result<Omit<Place, 'steps'>>> {
  const wanted = type === null ? null : findType(types, type);
  if (wanted !== null && !wanted.ok) return wanted;
  const found = types.statics.filter(
    ({ path, linkageName }) => path === name || linkageName === name || demangle(linkageName) === name,
  );
  const candidates = found.length > 0 ? found : types.statics.filter(({ path }) => path.endsWith(`::${name}`));
  const [first, second] = candidates;
  if (first !== undefined && second === undefined)
    return ok({ name: first.path, address: first.address, type: wanted === null ? first.type : wanted.value });
  if (second !== undefined) {
    const why = candidates.slice(0, 8).map(({ path, address }) => `${path} at ${formatAddress(address)}`);
    return fail('several-symbols', `Several statics are called ${name}.`, why.join('\n'), 'Write more of its path.');
  }
  if (wanted === null) {
    const isAddress = parseAddress(name) !== undefined || name.startsWith('$');
    const near = searchTyped(types, name, 5).filter((it) => it.address !== null);
    return isAddress
      ? fail('no-type', 'An address alone has no type.', name, 'Say which: --type PATH.')
      : fail(
          'no-symbol',
          `The image has no static ${name}.`,
          near.length === 0
            ? `${types.statics.length} statics have types`
            : `there are ${near.map((it) => it.name).join(', ')}`,
          'Write its path, or the end of it.',
        );
  }
  const resolved = await resolveAddress(target, name, processor);
  return resolved.ok
    ? ok({ name: resolved.value.name || name, address: BigInt(resolved.value.address), type: wanted.value })
    : resolved;
}

function findType(types: TypeTable, name: string): Result<number> {
  const exact = types.named.get(name);
  if (exact !== undefined) return ok(exact);
  const found = [...types.named].filter(([path]) => path.endsWith(`::${name}`));
  const [first, second] = found;
  if (first !== undefined && second === undefined) return ok(first[1]);
  const why = found.slice(0, 8).map(([path]) => path);
  return second === undefined
    ? fail(
        'no-type',
        `The image has no type ${name}.`,
        `${types.named.size} types have names`,
        'Write its path, such as ring0_abi::boot::BootReport.',
      )
    : fail('several-types', `Several types are called ${name}.`, why.join('\n'), 'Write more of its path.');
}

/** Statics before types, where a query fits both as well: a static has bytes of its own. */
const STATIC_FIRST = 3;

/** Statics and types whose paths a query fits, as quick open matches, best first. What the compiler makes for itself is left out. */
export function searchTyped(types: TypeTable, query: string, limit: number): TypedSymbol[] {
  const statics = types.statics.map(({ path, type, address }) => ({ path, type, address: formatAddress(address) }));
  const named = [...types.named].map(([path, type]) => ({ path, type, address: null }));
  const all = [...statics.sort(shorter), ...named.sort(shorter)].filter(({ path }) => !path.includes('{vtable'));
  const found = rank(
    query,
    all,
    ({ path }) => path,
    limit,
    ({ address }) => (address === null ? 0 : STATIC_FIRST),
  );
  return found.map(({ item: { path, type, address } }) => {
    const { name, bytes } = types.type(type);
    return { name: path, type: name, address, bytes };
  });
}

function shorter(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path.length - b.path.length || (a.path < b.path ? -1 : 1);
}
