import { create } from 'zustand';
import type { CodeSymbol } from '../../app/contract/language.ts';

/** The symbols of the file that was last worked in; renderer/editors/symbols.ts keeps it. */
export interface FileSymbols {
  readonly path: string;
  readonly symbols: readonly CodeSymbol[];
  /** Who says so; `none`: nobody knows this language. */
  readonly source: 'server' | 'scan' | 'none';
}

export const useSymbols = create<{ readonly current: FileSymbols | null }>(() => ({ current: null }));

/** Codicons of the kinds. */
export const SYMBOL_ICONS: Readonly<Record<CodeSymbol['kind'], string>> = {
  module: 'symbol-namespace',
  function: 'symbol-method',
  method: 'symbol-method',
  struct: 'symbol-structure',
  enum: 'symbol-enum',
  variant: 'symbol-enum-member',
  trait: 'symbol-interface',
  impl: 'symbol-class',
  type: 'symbol-parameter',
  constant: 'symbol-constant',
  static: 'symbol-constant',
  field: 'symbol-field',
  macro: 'symbol-keyword',
  label: 'symbol-event',
  section: 'symbol-array',
  variable: 'symbol-variable',
  other: 'symbol-misc',
};

/** The symbol whose lines a line lies in: the innermost. */
export function symbolAt(symbols: readonly CodeSymbol[], line: number): number {
  let found = -1;
  for (let index = 0; index < symbols.length; index += 1) {
    const symbol = symbols[index];
    if (symbol === undefined || symbol.line > line) break;
    if (symbol.endLine >= line) found = index;
  }
  return found;
}
