import { type Profile, type ProfileFile, ProfileFileSchema, ProfileSchema } from '../contract/profile.ts';
import { PROFILE_DEFAULTS } from './profile.ts';
import { type ProfileIssue, profileIssues } from './profile-rules.ts';

/** A field that a profile may inherit. */
export type ProfileField = keyof typeof PROFILE_DEFAULTS;
export const PROFILE_FIELDS = Object.keys(PROFILE_DEFAULTS) as ProfileField[];

/** A profile that is being edited: any field may hold what was typed, right or wrong. */
export type ProfileDraft = Readonly<Record<string, unknown>>;

/** Files by name, as the extending ones find them. */
export type ProfileFiles = ReadonlyMap<string, ProfileFile>;

const MAX_DEPTH = 8;

export interface Inherited {
  readonly value: unknown;
  /** The profile that says it; null where nobody does and the default holds. */
  readonly from: string | null;
}

/** What a field is where the draft leaves it out. */
export function inherited(draft: ProfileDraft, field: ProfileField, files: ProfileFiles): Inherited {
  let base = draft.extends;
  for (let depth = 0; depth < MAX_DEPTH && typeof base === 'string'; depth++) {
    const file = files.get(base);
    if (file === undefined) break;
    if (file[field] !== undefined) return { value: file[field], from: base };
    base = file.extends;
  }
  return { value: PROFILE_DEFAULTS[field], from: null };
}

/** Profiles that a profile may extend: all that do not come back to it. */
export function possibleBases(name: string, files: ProfileFiles): string[] {
  return [...files.keys()].filter((candidate) => {
    let at: string | undefined = candidate;
    for (let depth = 0; depth < MAX_DEPTH && at !== undefined; depth++) {
      if (at === name) return false;
      at = files.get(at)?.extends;
    }
    return at === undefined;
  });
}

export interface DraftVerdict {
  /** Every broken rule, each with its field: `cores`, `forwards[1].guest`. */
  readonly issues: readonly ProfileIssue[];
  /** What the draft comes to; null while a rule is broken. */
  readonly profile: Profile | null;
  /** The file to be written; null while a rule is broken. */
  readonly file: ProfileFile | null;
}

/** Checks a draft as a start would, and says all that is wrong rather than the first thing. */
export function judgeDraft(name: string, draft: ProfileDraft, files: ProfileFiles): DraftVerdict {
  const file = ProfileFileSchema.safeParse(draft);
  const issues: ProfileIssue[] = file.success ? [] : file.error.issues.map(issueOf);
  const base = draft.extends;
  if (typeof base === 'string' && !possibleBases(name, files).includes(base))
    issues.push({
      field: 'extends',
      rule: files.has(base) ? `${base} extends this profile` : `there is no profile ${JSON.stringify(base)}`,
    });
  const merged: Record<string, unknown> = { name };
  for (const field of PROFILE_FIELDS)
    merged[field] = draft[field] === undefined ? inherited(draft, field, files).value : draft[field];
  const whole = ProfileSchema.safeParse(merged);
  if (whole.success) issues.push(...profileIssues(whole.data));
  // A value that is wrong may be inherited: then only the whole knows.
  else if (issues.length === 0) issues.push(...whole.error.issues.map(issueOf));
  const right = issues.length === 0;
  return {
    issues,
    profile: right && whole.success ? whole.data : null,
    file: right && file.success ? file.data : null,
  };
}

function issueOf(issue: { readonly path: readonly PropertyKey[]; readonly message: string }): ProfileIssue {
  const field = issue.path.reduce<string>(
    (all, key) => (typeof key === 'number' ? `${all}[${key}]` : all === '' ? String(key) : `${all}.${String(key)}`),
    '',
  );
  return { field, rule: issue.message };
}

/** Fields in which two drafts differ. */
export function differingFields(a: ProfileDraft, b: ProfileDraft): string[] {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  keys.delete('$schema');
  return [...keys].filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]));
}
