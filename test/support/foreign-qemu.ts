/** A QEMU that the studio did not start: with a gdb stub as `-s` makes one, and a QMP socket for the test to know the truth by. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { type Disposable, toDisposable } from '../../app/base/disposable.ts';
import type { MachineInfo, QueryArguments } from '../../app/contract/index.ts';
import { PROFILE_DEFAULTS } from '../../app/machine/profile.ts';
import { startProcess } from '../../main/process/index.ts';
import { QmpClient } from '../../main/services/machine/qmp-client.ts';
import { expectOk } from './lab.ts';
import { root } from './project.ts';

export class ForeignQemu implements Disposable {
  readonly folder: string;
  readonly gdbPath: string;
  /** As if it were a machine of ours, so that its RAM file is read too. */
  readonly info: MachineInfo;
  readonly qmp: QmpClient;
  readonly #end: Disposable;

  private constructor(folder: string, info: MachineInfo, qmp: QmpClient, end: Disposable) {
    this.folder = folder;
    this.gdbPath = join(folder, 'gdb.sock');
    this.info = info;
    this.qmp = qmp;
    this.#end = end;
  }

  static async start(
    kernel: string,
    args: readonly string[],
    cores = 2,
    memoryMiB = 256,
    machine: 'q35' | 'pc' | 'microvm' = 'q35',
    /** Of the machine: `,ioapic2=on`. */
    machineOptions = '',
  ): Promise<ForeignQemu> {
    const folder = mkdtempSync(join(tmpdir(), 'r0-foreign-'));
    const [ram, qmp] = [join(folder, 'ram'), join(folder, 'qmp.sock')];
    const process = expectOk(
      await startProcess(
        'qemu-system-x86_64',
        [
          ...['-nodefaults', '-no-user-config', '-display', 'none', '-accel', 'tcg', '-cpu', 'max'],
          ...[
            '-machine',
            `${machine},memory-backend=ram${machineOptions}`,
            '-smp',
            String(cores),
            '-m',
            `${memoryMiB}M`,
          ],
          ...['-object', `memory-backend-file,id=ram,size=${memoryMiB}M,mem-path=${ram},share=on`],
          ...['-qmp', `unix:${qmp},server=on,wait=off`, '-gdb', `unix:${join(folder, 'gdb.sock')},server=on,wait=off`],
          ...['-serial', `file:${join(folder, 'serial.log')}`, '-kernel', kernel, ...args],
        ],
        { guard: true },
      ),
    );
    const socket = await connected(qmp);
    const client = new QmpClient(socket);
    expectOk(await client.negotiate());
    const info = {
      id: 'foreign',
      elfPath: kernel,
      ramPath: ram,
      runDirectory: folder,
      startedAt: Date.now(),
      profile: { ...PROFILE_DEFAULTS, name: 'foreign', machine, memoryMiB, cores },
    } as MachineInfo;
    const end = toDisposable(() => {
      client.dispose();
      process.dispose();
      rmSync(folder, { recursive: true, force: true });
    });
    return new ForeignQemu(folder, info, client, end);
  }

  readonly ask = (_machine: MachineInfo, command: string, args?: QueryArguments) => this.qmp.execute(command, args);

  async runs(): Promise<boolean> {
    return (expectOk(await this.qmp.execute('query-status')) as { running: boolean }).running;
  }

  /** Waits until the guest has printed something on its serial line. */
  async serialSays(text: string, timeout = 90_000): Promise<void> {
    const said = () => expect(readFileSync(join(this.folder, 'serial.log'), 'utf8')).toContain(text);
    await vi.waitFor(said, { timeout, interval: 200 });
  }

  /**
   * A process of its own that holds the machine through its stub and can be killed without a chance to say anything.
   * @param script what it does with `stub`, the outcome of connecting; its first line of output is given back
   */
  async heldBy(script: string): Promise<{ readonly child: ChildProcess; readonly said: string }> {
    const whole = `import { GdbStub } from ${JSON.stringify(join(root, 'main/services/inspect/gdb/stub.ts'))};
      const stub = await GdbStub.connect({ path: ${JSON.stringify(this.gdbPath)} });
      ${script}
      setInterval(() => {}, 1000);`;
    const bundle = join(this.folder, 'holder.mjs');
    const esbuild = ['--bundle', '--platform=node', '--format=esm', `--outfile=${bundle}`, '--log-level=error'];
    const bundled = spawnSync(join(root, 'node_modules', '.bin', 'esbuild'), esbuild, { cwd: root, input: whole });
    expect(bundled.stderr.toString()).toBe('');
    const child = spawn(process.execPath, [bundle]);
    const said = await new Promise<string>((resolve) =>
      child.stdout.once('data', (bytes: Buffer) => resolve(bytes.toString().trim())),
    );
    return { child, said };
  }

  dispose(): void {
    this.#end.dispose();
  }
}

async function connected(path: string): Promise<Socket> {
  for (let attempt = 0; ; attempt++) {
    const socket = await new Promise<Socket | null>((resolve) => {
      const one = connect(path, () => resolve(one));
      one.once('error', () => resolve(null));
    });
    if (socket !== null) return socket;
    if (attempt === 200) throw new Error(`${path} is not there`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
