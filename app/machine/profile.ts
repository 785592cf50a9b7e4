import { fail, messageOf, ok, type Result } from '../base/result.ts';
import { type Profile, type ProfileFile, ProfileFileSchema, ProfileSchema } from '../contract/profile.ts';
import { profileIssues } from './profile-rules.ts';

/** What a profile has that neither it nor those it extends say. */
export const PROFILE_DEFAULTS: Omit<Profile, 'name'> = {
  description: '',
  machine: 'q35',
  accelerator: 'auto',
  cpu: 'max',
  cores: 1,
  memoryMiB: 512,
  ram: 'shared',
  firmware: 'pvh',
  append: '',
  block: 'modern',
  network: 'modern',
  display: 'none',
  forwards: [{ host: 0, guest: 8080 }],
  extraArgs: [],
  kernel: null,
  initrd: null,
};

const MAX_DEPTH = 8;
const MAX_CHARACTERS = 64 * 1024;

/** A profile file as it was found. */
export interface ProfileSource {
  readonly path: string;
  readonly text: string;
  /** Where a file that the profile names is. Fails where it is not in the profile's own project. */
  readonly locate: (file: string) => Promise<Result<string, string>>;
}

/** How a profile finds the one that it extends; undefined where there is none of that name. */
export type ProfileReader = (name: string) => Promise<ProfileSource | undefined>;

/**
 * Reads a profile with all that it extends. A field of the extending profile replaces the inherited one as a whole, lists and the
 * command line included. Every error names the file, the field and the rule.
 */
export async function resolveProfile(
  name: string,
  source: ProfileSource,
  read: ProfileReader,
): Promise<Result<Profile>> {
  const layers: ProfileFile[] = [];
  const chain = [source.path];
  let current = source;
  for (;;) {
    const file = parseProfileFile(current);
    if (!file.ok) return file;
    const located = await locateFiles(file.value, current);
    if (!located.ok) return located;
    layers.unshift(located.value);
    const base = file.value.extends;
    if (base === undefined) break;
    const next = await read(base);
    if (next === undefined) return broken(current.path, 'extends', `there is no profile ${JSON.stringify(base)}`);
    if (chain.includes(next.path))
      return broken(current.path, 'extends', `goes round in a circle: ${[...chain, next.path].join(' → ')}`);
    if (chain.length >= MAX_DEPTH) return broken(current.path, 'extends', `is more than ${MAX_DEPTH} profiles deep`);
    chain.push(next.path);
    current = next;
  }
  const fields = layers.map(({ $schema: _schema, extends: _base, ...rest }) => rest);
  const merged: unknown = Object.assign({ name }, PROFILE_DEFAULTS, ...fields);
  return checkProfile(merged, source.path);
}

/** Checks a whole profile: schema, then the rules between fields. `where` names it in errors. */
export function checkProfile(candidate: unknown, where: string): Result<Profile> {
  const parsed = ProfileSchema.safeParse(candidate);
  if (!parsed.success) return broken(where, ...firstIssue(parsed.error));
  const issue = profileIssues(parsed.data)[0];
  return issue === undefined ? ok(parsed.data) : broken(where, issue.field, issue.rule);
}

/** Paths count from the profile that has them, not from the one that extends it. */
async function locateFiles(file: ProfileFile, { path, locate }: ProfileSource): Promise<Result<ProfileFile>> {
  const located = { ...file };
  for (const field of ['kernel', 'initrd'] as const) {
    const name = file[field];
    if (name === undefined || name === null) continue;
    const found = await locate(name);
    if (!found.ok) return broken(path, field, found.error);
    located[field] = found.value;
  }
  return ok(located);
}

function parseProfileFile({ path, text }: ProfileSource): Result<ProfileFile> {
  if (text.length > MAX_CHARACTERS) return broken(path, '', `must be shorter than ${MAX_CHARACTERS} characters`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return broken(path, '', `is not JSON: ${messageOf(error)}`);
  }
  const parsed = ProfileFileSchema.safeParse(json);
  return parsed.success ? ok(parsed.data) : broken(path, ...firstIssue(parsed.error));
}

function broken(path: string, field: string, rule: string) {
  const where = field === '' ? path : `${path}: ${field}`;
  return fail(
    'bad-profile',
    'The machine profile cannot be used.',
    `${where}: ${rule}`,
    'Correct the file; qemu-profiles/profile.schema.json describes every field.',
  );
}

function firstIssue(error: {
  issues: readonly { path: readonly PropertyKey[]; message: string }[];
}): [field: string, rule: string] {
  const issue = error.issues[0];
  if (issue === undefined) return ['', 'is not a profile'];
  const field = issue.path.reduce<string>(
    (all, key) => (typeof key === 'number' ? `${all}[${key}]` : all === '' ? String(key) : `${all}.${String(key)}`),
    '',
  );
  return [field, issue.message];
}
