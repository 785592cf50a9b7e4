import { z } from 'zod';
import type { Disposable } from '../base/disposable.ts';
import type { Event } from '../base/event.ts';
import type { Result } from '../base/result.ts';

/**
 * Whether what a folder brings may be run. Building Rust runs the folder's build scripts and procedural macros as the person who sits
 * here, and rust-analyzer runs them when a file is opened, so a folder from elsewhere is only read and edited until it is trusted.
 */
export const TrustSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('trusted'),
    /**
     * `own`: the studio itself runs from this folder, or has put its own sources there, so its code runs already; `setting`: the
     * person wants not to be asked; `person`: they were, and said so of this folder.
     */
    because: z.enum(['own', 'setting', 'person']),
  }),
  z.object({
    kind: z.literal('restricted'),
    /** Whether somebody has said so, rather than nothing. */
    decided: z.boolean(),
    /** Whether the build concerns the folder; else it makes the studio's own kernel, which is not restricted. */
    restrictsBuild: z.boolean(),
  }),
]);
export type Trust = z.infer<typeof TrustSchema>;

/** Of one folder, over every start. */
export interface TrustService extends Disposable {
  readonly trust: Trust;
  readonly onDidChange: Event<Trust>;
  /** Remembers what a person has decided; false takes it back. What is trusted for another reason stays so. */
  decide(trusted: boolean): Promise<Result<Trust>>;
}
