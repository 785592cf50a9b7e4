import { describe, expect, test } from 'vitest';
import { formatCommand, idAtEnd, LineSplitter, parseJsonWithBigints, parseQmp } from './qmp.ts';

describe('messages', () => {
  test('each kind is told apart', () => {
    const lines = [
      '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}',
      '{"return": {}, "id": 1}',
      '{"return": {"status": "running"}, "id": 2}',
      '{"id": 3, "error": {"class": "GenericError", "desc": "no"}}',
      '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}',
      '{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}',
    ];
    expect(lines.map((line) => parseQmp(line))).toEqual(
      [
        { kind: 'greeting', version: '7.2.22' },
        { kind: 'return', id: 1, value: {} },
        { kind: 'return', id: 2, value: { status: 'running' } },
        { kind: 'error', id: 3, errorClass: 'GenericError', description: 'no' },
        { kind: 'event', name: 'STOP', data: {} },
        { kind: 'event', name: 'SHUTDOWN', data: { guest: true, reason: 'guest-reset' } },
      ].map((value) => ({ ok: true, value })),
    );
  });

  test('anything else is an error', () => {
    for (const line of ['{', '[]', '1', 'null', '{"event": 5}', '{"QMP": {}}']) expect(parseQmp(line).ok).toBe(false);
  });
});

describe('integers', () => {
  test('64-bit addresses survive both ways, digits in strings are left alone', () => {
    const text =
      '{"a":18446744073709551615,"b":-9223372036854775808,"c":"18446744073709551615","d":12,"e":1.5,"f":"\\"18446744073709551615"}';
    expect(parseJsonWithBigints(text)).toEqual({
      a: 0xffff_ffff_ffff_ffffn,
      b: -(2n ** 63n),
      c: '18446744073709551615',
      d: 12,
      e: 1.5,
      f: '"18446744073709551615',
    });
    expect(formatCommand('memsave', { val: -0x7fe0_0000n, size: 8 }, 4)).toBe(
      '{"execute":"memsave","arguments":{"val":-2145386496,"size":8},"id":4}\n',
    );
  });
});

describe('lines', () => {
  test('come whole however the stream is cut', () => {
    const splitter = new LineSplitter();
    const text = '{"a":1}\r\n\r\n{"b":2}\n{"c"';
    const lines = [...text].flatMap((character) => splitter.push(character));
    expect([lines, splitter.end(), splitter.end()]).toEqual([['{"a":1}', '{"b":2}'], ['{"c"'], []]);
  });

  test('an endless line is refused', () => {
    expect(() => new LineSplitter(8).push('123456789')).toThrow('more than 8');
  });

  test('an endless line is dropped where somebody hears of its end, and the next one comes whole', () => {
    const long = `{"return": "${'x'.repeat(1000)}", "id": 17}`;
    const stream = `{"a":1}\n${long}\r\n{"b":2}\n`;
    for (const size of [1, 7, 64, 5000]) {
      const tails: string[] = [];
      const splitter = new LineSplitter(100, (tail) => tails.push(tail));
      const lines: string[] = [];
      for (let at = 0; at < stream.length; at += size) lines.push(...splitter.push(stream.slice(at, at + size)));
      // A piece that has all of it in one costs no more than it did.
      expect(lines.filter((it) => it.length < 100)).toEqual(['{"a":1}', '{"b":2}']);
      expect(size === 5000 ? [17] : tails.map(idAtEnd)).toEqual([17]);
    }
    expect(idAtEnd('{"event": "STOP"}')).toBeUndefined();
  });
});
