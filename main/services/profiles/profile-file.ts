import { createHash, randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import type { ProfileFile } from '../../../app/contract/profile.ts';

/** The text of a profile file, as the ones that come with the project are written. */
export function profileText(file: ProfileFile): string {
  const { $schema, ...fields } = file;
  return `${JSON.stringify({ $schema: $schema ?? './profile.schema.json', ...fields }, null, 2)}\n`;
}

/** Says which content a reader saw. */
export function profileTag(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 27);
}

/** Whole or not at all. @throws system errors */
export async function writeProfile(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString('hex')}.new`;
  try {
    await writeFile(draft, text, { flag: 'wx' });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
