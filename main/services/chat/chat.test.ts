import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Emitter } from '../../../app/base/event.ts';
import { fail, ok } from '../../../app/base/result.ts';
import type { ChatEvent, Machine, MachineState } from '../../../app/contract/index.ts';
import { ApiChat } from './index.ts';

let server: Server;
let apiUrl: string;
let bodies: unknown[];
let answer: (path: string, response: ServerResponse) => void;
const chat = new ApiChat({ boot: async () => fail('none', '', '', '') });

beforeEach(async () => {
  bodies = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      if (body !== '') bodies.push(JSON.parse(body));
      answer(request.url ?? '', response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const event of events) list.push(event);
  return list;
}

const sse = (response: ServerResponse, ...chunks: unknown[]) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const chunk of chunks) response.write(`data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`);
};
const delta = (content: string, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta: { content }, finish_reason }],
});

/** A machine of which only its state matters. */
function fakeMachine(console = '') {
  const changed = new Emitter<MachineState>();
  const machine = {
    state: { phase: 'running' } as MachineState,
    onDidChangeState: changed.event,
    serialScrollback: () => Buffer.from(console),
    info: {},
  };
  const crash = () => {
    machine.state = {
      phase: 'crashed',
      crash: { kind: 'panic', summary: 'it panicked', epitaph: null, serialTail: ['last words'], interruptLog: [] },
    };
    changed.fire(machine.state);
  };
  return { machine: machine as unknown as Machine, crash, changed };
}

test("a streamed chat: pieces, reason, the guest's own numbers", async () => {
  answer = (_path, response) => {
    sse(
      response,
      { choices: [{ index: 0, delta: { role: 'assistant' }, finish_reason: null }] },
      delta('Grü'),
      delta('ße'),
      delta('', 'stop'),
    );
    sse2(response);
  };
  const sse2 = (response: ServerResponse) => {
    const last = {
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 2 },
      timings: { prompt_n: 3, predicted_n: 2, predicted_per_second: 500, prompt_per_second: 900 },
    };
    response.end(`data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`);
  };
  const events = await all(
    chat.chat({ apiUrl }, { messages: [{ role: 'user', content: 'hi' }], maxTokens: 8, temperature: 0, seed: 7 }),
  );
  expect(events.slice(0, 2)).toEqual([
    { kind: 'text', text: 'Grü' },
    { kind: 'text', text: 'ße' },
  ]);
  expect(events[2]).toMatchObject({
    kind: 'finished',
    reason: 'stop',
    text: 'Grüße',
    timing: {
      promptTokens: 3,
      completionTokens: 2,
      tokensPerSecond: 500,
      promptTokensPerSecond: 900,
      measuredBy: 'guest',
    },
  });
  expect(bodies).toEqual([
    {
      messages: [{ role: 'user', content: 'hi' }],
      max_tokens: 8,
      temperature: 0,
      seed: 7,
      stream: true,
      stream_options: { include_usage: true },
    },
  ]);
});

test('probabilities, progress and the raw answer, for whom asks', async () => {
  const chunk = {
    choices: [
      {
        index: 0,
        delta: { content: 'a' },
        logprobs: {
          content: [
            {
              token: 'a',
              logprob: -0.1,
              bytes: [97],
              top_logprobs: [
                { token: 'a', logprob: -0.1, bytes: [97] },
                { token: 'b', logprob: -2.5, bytes: [98] },
              ],
            },
          ],
        },
        finish_reason: 'stop',
      },
    ],
  };
  answer = (_path, response) => {
    sse(response, { choices: [], prompt_progress: { total: 9, processed: 4, time_ms: 1 } }, chunk, '[DONE]');
    response.end();
  };
  const events = await all(
    chat.chat({ apiUrl }, { messages: [{ role: 'user', content: 'x' }], alternatives: 2, progress: true, raw: true }),
  );
  expect(bodies[0]).toMatchObject({ logprobs: true, top_logprobs: 2, return_progress: true });
  expect(events.filter(({ kind }) => kind === 'raw')).toHaveLength(3);
  expect(events.filter(({ kind }) => kind === 'progress')).toEqual([{ kind: 'progress', done: 4, total: 9 }]);
  expect(events.find(({ kind }) => kind === 'tokens')).toEqual({
    kind: 'tokens',
    tokens: [
      {
        text: 'a',
        logprob: -0.1,
        bytes: [97],
        alternatives: [
          { text: 'a', logprob: -0.1 },
          { text: 'b', logprob: -2.5 },
        ],
      },
    ],
  });
});

