import { expect, test } from 'vitest';
import { ok } from '../../../app/base/result.ts';
import { type SearchQuestion, searchMemory } from './search.ts';
import type { InspectTarget } from './target.ts';

const GIB = 1n << 30n;

/** RAM of which every byte is zero, but for a word in each piece that is read. */
function machine(access: InspectTarget['access'], ...regions: { start: bigint; bytes: bigint }[]) {
  const reads: { address: bigint; size: number }[] = [];
  const target = {
    access,
    regions,
    async bytes(address: bigint, size: number) {
      reads.push({ address, size });
      return ok(new Uint8Array(size).fill(address === 0x10_0000n ? 0 : 7, size - 2));
    },
  } as unknown as InspectTarget;
  return { target, reads };
}

async function all(target: InspectTarget, question: Partial<SearchQuestion> = {}, signal?: AbortSignal) {
  const events = [];
  const asked = { space: 'physical', processor: 0, pattern: Uint8Array.of(7, 7), limit: 10, ...question } as const;
  for await (const event of searchMemory(target, asked, { signal })) events.push(event);
  return events;
}

test('through a gdb stub pieces are small, and what would hold the machine too long is refused before it is read', async () => {
  const { target, reads } = machine('gdb', { start: 0n, bytes: 3n << 20n }, { start: 4n * GIB, bytes: 1n << 19n });
  const events = await all(target);
  expect(events.flatMap((it) => (it.kind === 'match' ? [it.address] : []))).toEqual([
    ...['0xffffe', '0x2ffffe'],
    '0x10007fffe',
  ]);
  expect(reads.map(({ size }) => size)).toEqual([1 << 20, 1 << 20, 1 << 20, 1 << 19]);
  expect(events.at(-1)).toEqual({ kind: 'finished', matches: 3, more: false });
  const large = machine('gdb', { start: 0n, bytes: 17n * GIB });
  expect(await all(large.target)).toMatchObject([{ kind: 'failed', error: { code: 'too-much' } }]);
  expect(large.reads).toEqual([]);
});

test('the first that is one too many ends it, and so does its reader', async () => {
  const few = machine('ram-file', { start: 0n, bytes: 17n * GIB });
  expect((await all(few.target, { limit: 2 })).at(-1)).toEqual({ kind: 'finished', matches: 2, more: true });
  expect(few.reads).toHaveLength(2);
  const cancel = new AbortController();
  cancel.abort();
  const { target, reads } = machine('gdb', { start: 0n, bytes: GIB });
  expect(await all(target, {}, cancel.signal)).toMatchObject([{ kind: 'failed', error: { code: 'cancelled' } }]);
  expect(reads).toEqual([]);
});
