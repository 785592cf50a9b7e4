import type { LanguageDiagnostic, Range } from '../../app/contract/language.ts';
import type { Problem, ProblemCounts, ProblemGroup } from './build-view.ts';

/** A row of the list of problems, whoever found it. */
export interface ListedProblem {
  readonly id: string;
  readonly severity: 'error' | 'warning' | 'info' | 'hint';
  readonly message: string;
  /** What the compiler writes under the place itself. */
  readonly label: string | null;
  readonly code: string | null;
  /** Where it is now, as far as anybody knows; null for what concerns no place. */
  readonly place: Range | null;
  /** Who says so, the build's compiler first: `rustc`, `rust-analyzer`. */
  readonly sources: readonly string[];
  /** The build's own record of it, with its proposals and its drawing. */
  readonly compiler: Problem | null;
}

export interface ProblemFile {
  /** Empty for what concerns the whole build. */
  readonly file: string;
  readonly title: string;
  /** Whether it lies in the workspace; `title` is then its path there. */
  readonly isInside: boolean;
  readonly errors: number;
  readonly warnings: number;
  readonly problems: readonly ListedProblem[];
}

type Rows = Pick<ProblemFile, 'file' | 'title' | 'isInside'> & { readonly rows: readonly ListedProblem[] };

const SEVERITY = { error: 'error', warning: 'warning', note: 'info', help: 'hint' } as const;

/**
 * What the last build and the language server found, as one list: files with errors first. What both say is one row, which stands
 * where the server sees it, since the server has read the text as it is now and the compiler as it was.
 * @param found by workspace path; hints are not problems
 */
export function problemList(
  groups: readonly ProblemGroup[],
  found: ReadonlyMap<string, readonly LanguageDiagnostic[]>,
): ProblemFile[] {
  const files = new Map<string, Rows>(
    groups.map(({ file, title, isInside, problems }) => [
      title,
      { file, title, isInside, rows: problems.map(ofCompiler) },
    ]),
  );
  for (const [path, all] of found) {
    const file = files.get(path) ?? { file: path, title: path, isInside: true, rows: [] };
    const rows = merged(file.rows, all);
    if (rows.length > 0) files.set(path, { ...file, rows });
  }
  return [...files.values()]
    .map(({ file, title, isInside, rows }): ProblemFile => ({ file, title, isInside, ...count(rows), problems: rows }))
    .toSorted((a, b) => Number(b.errors > 0) - Number(a.errors > 0));
}

export function countListed(files: readonly ProblemFile[]): ProblemCounts {
  return {
    errors: files.reduce((sum, { errors }) => sum + errors, 0),
    warnings: files.reduce((sum, { warnings }) => sum + warnings, 0),
  };
}

function count(rows: readonly ListedProblem[]): ProblemCounts {
  return {
    errors: rows.filter(({ severity }) => severity === 'error').length,
    warnings: rows.filter(({ severity }) => severity === 'warning').length,
  };
}

function ofCompiler(problem: Problem): ListedProblem {
  const { id, diagnostic, span } = problem;
  return {
    id,
    severity: SEVERITY[diagnostic.severity],
    message: diagnostic.message,
    label: span?.label ?? null,
    code: diagnostic.code,
    place:
      span === null ? null : { line: span.line, column: span.column, endLine: span.endLine, endColumn: span.endColumn },
    sources: ['rustc'],
    compiler: problem,
  };
}

/** The rows of one file with what the server found in it; each of its diagnostics joins one row at most. */
function merged(compiled: readonly ListedProblem[], found: readonly LanguageDiagnostic[]): ListedProblem[] {
  const rows = [...compiled];
  const taken = new Set<number>();
  const join = (diagnostic: LanguageDiagnostic, reach: 'here' | 'moved'): boolean => {
    const { line, column, endLine, endColumn, source } = diagnostic;
    const at = twinOf(rows, diagnostic, reach, taken);
    const twin = rows[at];
    if (twin === undefined) return false;
    taken.add(at);
    // Two of the server's own, as it sees it and as its own run of the compiler does: the first one's words will do.
    const sources = twin.sources.includes(source) ? twin.sources : [...twin.sources, source];
    const place = twin.compiler === null ? twin.place : { line, column, endLine, endColumn };
    rows[at] = { ...twin, sources, place };
    return true;
  };
  // First those that stand where the compiler saw them, so that one that has moved does not take their row.
  const rest = found.filter((diagnostic) => diagnostic.severity !== 'hint' && !join(diagnostic, 'here'));
  for (const diagnostic of rest) {
    if (join(diagnostic, 'here') || join(diagnostic, 'moved')) continue;
    const { line, column, endLine, endColumn, severity, message, code, source } = diagnostic;
    const place = { line, column, endLine, endColumn };
    const id = `${source}:${line}:${column}:${code ?? ''}:${message}`;
    rows.push({ id, severity, message, label: null, code, place, sources: [source], compiler: null });
  }
  return rows.toSorted((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0));
}

/**
 * The row that says the same, or -1. In the same place the code is enough, since the server has words of its own for what it finds
 * without the compiler. Where the text has moved since the build, the words must be the same. Of several the nearest.
 */
function twinOf(
  rows: readonly ListedProblem[],
  wanted: LanguageDiagnostic,
  reach: 'here' | 'moved',
  taken: ReadonlySet<number>,
): number {
  const words = firstLine(wanted.message);
  let best = -1;
  let distance = Number.POSITIVE_INFINITY;
  rows.forEach(({ place, code, message, compiler }, index) => {
    if (place === null) return;
    const away = Math.abs(place.line - wanted.line);
    const sameWords = firstLine(message) === words && (code === wanted.code || code === null || wanted.code === null);
    const sameCode = code !== null && code === wanted.code && overlap(place, wanted);
    const fits =
      reach === 'here' ? away === 0 && (sameWords || sameCode) : sameWords && compiler !== null && !taken.has(index);
    if (fits && away < distance) [best, distance] = [index, away];
  });
  return best;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.trim() ?? '';
}

/** Of two places in one line; an empty one is as wide as a cursor. */
function overlap(a: Range, b: Range): boolean {
  const end = (range: Range) =>
    range.endLine > range.line ? Number.POSITIVE_INFINITY : Math.max(range.endColumn, range.column + 1);
  return a.column < end(b) && b.column < end(a);
}
