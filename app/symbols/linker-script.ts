import type { CodeSymbol } from '../contract/language.ts';
import { type Draft, finish, MAX_SYMBOLS } from './tree.ts';

/** Output sections, memory regions, program headers and assigned symbols of a GNU linker script. */

const BLOCK = /^\s*(SECTIONS|MEMORY|PHDRS|VERSION|OVERLAY)\b/;
const SECTION = /^\s*(\.?[A-Za-z_][\w.$-]*|\/DISCARD\/)\s*(?:[^:;={}]*?):/;
const REGION = /^\s*([A-Za-z_]\w*)\s*(?:\([^)]*\))?\s*:\s*ORIGIN/i;
const HEADER = /^\s*([A-Za-z_]\w*)\s+PT_/;
const ASSIGNED = /(?<![\w.$"])([A-Za-z_][\w.$]*)\s*=(?!=)/g;

export function scanLinkerScript(text: string): CodeSymbol[] {
  const lines = text.replace(/\/\*[\s\S]*?(?:\*\/|$)/g, (comment) => comment.replace(/[^\n]/g, ' ')).split('\n');
  const drafts: Draft[] = [];
  const open: { draft: Draft; braces: number }[] = [];
  let braces = 0;
  let block = '';
  /** What the next brace opens. */
  let waiting: Draft | null = null;
  lines.forEach((line, index) => {
    if (drafts.length >= MAX_SYMBOLS) return;
    const add = (name: string, kind: Draft['kind'], column: number): Draft => {
      const draft: Draft = {
        name,
        kind,
        depth: open.length,
        line: index + 1,
        column,
        endLine: index + 1,
        endColumn: line.length + 1,
      };
      drafts.push(draft);
      return draft;
    };
    const named = BLOCK.exec(line)?.[1];
    if (named !== undefined) {
      block = named;
      waiting = add(named, 'module', line.indexOf(named) + 1);
    } else if (braces === 1) {
      const pattern = block === 'MEMORY' ? REGION : block === 'PHDRS' ? HEADER : block === 'SECTIONS' ? SECTION : null;
      const found = pattern?.exec(line)?.[1];
      if (found !== undefined && found !== '.')
        waiting = add(found, block === 'SECTIONS' ? 'section' : 'variable', line.indexOf(found) + 1);
    }
    const assignments = block === 'MEMORY' && (braces > 0 || named !== undefined) ? [] : [...line.matchAll(ASSIGNED)];
    for (let at = 0; at < line.length; at += 1) {
      const assigned = assignments.find((match) => match.index === at)?.[1];
      if (assigned !== undefined) add(assigned, 'variable', at + 1);
      if (line[at] === '{') {
        if (waiting !== null) open.push({ draft: waiting, braces });
        waiting = null;
        braces += 1;
      } else if (line[at] === '}') {
        braces = Math.max(0, braces - 1);
        const last = open.at(-1);
        if (last === undefined || braces > last.braces) continue;
        open.pop();
        last.draft.endLine = index + 1;
        last.draft.endColumn = at + 2;
      }
    }
  });
  return drafts.map(finish);
}
