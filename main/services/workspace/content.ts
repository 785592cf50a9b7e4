import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type FileContent, MAX_TEXT_BYTES } from '../../../app/contract/workspace.ts';

/** Bytes that are looked at to tell text from anything else, as git does. */
const SNIFF_BYTES = 8000;
const DRAFT = /^\..*\.ring0-[0-9a-f]{12}$/;

/** Whether a name is one of our unfinished writes. */
export function isDraft(name: string): boolean {
  return DRAFT.test(name);
}

/** The tag of a content. */
export function etagOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url').slice(0, 27);
}

/**
 * Reads a file whose path has been checked.
 * @param path as the contract has it, for the answer
 * @throws system errors
 */
export async function readContent(absolute: string, path: string): Promise<FileContent> {
  // Opened without following and without waiting: a pipe or a device would hold us forever.
  const file = await open(absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const info = await file.stat();
    if (!info.isFile()) return { kind: 'binary', path, sizeBytes: 0 };
    if (info.size > MAX_TEXT_BYTES)
      return { kind: 'too-large', path, sizeBytes: info.size, limitBytes: MAX_TEXT_BYTES };
    const bytes = await file.readFile();
    const text = decodeText(bytes);
    if (text === undefined) return { kind: 'binary', path, sizeBytes: bytes.length };
    const writable = await access(absolute, constants.W_OK).then(
      () => true,
      () => false,
    );
    return { kind: 'text', path, text, etag: etagOf(bytes), modifiedMs: info.mtimeMs, writable };
  } finally {
    await file.close();
  }
}

/** Text of well-formed UTF-8 without zero bytes, a byte order mark included; else undefined. */
export function decodeText(bytes: Uint8Array): string | undefined {
  if (bytes.subarray(0, SNIFF_BYTES).includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Replaces a file's content so that a reader, and whoever comes after a power failure, sees the old one or the new. The mode stays.
 * @returns the new modification time
 * @throws system errors; then nothing has changed
 */
export async function writeContent(absolute: string, bytes: Uint8Array): Promise<number> {
  const mode = await stat(absolute).then(
    (it) => it.mode & 0o7777,
    () => undefined,
  );
  // What may not be written may not be replaced either.
  if (mode !== undefined) await access(absolute, constants.W_OK);
  const draft = join(dirname(absolute), `.${basename(absolute).slice(0, 100)}.ring0-${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(draft, 'wx', mode ?? 0o666);
    try {
      await file.writeFile(bytes);
      // The umask has had its way with the mode of `open`.
      if (mode !== undefined) await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, absolute);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return (await stat(absolute)).mtimeMs;
}
