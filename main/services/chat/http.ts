import { z } from 'zod';
import type { CancelSignal } from '../../../app/base/cancel.ts';
import { type Disposable, DisposableStore, toDisposable } from '../../../app/base/disposable.ts';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type { Machine } from '../../../app/contract/index.ts';

/** An `AbortSignal` that fires when the caller cancels or the machine ends. */
export function linkedSignal(
  cancel: CancelSignal | undefined,
  machine: Machine | undefined,
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const store = new DisposableStore();
  const abort = () => controller.abort();
  cancel?.addEventListener('abort', abort);
  store.add(toDisposable(() => cancel?.removeEventListener('abort', abort)));
  if (machine !== undefined) store.add(machine.onDidChangeState(({ phase }) => isDead(phase) && abort()));
  if (cancel?.aborted === true || (machine !== undefined && isDead(machine.state.phase))) abort();
  return { signal: controller.signal, dispose: () => store.dispose() };
}

export function isDead(phase: Machine['state']['phase']): boolean {
  return phase === 'crashed' || phase === 'stopping' || phase === 'stopped' || phase === 'failed';
}

const ErrorSchema = z.object({
  error: z.object({
    message: z.string(),
    type: z.string().optional(),
    code: z.union([z.string(), z.number()]).nullish(),
  }),
});

/** One request; an answer other than 2xx is an error with the server's own message. */
export async function request(url: string, body: unknown, signal: AbortSignal): Promise<Result<Response>> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    return fail(
      'api-unreachable',
      "The guest's API does not answer.",
      `${url}: ${reasonOf(error)}`,
      'Wait until the guest serves; its console says when.',
    );
  }
  if (response.ok) return ok(response);
  const text = (await response.text().catch(() => '')).slice(0, 4096);
  return fail(
    'api-refused',
    'The guest refused the request.',
    `${response.status}: ${errorMessage(text)}`,
    'Change the request as the message says.',
  );
}

/** The message of an OpenAI-shaped error, or the text itself. */
export function errorMessage(text: string): string {
  try {
    const parsed = ErrorSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data.error.message : text;
  } catch {
    return text;
  }
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : messageOf(cause);
}
