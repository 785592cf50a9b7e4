import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TestContext } from 'vitest';

/** The repository. */
export const root = resolve(import.meta.dirname, '..', '..');

/** Where the project's shared test data may lie: real models and the oracle's text, which the repository does not contain. */
const sharedData = resolve(root, '..', 'shared', 'data');

/** The path of a file of the shared data, or undefined where it is absent. */
export function sharedFile(...names: string[]): string | undefined {
  const path = join(sharedData, ...names);
  return existsSync(path) ? path : undefined;
}

/** The same, for a test that cannot do without: skips it, and says what is missing. */
export function needSharedFile(context: TestContext, ...names: string[]): string {
  const path = sharedFile(...names);
  if (path === undefined) context.skip(`needs ../shared/data/${names.join('/')}, which is not part of the repository`);
  return path as string;
}

/** What the oracle says after "Once upon a time" in 64 greedy tokens. */
export function oracleText(context: TestContext, model: string): string {
  const text = readFileSync(needSharedFile(context, 'oracle', `${model}.greedy64.txt`), 'utf8');
  // llama.cpp prints a space for the beginning-of-text token, and ends with two newlines of its own.
  return text.replace(/^ Once upon a time/, '').replace(/\n\n$/, '');
}
