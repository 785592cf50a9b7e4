import { z } from 'zod';
import { isCancelled, type LongOperation } from '../../../app/base/cancel.ts';
import { type AppError, fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type {
  ChatEvent,
  ChatRequest,
  ChatService,
  ChatTarget,
  CompletionRequest,
  InspectService,
  ReadyEvent,
  ServedModel,
  WaitOptions,
} from '../../../app/contract/index.ts';
import { CHAT_PATH, COMPLETION_PATH, chatBody, completionBody } from '../../../app/wire/chat-body.ts';
import { linkedSignal, request } from './http.ts';
import { waitUntilReady } from './ready.ts';
import { streamChat } from './stream.ts';

const ModelsSchema = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      owned_by: z.string().default(''),
      meta: z.object({ n_ctx_train: z.number() }).partial().optional(),
    }),
  ),
});

/** A client of the guest's OpenAI-compatible API. */
export class ApiChat implements ChatService {
  readonly #inspect: Pick<InspectService, 'boot'>;

  /** @param inspect tells how far the guest has come while its API does not answer yet */
  constructor(inspect: Pick<InspectService, 'boot'>) {
    this.#inspect = inspect;
  }

  waitUntilReady(target: ChatTarget, options: WaitOptions = {}): AsyncIterable<ReadyEvent> {
    return waitUntilReady(target, this.#inspect, options);
  }

  async models(target: ChatTarget, options: LongOperation = {}): Promise<Result<ServedModel[]>> {
    const linked = linkedSignal(options.signal, target.machine);
    try {
      const response = await request(`${target.apiUrl}/v1/models`, undefined, linked.signal);
      if (!response.ok) return response;
      const parsed = ModelsSchema.safeParse(await response.value.json());
      if (!parsed.success)
        return fail(
          'bad-answer',
          "The guest's list of models makes no sense.",
          z.prettifyError(parsed.error),
          'Look at /v1/models yourself with curl.',
        );
      return ok(
        parsed.data.data.map(({ id, owned_by, meta }) => ({
          id,
          ownedBy: owned_by,
          contextLength: meta?.n_ctx_train ?? null,
        })),
      );
    } catch (error) {
      return fail(
        'bad-answer',
        "The guest's list of models cannot be read.",
        messageOf(error),
        'Look at /v1/models yourself with curl.',
      );
    } finally {
      linked.dispose();
    }
  }

  chat(target: ChatTarget, request: ChatRequest, options: LongOperation = {}): AsyncIterable<ChatEvent> {
    return this.#stream(target, CHAT_PATH, chatBody(request), request, options);
  }

  complete(target: ChatTarget, request: CompletionRequest, options: LongOperation = {}): AsyncIterable<ChatEvent> {
    return this.#stream(target, COMPLETION_PATH, completionBody(request), request, options);
  }

  async *#stream(
    target: ChatTarget,
    path: string,
    body: object,
    { raw }: Pick<ChatRequest, 'raw'>,
    options: LongOperation,
  ): AsyncGenerator<ChatEvent> {
    const linked = linkedSignal(options.signal, target.machine);
    try {
      yield* streamChat(`${target.apiUrl}${path}`, body, linked.signal, {
        raw: raw === true,
        explain: (error) => explain(error, target, options),
      });
    } finally {
      linked.dispose();
    }
  }
}

/** What really happened when a request broke off: it was cancelled, or the guest died. */
function explain(error: AppError, { machine }: ChatTarget, options: LongOperation): AppError {
  if (isCancelled(options.signal)) return { code: 'cancelled', what: 'The answer was cancelled.', why: '', fix: '' };
  if (machine?.state.phase === 'crashed') {
    const { summary, serialTail } = machine.state.crash;
    return {
      code: 'machine-crashed',
      what: 'The guest died while it was answering.',
      why: [summary, ...serialTail.slice(-10)].join('\n'),
      fix: 'Look at it with `ring0 inspect epitaph`, or start it again.',
    };
  }
  if (machine?.state.phase === 'stopped')
    return {
      code: 'machine-stopped',
      what: 'The machine was stopped while it was answering.',
      why: '',
      fix: 'Start it again.',
    };
  return error;
}
