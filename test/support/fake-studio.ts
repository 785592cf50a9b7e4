/**
 * A studio whose machines are played by a test, behind the real contract and the real server: for what no real guest does when it is
 * asked to, such as lying about its name or printing a megabyte a second. All else, files and settings included, is real.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DisposableStore, toDisposable } from '../../app/base/disposable.ts';
import { Emitter } from '../../app/base/event.ts';
import { fail, ok, type Result } from '../../app/base/result.ts';
import type { Machine, MachineInfo, MachineService, MachineState, StudioServices } from '../../app/contract/index.ts';
import { PROFILE_DEFAULTS } from '../../app/machine/profile.ts';
import { createStudioRouter } from '../../main/rpc/router.ts';
import { startStudioServer } from '../../main/server/index.ts';
import { ensurePage } from '../../main/server/page.ts';
import { createStudioServices } from '../../main/services/host.ts';
import { expectOk } from './lab.ts';
import { root } from './project.ts';

/** A machine of another program, as far as the studio can tell. */
export class FakeMachine implements Machine {
  readonly info: MachineInfo;
  readonly #serial = new Emitter<Uint8Array>();
  readonly #changed = new Emitter<MachineState>();
  readonly onDidReceiveSerial = this.#serial.event;
  readonly onDidChangeState = this.#changed.event;
  state: MachineState;

  constructor(info: Partial<MachineInfo> & { readonly id: string }, state: MachineState = { phase: 'running' }) {
    this.state = state;
    this.info = {
      profile: { ...PROFILE_DEFAULTS, name: 'direct' },
      accelerator: { accelerator: 'tcg', reason: 'it is not real' },
      ownerPid: 1,
      qemuPid: 1,
      startedAt: Date.now(),
      forwards: [{ host: 1, guest: 8080 }],
      apiUrl: 'http://127.0.0.1:1',
      elfPath: '/nowhere/ring0',
      modelPath: '/nowhere/model.gguf',
      commandLine: '',
      runDirectory: '/nowhere',
      ramPath: '',
      serialLogPath: '',
      argv: ['qemu-system-x86_64'],
      ...info,
    };
  }

  print(bytes: Uint8Array | string): void {
    this.#serial.fire(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  }

  serialScrollback = () => new Uint8Array();
  writeSerial(bytes: Uint8Array): void {
    // As a guest's terminal does.
    this.print(bytes);
  }
  pause = async () => ok();
  resume = async () => ok();
  reset = async () => ok();
  stop = async () => ok();
  registers = async (): Promise<Result<string>> => ok('');
  query = async (): Promise<Result<unknown>> => fail('not-real', 'This machine is not real.', '', '');
  waitForEnd = () => new Promise<MachineState>(() => {});
  dispose(): void {
    this.#serial.dispose();
    this.#changed.dispose();
  }
}

export interface FakeStudio {
  /** With the token. */
  readonly url: string;
  /** What the services threw. */
  readonly bugs: unknown[];
  dispose(): void;
}

/** @param replace services in place of the real ones */
export async function startFakeStudio(
  folder: string,
  machines: readonly FakeMachine[],
  replace: Partial<Pick<StudioServices, 'chat' | 'build' | 'models' | 'inspect' | 'doctor'>> = {},
): Promise<FakeStudio> {
  const owned = new DisposableStore();
  const home = mkdtempSync(join(tmpdir(), 'r0-fake-'));
  owned.add(toDisposable(() => rmSync(home, { recursive: true, force: true })));
  // What a test has made is trusted.
  writeFileSync(join(home, 'settings.json'), JSON.stringify({ workspaceTrust: false }));
  const page = expectOk(await ensurePage(root, () => {}));
  const real = owned.add(
    expectOk(await createStudioServices({ root, workspace: folder, data: home, runRoot: join(home, 'run') })),
  );
  const service: MachineService = {
    start: async () => fail('not-real', 'Nothing can be started here.', '', ''),
    list: async () => machines.map(({ info, state }) => ({ info, state })),
    registered: async () => machines.map(({ info }) => info),
    usage: async () => fail('no-usage', 'Nothing is measured here.', '', ''),
    attach: async (id) => {
      const machine = machines.find(({ info }) => info.id === id) ?? machines[0];
      return machine === undefined ? fail('no-machine', 'No machine runs.', '', '') : ok(machine);
    },
    dispose() {},
  };
  const router = owned.add(createStudioRouter({ ...real, ...replace, machines: service }, { version: '0' }));
  const bugs: unknown[] = [];
  const server = owned.add(
    expectOk(await startStudioServer({ router, directory: page, port: 0, reportBug: (bug) => void bugs.push(bug) })),
  );
  return { url: server.url, bugs, dispose: () => owned.dispose() };
}
