import { rgPath } from '@vscode/ripgrep-universal';
import type { CancelSignal } from '../../../app/base/cancel.ts';
import { ok, type Result } from '../../../app/base/result.ts';
import type { FileList, SearchEvent, SearchMatch, SearchRequest } from '../../../app/contract/workspace.ts';
import { runProcess } from '../../process/index.ts';
import { contractPath, FILES_ARGUMENTS, type RawMatch, ripgrep, searchArguments, searchFailed } from './ripgrep.ts';

const MAX_FILES = 50_000;
const MAX_LIST_BYTES = 8 << 20;
/** Matches that travel together. */
const BATCH = 100;
const PREVIEW = 400;
/** What of a long line stands before its first match. */
const PREVIEW_LEAD = 80;

/** Every file that git would not ignore, and hidden ones. */
export async function listFiles(root: string, signal: CancelSignal | undefined): Promise<Result<FileList>> {
  const listed = await runProcess(rgPath, FILES_ARGUMENTS, { cwd: root, signal, maxBytes: MAX_LIST_BYTES });
  if (!listed.ok) return listed;
  const { stdout, stderr, code } = listed.value;
  if (code !== 0 && stdout === '' && stderr !== '') return searchFailed(stderr);
  const whole = stdout.endsWith('\0') || stdout === '';
  const names = stdout.split('\0');
  // After the last zero stands nothing, or a name that was cut.
  names.pop();
  const paths = names.map(contractPath).sort();
  return ok({ paths: paths.slice(0, MAX_FILES), truncated: !whole || paths.length > MAX_FILES });
}

/** Searches file contents. The last event is `finished` or `failed`. */
export async function* searchFiles(
  root: string,
  request: SearchRequest,
  signal: CancelSignal | undefined,
): AsyncGenerator<SearchEvent> {
  const start = performance.now();
  const files = new Set<string>();
  let matches = 0;
  let truncated = false;
  let batch: SearchMatch[] = [];
  const found = ripgrep(root, searchArguments(request, request.replacement), signal);
  try {
    for (;;) {
      const next = await found.next();
      if (next.done) {
        if (next.value !== undefined) return yield { kind: 'failed', error: next.value };
        break;
      }
      const match = describe(next.value);
      if (match === undefined) continue;
      files.add(match.path);
      matches += match.ranges.length;
      batch.push(match);
      if (batch.length >= BATCH) {
        yield { kind: 'matches', matches: batch };
        batch = [];
      }
      if (matches >= request.maxMatches) {
        truncated = true;
        break;
      }
    }
  } finally {
    await found.return(undefined);
  }
  if (batch.length > 0) yield { kind: 'matches', matches: batch };
  yield {
    kind: 'finished',
    files: files.size,
    matches,
    truncated,
    elapsedMs: Math.round(performance.now() - start),
  };
}

/** Byte offsets become columns of a person's editor, which counts UTF-16 units. */
function describe(raw: RawMatch): SearchMatch | undefined {
  const [first] = raw.parts;
  if (first === undefined) return undefined;
  const units = (end: number) => raw.line.subarray(0, end).toString('utf8').length;
  const text = raw.line.toString('utf8').replace(/\r?\n$/, '');
  const column = units(first.start);
  const from = text.length <= PREVIEW ? 0 : Math.max(0, column - PREVIEW_LEAD);
  const preview = text.slice(from, from + PREVIEW);
  const ranges = raw.parts
    .map(({ start, end, replacement }) => ({
      start: units(start) - from,
      end: Math.min(units(end) - from, preview.length),
      replacement: replacement?.toString('utf8').slice(0, PREVIEW) ?? null,
    }))
    .filter(({ start, end }) => start >= 0 && start < preview.length && end >= start);
  return {
    path: raw.path,
    line: raw.lineNumber,
    preview,
    ranges,
    column: column + 1,
    endColumn: Math.min(units(first.end), text.length) + 1,
  };
}
