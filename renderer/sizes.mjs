/**
 * `npm run sizes`: builds the page in memory and prints what it weighs: each file, raw and as it travels (gzip), when it is loaded, and
 * what the first ones are made of. `--json` for machines. Plain JavaScript, since it runs beside the page's own build.
 */
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const result = await build({
  configFile: new URL('vite.config.ts', import.meta.url).pathname,
  logLevel: 'error',
  build: { write: false },
});
const output = (Array.isArray(result) ? result : [result]).flatMap((each) => each.output);
const bytesOf = (item) => (item.type === 'chunk' ? Buffer.from(item.code) : Buffer.from(item.source));

const chunks = new Map(output.filter((item) => item.type === 'chunk').map((item) => [item.fileName, item]));
/** The page's own file and everything that it imports before it runs. */
const start = new Set();
const visit = (name) => {
  if (start.has(name) || !chunks.has(name)) return;
  start.add(name);
  for (const next of chunks.get(name).imports) visit(next);
};
for (const chunk of chunks.values()) if (chunk.isEntry && !/worker/.test(chunk.fileName)) visit(chunk.fileName);
/** What the first editor needs on top. */
const editor = new Set();
const gather = (name) => {
  if (start.has(name) || editor.has(name) || !chunks.has(name)) return;
  editor.add(name);
  for (const next of chunks.get(name).imports) gather(next);
};
for (const name of chunks.keys()) if (/FileEditor/.test(name)) gather(name);

const styles = new Set([...start].flatMap((name) => [...(chunks.get(name).viteMetadata?.importedCss ?? [])]));
const whenOf = (name) =>
  start.has(name) || styles.has(name) || name === 'index.html'
    ? 'start'
    : editor.has(name)
      ? 'first editor'
      : 'on demand';
const files = output
  .filter((item) => !item.fileName.endsWith('.map'))
  .map((item) => {
    const bytes = bytesOf(item);
    return { file: item.fileName, bytes: bytes.length, gzip: gzipSync(bytes).length, loaded: whenOf(item.fileName) };
  })
  .sort((a, b) => b.bytes - a.bytes);

/** What the start is made of, by package; our own code by folder. */
const parts = new Map();
for (const name of start)
  for (const [id, { renderedLength }] of Object.entries(chunks.get(name).modules)) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)(?!.*node_modules)/.exec(id)?.[1];
    const own = /\/((?:renderer|app)\/[^/]+)/.exec(id)?.[1];
    const part = found ?? own ?? 'other';
    parts.set(part, (parts.get(part) ?? 0) + renderedLength);
  }
const startParts = [...parts].map(([part, bytes]) => ({ part, bytes })).sort((a, b) => b.bytes - a.bytes);

const total = (loaded, key) => files.filter((file) => file.loaded === loaded).reduce((sum, file) => sum + file[key], 0);
const totals = Object.fromEntries(
  ['start', 'first editor', 'on demand'].map((when) => [
    when,
    { bytes: total(when, 'bytes'), gzip: total(when, 'gzip') },
  ]),
);

if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ files, totals, startParts }, null, 2));
} else {
  const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`.padStart(12);
  console.log(`${'raw'.padStart(12)}${'gzip'.padStart(12)}  loaded        file`);
  for (const { file, bytes, gzip, loaded } of files)
    console.log(`${kib(bytes)}${kib(gzip)}  ${loaded.padEnd(12)}  ${file}`);
  console.log('');
  for (const [when, { bytes, gzip }] of Object.entries(totals)) console.log(`${kib(bytes)}${kib(gzip)}  ${when}`);
  console.log('\nThe start is made of (before minifying):');
  for (const { part, bytes } of startParts.slice(0, 24)) console.log(`${kib(bytes)}  ${part}`);
}
