import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import { SerialConsole } from './serial-console.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring0-serial-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A wire: what the guest prints goes in, what the host types comes out. */
function wire() {
  const typed: Buffer[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      typed.push(chunk);
      done();
    },
  });
  return { stream, typed, print: (bytes: string | Buffer) => stream.emit('data', Buffer.from(bytes)) };
}

test('bytes go to listeners and the log, lines are plain text', () => {
  const { stream, typed, print } = wire();
  const log = join(folder, 'serial.log');
  const console = new SerialConsole(stream, log);
  const lines: string[] = [];
  let bytes = '';
  console.onDidReceiveLine((line) => lines.push(line));
  console.onDidReceive((chunk) => (bytes += Buffer.from(chunk).toString('latin1')));
  const text = Buffer.from('\x1b[31mring0: Größe\x1b[0m\r\nring0> \r\x1b[Ksecond\r\nring0> ');
  // Cut within the two bytes of a character and within an escape sequence.
  for (const byte of text) print(Buffer.from([byte]));
  expect(lines).toEqual(['ring0: Größe', 'second']);
  expect(console.tail()).toEqual(['ring0: Größe', 'second', 'ring0>']);
  expect(Buffer.from(bytes, 'latin1')).toEqual(text);
  expect(Buffer.from(console.scrollback())).toEqual(text);
  console.write(Buffer.from('help\r'));
  expect(Buffer.concat(typed).toString()).toBe('help\r');
  console.dispose();
  expect(readFileSync(log)).toEqual(text);
});

test('memory is bounded however much the guest prints', () => {
  const { stream, print } = wire();
  const console = new SerialConsole(stream, join(folder, 'much.log'));
  for (let n = 0; n < 64; n++) print(Buffer.alloc(65536, 'x'));
  expect(console.scrollback().length).toBeLessThanOrEqual(1 << 20);
  expect(console.tail()[0]?.length).toBeLessThanOrEqual(1000);
  console.dispose();
});
