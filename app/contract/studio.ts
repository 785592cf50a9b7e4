import type { ContractRouterClient } from '@orpc/contract';
import { z } from 'zod';
import { BuildEventSchema, BuildResultSchema, DiagnosticSchema, ImageSizeSchema } from './build.ts';
import {
  ChatEventSchema,
  ChatRequestSchema,
  CompletionRequestSchema,
  ReadyEventSchema,
  ServedModelSchema,
} from './chat.ts';
import { AppErrorSchema, EpochMsSchema, HexSchema, ProgressSchema } from './common.ts';
import { DoctorCheckSchema, DoctorReportSchema, ExamineEventSchema, FixEventSchema } from './doctor.ts';
import { inspectContract } from './inspect/routes.ts';
import { languageContract } from './language-routes.ts';
import { MachineListingSchema, StartRequestSchema } from './machine.ts';
import { CatalogueEntrySchema, ModelEntrySchema } from './model.ts';
import { ask, done, follow, result } from './procedure.ts';
import {
  ProfileFileSchema,
  ProfileListingSchema,
  ProfileNameSchema,
  ProfileSchema,
  ProfileSourceTextSchema,
} from './profile.ts';
import { BackupSchema, SettingsPatchSchema, SettingsReportSchema, StateKeySchema } from './settings.ts';
import {
  TerminalChunkSchema,
  TerminalIdSchema,
  TerminalInfoSchema,
  TerminalNameSchema,
  TerminalSizeSchema,
} from './terminal.ts';
import { TrustSchema } from './trust.ts';
import { MachineUsageSchema } from './usage.ts';
import {
  EtagSchema,
  FileContentSchema,
  FileListSchema,
  GitStatusSchema,
  HeadContentSchema,
  ReplaceOutcomeSchema,
  ReplaceRequestSchema,
  SearchEventSchema,
  SearchRequestSchema,
  TrashedSchema,
  WorkspaceChangeSchema,
  WorkspaceEntrySchema,
  WorkspaceInfoSchema,
  WorkspacePathSchema,
  WriteOutcomeSchema,
  WriteRequestSchema,
} from './workspace.ts';

/**
 * All that the page can ask of the service host, over whatever carries it. Expected failure is a value: a `Result`, or a stream's
 * last event. What throws is a broken connection, a refused input, or a bug.
 *
 * A stream ends when its reader leaves it (`signal`, or `return()`), with the connection, or by itself after its last event. A stream
 * that mirrors state begins with all of it, so that a reader who comes back needs nothing else.
 */

const nothing = z.void();
const machineId = z.strictObject({ id: z.string().min(1).max(64) });
const name = z.strictObject({ name: z.string().min(1).max(4096) });
const path = z.strictObject({ path: WorkspacePathSchema });
const terminal = z.strictObject({ id: TerminalIdSchema });

/** The service host itself. */
export const StudioInfoSchema = z.object({
  /** Rises when page and host would no longer understand each other. */
  protocol: z.literal(1),
  version: z.string(),
  /** New with every start of a host: a page that sees another one asks for everything again. */
  hostId: z.string(),
  hostPid: z.number().int(),
  platform: z.string(),
  startedAt: EpochMsSchema,
  workspace: WorkspaceInfoSchema,
});
export type StudioInfo = z.infer<typeof StudioInfoSchema>;

/** The build that runs or the last one; everything that a window needs that opens in the middle of it. */
export const BuildStatusSchema = z.object({
  /** Counts builds of this host; 0: there was none. */
  number: z.number().int(),
  phase: z.enum(['idle', 'running', 'succeeded', 'failed', 'cancelled']),
  startedAt: EpochMsSchema.nullable(),
  endedAt: EpochMsSchema.nullable(),
  /** What it does now: `compiling the kernel`. */
  step: z.string(),
  /** Crates finished, and of these compiled anew. */
  crates: z.number().int(),
  compiled: z.number().int(),
  /** Every diagnostic, in the compiler's order. */
  problems: z.array(DiagnosticSchema),
  /** The last lines of other output. */
  output: z.array(z.string()),
  result: BuildResultSchema.nullable(),
  error: AppErrorSchema.nullable(),
});
export type BuildStatus = z.infer<typeof BuildStatusSchema>;

