import { StringDecoder } from 'node:string_decoder';
import { rgPath as archivedPath } from '@vscode/ripgrep-universal';
import { z } from 'zod';
import { type CancelSignal, isCancelled } from '../../../app/base/cancel.ts';
import { type AppError, fail, type Result } from '../../../app/base/result.ts';
import type { SearchRequest } from '../../../app/contract/workspace.ts';
import { cancelled, startProcess } from '../../process/index.ts';

/** A program inside a packaged studio's archive lies beside it: only there can it be started. */
const rgPath = archivedPath.replace(/([\\/]app\.asar)(?=[\\/])/, '$1.unpacked');

/** Larger files are not searched: they are data, not source. */
const MAX_FILE = '8M';
/** One file's generated line must not fill our memory. */
const MAX_LINE_CHARACTERS = 16 << 20;

/** ripgrep gives text where it is UTF-8, else bytes (grep-printer's JSON format). */
const TextSchema = z.union([
  z.object({ text: z.string() }).transform(({ text }) => Buffer.from(text, 'utf8')),
  z.object({ bytes: z.string() }).transform(({ bytes }) => Buffer.from(bytes, 'base64')),
]);

const MatchSchema = z.object({
  type: z.literal('match'),
  data: z.object({
    path: TextSchema,
    lines: TextSchema,
    line_number: z.number().int(),
    absolute_offset: z.number().int(),
    submatches: z.array(
      z.object({
        start: z.number().int(),
        end: z.number().int(),
        match: TextSchema,
        replacement: TextSchema.optional(),
      }),
    ),
  }),
});

/** A line with matches; offsets are in bytes. */
export interface RawMatch {
  readonly path: string;
  readonly line: Buffer;
  readonly lineNumber: number;
  /** Of the line's first byte in the file. */
  readonly offset: number;
  readonly parts: ReadonlyArray<{
    readonly start: number;
    readonly end: number;
    readonly match: Buffer;
    readonly replacement: Buffer | undefined;
  }>;
}

const COMMON = ['--no-config', '--no-messages', '--hidden', '--no-require-git', '--glob', '!.git'];

/** The arguments of a search; with a replacement, ripgrep says for each match what would stand there. */
export function searchArguments(request: SearchRequest, replacement?: string): string[] {
  return [
    '--json',
    ...COMMON,
    ...['--max-filesize', MAX_FILE, '--sort', 'path'],
    ...(request.isRegex ? [] : ['--fixed-strings']),
    request.matchCase ? '--case-sensitive' : '--ignore-case',
    ...(request.wholeWord ? ['--word-regexp'] : []),
    ...request.include.flatMap((glob) => ['--glob', glob]),
    ...request.exclude.flatMap((glob) => ['--glob', `!${glob}`]),
    // In a plain search a dollar is a dollar.
    ...(replacement === undefined
      ? []
      : ['--replace', request.isRegex ? replacement : replacement.replaceAll('$', '$$$$')]),
    ...['--regexp', request.pattern, '--', './'],
  ];
}

/** The arguments that list every file that would be searched. */
export const FILES_ARGUMENTS: readonly string[] = ['--files', '--null', ...COMMON, './'];

/** A file's path as ripgrep says it, as the contract has it. */
export function contractPath(path: string): string {
  return path.replaceAll('\\', '/').replace(/^\.\//, '');
}

/** Runs ripgrep and yields its matches as they come. Leaving early ends it. Returns an error where it failed. */
export async function* ripgrep(
  root: string,
  args: readonly string[],
  signal: CancelSignal | undefined,
): AsyncGenerator<RawMatch, AppError | undefined> {
  if (isCancelled(signal)) return cancelled('The search').error;
  const decoder = new StringDecoder('utf8');
  const matches: RawMatch[] = [];
  let pending = '';
  let complaint = '';
  let wake = () => {};
  const started = await startProcess(rgPath, args, {
    cwd: root,
    guard: true,
    onStdout: (bytes) => {
      const lines = (pending + decoder.write(bytes)).split('\n');
      pending = lines.pop() ?? '';
      if (pending.length > MAX_LINE_CHARACTERS) pending = '';
      for (const line of lines) {
        const match = parseMatch(line);
        if (match !== undefined) matches.push(match);
      }
      wake();
    },
    onStderr: (bytes) => {
      complaint = (complaint + bytes.toString('utf8')).slice(0, 2000);
    },
  });
  if (!started.ok) return started.error;
  const child = started.value;
  const abort = () => child.kill();
  signal?.addEventListener('abort', abort);
  if (isCancelled(signal)) abort();
  let code: number | null | undefined;
  void child.exited.then((status) => {
    code = status.code;
    wake();
  });
  try {
    for (;;) {
      const match = matches.shift();
      if (match !== undefined) yield match;
      else if (code !== undefined) break;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    signal?.removeEventListener('abort', abort);
    child.dispose();
  }
  if (isCancelled(signal)) return cancelled('The search').error;
  // 1: no match. 2 with matches: a file could not be read, which `--no-messages` keeps quiet about.
  if (code === 0 || code === 1 || (code === 2 && complaint === '')) return undefined;
  return searchFailed(complaint).error;
}

export function searchFailed(complaint: string): Result<never> & { ok: false } {
  const said = complaint.trim();
  return fail(
    'search-failed',
    /regex|glob/.test(said) ? 'The search pattern is not understood.' : 'The search failed.',
    said,
    'Correct the pattern, or switch regular expressions off.',
  );
}

function parseMatch(line: string): RawMatch | undefined {
  if (!line.startsWith('{"type":"match"')) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined;
  }
  const parsed = MatchSchema.safeParse(json);
  if (!parsed.success) return undefined;
  const { data } = parsed.data;
  return {
    path: contractPath(data.path.toString('utf8')),
    line: data.lines,
    lineNumber: data.line_number,
    offset: data.absolute_offset,
    parts: data.submatches.map(({ start, end, match, replacement }) => ({ start, end, match, replacement })),
  };
}
