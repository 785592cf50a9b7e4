/**
 * Expected failure as a value. Bugs throw; everything a person can cause or cure comes back as an `AppError`.
 */

/** What happened, why, and what to do next: the three sentences that every failure owes its reader. */
export interface AppError {
  /** Stable, kebab-case, for scripts: `qemu-not-found`. */
  readonly code: string;
  /** What happened, one line. */
  readonly what: string;
  /** Why, with the evidence: path, offset, output. May have several lines. */
  readonly why: string;
  /** What to do next. */
  readonly fix: string;
}

export interface Ok<T> {
  readonly ok: true;
  readonly value: T;
}

export interface Err<E> {
  readonly ok: false;
  readonly error: E;
}

/** The outcome of something that may fail for reasons outside the program. */
export type Result<T, E = AppError> = Ok<T> | Err<E>;

export function ok(): Ok<void>;
export function ok<T>(value: T): Ok<T>;
export function ok<T>(value?: T): Ok<T | undefined> {
  return { ok: true, value };
}

export function err<E>(error: E): Err<E> {
  return { ok: false, error };
}

/** Shorthand for `err` with an `AppError`. */
export function fail(code: string, what: string, why: string, fix: string): Err<AppError> {
  return { ok: false, error: { code, what, why, fix } };
}

/** An `AppError` as text for a terminal: what, why and fix, each on lines of its own. */
export function describeError(error: AppError): string {
  return [error.what, error.why, error.fix === '' ? '' : `To fix: ${error.fix}`]
    .filter((line) => line !== '')
    .join('\n');
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The error code that Node puts on its system errors (`ENOENT`), or an empty string. */
export function systemCodeOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return '';
  return typeof thrown.code === 'string' ? thrown.code : '';
}

/** For the `default` of an exhaustive switch: a missing case is a type error, and at run time a bug. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`);
}
