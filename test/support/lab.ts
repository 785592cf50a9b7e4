/** Machines for tests: booted once, asked often, gone at the end. */
import { DisposableStore } from '../../app/base/disposable.ts';
import type { Result } from '../../app/base/result.ts';
import type { BuildResult, Machine, MachineState, ServiceHost, StartRequest } from '../../app/contract/index.ts';
import { createServiceHost } from '../../main/services/host.ts';
import { ESCAPES } from './command-line.ts';
import { root, sharedFile } from './project.ts';

const PROMPT = /(?:^|\n)ring0> $/;

/** How long a guest may take for anything. Generous: CI machines are slow, and a guest that is alive answers far sooner. */
const PATIENCE_MS = 90_000;

/** The value, or the error as a failed test. */
export function expectOk<T>(result: Result<T>): T {
  if (!result.ok)
    throw new Error(`${result.error.code}: ${result.error.what}\n${result.error.why}\n${result.error.fix}`);
  return result.value;
}

export class Lab {
  readonly #held = new DisposableStore();
  readonly host: ServiceHost;
  #kernel: BuildResult | undefined;

  constructor() {
    this.host = this.#held.add(createServiceHost({ root }));
  }

  /** The kernel, built on the first call. */
  async kernel(): Promise<BuildResult> {
    if (this.#kernel !== undefined) return this.#kernel;
    const printed: string[] = [];
    for await (const event of this.host.build.build()) {
      if (event.kind === 'diagnostic') printed.push(event.diagnostic.rendered);
      if (event.kind === 'failed') throw new Error([event.error.what, event.error.why, ...printed].join('\n'));
      if (event.kind === 'finished') this.#kernel = event.result;
    }
    if (this.#kernel === undefined) throw new Error('the build ended without a result');
    return this.#kernel;
  }

  /** The model for tests to which it does not matter: the small trained one, else the demo model. */
  async anyModel(): Promise<string> {
    return sharedFile('stories260K-q8_0.gguf') ?? expectOk(await this.host.models.resolve()).path;
  }

  /** Starts a machine; what the request leaves out is the profile `direct` with any model. A kernel of its own gets no model. */
  async start(request: Partial<StartRequest> = {}): Promise<TestMachine> {
    const ours = request.elfPath === undefined;
    const images = ours ? await this.kernel() : undefined;
    const model = ours ? { modelPath: request.modelPath ?? (await this.anyModel()) } : {};
    const kernel = images === undefined ? {} : { elfPath: images.elfPath, efiPath: images.efiPath };
    const machine = expectOk(
      await this.host.machines.start({ profile: 'direct', ...kernel, port: 0, ...request, ...model }),
    );
    return new TestMachine(this.#held.add(machine));
  }

  /** Starts a machine and waits until its API is there. */
  async boot(request: Partial<StartRequest> = {}): Promise<TestMachine> {
    const machine = await this.start(request);
    await machine.waitForSerial(/ring0: serving http/);
    await machine.waitForSerial(/ring0> $/);
    return machine;
  }

  /** Ends everything; a QEMU that survives this is a failure of the test that calls it. */
  dispose(): void {
    this.#held.dispose();
  }
}

export class TestMachine {
  readonly machine: Machine;
  /** What the guest's shell prints when it waits. */
  prompt = PROMPT;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  get apiUrl(): string {
    const { apiUrl } = this.machine.info;
    if (apiUrl === null) throw new Error('this machine forwards no API port');
    return apiUrl;
  }

  /** The serial console so far, as lines of plain text. */
  serial(): string {
    return Buffer.from(this.machine.serialScrollback()).toString('utf8').replace(ESCAPES, '').replaceAll('\r', '');
  }

  /** Waits until the console, from character `from` on, matches. @returns the match */
  async waitForSerial(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    return await new Promise((resolve, reject) => {
      const held = new DisposableStore();
      const look = () => {
        const match = pattern.exec(this.serial().slice(from));
        if (match === null) return;
        held.dispose();
        resolve(match);
      };
      const giveUp = (why: string) => {
        held.dispose();
        reject(new Error(`${why} while waiting for ${pattern}; the console ends with:\n${this.serial().slice(-2000)}`));
      };
      held.add(this.machine.onDidReceiveSerial(look));
      const timer = setTimeout(() => giveUp(`nothing came for ${PATIENCE_MS} ms`), PATIENCE_MS);
      held.add({ dispose: () => clearTimeout(timer) });
      void this.machine.waitForEnd().then((state) => {
        look();
        giveUp(`the machine ended (${state.phase})`);
      });
      look();
    });
  }

  /** Types a command at the kernel's shell. @returns what it printed, without the echo and the next prompt */
  async shell(command: string): Promise<string> {
    const from = this.serial().length;
    this.machine.writeSerial(Buffer.from(`${command}\r`));
    // The echo redraws the prompt; the answer is complete at the first prompt that stands after a line of its own.
    await this.waitForSerial(this.prompt, from);
    const [, ...lines] = this.serial().slice(from).split('\n');
    return lines.slice(0, -1).join('\n');
  }

  /** One request to the guest's API. */
  async request(path: string, body?: unknown, init: RequestInit = {}): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${this.apiUrl}${path}`, {
      ...(body === undefined
        ? {}
        : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...init,
    });
    const text = await response.text();
    return {
      status: response.status,
      body: response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text,
    };
  }

  /** Resolves when the machine has ended by itself. */
  async end(): Promise<MachineState> {
    return await this.machine.waitForEnd();
  }

  /** Stops it, and returns whether its QEMU is gone. */
  async stop(): Promise<boolean> {
    expectOk(await this.machine.stop());
    return !isAlive(this.machine.info.qemuPid);
  }
}

/** Whether a process of that number exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