export const BuildFollowEventSchema = z.discriminatedUnion('kind', [
  /** The first event, and the first of each new build. */
  z.object({ kind: z.literal('status'), status: BuildStatusSchema }),
  z.object({ kind: z.literal('event'), event: BuildEventSchema }),
]);
export type BuildFollowEvent = z.infer<typeof BuildFollowEventSchema>;

/** What to boot; without images, those of the last build. */
export const MachineStartSchema = StartRequestSchema.omit({
  elfPath: true,
  initrdPath: true,
  efiPath: true,
  modelPath: true,
}).extend({
  /** Name or path of a model; absent: the demo model. Null boots without one. */
  model: z.string().max(4096).nullable().optional(),
});
export type MachineStart = z.infer<typeof MachineStartSchema>;

/** A console that is written to a file as it comes. */
export const SerialLogSchema = z.object({
  /** In the workspace. */
  path: WorkspacePathSchema,
  /** Why it has stopped by itself; null while it goes on. */
  error: AppErrorSchema.nullable(),
});
export type SerialLog = z.infer<typeof SerialLogSchema>;

/** A machine as the studio lists it: those that run, and the last ones of this host that have ended. */
export const StudioMachineSchema = MachineListingSchema.extend({
  /** Whether this host started it, rather than another terminal. */
  own: z.boolean(),
  log: SerialLogSchema.nullable(),
});
export type StudioMachine = z.infer<typeof StudioMachineSchema>;

export const MachineStartEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), progress: ProgressSchema }),
  z.object({ kind: z.literal('started'), machine: StudioMachineSchema }),
  z.object({ kind: z.literal('failed'), error: AppErrorSchema }),
]);
export type MachineStartEvent = z.infer<typeof MachineStartEventSchema>;

/**
 * A piece of the serial console. `offset` counts bytes since power-on (or since this host attached); a gap means that the reader
 * came too late for what lay between. A reader who comes back asks from where it was.
 */
export const SerialChunkSchema = z.object({
  offset: z.number().int().nonnegative(),
  /** Base64. */
  data: z.string(),
  /** True for the last chunk: the machine is gone. */
  ended: z.boolean(),
});
export type SerialChunk = z.infer<typeof SerialChunkSchema>;

export const RegistersSchema = z.object({
  /** One for each virtual processor. */
  processors: z.array(
    z.object({
      index: z.number().int(),
      /** `rip`, `rax`, `cr3`, … as QEMU names them, lower case. */
      values: z.record(z.string(), HexSchema),
      halted: z.boolean(),
    }),
  ),
  /** QEMU's own text of `info registers`. */
  text: z.string(),
});
export type Registers = z.infer<typeof RegistersSchema>;

export const ModelEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), progress: ProgressSchema }),
  z.object({ kind: z.literal('finished'), model: ModelEntrySchema }),
  z.object({ kind: z.literal('failed'), error: AppErrorSchema }),
]);
export type ModelEvent = z.infer<typeof ModelEventSchema>;

