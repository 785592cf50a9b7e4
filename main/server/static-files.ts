import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.ttf': 'font/ttf',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.map': 'application/json; charset=utf-8',
};

/** One part of a path: what a build writes, and never a hidden file. */
const PART = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}$/;
/** Vite puts a digest of the content into these names. */
const HASHED = /^assets\/.*-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/;

export interface StaticFile {
  readonly headers: Record<string, string>;
  open(): ReturnType<typeof createReadStream>;
}

/**
 * Finds a file of a built page. A path is not cleaned but refused unless each of its parts is a plain name, and what it comes to must
 * really lie in the directory.
 * @param pathname of the address, still encoded
 */
export async function findStaticFile(directory: string, pathname: string): Promise<StaticFile | undefined> {
  const path = pathname === '/' ? 'index.html' : pathname.slice(1);
  const parts = path.split('/');
  if (parts.length > 8 || !parts.every((part) => PART.test(part))) return undefined;
  const type = TYPES[extname(path)];
  if (type === undefined) return undefined;
  try {
    const root = await realpath(directory);
    const real = await realpath(join(root, ...parts));
    if (!real.startsWith(root + sep)) return undefined;
    const info = await stat(real);
    if (!info.isFile()) return undefined;
    return {
      headers: {
        'content-type': type,
        'content-length': String(info.size),
        'cache-control': HASHED.test(path) ? 'private, max-age=31536000, immutable' : 'no-store',
      },
      open: () => createReadStream(real),
    };
  } catch {
    return undefined;
  }
}
