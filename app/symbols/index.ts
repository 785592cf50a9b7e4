import type { CodeSymbol } from '../contract/language.ts';
import { scanAssembly } from './assembly.ts';
import { scanLinkerScript } from './linker-script.ts';
import { scanRust } from './rust.ts';

export { chainAt, nestByEnd } from './tree.ts';

/** Beyond this a scan would hold up the page. */
const MAX_LENGTH = 2_000_000;

const SCANS: Readonly<Record<string, (text: string) => CodeSymbol[]>> = {
  rust: scanRust,
  x86asm: scanAssembly,
  linkerscript: scanLinkerScript,
};

/** Whether `scanSymbols` knows a language, by Monaco's name of it. */
export function hasScan(language: string): boolean {
  return language in SCANS;
}

/** The named things of a text, found without a language server: light-weight, and never wrong about where something stands. */
export function scanSymbols(text: string, language: string): CodeSymbol[] {
  const scan = SCANS[language];
  return scan === undefined || text.length > MAX_LENGTH ? [] : scan(text);
}
