import { expect, test } from 'vitest';
import { ByteTape, type TapePiece } from './byte-tape.ts';
import { decodeUtf8, encodeUtf8 } from './bytes.ts';

const text = ({ offset, bytes }: TapePiece) => `${offset}:${decodeUtf8(bytes)}`;

async function all(pieces: AsyncIterable<TapePiece>): Promise<string[]> {
  const found: string[] = [];
  for await (const piece of pieces) found.push(text(piece));
  return found;
}

test('every reader has its own place, and one who comes back goes on there', async () => {
  const tape = new ByteTape(100);
  tape.append(encodeUtf8('hello '));
  const early = all(tape.read(0, { maxBytes: 4 }));
  tape.append(encodeUtf8('world'));
  const late = all(tape.read(8));
  tape.append(encodeUtf8('!'));
  tape.finish();
  expect(await early).toEqual(['0:hell', '4:o wo', '8:rld!']);
  expect(await late).toEqual(['8:rld', '11:!']);
  expect(await all(tape.read(1e9))).toEqual([]);
});

test('the past is bounded: whoever is too late begins with what is left, and sees by the offset what is not', async () => {
  const tape = new ByteTape(10);
  for (let n = 0; n < 10_000; n += 1) tape.append(encodeUtf8(String(n % 10)));
  tape.finish();
  expect(await all(tape.read(3))).toEqual(['9990:0123456789']);
});

test('a signal ends a reader that waits', async () => {
  const tape = new ByteTape(10);
  const controller = new AbortController();
  const reading = all(tape.read(0, { signal: controller.signal }));
  controller.abort();
  expect(await reading).toEqual([]);
});
