import { randomUUID } from 'node:crypto';
import { implement } from '@orpc/server';
import { type Disposable, DisposableStore } from '../../app/base/disposable.ts';
import { fail, ok, type Result } from '../../app/base/result.ts';
import type {
  ChatEvent,
  ChatTarget,
  DoctorCheck,
  DoctorReport,
  ExamineEvent,
  FixEvent,
  ModelEntry,
  Progress,
  ReadyEvent,
  StartRequest,
  StudioServices,
} from '../../app/contract/index.ts';
import {
  type MachineStart,
  type MachineStartEvent,
  type ModelEvent,
  type StudioInfo,
  type StudioMachine,
  studioContract,
} from '../../app/contract/studio.ts';
import { planOnPaper, qemuArguments } from '../../app/machine/argv.ts';
import { tokenRate } from '../../app/trace/token-rate.ts';
import { parseRegisters } from '../../app/wire/qemu-registers.ts';

import { BuildMonitor } from './build-monitor.ts';
import { curlCommand } from './curl.ts';
import { follow, report } from './follow.ts';
import { GiveWay } from './give-way.ts';
import { inspectRoutes } from './inspect-routes.ts';
import { languageRoutes } from './language-routes.ts';
import { MachineRegistry } from './machine-registry.ts';

export interface StudioRouterOptions {
  readonly version: string;
}

/** What answers every call of the contract, whatever carries it; and its end. */
export interface StudioRouter extends Disposable {
  readonly router: ReturnType<typeof createRoutes>;
  readonly info: StudioInfo;
}

/** One router for one set of services. The services belong to the caller. */
export function createStudioRouter(services: StudioServices, options: StudioRouterOptions): StudioRouter {
  const owned = new DisposableStore();
  const info: StudioInfo = {
    protocol: 1,
    version: options.version,
    hostId: randomUUID(),
    hostPid: process.pid,
    platform: process.platform,
    startedAt: Date.now(),
    workspace: services.workspace.info,
  };
  const builds = owned.add(new BuildMonitor(services.build));
  const machines = owned.add(new MachineRegistry(services.machines));
  const giveWay = owned.add(new GiveWay());
  return { router: createRoutes(services, info, builds, machines, giveWay), info, dispose: () => owned.dispose() };
}