export const studioContract = {
  studio: {
    info: ask(nothing, StudioInfoSchema),
  },
  doctor: {
    /** `fresh`: probe again instead of giving the report of before. */
    report: ask(z.strictObject({ fresh: z.boolean().default(false) }), DoctorReportSchema),
    /** The same, check by check. */
    examine: follow(nothing, ExamineEventSchema),
    /** Runs what cures the failed checks, or the one that is named. */
    fix: follow(z.strictObject({ only: DoctorCheckSchema.shape.id.optional() }), FixEventSchema),
  },
  build: {
    /** Builds, or joins the build that runs; all its events from its beginning. Leaving the stream does not end the build. */
    run: follow(nothing, BuildEventSchema),
    /** Ends the build that runs; nothing happens without one. */
    cancel: ask(nothing, done),
    status: ask(nothing, BuildStatusSchema),
    /** What the image of the last build that succeeded is made of. */
    size: ask(nothing, result(ImageSizeSchema)),
    /** Every build of this host, whoever started it. Never ends by itself. */
    follow: follow(nothing, BuildFollowEventSchema),
  },
  profiles: {
    list: ask(nothing, z.array(ProfileListingSchema)),
    /** With everything inherited and defaulted. */
    load: ask(name, result(ProfileSchema)),
    /** The file as it is, for editing. */
    source: ask(z.strictObject({ name: ProfileNameSchema }), result(ProfileSourceTextSchema)),
    /** Checks the file as a start would and writes it; `expected` null makes a new one. A changed file is an error `changed-meanwhile`. */
    save: ask(
      z.strictObject({ name: ProfileNameSchema, file: ProfileFileSchema, expected: EtagSchema.nullable() }),
      result(ProfileSourceTextSchema),
    ),
    /** An error `profile-in-use` names those that extend it. */
    remove: ask(z.strictObject({ name: ProfileNameSchema, expected: EtagSchema }), done),
    rename: ask(
      z.strictObject({ name: ProfileNameSchema, to: ProfileNameSchema, expected: EtagSchema }),
      result(ProfileSourceTextSchema),
    ),
    /** What `file` would come to, without writing it. */
    check: ask(z.strictObject({ name: ProfileNameSchema, file: ProfileFileSchema }), result(ProfileSchema)),
    /** The QEMU command line; what only a start settles stands in capitals. */
    argv: ask(z.strictObject({ profile: z.union([ProfileNameSchema, ProfileSchema]) }), result(z.array(z.string()))),
  },
  machines: {
    list: ask(nothing, z.array(StudioMachineSchema)),
    /** The whole list, now and after each change of a state. */
    watch: follow(nothing, z.array(StudioMachineSchema)),
    start: follow(MachineStartSchema, MachineStartEventSchema),
    pause: ask(machineId, done),
    resume: ask(machineId, done),
    reset: ask(machineId, done),
    stop: ask(machineId, done),
    /** Takes an ended machine off the list. */
    forget: ask(machineId, done),
    /** Scrollback from `from` on, then what comes. Ends with the machine. */
    serial: follow(machineId.extend({ from: z.number().int().nonnegative().default(0) }), SerialChunkSchema),
    /** Types at the serial port, as UTF-8. */
    serialWrite: ask(machineId.extend({ text: z.string().max(65_536) }), done),
    /** Writes the console to a file of the workspace from now on, or with what is kept of it before; at the end of the file, if it is there. */
    logStart: ask(machineId.extend({ path: WorkspacePathSchema, from: z.enum(['kept', 'now']) }), done),
    /** Ends that; says how much was written. */
    logStop: ask(machineId, result(z.object({ path: z.string(), bytes: z.number() }))),
    registers: ask(machineId, result(RegistersSchema)),
    /** What it costs the host, and how fast it works. Asked for as often as a person looks. */
    usage: ask(machineId, result(MachineUsageSchema)),
  },
  inspect: inspectContract,
  chat: {
    /** Until the guest's API answers. */
    ready: follow(machineId, ReadyEventSchema),
    models: ask(machineId, result(z.array(ServedModelSchema))),
    /** Leaving the stream stops the generation. */
    chat: follow(machineId.extend({ request: ChatRequestSchema }), ChatEventSchema),
    complete: follow(machineId.extend({ request: CompletionRequestSchema }), ChatEventSchema),
    /** The same request as a command for a POSIX shell, and its JSON body. */
    curl: ask(
      machineId.extend({ request: z.union([ChatRequestSchema, CompletionRequestSchema]) }),
      result(z.object({ command: z.string(), url: z.string(), body: z.string() })),
    ),
  },
  models: {
    list: ask(nothing, z.array(ModelEntrySchema)),
    catalogue: ask(nothing, z.array(CatalogueEntrySchema)),
    /** A GGUF file of this computer, by absolute path. */
    add: follow(path.extend({ path: z.string().min(1).max(4096) }), ModelEventSchema),
    get: follow(name, ModelEventSchema),
    remove: ask(name, done),
    /** Puts back what was removed last. */
    restore: ask(name, result(ModelEntrySchema)),
  },
  workspace: {
    tree: ask(path, result(z.array(WorkspaceEntrySchema))),
    read: ask(path, result(FileContentSchema)),
    write: ask(WriteRequestSchema, result(WriteOutcomeSchema)),
    create: ask(path.extend({ kind: z.enum(['file', 'directory']) }), done),
    rename: ask(z.strictObject({ from: WorkspacePathSchema, to: WorkspacePathSchema }), done),
    delete: ask(path, result(TrashedSchema)),
    undoDelete: ask(z.strictObject({ id: z.string().max(64) }), result(TrashedSchema)),
    trash: ask(nothing, z.array(TrashedSchema)),
    watch: follow(nothing, WorkspaceChangeSchema),
    quickOpen: ask(nothing, result(FileListSchema)),
    search: follow(SearchRequestSchema, SearchEventSchema),
    replace: ask(ReplaceRequestSchema, result(ReplaceOutcomeSchema)),
    undoReplace: ask(z.strictObject({ id: z.string().max(64) }), result(ReplaceOutcomeSchema)),
    gitStatus: ask(nothing, result(GitStatusSchema)),
    gitHead: ask(path, result(HeadContentSchema)),
  },
  /** Shells of the host. Whoever may call anything may call this: a person's shell is behind the same key and Origin check as their files. */
  terminals: {
    /** The whole list, now and after each change. */
    watch: follow(nothing, z.array(TerminalInfoSchema)),
    create: ask(
      z.strictObject({ size: TerminalSizeSchema, name: TerminalNameSchema.optional() }),
      result(TerminalInfoSchema),
    ),
    /** Types, as UTF-8. */
    write: ask(terminal.extend({ text: z.string().max(65_536) }), done),
    resize: ask(terminal.extend({ size: TerminalSizeSchema }), done),
    rename: ask(terminal.extend({ name: TerminalNameSchema }), done),
    /** A new shell where one has ended; what was printed stays. */
    restart: ask(terminal.extend({ size: TerminalSizeSchema }), result(TerminalInfoSchema)),
    /** Ends the shell with all its jobs, and takes the terminal off the list. */
    kill: ask(terminal, done),
    /** Scrollback from `from` on, then what comes. Ends when the terminal is killed. A shell waits for readers that do not acknowledge. */
    output: follow(terminal.extend({ from: z.number().int().nonnegative().default(0) }), TerminalChunkSchema),
    /** Everything before `offset` has been shown. */
    acknowledge: ask(terminal.extend({ offset: z.number().int().nonnegative() }), done),
  },
  /** The language server: see `language.ts`. */
  language: languageContract,
  settings: {
    get: ask(nothing, SettingsReportSchema),
    set: ask(SettingsPatchSchema, result(SettingsReportSchema)),
    /** Now, and after each change by any window or by hand. */
    watch: follow(nothing, SettingsReportSchema),
  },
  /** Whether what the folder brings may be run. */
  trust: {
    watch: follow(nothing, TrustSchema),
    decide: ask(z.strictObject({ trusted: z.boolean() }), result(TrustSchema)),
  },
  /** Small JSON values of this workspace: layouts, open editors, conversations. */
  state: {
    get: ask(z.strictObject({ key: StateKeySchema }), z.object({ value: z.unknown() })),
    put: ask(z.strictObject({ key: StateKeySchema, value: z.unknown() }), done),
  },
  /** Unsaved text, kept for the next start. */
  backups: {
    list: ask(nothing, z.array(BackupSchema)),
    put: ask(BackupSchema.omit({ savedAt: true }), done),
    drop: ask(BackupSchema.pick({ path: true }), done),
  },
};

export type StudioContract = typeof studioContract;

/** What the page calls. */
export type StudioClient = ContractRouterClient<StudioContract>;
