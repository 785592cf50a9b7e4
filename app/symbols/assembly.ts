import type { CodeSymbol } from '../contract/language.ts';
import { type Draft, nestByEnd } from './tree.ts';

/** Sections, macros and labels of x86 assembly, as GNU as and NASM write them. A section holds what follows it. */

const SECTION =
  /^\s*(?:\.section\s+([^\s,;]+)|(\.text|\.data|\.bss|\.rodata)\b|\[?\s*(?:section|segment)\s+([^\s\]]+))/i;
const MACRO = /^\s*(?:\.macro\s+|%i?macro\s+)([\w.$@?]+)/i;
const LABEL = /^\s*([A-Za-z_.$@?][\w.$@?]*):/;
const EQU = /^\s*(?:(?:\.set|\.equ)\s+([\w.$]+)\s*,|%define\s+([\w.$]+)|#\s*define\s+([\w.$]+)|([\w.$]+)\s+equ\b)/i;
const GLOBAL = /^\s*\.?(?:globl|global)\s+(.+?)(?:\s*[;#/].*)?$/i;

export function scanAssembly(text: string): CodeSymbol[] {
  const lines = text.split('\n');
  const exported = new Set<string>();
  for (const line of lines) for (const name of GLOBAL.exec(line)?.[1]?.split(/[\s,]+/) ?? []) exported.add(name);
  const drafts: Draft[] = [];
  let depth = 0;
  let inComment = false;
  lines.forEach((raw, index) => {
    const line = inComment ? raw.replace(/^.*?\*\//, (it) => ' '.repeat(it.length)) : raw;
    if (inComment && line === raw) return;
    inComment = /\/\*(?!.*\*\/)/.test(line);
    const add = (name: string, kind: Draft['kind'], at: number, detail = '') =>
      drafts.push({
        name,
        kind,
        detail,
        depth: at,
        line: index + 1,
        column: line.indexOf(name) + 1,
        endLine: 0,
        endColumn: 0,
      });
    const section = SECTION.exec(line);
    const sectionName = section?.[1] ?? section?.[2] ?? section?.[3];
    if (sectionName !== undefined) {
      add(sectionName.replace(/^"|"$/g, ''), 'section', 0);
      depth = 1;
      return;
    }
    const macro = MACRO.exec(line)?.[1];
    if (macro !== undefined) {
      add(macro, 'macro', depth);
      return;
    }
    const constant = EQU.exec(line);
    const constantName = constant?.[1] ?? constant?.[2] ?? constant?.[3] ?? constant?.[4];
    if (constantName !== undefined) {
      add(constantName, 'constant', depth);
      return;
    }
    const label = LABEL.exec(line)?.[1];
    // `.L…` are the compiler's, and NASM's local labels begin with a dot: they belong to the label before them.
    if (label === undefined || label.startsWith('.L')) return;
    const isLocal = label.startsWith('.') && drafts.some(({ kind }) => kind === 'label');
    add(label, 'label', isLocal ? depth + 1 : depth, exported.has(label) ? 'global' : '');
  });
  return nestByEnd(drafts, lines);
}