function createRoutes(
  services: StudioServices,
  info: StudioInfo,
  builds: BuildMonitor,
  machines: MachineRegistry,
  giveWay: GiveWay,
) {
  const { doctor, profiles, inspect, chat, models, workspace, settings, terminals, trust } = services;
  const os = implement(studioContract);
  let examined: Promise<DoctorReport> | undefined;
  const examine = (fresh: boolean) => {
    if (fresh || examined === undefined) examined = doctor.examine();
    return examined;
  };
  const withMachine = async <T>(id: string, act: (machine: MachineOf) => Promise<Result<T>>): Promise<Result<T>> => {
    const machine = await machines.find(id);
    return machine.ok ? act(machine.value) : machine;
  };
  const target = async (id: string): Promise<Result<ChatTarget>> => {
    const machine = await machines.find(id);
    if (!machine.ok) return machine;
    const { apiUrl } = machine.value.info;
    return apiUrl === null
      ? fail(
          'no-api',
          'This machine cannot be talked to.',
          'its profile forwards no port of the host to guest port 8080',
          'Add a forward to the profile and start it again.',
        )
      : ok({ apiUrl, machine: machine.value });
  };

  return os.router({
    studio: { info: os.studio.info.handler(() => info) },
    doctor: {
      report: os.doctor.report.handler(({ input }) => examine(input.fresh)),
      examine: os.doctor.examine.handler(async function* ({ signal }): AsyncGenerator<ExamineEvent> {
        const running = report<DoctorCheck, DoctorReport>(
          (onCheck, cancel) => doctor.examine({ onCheck, signal: cancel }),
          signal,
        );
        for (;;) {
          const next = await running.next();
          if (!next.done) yield { kind: 'check', check: next.value };
          else {
            examined = Promise.resolve(next.value);
            return yield { kind: 'finished', report: next.value };
          }
        }
      }),
      fix: os.doctor.fix.handler(async function* ({ input, signal }): AsyncGenerator<FixEvent> {
        for await (const event of doctor.fix({ only: input.only, signal })) {
          if (event.kind === 'finished') examined = Promise.resolve(event.report);
          yield event;
        }
      }),
    },
    build: {
      run: os.build.run.handler(({ signal }) => builds.run(signal)),
      cancel: os.build.cancel.handler(() => {
        builds.cancel();
        return DONE;
      }),
      status: os.build.status.handler(() => builds.status),
      size: os.build.size.handler(async () => {
        const built = builds.status.result;
        return built === null
          ? fail(
              'not-built',
              'There is no image yet.',
              'nothing was built since the studio started',
              'Build the kernel.',
            )
          : services.build.size(built.elfPath);
      }),
      follow: os.build.follow.handler(({ signal }) => builds.follow(signal)),
    },
    profiles: {
      list: os.profiles.list.handler(() => profiles.list()),
      load: os.profiles.load.handler(({ input }) => profiles.load(input.name)),
      source: os.profiles.source.handler(({ input }) => profiles.source(input.name)),
      save: os.profiles.save.handler(({ input }) => profiles.save(input.name, input.file, input.expected)),
      remove: os.profiles.remove.handler(({ input }) => profiles.remove(input.name, input.expected).then(done)),
      rename: os.profiles.rename.handler(({ input }) => profiles.rename(input.name, input.to, input.expected)),
      check: os.profiles.check.handler(({ input }) => profiles.check(input.name, input.file)),
      argv: os.profiles.argv.handler(async ({ input }) => {
        const profile = typeof input.profile === 'string' ? await profiles.load(input.profile) : ok(input.profile);
        if (!profile.ok) return profile;
        const choice = await doctor.chooseAccelerator(profile.value.accelerator);
        if (!choice.ok) return choice;
        return ok(['qemu-system-x86_64', ...qemuArguments(planOnPaper(profile.value, choice.value.accelerator))]);
      }),
    },
    machines: {
      list: os.machines.list.handler(() => machines.list()),
      watch: os.machines.watch.handler(({ signal }) => machines.watch(signal)),
      start: os.machines.start.handler(({ input, signal }) => startMachine(services, builds, machines, input, signal)),
      pause: os.machines.pause.handler(({ input }) => withMachine(input.id, (it) => it.pause()).then(done)),
      resume: os.machines.resume.handler(({ input }) => withMachine(input.id, (it) => it.resume()).then(done)),
      reset: os.machines.reset.handler(({ input }) => withMachine(input.id, (it) => it.reset()).then(done)),
      stop: os.machines.stop.handler(({ input }) => withMachine(input.id, (it) => it.stop()).then(done)),
      forget: os.machines.forget.handler(({ input }) => done(machines.forget(input.id))),
      serial: os.machines.serial.handler(({ input, signal }) => machines.serial(input.id, input.from, signal)),
      serialWrite: os.machines.serialWrite.handler(({ input }) =>
        withMachine(input.id, async (it) => {
          it.writeSerial(Buffer.from(input.text, 'utf8'));
          return ok();
        }).then(done),
      ),
      logStart: os.machines.logStart.handler(async ({ input }) => {
        const file = await workspace.grow(input.path);
        return file.ok ? machines.startLog(input.id, input.from, file.value).then(done) : file;
      }),
      logStop: os.machines.logStop.handler(({ input }) => machines.stopLog(input.id)),
      usage: os.machines.usage.handler(({ input }) =>
        withMachine(input.id, async ({ info: machine }) => {
          const [usage, trace] = await Promise.all([services.machines.usage(machine), inspect.trace({ machine })]);
          return usage.ok ? ok({ ...usage.value, ...tokenRate(trace.ok ? trace.value : NO_TRACE) }) : usage;
        }),
      ),
      registers: os.machines.registers.handler(({ input }) =>
        withMachine(input.id, async (it) => {
          const text = await it.registers();
          return text.ok ? ok({ processors: parseRegisters(text.value).map(copy), text: text.value }) : text;
        }),
      ),
    },
    inspect: inspectRoutes(
      inspect,
      (id) => machines.find(id),
      workspace.info.root,
      () => giveWay.hold(),
    ),
    chat: {
      ready: os.chat.ready.handler(async function* ({ input, signal }): AsyncGenerator<ReadyEvent> {
        const whom = await target(input.id);
        if (whom.ok) yield* chat.waitUntilReady(whom.value, { signal });
        else yield { kind: 'failed', error: whom.error };
      }),
      models: os.chat.models.handler(async ({ input, signal }) => {
        const whom = await target(input.id);
        return whom.ok ? chat.models(whom.value, { signal }) : whom;
      }),
      chat: os.chat.chat.handler(async function* ({ input, signal }): AsyncGenerator<ChatEvent> {
        const whom = await target(input.id);
        if (whom.ok) yield* chat.chat(whom.value, input.request, { signal });
        else yield { kind: 'failed', error: whom.error };
      }),
      complete: os.chat.complete.handler(async function* ({ input, signal }): AsyncGenerator<ChatEvent> {
        const whom = await target(input.id);
        if (whom.ok) yield* chat.complete(whom.value, input.request, { signal });
        else yield { kind: 'failed', error: whom.error };
      }),
      curl: os.chat.curl.handler(async ({ input }) => {
        const whom = await target(input.id);
        return whom.ok ? ok(curlCommand(whom.value.apiUrl, input.request)) : whom;
      }),
    },
    models: {
      list: os.models.list.handler(() => models.list()),
      catalogue: os.models.catalogue.handler(() => models.catalogue()),
      add: os.models.add.handler(({ input, signal }) =>
        modelEvents((onProgress, cancel) => models.add(input.path, { onProgress, signal: cancel }), signal),
      ),
      get: os.models.get.handler(({ input, signal }) =>
        modelEvents((onProgress, cancel) => models.get(input.name, { onProgress, signal: cancel }), signal),
      ),
      remove: os.models.remove.handler(({ input }) => models.remove(input.name).then(done)),
      restore: os.models.restore.handler(({ input }) => models.restore(input.name)),
    },
    workspace: {
      tree: os.workspace.tree.handler(({ input }) => workspace.list(input.path)),
      read: os.workspace.read.handler(({ input }) => workspace.read(input.path)),
      write: os.workspace.write.handler(({ input }) => workspace.write(input)),
      create: os.workspace.create.handler(({ input }) => workspace.create(input.path, input.kind).then(done)),
      rename: os.workspace.rename.handler(({ input }) => workspace.rename(input.from, input.to).then(done)),
      delete: os.workspace.delete.handler(({ input }) => workspace.delete(input.path)),
      undoDelete: os.workspace.undoDelete.handler(({ input }) => workspace.undoDelete(input.id)),
      trash: os.workspace.trash.handler(() => workspace.trash()),
      watch: os.workspace.watch.handler(({ signal }) => iterate(workspace.watch({ signal }))),
      quickOpen: os.workspace.quickOpen.handler(({ signal }) => workspace.files({ signal })),
      search: os.workspace.search.handler(({ input, signal }) => iterate(workspace.search(input, { signal }))),
      replace: os.workspace.replace.handler(({ input, signal }) => workspace.replace(input, { signal })),
      undoReplace: os.workspace.undoReplace.handler(({ input }) => workspace.undoReplace(input.id)),
      gitStatus: os.workspace.gitStatus.handler(({ signal }) => workspace.gitStatus({ signal })),
      gitHead: os.workspace.gitHead.handler(({ input }) => workspace.gitHead(input.path)),
    },
    terminals: {
      watch: os.terminals.watch.handler(async function* ({ signal }) {
        const lists = follow(terminals.onDidChange, signal, () => [terminals.list()]);
        for await (const list of lists) yield [...list];
      }),
      create: os.terminals.create.handler(({ input }) => terminals.create(input.size, input.name)),
      write: os.terminals.write.handler(({ input }) => done(terminals.write(input.id, input.text))),
      resize: os.terminals.resize.handler(({ input }) => done(terminals.resize(input.id, input.size))),
      rename: os.terminals.rename.handler(({ input }) => done(terminals.rename(input.id, input.name))),
      restart: os.terminals.restart.handler(({ input }) => terminals.restart(input.id, input.size)),
      kill: os.terminals.kill.handler(({ input }) => done(terminals.kill(input.id))),
      output: os.terminals.output.handler(({ input, signal }) =>
        iterate(terminals.output(input.id, input.from, { signal })),
      ),
      acknowledge: os.terminals.acknowledge.handler(({ input }) => {
        terminals.acknowledge(input.id, input.offset);
        return DONE;
      }),
    },
    language: languageRoutes(services.language),
    settings: {
      get: os.settings.get.handler(() => settings.get()),
      set: os.settings.set.handler(({ input }) => settings.set(input)),
      watch: os.settings.watch.handler(async function* ({ signal }) {
        const now = await settings.get();
        yield* follow(settings.onDidChange, signal, () => [now]);
      }),
    },
    trust: {
      watch: os.trust.watch.handler(({ signal }) => follow(trust.onDidChange, signal, () => [trust.trust])),
      decide: os.trust.decide.handler(({ input }) => trust.decide(input.trusted)),
    },
    state: {
      get: os.state.get.handler(async ({ input }) => ({ value: await settings.getState(input.key) })),
      put: os.state.put.handler(({ input }) => settings.putState(input.key, input.value).then(done)),
    },
    backups: {
      list: os.backups.list.handler(() => settings.listBackups()),
      put: os.backups.put.handler(({ input }) => settings.putBackup(input).then(done)),
      drop: os.backups.drop.handler(async ({ input }) => {
        await settings.dropBackup(input.path);
        return DONE;
      }),
    },
  });
}

