import { createORPCClient } from '@orpc/client';
import { expect, test } from 'vitest';
import { checkedLink } from './checked-link.ts';
import { type StudioClient, studioContract } from './studio.ts';

/** A host that answers whatever it is told to. */
function client(answer: unknown): StudioClient {
  return createORPCClient(checkedLink({ call: async () => answer }, studioContract));
}

const LIST = { id: 't0123456789ab', name: 'sh', shell: '/bin/sh', directory: '/', startedAt: 1 };

/** A stream of the host, and whether its reader has left it. */
function stream(...events: unknown[]) {
  const it = {
    left: false,
    async next() {
      return events.length > 0 ? { done: false, value: events.shift() } : { done: true, value: undefined };
    },
    async return() {
      it.left = true;
      return { done: true, value: undefined };
    },
  };
  return it;
}

test('an answer that fits is given, without what the contract does not know', async () => {
  const answer = { ok: true, value: { ...LIST, state: { phase: 'running', pid: 2 }, secret: 1 } };
  const made = await client(answer).terminals.create({ size: { columns: 80, rows: 24 } });
  expect(made).toEqual({ ok: true, value: { ...LIST, state: { phase: 'running', pid: 2 } } });
});

test('an answer that does not fit is an error that names the procedure and the field', async () => {
  const answer = { ok: true, value: { ...LIST, state: { phase: 'running', pid: 'two' } } };
  const asked = client(answer).terminals.create({ size: { columns: 80, rows: 24 } });
  await expect(asked).rejects.toMatchObject({
    name: 'ContractError',
    procedure: 'terminals.create',
    field: 'value.state.pid',
    message: expect.stringContaining('does not fit the contract at value.state.pid'),
  });
  await expect(client(undefined).studio.info()).rejects.toMatchObject({ procedure: 'studio.info', field: '' });
  await expect(client([{}]).machines.watch()).rejects.toMatchObject({ procedure: 'machines.watch' });
});

test('a stream with an event that does not fit is left, and says which', async () => {
  const source = stream({ offset: 0, data: 'YQ==', ended: false }, { offset: -1, data: 'YQ==', ended: false });
  const serial = await client(source).machines.serial({ id: 'direct-1' });
  expect(await serial.next()).toEqual({ done: false, value: { offset: 0, data: 'YQ==', ended: false } });
  expect(source.left).toBe(false);
  await expect(serial.next()).rejects.toMatchObject({ procedure: 'machines.serial', field: 'offset' });
  expect(source.left).toBe(true);
});

test('an element of a list is named by its place', async () => {
  const watched = await client(stream([{ ...LIST, state: { phase: 'running', pid: 1 } }, LIST])).terminals.watch();
  await expect(watched.next()).rejects.toMatchObject({ field: '[1].state' });
});

test('leaving a stream leaves the host’s', async () => {
  const source = stream({ offset: 0, data: '', ended: false });
  for await (const _ of await client(source).machines.serial({ id: 'direct-1' })) break;
  expect(source.left).toBe(true);
});

test('a hundred thousand pieces of a console pass, each of them checked, in order', async () => {
  const events = Array.from({ length: 100_000 }, (_, offset) => ({ offset, data: 'YQ==', ended: false }));
  const offsets: number[] = [];
  for await (const { offset } of await client(stream(...events)).machines.serial({ id: 'direct-1' }))
    offsets.push(offset);
  expect(offsets).toEqual(events.map(({ offset }) => offset));
});
