import { NO_BUILD_STATUS } from '../../app/contract/build-status.ts';
import type { BuildEvent, Diagnostic, SourceSpan } from '../../app/contract/index.ts';
import type { BuildFollowEvent, BuildStatus } from '../../app/contract/studio.ts';

/** A line of the build's log. */
export type LogLine =
  | { readonly kind: 'step'; readonly title: string; readonly command: string }
  | { readonly kind: 'output'; readonly text: string }
  | { readonly kind: 'crate'; readonly name: string }
  | { readonly kind: 'diagnostic'; readonly diagnostic: Diagnostic }
  | { readonly kind: 'finished'; readonly text: string }
  | { readonly kind: 'failed'; readonly text: string; readonly detail: string };

export type LogEntry = LogLine & {
  /** Rises; never used twice in one page. */
  readonly id: number;
};

export interface BuildView {
  readonly status: BuildStatus;
  /** The newest lines, oldest first. */
  readonly log: readonly LogEntry[];
  /** Lines that were dropped from the beginning of the log. */
  readonly dropped: number;
  /** Crates of the last build that succeeded: what this one will probably have. */
  readonly expectedCrates: number | null;
}

const MAX_LOG = 3000;

export const NO_BUILD: BuildView = {
  status: NO_BUILD_STATUS,
  log: [],
  dropped: 0,
  expectedCrates: null,
};

let nextId = 1;

/** What follows from one event. `now` is the page's clock, for the end of a build that this page saw running. */
export function reduceBuild(view: BuildView, follow: BuildFollowEvent, now: number): BuildView {
  if (follow.kind === 'event') return reduceEvent(view, follow.event, now);
  const { status } = follow;
  // A page that comes in the middle knows what was said, not in which order.
  const lines: LogLine[] = [
    ...(status.step === '' ? [] : [{ kind: 'step', title: status.step, command: '' } as const]),
    ...status.output.map((text) => ({ kind: 'output', text }) as const),
    ...status.problems.map((diagnostic) => ({ kind: 'diagnostic', diagnostic }) as const),
    ...endOf(status),
  ];
  const expectedCrates = status.phase === 'succeeded' ? status.crates : view.expectedCrates;
  return { status, expectedCrates, ...appended([], 0, lines) };
}

function reduceEvent(view: BuildView, event: BuildEvent, now: number): BuildView {
  const { status } = view;
  const next = (change: Partial<BuildStatus>, ...lines: LogLine[]): BuildView => ({
    ...view,
    ...appended(view.log, view.dropped, lines),
    status: { ...status, ...change },
  });
  switch (event.kind) {
    case 'step':
      return next({ step: event.title }, { kind: 'step', title: event.title, command: event.command.join(' ') });
    case 'output':
      return next({ output: [...status.output, event.line].slice(-MAX_LOG) }, { kind: 'output', text: event.line });
    case 'artifact':
      return event.fresh
        ? next({ crates: event.count })
        : next({ crates: event.count, compiled: status.compiled + 1 }, { kind: 'crate', name: event.packageName });
    case 'diagnostic':
      return next(
        { problems: [...status.problems, event.diagnostic] },
        { kind: 'diagnostic', diagnostic: event.diagnostic },
      );
    case 'finished': {
      const ended: Partial<BuildStatus> = { phase: 'succeeded', result: event.result, endedAt: now };
      return { ...next(ended, ...endOf({ ...status, ...ended })), expectedCrates: status.crates };
    }
    case 'failed': {
      const phase = event.error.code === 'cancelled' ? 'cancelled' : 'failed';
      const ended: Partial<BuildStatus> = { phase, error: event.error, endedAt: now };
      return next(ended, ...endOf({ ...status, ...ended }));
    }
  }
}

function endOf({ phase, result, error }: BuildStatus): LogLine[] {
  if (phase === 'succeeded' && result !== null) {
    const how = result.fresh ? 'Nothing had changed' : 'Built';
    return [{ kind: 'finished', text: `${how} in ${seconds(result.durationMs)}, ${size(result.elfBytes)}` }];
  }
  if (error === null) return [];
  return [
    { kind: 'failed', text: error.what, detail: [error.why, error.fix].filter((line) => line !== '').join('\n') },
  ];
}

function appended(log: readonly LogEntry[], dropped: number, lines: readonly LogLine[]) {
  const all = [...log, ...lines.map((line) => ({ ...line, id: nextId++ }))];
  const excess = Math.max(0, all.length - MAX_LOG);
  return { log: excess === 0 ? all : all.slice(excess), dropped: dropped + excess };
}

/** How far the build is, 0 to 1; null where that is unknown. */
export function progressOf({ status, expectedCrates }: BuildView): number | null {
  if (status.phase === 'succeeded') return 1;
  if (expectedCrates === null || expectedCrates === 0) return null;
  // The link comes after the last crate.
  return Math.min(0.99, status.crates / (expectedCrates + 1));
}

