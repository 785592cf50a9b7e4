import { beforeAll, describe, expect, it } from 'vitest';
import { ensurePage } from '../../main/server/page.ts';
import { type Chunk, chunksOf, total } from '../perf/bundle.ts';
import { expectOk } from '../support/lab.ts';
import { root } from '../support/project.ts';

/** What the page may weigh: a quarter above what it did when this was written. Monaco and xterm come after the first picture. */
const FIRST_GZIP_BYTES = 620_000;
const ALL_GZIP_BYTES = 2_400_000;

describe('the built page', () => {
  let chunks: Chunk[] = [];
  beforeAll(async () => {
    chunks = chunksOf(expectOk(await ensurePage(root, () => {})));
  });

  it('is shown before Monaco has come', () => {
    const first = chunks.filter(({ initial }) => initial).map(({ name }) => name);
    expect(first.some((name) => name.startsWith('index-') && name.endsWith('.js'))).toBe(true);
    expect(first.filter((name) => /^(monaco|editor)/.test(name))).toEqual([]);
  });

  it('carries one font of icons', () => {
    expect(chunks.filter(({ name }) => /\.(ttf|woff2?)$/.test(name))).toHaveLength(1);
  });

  it('stays within its budget', () => {
    expect(total(chunks.filter(({ initial }) => initial)).gzipBytes).toBeLessThan(FIRST_GZIP_BYTES);
    expect(total(chunks).gzipBytes).toBeLessThan(ALL_GZIP_BYTES);
  });
});
