import { expect, test, vi } from 'vitest';
import { type ConsoleChunk, type ConsoleEvent, ConsoleSession } from './console-session.ts';

const chunk = (offset: number, text: string, ended = false): ConsoleChunk => ({ offset, data: btoa(text), ended });

/** A host whose streams give these chunks, one list for each time that it is asked. */
function host(...streams: ConsoleChunk[][]) {
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

const text = (events: ConsoleEvent[]) =>
  events.map((event) => (event.kind === 'bytes' ? new TextDecoder().decode(event.bytes) : event.kind)).join('|');

test('a lost stream goes on where it was, without repeating', async () => {
  const fake = host([chunk(0, 'boot ')], [chunk(2, 'ot ring0'), chunk(10, '!', true)]);
  const session = new ConsoleSession(fake);
  const events: ConsoleEvent[] = [];
  session.listen((event) => events.push(event));
  await vi.waitFor(() => expect(session.ended).toBe(true), 5000);
  expect(fake.froms).toEqual([0, 5]);
  expect(text(events)).toBe('boot |ring0|!|ended');
  // Who comes late sees the same.
  const late: ConsoleEvent[] = [];
  session.listen((event) => late.push(event));
  expect(text(late)).toBe('boot |ring0|!|ended');
});

test('what is missing is said', async () => {
  const session = new ConsoleSession(host([chunk(0, 'a'), chunk(100, 'b', true)]));
  const events: ConsoleEvent[] = [];
  session.listen((event) => events.push(event));
  await vi.waitFor(() => expect(session.ended).toBe(true));
  expect(events).toContainEqual({ kind: 'gap', bytes: 99 });
});

test('what is typed arrives in order and nothing is typed at a machine that is gone', async () => {
  const fake = host();
  fake.open = () => new Promise(() => {});
  const session = new ConsoleSession(fake);
  session.type('he');
  session.type('lp');
  session.type('\r');
  await vi.waitFor(() => expect(fake.written.join('')).toBe('help\r'));
  session.dispose();
});

test('the host hears how far the page has shown, and waits for nobody who shows nothing', async () => {
  const acknowledged: number[] = [];
  const stream = [chunk(0, 'x'.repeat(100_000)), chunk(100_000, 'y'.repeat(100_000)), chunk(200_000, 'z', true)];
  const fake = { ...host(stream), acknowledge: async (offset: number) => acknowledged.push(offset) };
  const session = new ConsoleSession(fake);
  let waiting = 0;
  const listening = session.listen(
    (event) => {
      if (event.kind === 'bytes') waiting += event.bytes.length;
    },
    () => waiting,
  );
  await vi.waitFor(() => expect(session.ended).toBe(true));
  expect(acknowledged).toEqual([]);
  waiting = 120_000;
  session.noteShown();
  expect(acknowledged).toEqual([80_001]);
  session.noteShown();
  expect(acknowledged).toEqual([80_001]);
  listening.dispose();
  expect(acknowledged).toEqual([80_001, 200_001]);
});
