import { existsSync, statfsSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import type { CancelSignal } from '../../../app/base/cancel.ts';
import type { DoctorCheck } from '../../../app/contract/doctor.ts';
import { runProcess } from '../../process/index.ts';
import { findOvmf, isQemuRecent, MIN_QEMU, qemuProgram, qemuVersion } from './qemu.ts';
import { findRustAnalyzer, INSTALL_RUST_ANALYZER } from './rust-analyzer.ts';

const RUSTUP = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal";
/** `rust-version` of the kernel's workspace. */
const MIN_RUST: readonly [number, number] = [1, 91];
const MIN_NODE: readonly [number, number] = [20, 19];
const MIN_DISK_GIB = 3;
const MIN_MEMORY_MIB = 768;

type Outcome = Omit<DoctorCheck, 'id' | 'title'>;
export interface Check {
  readonly id: DoctorCheck['id'];
  readonly title: string;
  readonly examine: (root: string, signal: CancelSignal | undefined) => Promise<Outcome>;
}

const fine = (found: string): Outcome => ({ status: 'ok', found, why: '', fixCommand: null, fixHint: '' });
const bad = (
  status: 'warn' | 'fail',
  found: string,
  why: string,
  fixCommand: string | null,
  fixHint: string,
): Outcome => ({ status, found, why, fixCommand, fixHint });

/** The checks that look at this machine without booting anything. */
export const CHECKS: readonly Check[] = [
  { id: 'node', title: 'Node.js', examine: async () => checkNode(process.versions.node) },
  { id: 'rust', title: 'Rust', examine: checkRust },
  { id: 'linker', title: 'linker (rust-lld)', examine: checkLinker },
  { id: 'rust-analyzer', title: 'language server', examine: checkRustAnalyzer },
  { id: 'qemu', title: 'QEMU', examine: checkQemu },
  { id: 'ovmf', title: 'UEFI firmware (OVMF)', examine: async () => checkOvmf() },
  { id: 'disk', title: 'disk space', examine: async (root) => checkDisk(root) },
  {
    id: 'memory',
    title: 'memory',
    examine: async () => checkMemory(Math.floor(freemem() / 1048576), Math.floor(totalmem() / 1048576)),
  },
];

export function checkNode(version: string): Outcome {
  return atLeast(version, MIN_NODE)
    ? fine(version)
    : bad(
        'fail',
        version,
        `the studio needs Node ${MIN_NODE.join('.')} or later`,
        null,
        'Install Node 24 from https://nodejs.org or with your version manager.',
      );
}

async function checkRust(_root: string, signal: CancelSignal | undefined): Promise<Outcome> {
  const run = await runProcess('cargo', ['--version'], { timeoutMs: 20_000, signal });
  if (!run.ok)
    return bad(
      'fail',
      'none',
      'cargo is not on the PATH',
      RUSTUP,
      'Then open a new terminal, or run: . "$HOME/.cargo/env"',
    );
  const version = /cargo (\d+\.\d+\.\d+)/.exec(run.value.stdout)?.[1];
  if (version === undefined)
    return bad(
      'fail',
      run.value.stdout.trim(),
      run.value.stderr.trim() || 'cargo does not tell its version',
      'rustup default stable',
      '',
    );
  return atLeast(version, MIN_RUST)
    ? fine(version)
    : bad('fail', version, `the kernel needs Rust ${MIN_RUST.join('.')} or later`, 'rustup update stable', '');
}

async function checkLinker(_root: string, signal: CancelSignal | undefined): Promise<Outcome> {
  const run = await runProcess('rustc', ['--print', 'sysroot', '--print', 'host-tuple'], { timeoutMs: 20_000, signal });
  const [sysroot, host] = run.ok ? run.value.stdout.trim().split('\n') : [];
  if (sysroot === undefined || host === undefined) return bad('fail', 'none', 'rustc does not run', RUSTUP, '');
  const lld = join(sysroot, 'lib', 'rustlib', host, 'bin', process.platform === 'win32' ? 'rust-lld.exe' : 'rust-lld');
  if (!existsSync(lld))
    return bad(
      'fail',
      'none',
      `${lld} does not exist: this Rust does not come from rustup`,
      RUSTUP,
      'Distribution packages of Rust leave the linker out.',
    );
  const target = join(sysroot, 'lib', 'rustlib', 'x86_64-unknown-linux-gnu', 'lib');
  if (!existsSync(target))
    return bad(
      'fail',
      lld,
      `the target x86_64-unknown-linux-gnu is not installed in ${sysroot}`,
      'rustup target add x86_64-unknown-linux-gnu',
      '',
    );
  return fine(lld);
}

async function checkRustAnalyzer(root: string): Promise<Outcome> {
  const found = await findRustAnalyzer(root);
  return found.ok
    ? fine(found.value.name)
    : bad(
        'warn',
        'none',
        `the editor completes and explains Rust code with it; ${found.error.why}`,
        INSTALL_RUST_ANALYZER.join(' '),
        'Everything else works without it.',
      );
}

async function checkQemu(): Promise<Outcome> {
  const program = qemuProgram();
  const version = await qemuVersion(program);
  if (!version.ok)
    return bad(
      'fail',
      'none',
      version.error.why,
      installCommand('qemu'),
      `Or set RING0_QEMU to the path of qemu-system-x86_64.`,
    );
  return isQemuRecent(version.value)
    ? fine(version.value)
    : bad(
        'warn',
        version.value,
        `older than ${MIN_QEMU.join('.')}, the oldest that was tried`,
        installCommand('qemu'),
        '',
      );
}

function checkOvmf(): Outcome {
  const ovmf = findOvmf();
  return ovmf.ok
    ? fine(ovmf.value.code)
    : bad(
        'warn',
        'none',
        'only the uefi profile needs it',
        installCommand('ovmf'),
        "Install your system's package of OVMF (edk2).",
      );
}

function checkDisk(root: string): Outcome {
  const { bavail, bsize } = statfsSync(root);
  const gib = (bavail * bsize) / 2 ** 30;
  const found = `${gib.toFixed(1)} GiB free`;
  return gib >= MIN_DISK_GIB
    ? fine(found)
    : bad(
        'warn',
        found,
        `a build and a model want ${MIN_DISK_GIB} GiB in ${root}`,
        null,
        'Free some space; `cargo clean` in kernel/ gives back what builds took.',
      );
}

export function checkMemory(freeMiB: number, totalMiB: number): Outcome {
  const found = `${freeMiB} of ${totalMiB} MiB free`;
  return freeMiB >= MIN_MEMORY_MIB
    ? fine(found)
    : bad(
        'warn',
        found,
        `a guest wants ${MIN_MEMORY_MIB} MiB`,
        null,
        'Close some programs, or start guests with --memory 256M.',
      );
}

interface PackageManager {
  readonly program: string;
  /** What brings its knowledge of packages up to date, if it does not do so itself. */
  readonly refresh?: string;
  /** Installs without asking, and nothing that is merely recommended. */
  readonly install: string;
  readonly packages: Readonly<Record<'qemu' | 'ovmf', string>>;
}

const MANAGERS: readonly PackageManager[] = [
  {
    program: '/usr/bin/apt-get',
    // Fresh containers and images have no package lists; an unattended upgrade may hold the lock.
    refresh: 'apt-get -o DPkg::Lock::Timeout=120 update',
    install: 'apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends',
    packages: { qemu: 'qemu-system-x86', ovmf: 'ovmf' },
  },
  {
    program: '/usr/bin/dnf',
    install: 'dnf install -y --setopt=install_weak_deps=False',
    packages: { qemu: 'qemu-system-x86', ovmf: 'edk2-ovmf' },
  },
  {
    program: '/usr/bin/pacman',
    install: 'pacman -S --needed --noconfirm',
    packages: { qemu: 'qemu-system-x86', ovmf: 'edk2-ovmf' },
  },
  {
    program: '/usr/bin/zypper',
    install: 'zypper --non-interactive install --no-recommends',
    packages: { qemu: 'qemu-x86', ovmf: 'qemu-ovmf-x86_64' },
  },
];

/** The command that installs a package on this system; null where we know none. */
export function installCommand(
  what: 'qemu' | 'ovmf',
  isThere: (program: string) => boolean = existsSync,
  isRoot = process.getuid?.() === 0,
): string | null {
  const sudo = isRoot ? '' : 'sudo ';
  const manager = MANAGERS.find(({ program }) => isThere(program));
  if (manager !== undefined) {
    const steps = [
      ...(manager.refresh === undefined ? [] : [manager.refresh]),
      `${manager.install} ${manager.packages[what]}`,
    ];
    return steps.map((step) => `${sudo}${step}`).join(' && ');
  }
  if (process.platform === 'darwin') return 'brew install qemu';
  return process.platform === 'win32' ? 'winget install SoftwareFreedomConservancy.QEMU' : null;
}

function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [haveMajor = 0, haveMinor = 0] = version.split('.').map(Number);
  return haveMajor > major || (haveMajor === major && haveMinor >= minor);
}
