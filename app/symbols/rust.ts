import type { CodeSymbol, SymbolKind } from '../contract/language.ts';
import { type Draft, finish, MAX_SYMBOLS } from './tree.ts';

/**
 * Items of Rust (the reference, "Items") by their first words, with braces counted for where they end. Comments and literals are
 * blanked first, so that neither a brace in a string nor a `fn` in a comment counts.
 */

const NAME = '(?:r#)?[\\p{L}_][\\p{L}\\p{N}_]*';
const MODIFIERS = '(?:(?:pub(?:\\([^)]*\\))?|default|const|async|unsafe|safe|extern(?:\\s*"[^"]*")?)\\s+)*';
const ITEM = new RegExp(
  `^[\\t ]*(?:#!?\\[[^\\]]*\\]\\s*)*${MODIFIERS}(?:(fn|struct|enum|union|trait|mod|type|static(?:\\s+mut)?|const)\\s+(${NAME})|(macro_rules!)\\s*(${NAME})|(impl)\\b)`,
  'u',
);

const KINDS: Readonly<Record<string, SymbolKind>> = {
  fn: 'function',
  struct: 'struct',
  union: 'struct',
  enum: 'enum',
  trait: 'trait',
  mod: 'module',
  type: 'type',
  static: 'static',
  const: 'constant',
};

export function scanRust(text: string): CodeSymbol[] {
  const blanked = blank(text);
  const lines = blanked.split('\n');
  const whole = text.split('\n');
  const drafts: Draft[] = [];
  /** Items whose end has not come, with the depth of braces that they began in. */
  const open: { draft: Draft; braces: number; entered: boolean }[] = [];
  let braces = 0;
  lines.forEach((line, index) => {
    const item = drafts.length < MAX_SYMBOLS ? itemOf(line, lines, index, whole) : null;
    if (item !== null) {
      const inside = open.filter(({ entered }) => entered).at(-1)?.draft;
      const isMethod = item.kind === 'function' && (inside?.kind === 'impl' || inside?.kind === 'trait');
      const draft: Draft = {
        ...item,
        kind: isMethod ? 'method' : item.kind,
        depth: open.filter(({ entered }) => entered).length,
        line: index + 1,
        endLine: index + 1,
        endColumn: line.length + 1,
      };
      // An item that never got a body has ended where the next begins.
      while (open.at(-1)?.entered === false) open.pop();
      drafts.push(draft);
      open.push({ draft, braces, entered: false });
    }
    let brackets = 0;
    for (let at = 0; at < line.length; at += 1) {
      const letter = line[at];
      if (letter === '(' || letter === '[') brackets += 1;
      else if (letter === ')' || letter === ']') brackets -= 1;
      else if (letter === '{') {
        braces += 1;
        const last = open.at(-1);
        if (last !== undefined && !last.entered) last.entered = true;
      } else if (letter === '}') {
        braces = Math.max(0, braces - 1);
        const last = open.at(-1);
        if (last?.entered && braces <= last.braces) close(open, index, at);
      } else if (letter === ';' && brackets <= 0) {
        const last = open.at(-1);
        if (last !== undefined && !last.entered && braces === last.braces) close(open, index, at);
      }
    }
  });
  return drafts.map(finish);
}

function close(open: { draft: Draft }[], line: number, at: number): void {
  const last = open.pop();
  if (last === undefined) return;
  last.draft.endLine = line + 1;
  last.draft.endColumn = at + 2;
}

function itemOf(
  line: string,
  lines: readonly string[],
  index: number,
  whole: readonly string[],
): Pick<Draft, 'name' | 'kind' | 'column' | 'detail'> | null {
  const match = ITEM.exec(line);
  if (match === null) return null;
  const [, word, name, macro, macroName, impl] = match;
  if (impl !== undefined) {
    // `impl<T> Trait for Type where …` may go over several lines; the name is what stands before `where` and the brace.
    const rest = lines.slice(index, index + 8).join(' ');
    const head = rest.slice(rest.indexOf('impl')).split(/\{|\bwhere\b/)[0] ?? 'impl';
    return { name: head.replace(/\s+/g, ' ').trim().slice(0, 200), kind: 'impl', column: line.indexOf('impl') + 1 };
  }
  const found = macroName ?? name ?? '';
  const kind = macro === undefined ? (KINDS[word?.split(/\s/)[0] ?? ''] ?? 'other') : 'macro';
  // `const _: () = …` asserts something and names nothing; `const fn` is read as a function by its own word.
  if (found === '_' || found === 'fn') return null;
  const column = line.indexOf(found, match.index + match[0].length - found.length) + 1;
  const after = kind === 'function' ? (whole[index]?.slice(column - 1 + found.length) ?? '') : '';
  return { name: found, kind, column, detail: after.replace(/\s*\{.*$/, '').slice(0, 200) };
}

/** The text with comments, strings and characters as blanks of the same length; newlines stay. */
export function blank(text: string): string {
  const pattern =
    /\/\/[^\n]*|\/\*|\bb?c?r(#*)"|"(?:[^"\\]|\\[\s\S])*"?|'(?:[^'\\\n]|\\(?:[nrt0\\'"]|x[\da-fA-F]{2}|u\{[\da-fA-F_]{1,8}\}))'/g;
  let result = '';
  let from = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const start = match.index;
    let end = start + match[0].length;
    if (match[0] === '/*') end = endOfComment(text, start);
    else if (match[1] !== undefined) {
      const close = text.indexOf(`"${match[1]}`, end);
      end = close < 0 ? text.length : close + 1 + match[1].length;
    }
    result += text.slice(from, start) + text.slice(start, end).replace(/[^\n]/g, ' ');
    from = end;
    pattern.lastIndex = end;
  }
  return result + text.slice(from);
}

/** Block comments nest. */
function endOfComment(text: string, start: number): number {
  const pattern = /\/\*|\*\//g;
  pattern.lastIndex = start;
  let depth = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return pattern.lastIndex;
  }
  return text.length;
}