/** Milliseconds that the build took or has taken; null if there was none. */
export function elapsedOf({ startedAt, endedAt }: BuildStatus, now: number): number | null {
  return startedAt === null ? null : Math.max(0, (endedAt ?? now) - startedAt);
}

/** What the build is, in a few words. */
export function headlineOf({ status }: BuildView): string {
  switch (status.phase) {
    case 'idle':
      return 'Not built yet';
    case 'running':
      return sentence(status.step === '' ? 'starting' : status.step);
    case 'succeeded':
      return status.result?.fresh === true ? 'Up to date' : 'Built';
    case 'failed':
      return 'Build failed';
    case 'cancelled':
      return 'Build cancelled';
  }
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `1.4 s`, `2 min 05 s`. */
export function seconds(milliseconds: number): string {
  const all = milliseconds / 1000;
  if (all < 60) return `${all.toFixed(1)} s`;
  return `${Math.floor(all / 60)} min ${String(Math.floor(all % 60)).padStart(2, '0')} s`;
}

/** `2.6 MiB`. */
export function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}

/** A diagnostic as a list shows it. */
export interface Problem {
  readonly id: string;
  readonly diagnostic: Diagnostic;
  /** Where it points; null for what concerns no place. */
  readonly span: SourceSpan | null;
  /** Replacements that the compiler is sure of, which belong together. */
  readonly fix: ProblemFix | null;
}

export interface ProblemFix {
  readonly title: string;
  readonly edits: readonly { readonly span: SourceSpan; readonly text: string }[];
}

export interface ProblemGroup {
  /** As rustc named it, made absolute; empty for problems without a place. */
  readonly file: string;
  /** Relative to the workspace where it lies inside. */
  readonly title: string;
  readonly isInside: boolean;
  readonly errors: number;
  readonly warnings: number;
  readonly problems: readonly Problem[];
}

/** Problems by file: files with errors first, then in the compiler's order; within a file by line. */
export function problemGroups(problems: readonly Diagnostic[], root: string): ProblemGroup[] {
  const files = new Map<string, Problem[]>();
  const seen = new Set<string>();
  for (const diagnostic of problems) {
    const span = placeOf(diagnostic);
    const id = `${span?.file ?? ''}:${span?.line ?? 0}:${span?.column ?? 0}:${diagnostic.code ?? ''}:${diagnostic.message}`;
    // The library and its tests say the same twice.
    if (seen.has(id)) continue;
    seen.add(id);
    const file = span?.file ?? '';
    const list = files.get(file) ?? [];
    list.push({ id, diagnostic, span, fix: fixOf(diagnostic) });
    files.set(file, list);
  }
  const groups = [...files].map(([file, list]): ProblemGroup => {
    const title = relativeTo(root, file);
    return {
      file,
      title: title ?? (file === '' ? 'The whole build' : file),
      isInside: title !== undefined,
      errors: list.filter(({ diagnostic }) => diagnostic.severity === 'error').length,
      warnings: list.filter(({ diagnostic }) => diagnostic.severity === 'warning').length,
      problems: list.toSorted((a, b) => (a.span?.line ?? 0) - (b.span?.line ?? 0)),
    };
  });
  return groups.toSorted((a, b) => Number(b.errors > 0) - Number(a.errors > 0));
}

/** The primary span, or one of the expansion's own file where a macro points into the standard library. */
export function placeOf({ spans }: Diagnostic): SourceSpan | null {
  return (
    spans.find(({ primary, file }) => primary && !file.startsWith('<')) ?? spans.find(({ primary }) => primary) ?? null
  );
}

/** The replacements that need no judgement; null where there are none. */
export function fixOf({ suggestions }: Diagnostic): ProblemFix | null {
  const first = suggestions.find(({ machineApplicable, span }) => machineApplicable && !span.file.startsWith('<'));
  if (first === undefined) return null;
  // Parts of one suggestion share their message.
  const edits = suggestions
    .filter(({ machineApplicable, message }) => machineApplicable && message === first.message)
    .map(({ span, replacement }) => ({ span, text: replacement }));
  return { title: first.message, edits };
}

/** The path below `root`, or `undefined` if it lies elsewhere. */
export function relativeTo(root: string, file: string): string | undefined {
  const prefix = root.endsWith('/') ? root : `${root}/`;
  if (file.startsWith(prefix)) return file.slice(prefix.length);
  return file === '' || file.startsWith('/') || file.startsWith('<') ? undefined : file;
}

export interface ProblemCounts {
  readonly errors: number;
  readonly warnings: number;
}

export function countProblems(groups: readonly ProblemGroup[]): ProblemCounts {
  return {
    errors: groups.reduce((sum, { errors }) => sum + errors, 0),
    warnings: groups.reduce((sum, { warnings }) => sum + warnings, 0),
  };
}
