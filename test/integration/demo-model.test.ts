/** The model that the repository brings answers from inside the kernel what its corpus taught it. */
import { readdirSync, readFileSync } from 'node:fs';
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

/** The first question of each file of the corpus that has no alternatives in it, and its answer. */
function questions(): Array<[file: string, question: string, answer: string]> {
  const folder = join(root, 'kernel', 'demo', 'corpus');
  return readdirSync(folder)
    .filter((file) => file !== 'conversations.txt')
    .flatMap((file) => {
      const topics = readFileSync(join(folder, file), 'utf8').split(/\n(?=id: )/);
      for (const topic of topics) {
        const question = /^Q: ([^{}|\n]+)$/m.exec(topic)?.[1];
        const answer = /^A: (?!=)(.+)$/m.exec(topic)?.[1];
        if (question !== undefined && answer !== undefined)
          return [[file, question, answer] as [string, string, string]];
      }
      return [];
    });
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

it('answers one question of each file of its corpus, word for word', async () => {
  const asked = questions();
  expect(asked.length).toBeGreaterThan(8);
  const answers: string[] = [];
  for (const [file, question] of asked) answers.push(`${file}: ${question} ${await ask(question)}`);
  expect(answers).toEqual(asked.map(([file, question, answer]) => `${file}: ${question} ${answer}`));
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
