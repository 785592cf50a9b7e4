import { existsSync } from 'node:fs';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import { runProcess } from '../../process/index.ts';

/** QEMU's program: `$RING0_QEMU`, or the one on the PATH. */
export function qemuProgram(environment: NodeJS.ProcessEnv = process.env): string {
  return environment.RING0_QEMU ?? 'qemu-system-x86_64';
}

/** The oldest QEMU that was tried. */
export const MIN_QEMU: readonly [major: number, minor: number] = [7, 2];

/** `7.2.22` of `QEMU emulator version 7.2.22 (Debian …)`. */
export function parseQemuVersion(output: string): string | undefined {
  return /version (\d+\.\d+(?:\.\d+)?)/.exec(output)?.[1];
}

export function isQemuRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > MIN_QEMU[0] || (major === MIN_QEMU[0] && minor >= MIN_QEMU[1]);
}

export async function qemuVersion(program: string): Promise<Result<string>> {
  const run = await runProcess(program, ['--version'], { timeoutMs: 10_000 });
  if (!run.ok) return run;
  const version = parseQemuVersion(run.value.stdout);
  return version === undefined
    ? fail(
        'qemu-unusable',
        `${program} does not tell its version.`,
        run.value.stderr || run.value.stdout,
        'Install QEMU again.',
      )
    : ok(version);
}

/** Where systems keep OVMF: code and variables. Debian, Fedora, Arch, openSUSE, Homebrew. */
const OVMF_PAIRS: readonly (readonly [code: string, vars: string])[] = [
  ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'],
  ['/usr/share/OVMF/OVMF_CODE.fd', '/usr/share/OVMF/OVMF_VARS.fd'],
  ['/usr/share/edk2/ovmf/OVMF_CODE.fd', '/usr/share/edk2/ovmf/OVMF_VARS.fd'],
  ['/usr/share/edk2/x64/OVMF_CODE.4m.fd', '/usr/share/edk2/x64/OVMF_VARS.4m.fd'],
  ['/usr/share/edk2-ovmf/x64/OVMF_CODE.fd', '/usr/share/edk2-ovmf/x64/OVMF_VARS.fd'],
  ['/usr/share/qemu/ovmf-x86_64-code.bin', '/usr/share/qemu/ovmf-x86_64-vars.bin'],
  ['/opt/homebrew/share/qemu/edk2-x86_64-code.fd', '/opt/homebrew/share/qemu/edk2-i386-vars.fd'],
  ['/usr/local/share/qemu/edk2-x86_64-code.fd', '/usr/local/share/qemu/edk2-i386-vars.fd'],
];

export function findOvmf(): Result<{ code: string; vars: string }> {
  const pair = OVMF_PAIRS.find(([code, vars]) => existsSync(code) && existsSync(vars));
  if (pair === undefined) {
    return fail(
      'no-ovmf',
      'The UEFI firmware OVMF is not installed.',
      `looked for ${OVMF_PAIRS.map(([code]) => code).join(', ')}`,
      "Install it: `ring0 doctor --fix`, or your system's package ovmf (edk2-ovmf).",
    );
  }
  return ok({ code: pair[0], vars: pair[1] });
}
