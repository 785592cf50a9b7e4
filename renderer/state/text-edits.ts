import type { SourceSpan } from '../../app/contract/index.ts';

export interface OffsetEdit {
  /** UTF-16 units from the beginning of the text; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Replacements by rustc's places (lines and columns from 1, columns in characters) as offsets, from the beginning on. Null if one lies
 * outside of the text or two overlap: the text is no longer the one that was compiled.
 */
export function offsetEdits(text: string, edits: readonly { span: SourceSpan; text: string }[]): OffsetEdit[] | null {
  const lines = lineStarts(text);
  const list: OffsetEdit[] = [];
  for (const { span, text: replacement } of edits) {
    const start = offsetAt(text, lines, span.line, span.column);
    const end = offsetAt(text, lines, span.endLine, span.endColumn);
    if (start === null || end === null || end < start) return null;
    list.push({ start, end, text: replacement });
  }
  const sorted = list.toSorted((a, b) => a.start - b.start || a.end - b.end);
  return sorted.some((edit, index) => edit.start < (sorted[index - 1]?.end ?? 0)) ? null : sorted;
}

/** The text with the edits made. */
export function withEdits(text: string, edits: readonly OffsetEdit[]): string {
  let result = '';
  let from = 0;
  for (const edit of edits) {
    result += text.slice(from, edit.start) + edit.text;
    from = edit.end;
  }
  return result + text.slice(from);
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function offsetAt(text: string, lines: readonly number[], line: number, column: number): number | null {
  const start = lines[line - 1];
  if (start === undefined || column < 1) return null;
  const end = (lines[line] ?? text.length + 1) - 1;
  let offset = start;
  for (let passed = 1; passed < column; passed++) {
    if (offset >= end) return null;
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset;
}
