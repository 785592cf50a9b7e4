import { expect, test } from 'vitest';
import {
  addNode,
  ConversationSchema,
  changeNode,
  messagesTo,
  newConversation,
  PRESETS,
  percent,
  presetOf,
  selectNode,
  settled,
  shownPath,
  siblingsOf,
  timingFacts,
  toMarkdown,
} from './tree.ts';

const add = (conversation: ReturnType<typeof newConversation>, id: string, parent: string | null, content: string) =>
  addNode(conversation, { id, parent, role: id.startsWith('u') ? 'user' : 'assistant', content, now: 5 });

function talk() {
  let it = { ...newConversation('c', 1), system: 'be brief' };
  it = add(it, 'u1', null, 'Hello there');
  it = add(it, 'a1', 'u1', 'Hi');
  it = add(it, 'u2', 'a1', 'And?');
  return add(it, 'a2', 'u2', 'So.');
}
const path = (it: ReturnType<typeof newConversation>) =>
  shownPath(it)
    .map(({ id }) => id)
    .join(' ');

test('a talk and what is sent for its last answer', () => {
  const it = talk();
  expect(it.title).toBe('Hello there');
  expect(path(it)).toBe('u1 a1 u2 a2');
  expect(messagesTo(it, 'u2')).toEqual([
    { role: 'system', content: 'be brief' },
    { role: 'user', content: 'Hello there' },
    { role: 'assistant', content: 'Hi' },
    { role: 'user', content: 'And?' },
  ]);
});

test('a second answer and an edited question are branches, and each keeps what follows it', () => {
  let it = add(talk(), 'a1b', 'u1', 'Hey');
  expect(path(it)).toBe('u1 a1b');
  it = add(it, 'u1b', null, 'Good day');
  expect(path(it)).toBe('u1b');
  expect(siblingsOf(it, 'u1b')).toEqual(['u1', 'u1b']);
  it = selectNode(it, 'u1');
  expect(path(it)).toBe('u1 a1b');
  expect(path(selectNode(it, 'a1'))).toBe('u1 a1 u2 a2');
  expect(siblingsOf(it, 'a1')).toEqual(['a1', 'a1b']);
});

test('an answer that was never finished is interrupted on the next visit', () => {
  expect(settled(talk()).nodes.a2?.status).toBe('interrupted');
});

test('a kept conversation is what was kept', () => {
  const it = changeNode(talk(), 'a2', { tokens: [{ text: 'S', logprob: -1, bytes: [83], alternatives: [] }] });
  expect(ConversationSchema.parse(JSON.parse(JSON.stringify(it)))).toEqual(it);
});

test('loops in what was kept hang nothing', () => {
  const it = changeNode(changeNode(talk(), 'a2', { selected: 'u1' }), 'u1', { parent: 'a2' });
  expect(path(it)).toBe('u1 a1 u2 a2');
  expect(messagesTo(it, 'u2').length).toBeLessThan(9);
});

test('presets, times, probabilities and the document', () => {
  const balanced = PRESETS[2];
  expect(presetOf({ ...newConversation('c', 1).sampling, ...balanced?.sampling, seed: 3 })?.id).toBe('balanced');
  expect(presetOf({ ...newConversation('c', 1).sampling, temperature: 0.33 })).toBeUndefined();
  expect([percent(0), percent(-0.7), percent(-3), percent(-20)]).toEqual(['100%', '50%', '5.0%', '<0.01%']);
  const timing = {
    timeToFirstTokenMs: 1234,
    totalMs: 2000,
    promptTokens: 3,
    completionTokens: 1,
    tokensPerSecond: 12.34,
    promptTokensPerSecond: null,
    measuredBy: 'guest',
  } as const;
  expect(timingFacts(timing)).toEqual(['1 token', '12.3 tokens/s', 'first after 1.23 s']);
  expect(toMarkdown(changeNode(talk(), 'a2', { timing }))).toContain(
    '## Assistant\n\nSo.\n\n*1 token, 12.3 tokens/s, first after 1.23 s*',
  );
});
