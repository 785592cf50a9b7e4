/**
 * The official `openai` package talks to a Ring0 API: the host program and the guest are held to the same.
 *
 * Nothing here depends on what the model says: expectations are made from its own greedy answers. Numbers in the titles are
 * the checks of the API's specification that a test shows end to end; the server's own tests show all forty.
 */
import { Agent, request } from 'node:http';
import OpenAI, { AuthenticationError, BadRequestError, NotFoundError } from 'openai';
import { describe, expect, it } from 'vitest';

export interface ConformanceOptions {
  /** The key that the server was started with. */
  readonly apiKey?: string;
}

const HELLO = [{ role: 'user' as const, content: 'hello, who are you?' }];
const ONCE = 'Once upon a time';
const TOKENS = 24;

/** @param getBaseUrl the server's address without `/v1`, asked for when the first test runs */
export function openaiConformance(getBaseUrl: () => string, options: ConformanceOptions = {}): void {
  const apiKey = options.apiKey ?? 'none';
  const connect = (key = apiKey) => new OpenAI({ baseURL: `${getBaseUrl()}/v1`, apiKey: key, maxRetries: 0 });
  const fetchPage = (path: string, init: RequestInit = {}) =>
    fetch(`${getBaseUrl()}${path}`, { ...init, headers: { authorization: `Bearer ${apiKey}`, ...init.headers } });
  const modelId = async () => {
    const [model] = (await connect().models.list()).data;
    if (model === undefined) throw new Error('/v1/models is empty');
    return model.id;
  };
  const complete = async (parameters: Partial<OpenAI.CompletionCreateParamsNonStreaming> = {}) => {
    const model = await modelId();
    return await connect().completions.create({
      model,
      prompt: ONCE,
      max_tokens: TOKENS,
      temperature: 0,
      ...parameters,
    });
  };
  const chat = async (parameters: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming> = {}) => {
    const model = await modelId();
    return await connect().chat.completions.create({
      model,
      messages: HELLO,
      max_tokens: TOKENS,
      temperature: 0,
      ...parameters,
    });
  };
  const contentOf = (answer: OpenAI.ChatCompletion) => answer.choices[0]?.message.content ?? '';

  describe('the official client', () => {
    it('lists models and finds one (40)', async () => {
      const list = await connect().models.list();
      expect(list.data).toHaveLength(1);
      const id = await modelId();
      expect(await connect().models.retrieve(id)).toMatchObject({ id, object: 'model', owned_by: 'ring0' });
      expect(await connect().models.retrieve('default')).toMatchObject({ id });
    });

    it('gets a whole answer (7, 10, 33)', async () => {
      const answer = await chat();
      expect(answer).toMatchObject({ object: 'chat.completion', model: await modelId() });
      expect(answer.choices).toHaveLength(1);
      expect(answer.choices[0]).toMatchObject({ index: 0, message: { role: 'assistant' }, logprobs: null });
      expect(answer.choices[0]?.finish_reason).toMatch(/^(stop|length)$/);
      expect(answer.usage?.total_tokens).toBe(
        (answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0),
      );
      expect(answer.system_fingerprint).toMatch(/./);
      expect(answer._request_id).toMatch(/^req_/);
      // Within an hour of this machine's clock.
      expect(Math.abs(answer.created - Date.now() / 1000)).toBeLessThan(3600);
    });

    it('gets the same answer as a stream of chunks (21–25, 27)', async () => {
      const stream = await connect().chat.completions.create({
        model: await modelId(),
        messages: HELLO,
        max_tokens: TOKENS,
        temperature: 0,
        stream: true,
      });
      const chunks: OpenAI.ChatCompletionChunk[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '' });
      expect(new Set(chunks.map(({ id, created, model }) => `${id} ${created} ${model}`)).size).toBe(1);
      expect(chunks.every((chunk) => chunk.choices[0]?.index === 0)).toBe(true);
      const reasons = chunks.map((chunk) => chunk.choices[0]?.finish_reason);
      expect(reasons.pop()).toMatch(/^(stop|length)$/);
      expect(reasons.every((reason) => reason === null)).toBe(true);
      const whole = await chat();
      expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(contentOf(whole));
      // Real streaming: not the whole text in one piece.
      if ((whole.usage?.completion_tokens ?? 0) > 4) expect(chunks.length).toBeGreaterThan(4);
    });

    it('assembles a stream with its helper', async () => {
      const runner = connect().chat.completions.stream({
        model: await modelId(),
        messages: HELLO,
        max_tokens: TOKENS,
        temperature: 0,
      });
      expect(await runner.finalContent()).toBe(contentOf(await chat()));
    });

    it('gets usage at the end of a stream where it asks for it (29)', async () => {
      const stream = await connect().chat.completions.create({
        model: await modelId(),
        messages: HELLO,
        max_tokens: 5,
        stream: true,
        stream_options: { include_usage: true },
      });
      const usages: unknown[] = [];
      let choicesOfLast: unknown;
      for await (const chunk of stream) {
        usages.push(chunk.usage);
        choicesOfLast = chunk.choices;
      }
      expect(choicesOfLast).toEqual([]);
      expect(usages.pop()).toMatchObject({ prompt_tokens: expect.any(Number), completion_tokens: expect.any(Number) });
      expect(usages.every((usage) => usage === null)).toBe(true);
    });

    it('limits the answer (31)', async () => {
      const { choices, usage } = await complete({ max_tokens: 3 });
      expect(choices[0]?.finish_reason).toBe('length');
      expect(usage?.completion_tokens).toBe(3);
      const answer = await chat({ max_tokens: 9, max_completion_tokens: 1 });
      expect(answer.usage?.completion_tokens).toBe(1);
    });

    it('stops at a string, which it does not show, streaming or not (28, 32)', async () => {
      const text = (await complete()).choices[0]?.text ?? '';
      expect(text.length).toBeGreaterThan(8);
      // It begins in one token and ends in another, more often than not.
      const stop = text.slice(5, 9);
      const expected = text.slice(0, text.indexOf(stop));
      const { choices } = await complete({ stop });
      expect(choices[0]).toMatchObject({ text: expected, finish_reason: 'stop' });
      expect((await complete({ stop: ['\u0000never', stop] })).choices[0]?.text).toBe(expected);
      const stream = await connect().completions.create({
        model: await modelId(),
        prompt: ONCE,
        max_tokens: TOKENS,
        temperature: 0,
        stop,
        stream: true,
      });
      let streamed = '';
      for await (const chunk of stream) streamed += chunk.choices[0]?.text ?? '';
      expect(streamed).toBe(expected);
    });

    it('gets the same bytes for the same seed, alone and beside others (33)', async () => {
      const draw = async (seed: number) =>
        (await complete({ seed, temperature: 1.5, top_p: 1, max_tokens: 16 })).choices[0]?.text;
      const alone = [await draw(1), await draw(2), await draw(3)];
      expect(new Set(alone).size).toBeGreaterThan(1);
      expect(await Promise.all([draw(1), draw(2), draw(3)])).toEqual(alone);
    });

    it('streams to two clients at once, to each its own', async () => {
      const read = async (content: string) => {
        const stream = await connect().chat.completions.create({
          model: await modelId(),
          messages: [{ role: 'user', content }],
          max_tokens: TOKENS,
          temperature: 0,
          stream: true,
        });
        let text = '';
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
        return text;
      };
      const alone = [await read('hello'), await read('what is paging?')];
      expect(await Promise.all([read('hello'), read('what is paging?')])).toEqual(alone);
    });

    it('reads probabilities in both shapes (35)', async () => {
      const answer = await chat({ logprobs: true, top_logprobs: 3, max_tokens: 6 });
      const tokens = answer.choices[0]?.logprobs?.content ?? [];
      expect(tokens).toHaveLength(answer.usage?.completion_tokens ?? -1);
      for (const { token, logprob, top_logprobs: top } of tokens) {
        expect(top).toHaveLength(3);
        // Greedy: the likeliest was drawn.
        expect(top[0]).toMatchObject({ token, logprob });
        expect(top.map((t) => t.logprob)).toEqual(top.map((t) => t.logprob).sort((a, b) => b - a));
        expect(top.reduce((sum, t) => sum + Math.exp(t.logprob), 0)).toBeLessThan(1.001);
      }
      const bytes = Buffer.from(tokens.flatMap((token) => token.bytes ?? []));
      expect(bytes.toString('utf8')).toBe(contentOf(answer));
      const { choices } = await complete({ logprobs: 2, max_tokens: 6 });
      const logprobs = choices[0]?.logprobs;
      expect(logprobs?.tokens?.join('')).toBe(choices[0]?.text);
      expect(logprobs?.token_logprobs).toHaveLength(logprobs?.tokens?.length ?? -1);
      expect(logprobs?.top_logprobs?.every((top) => Object.keys(top).length === 2)).toBe(true);
    });

    it('may write content in parts, and the system as a developer (37)', async () => {
      const [message] = HELLO;
      const parts = message?.content.split(/(?=,)/).map((text) => ({ type: 'text' as const, text })) ?? [];
      expect(contentOf(await chat({ messages: [{ role: 'user', content: parts }] }))).toBe(contentOf(await chat()));
      const system = await chat({ messages: [{ role: 'system', content: 'Be brief.' }, ...HELLO] });
      const developer = await chat({ messages: [{ role: 'developer', content: 'Be brief.' }, ...HELLO] });
      expect(contentOf(developer)).toBe(contentOf(system));
    });

    it('may send a prompt as tokens, and have it echoed', async () => {
      const response = await fetchPage('/tokenize', {
        method: 'POST',
        body: JSON.stringify({ content: ONCE, add_special: true }),
      });
      const { tokens } = (await response.json()) as { tokens: number[] };
      const text = (await complete()).choices[0]?.text;
      expect((await complete({ prompt: tokens })).choices[0]?.text).toBe(text);
      expect((await complete({ prompt: [ONCE], echo: true })).choices[0]?.text).toBe(`${ONCE}${text}`);
      expect((await complete({ prompt: 'é😀', echo: true, max_tokens: 1 })).choices[0]?.text).toMatch(/^é😀/);
    });

    it('gets errors as the classes that it has for them (11–17, 36, 39)', async () => {
      await expect(connect().models.retrieve('gpt-9')).rejects.toThrow(NotFoundError);
      await expect(complete({ model: 'gpt-9' })).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
      await expect(connect().embeddings.create({ model: 'default', input: 'x' })).rejects.toThrow(NotFoundError);
      const bad: [Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>, string][] = [
        [{ temperature: 3 }, 'temperature'],
        [{ top_p: -1 }, 'top_p'],
        [{ n: 2 }, 'n'],
        [{ max_tokens: 0 }, 'max_tokens'],
        [{ response_format: { type: 'json_object' } }, 'response_format'],
        [{ tools: [{ type: 'function', function: { name: 'f' } }] }, 'tools'],
        [{ messages: [] }, 'messages'],
        [{ messages: [{ role: 'king' as 'user', content: 'x' }] }, 'messages[0].role'],
        [{ temperature: 'hot' as unknown as number }, 'temperature'],
      ];
      for (const [parameters, param] of bad) {
        const failure = await chat(parameters).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(BadRequestError);
        expect(failure).toMatchObject({ status: 400, param, type: 'invalid_request_error' });
      }
      const long = 'hello '.repeat(100_000);
      await expect(complete({ prompt: long })).rejects.toMatchObject({ code: 'context_length_exceeded' });
      await expect(chat({ messages: [{ role: 'user', content: long }] })).rejects.toMatchObject({
        code: 'context_length_exceeded',
      });
    });

    it('may leave in the middle of a stream, and its slot is free (30)', async () => {
      for (let round = 0; round < 10; round++) {
        const stream = await connect().completions.create({
          model: await modelId(),
          prompt: ONCE,
          max_tokens: 400,
          stream: true,
        });
        for await (const chunk of stream) {
          expect(chunk.choices[0]?.index).toBe(0);
          break;
        }
        stream.controller.abort();
      }
      await expect.poll(async () => (await fetchPage('/slots')).json(), { timeout: 30_000 }).toEqual([]);
      const metrics = await (await fetchPage('/metrics')).text();
      expect(Number(/^ring0_requests_cancelled_total (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
      expect((await complete({ max_tokens: 1 })).usage?.completion_tokens).toBe(1);
    });

    if (options.apiKey !== undefined) {
      it('is told when its key is wrong (9)', async () => {
        await expect(connect('wrong').models.list()).rejects.toThrow(AuthenticationError);
        expect((await fetch(`${getBaseUrl()}/health`)).status).toBe(200);
      });
    }
  });

  describe('other clients', () => {
    it('keep their connection (1)', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const get = () =>
        new Promise<boolean>((resolve, reject) => {
          const call = request(`${getBaseUrl()}/health`, { agent }, (response) => {
            response.resume().on('end', () => resolve(call.reusedSocket));
          });
          call.on('error', reject).end();
        });
      expect([await get(), await get(), await get()]).toEqual([false, true, true]);
      agent.destroy();
    });

    it('may be browsers (6)', async () => {
      const response = await fetch(`${getBaseUrl()}/v1/chat/completions`, {
        method: 'OPTIONS',
        headers: { 'access-control-request-headers': 'authorization, x-stainless-os' },
      });
      expect(response.status).toBe(204);
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-allow-headers')).toBe('authorization, x-stainless-os');
    });

    it('read what llama.cpp adds: timings, progress, pages', async () => {
      const body = { prompt: ONCE, max_tokens: 8, temperature: 0 };
      const post = (more: object) =>
        fetchPage('/v1/completions', { method: 'POST', body: JSON.stringify({ ...body, ...more }) });
      const whole = (await (await post({})).json()) as { timings: Record<string, number> };
      expect(whole.timings).toMatchObject({ predicted_n: 8, predicted_per_second: expect.any(Number) });
      const { cache_n = 0, prompt_n = 0, predicted_ms = 0, prompt_ms = 0 } = whole.timings;
      expect(cache_n + prompt_n).toBeGreaterThan(1);
      expect(Math.min(predicted_ms, prompt_ms)).toBeGreaterThan(0);
      const stream = await (await post({ stream: true, return_progress: true })).text();
      expect(stream).toContain('"prompt_progress":{"total":');
      expect((await fetchPage('/props')).status).toBe(200);
      expect(await (await fetchPage('/metrics')).text()).toMatch(/^llamacpp:tokens_predicted_total [1-9]/m);
    });
  });
}
