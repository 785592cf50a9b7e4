import { expect, test } from 'vitest';
import { requestFor, toCompletion } from './request.ts';
import { addNode, newConversation } from './tree.ts';

const asked = () => {
  const empty = { ...newConversation('c', 0), system: 'Be short.' };
  const first = addNode(empty, { id: 'q1', parent: null, role: 'user', content: 'What is a GDT?', now: 1 });
  const answered = addNode(first, { id: 'a1', parent: 'q1', role: 'assistant', content: 'A table.', now: 2 });
  return addNode(answered, { id: 'q2', parent: 'a1', role: 'user', content: 'And an IDT?', now: 3 });
};

test('what a person left to the guest is not in the request', () => {
  const request = requestFor(asked(), 'q2');
  expect(Object.keys(request).sort()).toEqual(['messages', 'progress', 'raw']);
  expect(request.messages.map(({ role, content }) => `${role}: ${content}`)).toEqual([
    'system: Be short.',
    'user: What is a GDT?',
    'assistant: A table.',
    'user: And an IDT?',
  ]);
});

test('what a person chose is, zeros included', () => {
  const conversation = asked();
  const chosen = { temperature: 0, topP: 0.9, topK: 0, minP: 0, seed: 0, maxTokens: 5, stop: ['\n'], alternatives: 0 };
  expect(requestFor({ ...conversation, sampling: chosen }, 'q2')).toMatchObject(chosen);
});

test('a model without a template is given the last message alone, with what the completion API knows', () => {
  const sampling = { ...asked().sampling, temperature: 0.5, alternatives: 3 };
  expect(toCompletion(requestFor({ ...asked(), sampling }, 'q2'))).toEqual({
    prompt: 'And an IDT?',
    raw: true,
    temperature: 0.5,
  });
});
