/** How large the built page is: what the first picture needs, and what comes later. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface Chunk {
  readonly name: string;
  readonly bytes: number;
  readonly gzipBytes: number;
  /** Whether the page asks for it before it shows anything: named in index.html, or imported by what is. */
  readonly initial: boolean;
}

/** Every file of a built page, largest first. */
export function chunksOf(directory: string): Chunk[] {
  const assets = join(directory, 'assets');
  const names = readdirSync(assets);
  const text = (name: string) => readFileSync(join(assets, name), 'utf8');
  const named = (source: string) => names.filter((name) => source.includes(name));
  const initial = new Set<string>();
  const waiting = named(readFileSync(join(directory, 'index.html'), 'utf8'));
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (initial.has(name)) continue;
    initial.add(name);
    // `import"./x.js"` and `from"./x.js"` are loaded with the chunk; `import("./x.js")` is not.
    const imported = [...(name.endsWith('.js') ? text(name) : '').matchAll(/(?:from|import)"\.\/([^"]+)"/g)];
    waiting.push(...imported.map(([, other = '']) => other).filter((other) => names.includes(other)));
  }
  return names
    .map((name) => {
      const content = readFileSync(join(assets, name));
      return { name, bytes: content.length, gzipBytes: gzipSync(content).length, initial: initial.has(name) };
    })
    .sort((a, b) => b.bytes - a.bytes);
}

export function total(chunks: readonly Chunk[]): { readonly bytes: number; readonly gzipBytes: number } {
  return {
    bytes: chunks.reduce((sum, { bytes }) => sum + bytes, 0),
    gzipBytes: chunks.reduce((sum, { gzipBytes }) => sum + gzipBytes, 0),
  };
}
