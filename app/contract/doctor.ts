import { z } from 'zod';
import type { LongOperation } from '../base/cancel.ts';
import type { Result } from '../base/result.ts';
import { AppErrorSchema } from './common.ts';
import { type AcceleratorChoice, AcceleratorChoiceSchema } from './machine.ts';
import { type Accelerator, AcceleratorSchema } from './profile.ts';

export const DoctorCheckSchema = z.object({
  id: z.enum(['node', 'rust', 'linker', 'rust-analyzer', 'qemu', 'ovmf', 'accelerator', 'disk', 'memory']),
  title: z.string(),
  /** `warn`: works, but something is missing or slow. */
  status: z.enum(['ok', 'warn', 'fail']),
  /** What is there: a version, a path, a number. */
  found: z.string(),
  /** Why the status is not `ok`; empty if it is. */
  why: z.string(),
  /** The exact command that cures it, or null where there is none. */
  fixCommand: z.string().nullable(),
  /** What a person can do where no command does it; empty if ok. */
  fixHint: z.string(),
});
export type DoctorCheck = z.infer<typeof DoctorCheckSchema>;

export const DoctorReportSchema = z.object({
  /** No check failed. */
  ok: z.boolean(),
  checks: z.array(DoctorCheckSchema),
  accelerator: AcceleratorChoiceSchema,
  /** Each accelerator that QEMU offers here and what came of booting a guest with it. */
  probes: z.array(z.object({ accelerator: AcceleratorSchema, works: z.boolean(), detail: z.string() })),
});
export type DoctorReport = z.infer<typeof DoctorReportSchema>;

export const FixEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('command'), check: z.string(), command: z.string() }),
  z.object({ kind: z.literal('output'), line: z.string() }),
  z.object({ kind: z.literal('fixed'), check: z.string() }),
  z.object({ kind: z.literal('failed'), check: z.string(), error: AppErrorSchema }),
  z.object({ kind: z.literal('finished'), report: DoctorReportSchema }),
]);
export type FixEvent = z.infer<typeof FixEventSchema>;

/** An examination as it goes on. `finished` is the last. */
export const ExamineEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('check'), check: DoctorCheckSchema }),
  z.object({ kind: z.literal('finished'), report: DoctorReportSchema }),
]);
export type ExamineEvent = z.infer<typeof ExamineEventSchema>;

export interface FixOptions extends LongOperation {
  /** Only what cures this check. */
  readonly only?: DoctorCheck['id'] | undefined;
}

export interface DoctorOptions extends LongOperation {
  /** Called as each check ends. */
  readonly onCheck?: ((check: DoctorCheck) => void) | undefined;
}

export interface DoctorService {
  examine(options?: DoctorOptions): Promise<DoctorReport>;
  /** Runs the fix commands of failed checks (system packages, rustup) and examines again; the last event is `finished`. */
  fix(options?: FixOptions): AsyncIterable<FixEvent>;
  /** The accelerator for `auto`, or whether the named one works. Probed once per process. */
  chooseAccelerator(wanted: 'auto' | Accelerator, options?: LongOperation): Promise<Result<AcceleratorChoice>>;
}
