import type { SourceSpan } from '../../app/contract/index.ts';
import { type ProblemGroup, relativeTo } from './build-view.ts';
import type { Marker, MarkerFix } from './markers.ts';

const SEVERITY = { error: 'error', warning: 'warning', note: 'info', help: 'hint' } as const;

/** Problems that lie in the workspace as editors underline them. */
export function markersOf(groups: readonly ProblemGroup[], root: string): Marker[] {
  return groups
    .filter(({ isInside }) => isInside)
    .flatMap(({ title, problems }) =>
      problems.flatMap(({ diagnostic, span }): Marker[] =>
        span === null
          ? []
          : [
              {
                path: title,
                ...rangeOf(span),
                severity: SEVERITY[diagnostic.severity],
                message: [diagnostic.message, span.label, ...diagnostic.notes]
                  .filter((line) => line !== null && line !== '')
                  .join('\n'),
                code: diagnostic.code,
                source: 'rustc',
                fixes: fixesOf(diagnostic.suggestions, root),
              },
            ],
      ),
    );
}

/** Every suggestion is offered, the sure ones as preferred; parts with one message belong together. */
function fixesOf(
  suggestions: ProblemGroup['problems'][number]['diagnostic']['suggestions'],
  root: string,
): MarkerFix[] | undefined {
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
