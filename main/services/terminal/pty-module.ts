import { messageOf } from '../../../app/base/result.ts';
import type { TerminalSize } from '../../../app/contract/terminal.ts';

/** A child in a pseudo-terminal: the part of node-pty's interface that is used here. */
export interface Pty {
  readonly pid: number;
  onData(listener: (data: Uint8Array) => void): unknown;
  onExit(listener: (status: { exitCode: number; signal?: number }) => void): unknown;
  write(text: string): void;
  resize(columns: number, rows: number): void;
  pause(): void;
  resume(): void;
  kill(signal?: string): void;
}

export interface PtyOptions extends TerminalSize {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Where pseudo-terminals come from. */
export interface PtyModule {
  readonly name: string;
  spawn(file: string, args: readonly string[], options: PtyOptions): Pty;
}

interface NodePty {
  spawn(file: string, args: string[], options: Record<string, unknown>): Pty;
}

/** The first has its native part prebuilt and is a dependency of ours; the second is used where somebody has installed it. */
const MODULES = ['@lydell/node-pty', 'node-pty'] as const;

/** @throws with every module's reason when none can be had */
export async function loadPtyModule(
  load: (name: string) => Promise<unknown> = (name) => import(name),
): Promise<PtyModule> {
  const reasons: string[] = [];
  for (const name of MODULES) {
    try {
      const loaded = (await load(name)) as NodePty & { default?: NodePty };
      const { spawn } = loaded.default ?? loaded;
      return {
        name,
        spawn: (file, args, { columns, rows, directory, environment }) =>
          spawn(file, [...args], {
            name: 'xterm-256color',
            cols: columns,
            rows,
            cwd: directory,
            env: environment,
            // Bytes: a character may lie in two pieces.
            encoding: null,
          }),
      };
    } catch (thrown) {
      reasons.push(`${name}: ${messageOf(thrown).split('\n')[0]}`);
    }
  }
  throw new Error(reasons.join('; '));
}
