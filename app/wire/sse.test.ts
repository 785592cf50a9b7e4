import { expect, test } from 'vitest';
import { SseParser } from './sse.ts';

const STREAM =
  ': ping\n\ndata: {"a":1}\n\nevent: error\r\ndata:one\r\ndata: two\r\n\r\nid: 3\nretry: 5\n\ndata\n\ndata: [DONE]\n\ndata: cut';
const EVENTS = [
  { event: 'message', data: '{"a":1}' },
  { event: 'error', data: 'one\ntwo' },
  { event: 'message', data: '' },
  { event: 'message', data: '[DONE]' },
];

test('events come whole however the stream is cut', () => {
  for (let size = 1; size <= STREAM.length; size++) {
    const parser = new SseParser();
    const events = [];
    for (let at = 0; at < STREAM.length; at += size) events.push(...parser.push(STREAM.slice(at, at + size)));
    expect(events).toEqual(EVENTS);
  }
});

test('an endless event is refused', () => {
  const parser = new SseParser();
  expect(() => {
    for (let n = 0; n < 5; n++) parser.push(`data: ${'x'.repeat(1 << 20)}\n`);
  }).toThrow('4 Mi');
});
