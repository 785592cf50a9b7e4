import { expect, test } from 'vitest';
import { encodeFrame, FrameError, FrameReader } from './frames.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('messages arrive whole however their bytes are cut', () => {
  const stream = [...encodeFrame({ id: 1, text: 'ä€😀' }), ...encodeFrame([2])];
  for (const size of [1, 2, 3, 7, stream.length]) {
    const reader = new FrameReader();
    const seen: unknown[] = [];
    for (let at = 0; at < stream.length; at += size)
      seen.push(...reader.push(Uint8Array.from(stream.slice(at, at + size))));
    expect(seen).toEqual([{ id: 1, text: 'ä€😀' }, [2]]);
  }
});

test('other header lines and the case of letters do not matter', () => {
  const reader = new FrameReader();
  expect(reader.push(bytes('Content-Type: x\r\ncontent-length: 2\r\n\r\n{}'))).toEqual([{}]);
});

test.each([
  ['no length', 'Content-Type: x\r\n\r\n'],
  ['a length beyond all measure', 'Content-Length: 9999999999\r\n\r\n'],
  ['a header without an end', 'x'.repeat(5000)],
  ['no JSON', 'Content-Length: 3\r\n\r\n{]}'],
])('%s is refused', (_, text) => {
  expect(() => new FrameReader().push(bytes(text))).toThrow(FrameError);
});
