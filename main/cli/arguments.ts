/** From `argv` to typed values. Node's own parser finds the tokens; this file gives them names, types and good errors. */
import { parseArgs } from 'node:util';
import { fail, ok, type Result } from '../../app/base/result.ts';

interface OptionBase {
  /** One line for `--help`. */
  readonly help: string;
  readonly short?: string;
}
export interface FlagOption extends OptionBase {
  readonly kind: 'flag';
}
export interface TextOption extends OptionBase {
  readonly kind: 'text';
  /** What `--help` calls the value: `FILE`. */
  readonly value: string;
}
/** May be given more than once: its value is all of them, in order. */
export interface ListOption extends OptionBase {
  readonly kind: 'list';
  readonly value: string;
}
export interface NumberOption extends OptionBase {
  readonly kind: 'number';
  readonly value: string;
  readonly minimum: number;
  readonly maximum: number;
  /** Whether fractions are allowed. */
  readonly fraction?: boolean;
}
/** An amount of memory: `512M`, `2G`, or a bare number of MiB. Its value is in MiB. */
export interface MemoryOption extends OptionBase {
  readonly kind: 'memory';
  readonly value: string;
}
export type OptionSpec = FlagOption | TextOption | ListOption | NumberOption | MemoryOption;
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type ValueOf<S extends OptionSpec> = S extends FlagOption
  ? boolean
  : S extends TextOption
    ? string | undefined
    : S extends ListOption
      ? readonly string[] | undefined
      : number | undefined;
export type ValuesOf<O extends OptionSpecs> = { readonly [K in keyof O]: ValueOf<O[K]> };

export interface Parsed<O extends OptionSpecs> {
  readonly values: ValuesOf<O>;
  readonly positionals: readonly string[];
}

function usage(what: string, fix: string): Result<never> {
  return fail('usage', what, '', fix);
}

/**
 * Parses the arguments of one command. An option given twice keeps its last value, one that is a list keeps all. `--` ends the options.
 * Errors have the code `usage`.
 */
export function parseArguments<O extends OptionSpecs>(specs: O, argv: readonly string[]): Result<Parsed<O>> {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [
      name,
      {
        type: spec.kind === 'flag' ? ('boolean' as const) : ('string' as const),
        ...(spec.short ? { short: spec.short } : {}),
      },
    ]),
  );
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const values: Record<string, boolean | string | number | readonly string[] | undefined> = {};
  for (const [name, spec] of Object.entries(specs)) values[name] = spec.kind === 'flag' ? false : undefined;
  const positionals: string[] = [];
  const written = new Set(Object.keys(specs).map((name) => `--${name}`));
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    if (spec === undefined) {
      const near = closest(token.name, Object.keys(specs));
      return usage(
        `there is no option ${token.rawName}`,
        near === undefined ? 'see --help for the options' : `did you mean --${near}?`,
      );
    }
    const value = readValue(token.rawName, spec, token.value, token.inlineValue === true, written);
    if (!value.ok) return value;
    const before = values[token.name];
    values[token.name] =
      spec.kind === 'list' ? [...(Array.isArray(before) ? before : []), String(value.value)] : value.value;
  }
  return ok({ values: values as ValuesOf<O>, positionals });
}

/** @param inline whether it was written `--name=value`: then it is meant, whatever it is */
function readValue(
  name: string,
  spec: OptionSpec,
  text: string | undefined,
  inline: boolean,
  specs: ReadonlySet<string>,
): Result<boolean | string | number> {
  if (spec.kind === 'flag') {
    return text === undefined ? ok(true) : usage(`${name} takes no value, got "${text}"`, `write just ${name}`);
  }
  if (text === undefined) return usage(`${name} needs a value`, `write ${name} ${spec.value}`);
  if (!inline && specs.has(text))
    return usage(`${name} needs a value, and ${text} is an option`, `write ${name} ${spec.value}`);
  switch (spec.kind) {
    case 'text':
    case 'list':
      return ok(text);
    case 'number': {
      const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
      const whole = spec.fraction === true || Number.isInteger(number);
      if (whole && number >= spec.minimum && number <= spec.maximum) return ok(number);
      const sort = spec.fraction === true ? 'a number' : 'a whole number';
      return usage(
        `${name} must be ${sort} from ${spec.minimum} to ${spec.maximum}, got "${text}"`,
        `write ${name} ${spec.value}`,
      );
    }
    case 'memory': {
      const match = /^(\d{1,9})(?:(M|MB|MiB)|(G|GB|GiB))?$/i.exec(text);
      if (match === null)
        return usage(
          `${name} must be an amount of memory, got "${text}"`,
          `write for example ${name} 512M or ${name} 2G`,
        );
      return ok(Number(match[1]) * (match[3] === undefined ? 1 : 1024));
    }
  }
}

/** The candidate that a person most likely meant, if any is near enough. */
export function closest(typed: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((name) => ({ name, distance: name.startsWith(typed) && typed.length >= 2 ? 0.5 : editDistance(typed, name) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(1, Math.floor(typed.length / 3)) ? best.name : undefined;
}

/** Levenshtein's distance with swapped neighbours counted once: the number of slips of the finger between two words. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
