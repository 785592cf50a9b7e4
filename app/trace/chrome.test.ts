import { expect, it } from 'vitest';
import type { TraceSpan, TraceSpans } from '../contract/index.ts';
import { chromeTrace } from './chrome.ts';

function span(fields: Partial<TraceSpan>): TraceSpan {
  const base = {
    number: 0,
    token: 7,
    position: 3,
    layer: null,
    operation: 'sample',
    core: 0,
    startTsc: '0x0',
    endTsc: '0x0',
    durationNs: null,
  };
  return { ...base, ...fields };
}

function trace(tscHz: number | null, spans: TraceSpan[]): TraceSpans {
  return { version: 1, tscHz, enabled: true, capacity: 16, written: spans.length, torn: 0, spans, problems: [] };
}

it('counts microseconds from the oldest span, a row per core, beyond the exact range of a double', () => {
  const far = 0xffff_ffff_ffff_0000n;
  const hex = (ticks: bigint) => `0x${ticks.toString(16)}`;
  const result = chromeTrace(
    trace(2e9, [
      span({ number: 2, core: 1, layer: 4, operation: 'qkv', startTsc: hex(far + 3000n), endTsc: hex(far + 5000n) }),
      span({ number: 1, startTsc: hex(far), endTsc: hex(far + 1n) }),
    ]),
  );
  expect(result.traceEvents).toEqual([
    { ph: 'M', name: 'thread_name', pid: 0, tid: 0, args: { name: 'core 0' } },
    { ph: 'M', name: 'thread_name', pid: 0, tid: 1, args: { name: 'core 1' } },
    {
      ph: 'X',
      name: 'qkv 4',
      cat: 'qkv',
      pid: 0,
      tid: 1,
      ts: 1.5,
      dur: 1,
      args: { token: 7, position: 3, layer: 4, number: 2 },
    },
    {
      ph: 'X',
      name: 'sample',
      cat: 'sample',
      pid: 0,
      tid: 0,
      ts: 0,
      dur: 0.0005,
      args: { token: 7, position: 3, layer: null, number: 1 },
    },
  ]);
});

it('leaves out a span that ends before it starts, and takes an unknown clock for one of 1 GHz', () => {
  const result = chromeTrace(
    trace(null, [span({ startTsc: '0x10', endTsc: '0x8' }), span({ number: 1, startTsc: '0x0', endTsc: '0x3e8' })]),
  );
  expect(result.traceEvents.filter((event) => event.ph === 'X')).toMatchObject([{ ts: 0, dur: 1 }]);
});

it('draws nothing of an empty ring', () => {
  expect(chromeTrace(trace(1e9, []))).toEqual({ displayTimeUnit: 'ns', traceEvents: [] });
});
