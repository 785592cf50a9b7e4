import type { Disposable } from '../../app/base/disposable.ts';
import { Emitter } from '../../app/base/event.ts';
import { messageOf } from '../../app/base/result.ts';
import { NO_BUILD_STATUS } from '../../app/contract/build-status.ts';
import type { BuildEvent, BuildService } from '../../app/contract/index.ts';
import type { BuildFollowEvent, BuildStatus } from '../../app/contract/studio.ts';
import { follow } from './follow.ts';

const OUTPUT_LINES = 200;

/** Owns the host's build: it goes on when a window closes, and every window sees the same one. */
export class BuildMonitor implements Disposable {
  readonly #service: Pick<BuildService, 'build'>;
  readonly #followed = new Emitter<BuildFollowEvent>();
  #status: BuildStatus = NO_BUILD_STATUS;
  /** Of the build that runs or ran last. */
  #events: BuildEvent[] = [];
  #running: AbortController | undefined;

  constructor(service: Pick<BuildService, 'build'>) {
    this.#service = service;
  }

  get status(): BuildStatus {
    return this.#status;
  }

  /** Starts a build unless one runs, and gives its events from the first on. */
  async *run(signal: AbortSignal | undefined): AsyncGenerator<BuildEvent> {
    if (this.#running === undefined) void this.#build();
    const followed = follow<BuildFollowEvent>(
      this.#followed.event,
      signal,
      () => this.#events.map((event) => ({ kind: 'event', event })),
      (it) => it.kind === 'event' && isLast(it.event),
    );
    for await (const it of followed) if (it.kind === 'event') yield it.event;
  }

  follow(signal: AbortSignal | undefined): AsyncGenerator<BuildFollowEvent> {
    return follow(this.#followed.event, signal, () => [{ kind: 'status', status: this.#status }]);
  }

  cancel(): void {
    this.#running?.abort();
  }

  dispose(): void {
    this.cancel();
    this.#followed.dispose();
  }

  async #build(): Promise<void> {
    const controller = new AbortController();
    this.#running = controller;
    this.#events = [];
    this.#status = { ...NO_BUILD_STATUS, number: this.#status.number + 1, phase: 'running', startedAt: Date.now() };
    this.#followed.fire({ kind: 'status', status: this.#status });
    try {
      for await (const event of this.#service.build({ signal: controller.signal })) this.#take(event);
    } catch (error) {
      this.#take({
        kind: 'failed',
        errors: 0,
        error: {
          code: 'bug',
          what: 'The build ended in a way that was not expected.',
          why: messageOf(error),
          fix: 'Build again; if it happens again, report it.',
        },
      });
    }
  }

  #take(event: BuildEvent): void {
    this.#events.push(event);
    this.#status = advance(this.#status, event, Date.now());
    if (isLast(event)) this.#running = undefined;
    this.#followed.fire({ kind: 'event', event });
  }
}

function isLast(event: BuildEvent): boolean {
  return event.kind === 'finished' || event.kind === 'failed';
}

/** The status after an event. */
function advance(status: BuildStatus, event: BuildEvent, now: number): BuildStatus {
  switch (event.kind) {
    case 'step':
      return { ...status, step: event.title };
    case 'diagnostic':
      return { ...status, problems: [...status.problems, event.diagnostic] };
    case 'artifact':
      return { ...status, crates: status.crates + 1, compiled: status.compiled + (event.fresh ? 0 : 1) };
    case 'output':
      return { ...status, output: [...status.output, event.line].slice(-OUTPUT_LINES) };
    case 'finished':
      return { ...status, phase: 'succeeded', endedAt: now, result: event.result };
    case 'failed': {
      const phase = event.error.code === 'cancelled' ? 'cancelled' : 'failed';
      return { ...status, phase, endedAt: now, error: event.error };
    }
  }
}
