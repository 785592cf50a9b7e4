import { z } from 'zod';
import type { Diagnostic, SourceSpan } from '../contract/build.ts';

/** Cargo's `--message-format=json` (doc.rust-lang.org/cargo/reference/external-tools.html), one object a line. */
export type CargoMessage =
  | { readonly kind: 'diagnostic'; readonly diagnostic: Diagnostic }
  | {
      readonly kind: 'artifact';
      readonly packageName: string;
      readonly fresh: boolean;
      readonly executable: string | null;
      readonly targetName: string;
    }
  | { readonly kind: 'finished'; readonly success: boolean }
  /** A line that is not a message: output of a build script or of cargo itself. */
  | { readonly kind: 'text'; readonly line: string }
  /** A message that nobody needs, such as `build-script-executed`. */
  | { readonly kind: 'other' };

const CompilerSpanSchema = z.object({
  file_name: z.string(),
  line_start: z.number().int(),
  line_end: z.number().int(),
  column_start: z.number().int(),
  column_end: z.number().int(),
  is_primary: z.boolean(),
  label: z.string().nullable(),
  suggested_replacement: z.string().nullable().optional(),
  suggestion_applicability: z.string().nullable().optional(),
});
const ChildSchema = z.object({ message: z.string(), level: z.string(), spans: z.array(CompilerSpanSchema) });
const CompilerMessageSchema = z.object({
  reason: z.literal('compiler-message'),
  package_id: z.string(),
  message: z.object({
    message: z.string(),
    level: z.string(),
    code: z.object({ code: z.string() }).nullable(),
    spans: z.array(CompilerSpanSchema),
    children: z.array(ChildSchema),
    rendered: z.string().nullable(),
  }),
});
const ArtifactSchema = z.object({
  reason: z.literal('compiler-artifact'),
  package_id: z.string(),
  target: z.object({ name: z.string() }),
  executable: z.string().nullable(),
  fresh: z.boolean(),
});
const FinishedSchema = z.object({ reason: z.literal('build-finished'), success: z.boolean() });
const MessageSchema = z.union([CompilerMessageSchema, ArtifactSchema, FinishedSchema]);

export function parseCargoLine(line: string): CargoMessage {
  if (!line.startsWith('{')) return { kind: 'text', line };
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return { kind: 'text', line };
  }
  const parsed = MessageSchema.safeParse(json);
  if (!parsed.success) return { kind: 'other' };
  const message = parsed.data;
  switch (message.reason) {
    case 'build-finished':
      return { kind: 'finished', success: message.success };
    case 'compiler-artifact':
      return {
        kind: 'artifact',
        packageName: packageNameOf(message.package_id),
        fresh: message.fresh,
        executable: message.executable,
        targetName: message.target.name,
      };
    case 'compiler-message':
      // `failure-note` only advertises `rustc --explain`.
      if (message.message.level === 'failure-note') return { kind: 'other' };
      return { kind: 'diagnostic', diagnostic: toDiagnostic(message) };
  }
}

function toDiagnostic({ package_id, message }: z.infer<typeof CompilerMessageSchema>): Diagnostic {
  const suggestions = message.children.flatMap((child) =>
    child.spans.flatMap((span) =>
      typeof span.suggested_replacement !== 'string'
        ? []
        : [
            {
              message: child.message,
              span: toSpan(span),
              replacement: span.suggested_replacement,
              machineApplicable: span.suggestion_applicability === 'MachineApplicable',
            },
          ],
    ),
  );
  return {
    severity: severityOf(message.level),
    message: message.message,
    code: message.code?.code ?? null,
    packageName: packageNameOf(package_id),
    spans: message.spans.map(toSpan),
    notes: message.children
      .filter((child) => child.level !== 'help' || child.spans.length === 0)
      .map((child) => `${child.level}: ${child.message}`),
    suggestions,
    rendered: message.rendered ?? message.message,
  };
}

function toSpan(span: z.infer<typeof CompilerSpanSchema>): SourceSpan {
  return {
    file: span.file_name,
    line: span.line_start,
    column: span.column_start,
    endLine: span.line_end,
    endColumn: span.column_end,
    primary: span.is_primary,
    label: span.label,
  };
}

/** rustc's levels: `error: internal compiler error` and `failure-note` exist beside the plain ones. */
function severityOf(level: string): Diagnostic['severity'] {
  if (level.startsWith('error')) return 'error';
  if (level === 'warning' || level === 'help') return level;
  return 'note';
}

/** `path+file:///x/kernel/abi#ring0-abi@0.1.0`, `…/abi#0.1.0` or the older `ring0-abi 0.1.0 (path+…)`. */
export function packageNameOf(packageId: string): string {
  const fragment = /#(?:([^@]+)@)?[^#]*$/.exec(packageId);
  if (fragment === null) return packageId.split(' ')[0] ?? packageId;
  return fragment[1] ?? packageId.slice(0, fragment.index).split('/').pop() ?? packageId;
}
