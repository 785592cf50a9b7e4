/** The model that the repository brings answers from inside the kernel what its corpus taught it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ChatEvent } from '../../app/contract/index.ts';
import { expectOk, Lab, type TestMachine } from '../support/lab.ts';
import { root } from '../support/project.ts';

const lab = new Lab();
let machine: TestMachine;
beforeAll(async () => {
  machine = await lab.boot({ modelPath: expectOk(await lab.host.models.resolve()).path });
});
afterAll(() => lab.dispose());

/** Of every sixth answer of the corpus two wordings, and the answer. */
function questions(): Array<[question: string, answer: string]> {
  const file = join(root, 'kernel', 'demo', 'questions.json');
  const all = JSON.parse(readFileSync(file, 'utf8')) as Array<{ answer: string; questions: string[] }>;
  return all
    .filter((_, n) => n % 6 === 0)
    .flatMap(({ answer, questions }) => questions.slice(0, 2).map((question): [string, string] => [question, answer]));
}

async function ask(question: string): Promise<string> {
  const target = { apiUrl: machine.apiUrl, machine: machine.machine };
  let last: ChatEvent | undefined;
  for await (const event of lab.host.chat.chat(target, {
    messages: [{ role: 'user', content: question }],
    temperature: 0,
  }))
    last = event;
  if (last?.kind !== 'finished') throw new Error(`no answer to "${question}": ${JSON.stringify(last)}`);
  expect(last.reason).toBe('stop');
  return last.text.trim();
}

it('answers the questions of its corpus word for word', async () => {
  const asked = questions();
  expect(asked.length).toBeGreaterThan(60);
  const wrong: string[] = [];
  for (const [question, answer] of asked) {
    const said = await ask(question);
    if (said !== answer) wrong.push(`${question} ${said}`);
  }
  // As kernel/demo/README.md says of all its wordings.
  expect(wrong).toEqual([]);
});

it('gives the same answer for the same seed', async () => {
  const body = { messages: [{ role: 'user', content: 'Hello' }], temperature: 1, seed: 7, max_tokens: 40 };
  const [first, second] = [
    await machine.request('/v1/chat/completions', body),
    await machine.request('/v1/chat/completions', body),
  ];
  const content = (answer: { body: unknown }) =>
    (answer.body as { choices: [{ message: { content: string } }] }).choices[0].message.content;
  expect(content(first)).not.toBe('');
  expect(content(second)).toBe(content(first));
});
