import { accessSync, constants } from 'node:fs';
import { isAbsolute } from 'node:path';

/** The person's own shell, or the one that every system has. */
export function chooseShell(
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (platform === 'win32') return environment.ComSpec ?? 'cmd.exe';
  const candidates = [environment.SHELL ?? '', '/bin/bash', '/bin/zsh'];
  return candidates.find((path) => isAbsolute(path) && isExecutable(path)) ?? '/bin/sh';
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What the shell is told of its terminal; what concerns the studio's own process alone stays out. */
export function shellEnvironment(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const inherited = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !HIDDEN.has(entry[0]),
  );
  return {
    ...Object.fromEntries(inherited),
    TERM: 'xterm-256color',
    COLORTERM: 'truecolor',
    TERM_PROGRAM: 'ring0-studio',
  };
}

/** Electron's switch that makes it Node, and what other terminals say of themselves. */
const HIDDEN: ReadonlySet<string> = new Set([
  'ELECTRON_RUN_AS_NODE',
  'ELECTRON_NO_ATTACH_CONSOLE',
  'TERM_PROGRAM_VERSION',
  'COLUMNS',
  'LINES',
  'NO_COLOR',
]);
