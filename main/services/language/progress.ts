import { z } from 'zod';

/** What a server is busy with, and what it is not content with. */
export interface ProgressState {
  readonly busy: { readonly step: string; readonly percent: number | null } | null;
  readonly trouble: string;
}

const ProgressSchema = z.object({
  token: z.union([z.string(), z.number()]),
  value: z.object({
    kind: z.enum(['begin', 'report', 'end']),
    title: z.string().optional(),
    message: z.string().nullish(),
    percentage: z.number().nullish(),
  }),
});

/** rust-analyzer's own `experimental/serverStatus`; other servers are quiescent when no progress runs. */
const ServerStatusSchema = z.object({
  health: z.enum(['ok', 'warning', 'error']),
  quiescent: z.boolean(),
  message: z.string().nullish(),
});

/** Reads progress and health out of a server's messages. */
export class ServerProgress {
  readonly #onChange: (state: ProgressState) => void;
  readonly #running = new Map<string | number, { title: string; message: string; percent: number | null }>();
  #quiescent: boolean | null = null;
  #trouble = '';
  /** When it was told last, and how many were running then. */
  #told = 0;
  #before = 0;

  constructor(onChange: (state: ProgressState) => void) {
    this.#onChange = onChange;
  }

  /** Whether the message was one of these. */
  take(method: string, params: unknown): boolean {
    if (method === '$/progress') {
      const parsed = ProgressSchema.safeParse(params);
      if (parsed.success) this.#progress(parsed.data);
      return true;
    }
    if (method === 'experimental/serverStatus') {
      const parsed = ServerStatusSchema.safeParse(params);
      if (!parsed.success) return true;
      this.#quiescent = parsed.data.quiescent;
      this.#trouble = parsed.data.health === 'ok' ? '' : (parsed.data.message ?? parsed.data.health);
      this.#tell();
      return true;
    }
    return method === 'window/workDoneProgress/create';
  }

  #progress({ token, value }: z.infer<typeof ProgressSchema>): void {
    if (value.kind === 'end') this.#running.delete(token);
    else {
      const before = this.#running.get(token);
      this.#running.set(token, {
        title: value.title ?? before?.title ?? '',
        message: value.message ?? before?.message ?? '',
        percent: value.percentage ?? before?.percent ?? null,
      });
    }
    this.#tell();
  }

  /** Servers report every crate; a person reads ten lines a second at most. The end is told at once. */
  #tell(): void {
    const now = Date.now();
    if (this.#running.size > 0 && this.#running.size === this.#before && now - this.#told < 100) return;
    this.#before = this.#running.size;
    this.#told = now;
    const last = [...this.#running.values()].at(-1);
    const busy =
      last !== undefined
        ? { step: `${last.title} ${last.message}`.trim().slice(0, 200), percent: last.percent }
        : this.#quiescent === false
          ? { step: 'reading the project', percent: null }
          : null;
    this.#onChange({ busy, trouble: this.#trouble });
  }
}
