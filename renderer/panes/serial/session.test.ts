import { expect, test, vi } from 'vitest';
import type { SerialChunk } from '../../../app/contract/studio.ts';
import { type SerialEvent, SerialSession } from './session.ts';

const chunk = (offset: number, text: string, ended = false): SerialChunk => ({ offset, data: btoa(text), ended });

/** A host whose streams give these chunks, one list for each time that it is asked. */
function host(...streams: SerialChunk[][]) {
  const froms: number[] = [];
  const written: string[] = [];
  return {
    froms,
    written,
    connected: async () => {},
    write: async (text: string) => {
      written.push(text);
    },
    open: async (from: number) => {
      froms.push(from);
      const list = streams.shift() ?? [chunk(from, '', true)];
      return (async function* () {
        yield* list;
      })();
    },
  };
}

const text = (events: SerialEvent[]) =>
  events.map((event) => (event.kind === 'bytes' ? new TextDecoder().decode(event.bytes) : event.kind)).join('|');

test('a lost stream goes on where it was, without repeating', async () => {
  const fake = host([chunk(0, 'boot ')], [chunk(2, 'ot ring0'), chunk(10, '!', true)]);
  const session = new SerialSession(fake);
  const events: SerialEvent[] = [];
  session.listen((event) => events.push(event));
  await vi.waitFor(() => expect(session.ended).toBe(true), 5000);
  expect(fake.froms).toEqual([0, 5]);
  expect(text(events)).toBe('boot |ring0|!|ended');
  // Who comes late sees the same.
  const late: SerialEvent[] = [];
  session.listen((event) => late.push(event));
  expect(text(late)).toBe('boot |ring0|!|ended');
});

test('what is missing is said', async () => {
  const session = new SerialSession(host([chunk(0, 'a'), chunk(100, 'b', true)]));
  const events: SerialEvent[] = [];
  session.listen((event) => events.push(event));
  await vi.waitFor(() => expect(session.ended).toBe(true));
  expect(events).toContainEqual({ kind: 'gap', bytes: 99 });
});

test('what is typed arrives in order and nothing is typed at a machine that is gone', async () => {
  const fake = host();
  fake.open = () => new Promise(() => {});
  const session = new SerialSession(fake);
  session.type('he');
  session.type('lp');
  session.type('\r');
  await vi.waitFor(() => expect(fake.written.join('')).toBe('help\r'));
  session.dispose();
});
