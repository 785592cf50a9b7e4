/** From options to a booted machine: what `run`, `chat` and `bench` have in common. */
import { assertNever } from '../../app/base/result.ts';
import {
  type BuildResult,
  type Machine,
  type MachineState,
  type ModelEntry,
  type StartRequest,
  StartRequestSchema,
} from '../../app/contract/index.ts';
import type { OptionSpecs, ValuesOf } from './arguments.ts';
import type { CommandContext } from './command.ts';
import { giveUp, unwrap } from './failure.ts';

/** The options that describe a machine. */
export const MACHINE_OPTIONS = {
  profile: {
    kind: 'text',
    short: 'p',
    value: 'NAME',
    help: 'machine profile, or the path of one (default direct); `ring0 profiles list`',
  },
  model: {
    kind: 'text',
    short: 'm',
    value: 'FILE|NAME',
    help: 'GGUF file, or the name of a library model (default the demo model); `ring0 model list`',
  },
  port: {
    kind: 'number',
    value: 'N',
    minimum: 0,
    maximum: 65535,
    help: "port on 127.0.0.1 for the guest's API (default the profile's; 0 takes a free one)",
  },
  append: { kind: 'text', value: 'TEXT', help: 'more kernel command line, such as "isa=sse ctx=512 seed=7"' },
  cores: { kind: 'number', value: 'N', minimum: 1, maximum: 64, help: "virtual processors, in place of the profile's" },
  memory: { kind: 'memory', value: 'SIZE', help: "guest RAM, such as 512M or 2G, in place of the profile's" },
  accelerator: { kind: 'text', value: 'NAME', help: "auto, tcg, kvm, hvf or whpx, in place of the profile's" },
} as const satisfies OptionSpecs;

/** A kernel that was not built here, in place of ours. */
export const KERNEL_OPTIONS = {
  kernel: {
    kind: 'text',
    value: 'FILE',
    help: 'a kernel of yours, PVH or Multiboot ELF or Linux bzImage; nothing is built',
  },
  initrd: { kind: 'text', value: 'FILE', help: 'its initial RAM disk' },
} as const satisfies OptionSpecs;

export type MachineValues = ValuesOf<typeof MACHINE_OPTIONS>;
type BootValues = MachineValues & Partial<ValuesOf<typeof KERNEL_OPTIONS>>;

/** Builds the kernel with progress on stderr and the compiler's messages as they come. A failed build ends the command. */
export async function buildKernel({ host, terminal, interrupts }: CommandContext): Promise<BuildResult> {
  let units = 0;
  let activity = 'build';
  for await (const event of host.build.build({ signal: interrupts.signal })) {
    switch (event.kind) {
      case 'step':
        activity = `build: ${event.title}`;
        terminal.progress(activity);
        break;
      case 'artifact':
        if (!event.fresh) {
          units += 1;
          terminal.progress(activity, `${event.packageName} (${units} compiled)`);
        }
        break;
      case 'diagnostic':
        if (event.diagnostic.severity === 'error' || event.diagnostic.severity === 'warning') {
          terminal.note(event.diagnostic.rendered.trimEnd());
        }
        break;
      case 'output':
        break;
      case 'finished':
        terminal.clearProgress();
        return event.result;
      case 'failed':
        return giveUp(event.error.code, event.error.what, event.error.why, event.error.fix);
      default:
        assertNever(event);
    }
  }
  return giveUp('build-failed', 'the build ended without a result', '', 'run ring0 build again');
}

/** The model that the options ask for; refuses one that the kernel cannot run, before anything boots. */
export async function resolveModel({ host }: CommandContext, wanted: string | undefined): Promise<ModelEntry> {
  const model = unwrap(await host.models.resolve(wanted));
  if (model.facts !== null && model.facts.unsupported !== '') {
    giveUp(
      'model-unsupported',
      `the kernel cannot run ${model.name}`,
      model.facts.unsupported,
      'see ring0 model list for models that it can',
    );
  }
  return model;
}

/** The images to boot; without any, the profile brings its own kernel. */
export type Images = Pick<StartRequest, 'elfPath' | 'efiPath' | 'initrdPath'>;

/** What to ask of the machine service. */
export function startRequest(values: MachineValues, images: Images, modelPath: string | undefined): StartRequest {
  const accelerator = StartRequestSchema.shape.accelerator.safeParse(values.accelerator);
  if (!accelerator.success) {
    giveUp('usage', `there is no accelerator ${values.accelerator}`, '', 'use auto, tcg, kvm, hvf or whpx');
  }
  return {
    profile: values.profile ?? 'direct',
    ...images,
    ...(modelPath === undefined ? {} : { modelPath }),
    ...(values.port === undefined ? {} : { port: values.port }),
    ...(values.append === undefined ? {} : { append: values.append }),
    ...(values.cores === undefined ? {} : { cores: values.cores }),
    ...(values.memory === undefined ? {} : { memoryMiB: values.memory }),
    ...(accelerator.data === undefined ? {} : { accelerator: accelerator.data }),
  };
}

const imagesOf = ({ elfPath, efiPath }: BuildResult): Images => ({ elfPath, efiPath });

/** The kernel that the options or the profile name in place of the one built here; undefined if none does. */
async function foreignImages({ host }: CommandContext, { kernel, initrd, profile }: BootValues) {
  if (kernel === undefined && unwrap(await host.profiles.load(profile ?? 'direct')).kernel === null) {
    if (initrd !== undefined) giveUp('usage', '--initrd goes with --kernel only', '', 'name the kernel too');
    return undefined;
  }
  const images: Images = {
    ...(kernel === undefined ? {} : { elfPath: kernel }),
    ...(initrd === undefined ? {} : { initrdPath: initrd }),
  };
  return images;
}

/** Builds, boots, and says so. The caller owns the machine. */
export async function bootMachine(
  context: CommandContext,
  values: BootValues,
): Promise<{ machine: Machine; model: ModelEntry | undefined }> {
  const { host, terminal, interrupts } = context;
  const foreign = await foreignImages(context, values);
  // A foreign kernel has a disk only if somebody wants it to, and it may be any file.
  const model = foreign === undefined ? await resolveModel(context, values.model) : undefined;
  const images = foreign ?? imagesOf(await buildKernel(context));
  const request = startRequest(values, images, foreign === undefined ? model?.path : values.model);
  const machine = unwrap(
    await host.machines.start(request, {
      signal: interrupts.signal,
      onProgress: (progress) => terminal.progress(progress.message),
    }),
  );
  terminal.clearProgress();
  return { machine, model };
}

/** One line about a machine that has just started, or that somebody attaches to. */
export function describeMachine({ info }: Machine): string {
  const { profile, accelerator } = info;
  const where = info.apiUrl === null ? 'no API port' : `API ${info.apiUrl}/v1`;
  return `machine ${info.id}: ${profile.name}, ${profile.machine}, ${accelerator.accelerator}, ${profile.cores} core${profile.cores === 1 ? '' : 's'}, ${profile.memoryMiB} MiB, ${where}`;
}

/** The state in a word or a line. */
export function describeState(state: MachineState): string {
  switch (state.phase) {
    case 'starting':
      return `starting (${state.step})`;
    case 'crashed':
      return `crashed: ${state.crash.summary}`;
    case 'stopped':
      return { guest: 'the guest shut itself down', user: 'stopped', 'owner-lost': 'its terminal is gone' }[state.by];
    case 'failed':
      return `failed: ${state.error.what}`;
    case 'running':
    case 'paused':
    case 'stopping':
      return state.phase;
    default:
      return assertNever(state);
  }
}
