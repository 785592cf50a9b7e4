import type { AppError, Result } from '../../app/base/result.ts';

/** An expected failure on its way out of a command. `main` prints it and turns it into an exit code. */
export class CommandFailure extends Error {
  readonly error: AppError;
  constructor(error: AppError) {
    super(error.what);
    this.error = error;
  }
}

/** The value of a result; a failure ends the command. */
export function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new CommandFailure(result.error);
  return result.value;
}

/** Ends the command with an error of its own. */
export function giveUp(code: string, what: string, why: string, fix: string): never {
  throw new CommandFailure({ code, what, why, fix });
}
