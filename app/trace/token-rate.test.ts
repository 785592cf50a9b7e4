import { expect, test } from 'vitest';
import type { TraceSpan } from '../contract/records.ts';
import { tokenRate } from './token-rate.ts';

const span = (token: number, endMs: number, operation = 'sample'): TraceSpan => ({
  number: token,
  token,
  position: token,
  layer: null,
  operation,
  core: 0,
  startTsc: '0x1',
  endTsc: `0x${(endMs * 1_000_000).toString(16)}`,
  durationNs: null,
});
const tscHz = 1e9;

test('ten tokens with 5 ms between them are 200 a second', () => {
  const spans = Array.from({ length: 10 }, (_, n) => span(n + 1, 1000 + n * 5));
  expect(tokenRate({ spans, tscHz })).toEqual({ tokensPerSecond: 200, tokens: 10 });
});

test('only the tokens since the last pause count, and other operations do not', () => {
  const old = [span(1, 10), span(2, 2000)];
  const spans = [...old, span(3, 9000), span(4, 9010), span(5, 9020), span(6, 9015, 'logits')];
  expect(tokenRate({ spans, tscHz })).toEqual({ tokensPerSecond: 100, tokens: 6 });
});

test('nothing is made up: no clock, no tokens, one token', () => {
  expect(tokenRate({ spans: [], tscHz })).toEqual({ tokensPerSecond: null, tokens: null });
  expect(tokenRate({ spans: [span(1, 1), span(2, 2), span(3, 3)], tscHz: null }).tokensPerSecond).toBeNull();
  expect(tokenRate({ spans: [span(1, 1)], tscHz }).tokensPerSecond).toBeNull();
});