test('a completion without timings is measured here', async () => {
  answer = (_path, response) => {
    sse(
      response,
      { choices: [{ index: 0, text: 'a', finish_reason: null }] },
      { choices: [{ index: 0, text: 'b', finish_reason: 'length' }] },
      '[DONE]',
    );
    response.end();
  };
  expect((await all(chat.complete({ apiUrl }, { prompt: 'x' }))).at(-1)).toMatchObject({
    kind: 'finished',
    reason: 'length',
    text: 'ab',
    timing: { completionTokens: null, measuredBy: 'client' },
  });
});

test.each<[string, (response: ServerResponse) => void, string, string]>([
  [
    'an error of the API',
    (response) => response.writeHead(400).end('{"error":{"message":"too long","type":"x","param":null,"code":"c"}}'),
    'api-refused',
    '400: too long',
  ],
  [
    'an error in the middle',
    (response) => {
      sse(response, delta('a'), { error: { message: 'boom', type: 'x' } });
      response.end();
    },
    'api-failed',
    'boom',
  ],
  [
    'an end in the middle',
    (response) => {
      sse(response, delta('a'));
      response.end();
    },
    'api-broken',
    'without a finish_reason',
  ],
  [
    'nonsense',
    (response) => {
      sse(response, 'nonsense');
      response.end();
    },
    'api-broken',
    'JSON',
  ],
])('%s', async (_name, respond, code, why) => {
  answer = (_path, response) => respond(response);
  const last = (await all(chat.complete({ apiUrl }, { prompt: 'x' }))).at(-1);
  expect(last).toMatchObject({ kind: 'failed', error: { code, why: expect.stringContaining(why) as string } });
});

test('a guest that dies in the middle of an answer is the reason that is given', async () => {
  const { machine, crash, changed } = fakeMachine();
  answer = (_path, response) => {
    sse(response, delta('a'));
  };
  const events: ChatEvent[] = [];
  for await (const event of chat.complete({ apiUrl, machine }, { prompt: 'x' })) {
    events.push(event);
    if (event.kind === 'text') crash();
  }
  expect(events.at(-1)).toMatchObject({
    kind: 'failed',
    error: { code: 'machine-crashed', why: 'it panicked\nlast words' },
  });
  expect(changed.listenerCount).toBe(0);
});

test('cancelling ends the answer', async () => {
  const controller = new AbortController();
  answer = (_path, response) => {
    sse(response, delta('a'));
  };
  const events: ChatEvent[] = [];
  for await (const event of chat.complete({ apiUrl }, { prompt: 'x' }, { signal: controller.signal })) {
    events.push(event);
    controller.abort();
  }
  expect(events.at(-1)).toMatchObject({ kind: 'failed', error: { code: 'cancelled' } });
});

test('waiting: loading, then ready', async () => {
  let asked = 0;
  answer = (_path, response) => response.writeHead(++asked < 3 ? 503 : 200).end('{}');
  const { machine } = fakeMachine('ring0: serving http on 10.0.2.15:8080\r\n');
  expect(
    (await all(chat.waitUntilReady({ apiUrl, machine }))).map((event) =>
      event.kind === 'waiting' ? event.stage : event.kind,
    ),
  ).toEqual(['loading the model', 'ready']);
});

test('waiting for a guest that dies ends at once, with its console', async () => {
  answer = (_path, response) => response.writeHead(503).end();
  const { machine, crash } = fakeMachine('line one\r\nlast line\r\n');
  const events = [];
  for await (const event of chat.waitUntilReady({ apiUrl, machine })) {
    events.push(event);
    crash();
  }
  expect(events.at(-1)).toMatchObject({
    kind: 'failed',
    error: { code: 'machine-crashed', why: 'it panicked\nline one\nlast line' },
  });
});

test('waiting has an end', async () => {
  answer = (_path, response) => response.writeHead(503).end();
  const events = await all(chat.waitUntilReady({ apiUrl }, { timeoutMs: 60 }));
  expect(events.at(-1)).toMatchObject({ kind: 'failed', error: { code: 'not-ready' } });
});

test('models, right and wrong', async () => {
  answer = (_path, response) =>
    response.end(
      '{"object":"list","data":[{"id":"m","object":"model","owned_by":"ring0","meta":{"n_ctx_train":512}}]}',
    );
  expect(await chat.models({ apiUrl })).toEqual(ok([{ id: 'm', ownedBy: 'ring0', contextLength: 512 }]));
  answer = (_path, response) => response.end('{"data":[{}]}');
  expect(await chat.models({ apiUrl })).toMatchObject({ ok: false, error: { code: 'bad-answer' } });
  expect(await chat.models({ apiUrl: 'http://127.0.0.1:1' })).toMatchObject({
    ok: false,
    error: { code: 'api-unreachable' },
  });
});
