import { z } from 'zod';
import type { LongOperation } from '../base/cancel.ts';
import type { Disposable } from '../base/disposable.ts';
import type { Event } from '../base/event.ts';
import type { Result } from '../base/result.ts';
import { AppErrorSchema, EpochMsSchema, type Progress } from './common.ts';
import { AcceleratorSchema, CommandLineSchema, ProfileSchema } from './profile.ts';
import { EpitaphSchema } from './records.ts';
import type { MachineUsage } from './usage.ts';

/** Why a guest died, with everything that was found at the body. */
export const CrashSchema = z.object({
  kind: z.enum(['panic', 'exception', 'triple-fault', 'qemu-died']),
  /** One line: `#PF page fault at rip 0x…, address 0x0`. */
  summary: z.string(),
  epitaph: EpitaphSchema.nullable(),
  /** The last lines of the serial console. */
  serialTail: z.array(z.string()),
  /** The last exceptions from QEMU's own log (TCG and a triple fault only), else empty. */
  interruptLog: z.array(z.string()),
});
export type Crash = z.infer<typeof CrashSchema>;

/** The machine's life. `crashed` machines may still be inspected: QEMU is kept, stopped, until `stop()`. */
export const MachineStateSchema = z.discriminatedUnion('phase', [
  z.object({ phase: z.literal('starting'), step: z.string() }),
  z.object({ phase: z.literal('running') }),
  z.object({ phase: z.literal('paused') }),
  z.object({ phase: z.literal('crashed'), crash: CrashSchema }),
  z.object({ phase: z.literal('stopping'), by: z.enum(['guest', 'user']) }),
  /** `guest`: the guest shut itself down; `user`: somebody called `stop()`; `owner-lost`: the owning program is gone. */
  z.object({ phase: z.literal('stopped'), by: z.enum(['guest', 'user', 'owner-lost']) }),
  z.object({ phase: z.literal('failed'), error: AppErrorSchema }),
]);
export type MachineState = z.infer<typeof MachineStateSchema>;

export const PortForwardSchema = z.object({ host: z.number().int(), guest: z.number().int() });
export type PortForward = z.infer<typeof PortForwardSchema>;

/** How the accelerator was chosen. */
export const AcceleratorChoiceSchema = z.object({
  accelerator: AcceleratorSchema,
  /** Why this one, in one sentence; for TCG it says what is wrong with the others. */
  reason: z.string(),
});
export type AcceleratorChoice = z.infer<typeof AcceleratorChoiceSchema>;

/** What is known of a machine from its start on; also the content of `machine.json` in its run directory. */
export const MachineInfoSchema = z.object({
  id: z.string(),
  profile: ProfileSchema,
  accelerator: AcceleratorChoiceSchema,
  ownerPid: z.number().int(),
  qemuPid: z.number().int(),
  startedAt: EpochMsSchema,
  forwards: z.array(PortForwardSchema),
  /** `http://127.0.0.1:PORT` when guest port 8080 is forwarded, else null. */
  apiUrl: z.string().nullable(),
  /** The kernel: an ELF file when it was built here; else whatever QEMU boots. */
  elfPath: z.string(),
  modelPath: z.string().nullable(),
  commandLine: z.string(),
  runDirectory: z.string(),
  /** Opens the guest's RAM for every process of this user while QEMU lives; on Linux `/proc/PID/fd/N`, a file without a name. Empty where RAM is QEMU's own. */
  ramPath: z.string(),
  serialLogPath: z.string(),
  argv: z.array(z.string()),
});
export type MachineInfo = z.infer<typeof MachineInfoSchema>;

/** One line of `ps`. */
export const MachineListingSchema = z.object({ info: MachineInfoSchema, state: MachineStateSchema });
export type MachineListing = z.infer<typeof MachineListingSchema>;

export const StartRequestSchema = z.strictObject({
  /** A profile by name, or a whole one. */
  profile: z.union([z.string(), ProfileSchema]),
  /** Absent: the profile's own kernel. */
  elfPath: z.string().optional(),
  /** Initial RAM disk of a kernel that was not built here, in place of the profile's. */
  initrdPath: z.string().optional(),
  /** Needed by `ovmf` profiles only. */
  efiPath: z.string().optional(),
  /** GGUF file that becomes the block device. */
  modelPath: z.string().optional(),
  /** Host port for guest port 8080, which must be free; absent takes the profile's, or any free one if that is taken. */
  port: z.number().int().min(0).max(65535).optional(),
  /** Appended to the profile's kernel command line. */
  append: CommandLineSchema.optional(),
  cores: z.number().int().min(1).max(64).optional(),
  memoryMiB: z.number().int().min(32).max(1_048_576).optional(),
  accelerator: z.enum(['auto', ...AcceleratorSchema.options]).optional(),
});
export type StartRequest = z.infer<typeof StartRequestSchema>;

/** Arguments of a QMP command. */
export type QueryArguments = Readonly<Record<string, unknown>>;

export interface StartOptions extends LongOperation {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** A machine: one that this process owns, or one of another terminal, reached through its owner's control socket. */
export interface Machine extends Disposable {
  readonly info: MachineInfo;
  readonly state: MachineState;
  readonly onDidChangeState: Event<MachineState>;
  /** Raw bytes of the serial console as they come. */
  readonly onDidReceiveSerial: Event<Uint8Array>;
  /** The serial console so far; at most the last 1 MiB. */
  serialScrollback(): Uint8Array;
  writeSerial(bytes: Uint8Array): void;
  pause(): Promise<Result<void>>;
  resume(): Promise<Result<void>>;
  /** Restarts the guest as a reset button does; the serial console goes on. */
  reset(): Promise<Result<void>>;
  /** QEMU's own text of `info registers -a`: every processor, as it is now. `app/wire/qemu-registers` reads it. */
  registers(): Promise<Result<string>>;
  /**
   * Asks QEMU what only reads (`app/machine/query` says what that is); all else is refused. `pmemsave` writes a
   * file into the run directory, which the caller removes. Integers beyond 2^53 are `bigint`.
   */
  query(command: string, args?: QueryArguments): Promise<Result<unknown>>;
  /** Ends the guest and QEMU; returns when the process is gone and its files are removed. */
  stop(): Promise<Result<void>>;
  /** Resolves with the last state, `stopped`, `crashed` or `failed`. */
  waitForEnd(): Promise<MachineState>;
  /** Owner: kills QEMU at once. Attached: only lets go. */
  dispose(): void;
}

export interface MachineService extends Disposable {
  /** What the QEMU process of a machine has cost the host so far. */
  usage(machine: MachineInfo): Promise<Result<Omit<MachineUsage, 'tokensPerSecond' | 'tokens'>>>;
  start(request: StartRequest, options?: StartOptions): Promise<Result<Machine>>;
  /** Machines that run now, of this process or another; stale entries are cleaned on the way. */
  list(): Promise<MachineListing[]>;
  /** The same without their states, which take a connection to each owner. */
  registered(): Promise<MachineInfo[]>;
  /** By id, by a unique beginning of one, or without id if exactly one machine runs. */
  attach(id?: string): Promise<Result<Machine>>;
}
