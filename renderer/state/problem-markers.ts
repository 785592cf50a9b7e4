import type { SourceSpan } from '../../app/contract/index.ts';
import type { LanguageDiagnostic } from '../../app/contract/language.ts';
import { type Problem, relativeTo } from './build-view.ts';
import type { Marker, MarkerFix } from './markers.ts';
import type { ProblemFile } from './problem-list.ts';

/**
 * Problems that lie in the workspace as editors underline them, and with them the server's hints, which are no rows of the list: they
 * grey out what is not used.
 */
export function markersOf(
  files: readonly ProblemFile[],
  found: ReadonlyMap<string, readonly LanguageDiagnostic[]>,
  root: string,
): Marker[] {
  const rows = files
    .filter(({ isInside }) => isInside)
    .flatMap(({ title, problems }) =>
      problems.flatMap(({ place, severity, message, label, code, sources, compiler }): Marker[] =>
        place === null
          ? []
          : [
              {
                path: title,
                ...place,
                severity,
                message: [message, label, ...(compiler?.diagnostic.notes ?? [])]
                  .filter((line) => line !== null && line !== '')
                  .join('\n'),
                code,
                source: sources.join(', '),
                fixes: compiler === null ? undefined : fixesOf(compiler.diagnostic.suggestions, root),
              },
            ],
      ),
    );
  const hints = [...found].flatMap(([path, list]) =>
    list.filter(({ severity }) => severity === 'hint').map((hint): Marker => ({ ...hint, path })),
  );
  return [...rows, ...hints];
}

/** Every suggestion is offered, the sure ones as preferred; parts with one message belong together. */
function fixesOf(suggestions: Problem['diagnostic']['suggestions'], root: string): MarkerFix[] | undefined {
  const byMessage = new Map<string, { preferred: boolean; edits: MarkerFix['edits'][number][] }>();
  for (const { message, span, replacement, machineApplicable } of suggestions) {
    const path = relativeTo(root, span.file);
    if (path === undefined) continue;
    const fix = byMessage.get(message) ?? { preferred: true, edits: [] };
    fix.preferred &&= machineApplicable;
    fix.edits.push({ path, ...rangeOf(span), text: replacement });
    byMessage.set(message, fix);
  }
  return byMessage.size === 0 ? undefined : [...byMessage].map(([title, fix]) => ({ title, ...fix }));
}

function rangeOf({ line, column, endLine, endColumn }: SourceSpan) {
  return { line, column, endLine, endColumn };
}