type MachineOf = Extract<Awaited<ReturnType<MachineRegistry['find']>>, { ok: true }>['value'];

const NO_TRACE = { spans: [], tscHz: null };
const DONE = { ok: true as const };

function done(result: Result<unknown>) {
  return result.ok ? DONE : result;
}

/** Values of the core are read-only; those of a schema are not. */
function copy({ index, values, halted }: { index: number; values: Readonly<Record<string, string>>; halted: boolean }) {
  return { index, values: { ...values }, halted };
}

async function* iterate<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  yield* source;
}

/** From a request of the page to a machine: the images are those of the last build of this host. */
async function* startMachine(
  { models, profiles }: StudioServices,
  builds: BuildMonitor,
  machines: MachineRegistry,
  { model, ...rest }: MachineStart,
  signal: AbortSignal | undefined,
): AsyncGenerator<MachineStartEvent> {
  const profile = typeof rest.profile === 'string' ? await profiles.load(rest.profile) : ok(rest.profile);
  if (!profile.ok) return yield { kind: 'failed', error: profile.error };
  const built = builds.status.result;
  const foreign = profile.value.kernel !== null;
  if (built === null && !foreign) {
    const error = {
      code: 'not-built',
      what: 'There is no kernel to boot.',
      why: builds.status.phase === 'failed' ? 'the last build failed' : 'nothing was built since the studio started',
      fix: 'Build the kernel first.',
    };
    return yield { kind: 'failed', error };
  }
  const found = model === null ? ok(null) : await models.resolve(model);
  if (!found.ok) return yield { kind: 'failed', error: found.error };
  const unsupported = foreign ? '' : (found.value?.facts?.unsupported ?? '');
  if (unsupported !== '') {
    const error = {
      code: 'model-unsupported',
      what: `The kernel cannot run ${found.value?.name}.`,
      why: unsupported,
      fix: 'Choose another model.',
    };
    return yield { kind: 'failed', error };
  }
  const request: StartRequest = {
    ...rest,
    ...(built === null || foreign ? {} : { elfPath: built.elfPath, efiPath: built.efiPath }),
    ...(found.value === null ? {} : { modelPath: found.value.path }),
  };
  const started = report<Progress, Result<StudioMachine>>(
    (onProgress, cancel) => machines.start(request, { onProgress, signal: cancel }),
    signal,
  );
  for (;;) {
    const next = await started.next();
    if (!next.done) {
      yield { kind: 'progress', progress: next.value };
      continue;
    }
    return yield next.value.ok
      ? { kind: 'started', machine: next.value.value }
      : { kind: 'failed', error: next.value.error };
  }
}

async function* modelEvents(
  run: (onProgress: (progress: Progress) => void, signal: AbortSignal) => Promise<Result<ModelEntry>>,
  signal: AbortSignal | undefined,
): AsyncGenerator<ModelEvent> {
  const running = report<Progress, Result<ModelEntry>>(run, signal);
  for (;;) {
    const next = await running.next();
    if (!next.done) {
      yield { kind: 'progress', progress: next.value };
      continue;
    }
    return yield next.value.ok
      ? { kind: 'finished', model: next.value.value }
      : { kind: 'failed', error: next.value.error };
  }
}
