/** Each path of the engine that the emulator can run writes the same words; several cores and several clients change nothing. */
import { afterAll, describe, expect, it } from 'vitest';
import { expectOk, Lab } from '../support/lab.ts';
import { needSharedFile, oracleText } from '../support/project.ts';

const lab = new Lab();
afterAll(() => lab.dispose());

const GREEDY = { prompt: 'Once upon a time', max_tokens: 64, temperature: 0 };

// AVX-512 is not here: QEMU 7.2's emulator does not offer it. Its kernels are tested on the host, where it is.
describe.each(['scalar', 'int', 'sse', 'avx2'])('engine path %s', (isa) => {
  for (const model of ['stories260K-q8_0', 'stories260K']) {
    it(`writes the words of the oracle with ${model}`, async (context) => {
      const modelPath = needSharedFile(context, `${model}.gguf`);
      const machine = await lab.boot({ modelPath, append: `isa=${isa}` });
      const { body } = await machine.request('/v1/completions', GREEDY);
      expect(body).toMatchObject({ choices: [{ text: oracleText(context, model) }] });
      expect(expectOk(await lab.host.inspect.boot({ machine: machine.machine.info })).engine).toContain(isa);
      expect(await machine.stop()).toBe(true);
    });
  }
});

it('says so when it is asked for an engine path that the processor cannot run, and runs with another', async () => {
  const machine = await lab.boot({ append: 'isa=neon' });
  expect(machine.serial()).toMatch(/neon/);
  expect((await machine.request('/health')).status).toBe(200);
  expect(await machine.stop()).toBe(true);
});

it('gives two clients at once the words that each would get alone', async () => {
  const machine = await lab.boot({ profile: 'smp4' });
  const [first, second] = ['Once upon a time', 'The dog and the cat'] as const;
  const ask = async (prompt: string) => {
    const { body } = await machine.request('/v1/completions', { ...GREEDY, prompt });
    return (body as { choices: [{ text: string }] }).choices[0].text;
  };
  const alone = [await ask(first), await ask(second)];
  expect(await Promise.all([ask(first), ask(second)])).toEqual(alone);
  expect(await machine.stop()).toBe(true);
});
