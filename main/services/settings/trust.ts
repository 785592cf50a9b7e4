import { z } from 'zod';
import { Emitter } from '../../../app/base/event.ts';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type { Trust, TrustService } from '../../../app/contract/trust.ts';
import { DurableFile } from './durable-file.ts';

const MAX_BYTES = 4096;
const DecisionSchema = z.object({ trusted: z.boolean() });

export interface FolderTrustOptions {
  /** Where the decision is kept: never in the folder, which could bring its own. */
  readonly path: string;
  /** Whether the studio itself runs from this folder. */
  readonly own: boolean;
  /** Whether a person wants to be asked at all. */
  readonly asks: boolean;
  readonly restrictsBuild: boolean;
}

/** The decision about one folder. */
export class FolderTrust implements TrustService {
  readonly #file: DurableFile;
  readonly #own: boolean;
  readonly #restrictsBuild: boolean;
  readonly #changed = new Emitter<Trust>();
  #asks: boolean;
  #decision: boolean | null;

  readonly onDidChange = this.#changed.event;

  private constructor({ own, asks, restrictsBuild }: FolderTrustOptions, file: DurableFile, decision: boolean | null) {
    this.#file = file;
    this.#own = own;
    this.#asks = asks;
    this.#restrictsBuild = restrictsBuild;
    this.#decision = decision;
  }

  /** A decision that cannot be read is none: the person is asked again. */
  static async open(options: FolderTrustOptions): Promise<FolderTrust> {
    const file = new DurableFile(options.path, MAX_BYTES);
    let decision: boolean | null = null;
    try {
      const text = await file.read();
      if (text !== undefined) decision = DecisionSchema.parse(JSON.parse(text)).trusted;
    } catch {}
    return new FolderTrust(options, file, decision);
  }

  get trust(): Trust {
    if (this.#own) return { kind: 'trusted', because: 'own' };
    if (!this.#asks) return { kind: 'trusted', because: 'setting' };
    if (this.#decision === true) return { kind: 'trusted', because: 'person' };
    return { kind: 'restricted', decided: this.#decision !== null, restrictsBuild: this.#restrictsBuild };
  }

  /** The setting has changed. */
  setAsks(asks: boolean): void {
    if (asks === this.#asks) return;
    this.#asks = asks;
    this.#changed.fire(this.trust);
  }

  async decide(trusted: boolean): Promise<Result<Trust>> {
    try {
      await this.#file.write(`${JSON.stringify({ trusted } satisfies z.infer<typeof DecisionSchema>)}\n`);
    } catch (error) {
      return fail(
        'cannot-save-state',
        'The decision about this folder cannot be kept.',
        messageOf(error),
        `Make ${this.#file.path} writable, and look at the free space of the disk.`,
      );
    }
    this.#decision = trusted;
    this.#changed.fire(this.trust);
    return ok(this.trust);
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
