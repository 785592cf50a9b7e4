import type { CancelSignal } from '../../../app/base/cancel.ts';
import { ok, type Result } from '../../../app/base/result.ts';
import type { ReplaceOutcome, ReplaceRequest, WorkspaceService } from '../../../app/contract/workspace.ts';
import { type RawMatch, ripgrep, searchArguments } from './ripgrep.ts';

/** What a replacement wrote, and what was there before. */
export interface Replaced {
  readonly path: string;
  readonly before: string;
  /** Of the text that was written: whoever undoes it must find that. */
  readonly etag: string;
  readonly count: number;
}

/** Replaces every match, file by file. A file that is not any more what was searched is left alone and named. */
export async function replaceAll(
  workspace: Pick<WorkspaceService, 'info' | 'read' | 'write'>,
  { search, replacement, paths }: ReplaceRequest,
  signal: CancelSignal | undefined,
): Promise<Result<{ readonly done: Replaced[]; readonly skipped: ReplaceOutcome['skipped'] }>> {
  const wanted = paths === undefined ? undefined : new Set(paths);
  const byFile = new Map<string, RawMatch[]>();
  const found = ripgrep(workspace.info.root, searchArguments(search, replacement), signal);
  for (let next = await found.next(); ; next = await found.next()) {
    if (next.done) {
      // A search that broke off must not become half a replacement.
      if (next.value !== undefined) return { ok: false, error: next.value };
      break;
    }
    const { path } = next.value;
    if (wanted !== undefined && !wanted.has(path)) continue;
    const lines = byFile.get(path) ?? [];
    lines.push(next.value);
    byFile.set(path, lines);
  }
  const done: Replaced[] = [];
  const skipped: ReplaceOutcome['skipped'] = [];
  for (const [path, lines] of byFile) {
    const replaced = await replaceInFile(workspace, path, lines);
    if (typeof replaced === 'string') skipped.push({ path, why: replaced });
    else done.push(replaced);
  }
  return ok({ done, skipped });
}

/** Puts back what was there before, where what was written still stands. */
export async function undoAll(
  workspace: Pick<WorkspaceService, 'write'>,
  replaced: readonly Replaced[],
): Promise<ReplaceOutcome> {
  const outcome: ReplaceOutcome = { files: [], skipped: [], undo: null };
  for (const { path, before, etag, count } of replaced) {
    const written = await workspace.write({ path, text: before, expected: etag });
    if (!written.ok) outcome.skipped.push({ path, why: written.error.what });
    else if (written.value.kind === 'conflict') outcome.skipped.push({ path, why: 'it was changed since' });
    else outcome.files.push({ path, replacements: count });
  }
  return outcome;
}

/** What was done, or why nothing was. */
async function replaceInFile(
  workspace: Pick<WorkspaceService, 'read' | 'write'>,
  path: string,
  lines: readonly RawMatch[],
): Promise<Replaced | string> {
  const content = await workspace.read(path);
  if (!content.ok) return content.error.what;
  if (content.value.kind !== 'text') return 'it is not a text file that can be edited';
  const bytes = Buffer.from(content.value.text, 'utf8');
  // ripgrep does not count a byte order mark.
  const mark = bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? 3 : 0;
  const pieces: Uint8Array[] = [];
  let done = 0;
  let count = 0;
  for (const { offset, parts } of lines) {
    for (const { start, end, match, replacement } of parts) {
      const [from, to] = [mark + offset + start, mark + offset + end];
      if (replacement === undefined || from < done || !bytes.subarray(from, to).equals(match))
        return 'it changed while it was searched';
      pieces.push(bytes.subarray(done, from), replacement);
      done = to;
      count += 1;
    }
  }
  pieces.push(bytes.subarray(done));
  const text = Buffer.concat(pieces).toString('utf8');
  const written = await workspace.write({ path, text, expected: content.value.etag });
  if (!written.ok) return written.error.what;
  return written.value.kind === 'written'
    ? { path, before: content.value.text, etag: written.value.etag, count }
    : 'somebody else changed it meanwhile';
}
