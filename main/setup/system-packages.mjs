/**
 * What the operating system must bring: QEMU, UEFI firmware and a C linker for host-side Rust programs.
 * Looked for by the file that matters, never by package database, so that a QEMU built by hand counts too.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

const windows = process.platform === 'win32';

/** @param {string} name @returns {string | undefined} the first executable of that name on the PATH */
export function findExecutable(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, windows ? `${name}.exe` : name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here; the next folder may have it.
    }
  }
  return undefined;
}

/** @returns {string | undefined} a UEFI firmware image for QEMU's x86_64 machines */
function findFirmware() {
  const qemu = findExecutable('qemu-system-x86_64');
  const beside =
    qemu === undefined ? [] : [join(dirname(dirname(qemu)), 'share', 'qemu'), join(dirname(qemu), 'share')];
  const candidates = [
    '/usr/share/OVMF/OVMF_CODE_4M.fd',
    '/usr/share/OVMF/OVMF_CODE.fd',
    '/usr/share/edk2/x64/OVMF_CODE.4m.fd',
    '/usr/share/edk2/ovmf/OVMF_CODE.fd',
    '/usr/share/qemu/ovmf-x86_64-code.bin',
    ...beside.map((folder) => join(folder, 'edk2-x86_64-code.fd')),
    '/opt/homebrew/share/qemu/edk2-x86_64-code.fd',
    '/usr/local/share/qemu/edk2-x86_64-code.fd',
    'C:\\Program Files\\qemu\\share\\edk2-x86_64-code.fd',
  ];
  return candidates.find((path) => existsSync(path));
}

/** One row a prerequisite; the package names are tried in the order of the package managers below. */
const PREREQUISITES = [
  {
    what: 'QEMU for x86_64',
    find: () =>
      findExecutable('qemu-system-x86_64') ?? ['C:\\Program Files\\qemu\\qemu-system-x86_64.exe'].find(existsSync),
    packages: {
      apt: ['qemu-system-x86'],
      dnf: ['qemu-system-x86'],
      pacman: ['qemu-system-x86'],
      zypper: ['qemu-x86'],
      brew: ['qemu'],
      choco: ['qemu'],
    },
  },
  {
    what: 'UEFI firmware (OVMF)',
    find: findFirmware,
    packages: {
      apt: ['ovmf'],
      dnf: ['edk2-ovmf'],
      pacman: ['edk2-ovmf'],
      zypper: ['qemu-ovmf-x86_64'],
      brew: ['qemu'],
      choco: ['qemu'],
    },
  },
  {
    what: 'a C compiler, with which Rust links host programs',
    // On Windows rustup itself asks for the Visual Studio build tools.
    find: () => (windows ? 'rustup' : findExecutable('cc')),
    packages: { apt: ['gcc', 'libc6-dev'], dnf: ['gcc'], pacman: ['gcc'], zypper: ['gcc'], brew: ['gcc'], choco: [] },
  },
];

/** What only `npm test` wants. Installed where apt may; elsewhere the tests that want it say why they skip. */
const FOR_TESTS = [
  { what: 'Chromium', find: () => findExecutable('chromium'), packages: { apt: ['chromium', 'fonts-dejavu-core'] } },
  { what: 'fsck.fat', find: () => findExecutable('fsck.fat'), packages: { apt: ['dosfstools'] } },
  { what: 'gdb', find: () => findExecutable('gdb'), packages: { apt: ['gdb'] } },
];

/** @type {Record<string, (packages: string[]) => string[][]>} how each package manager is asked, as command lines */
const MANAGERS = {
  apt: (packages) => [
    ['apt-get', '-o', 'DPkg::Lock::Timeout=120', 'update'],
    ['apt-get', '-o', 'DPkg::Lock::Timeout=120', 'install', '-y', '--no-install-recommends', ...packages],
  ],
  dnf: (packages) => [['dnf', 'install', '-y', ...packages]],
  pacman: (packages) => [['pacman', '-S', '--needed', ...packages]],
  zypper: (packages) => [['zypper', 'install', ...packages]],
  brew: (packages) => [['brew', 'install', ...packages]],
  choco: (packages) => [['choco', 'install', '-y', ...packages]],
};

/** @returns {keyof typeof MANAGERS | undefined} the package manager of this machine */
function packageManager() {
  if (windows) return 'choco';
  if (process.platform === 'darwin') return 'brew';
  if (findExecutable('apt-get') !== undefined) return 'apt';
  return ['dnf', 'pacman', 'zypper'].find((name) => findExecutable(name) !== undefined);
}

/** @returns {string[] | undefined} what to put before a command to run it as root, if that needs no password */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  const sudo = findExecutable('sudo');
  if (sudo !== undefined && spawnSync(sudo, ['-n', 'true'], { stdio: 'ignore' }).status === 0) return [sudo, '-n'];
  return undefined;
}

/**
 * Installs by itself only with apt and only where no password is needed; elsewhere it names the command and stops.
 *
 * @param {(line: string) => void} say where progress goes
 * @param {{ tests?: boolean }} [options] `tests`: what only the tests want as well
 * @returns {{ ok: true } | { ok: false, message: string }}
 */
export function ensureSystemPackages(say, { tests = false } = {}) {
  const manager = packageManager();
  const wanted =
    tests && manager === 'apt' && rootPrefix() !== undefined ? [...PREREQUISITES, ...FOR_TESTS] : PREREQUISITES;
  const missing = wanted.filter((entry) => entry.find() === undefined);
  if (missing.length === 0) return { ok: true };
  const names = missing.map((entry) => entry.what).join(', ');
  if (manager === undefined)
    return { ok: false, message: `missing: ${names}. Install them with your system's package manager.` };
  const packages = [...new Set(missing.flatMap((entry) => entry.packages[manager]))];
  const commands = MANAGERS[manager](packages);
  const sudo = manager === 'brew' || windows ? '' : 'sudo ';
  const byHand = commands.map((argv) => `    ${sudo}${argv.join(' ')}`).join('\n');
  const prefix = manager === 'apt' ? rootPrefix() : undefined;
  if (prefix === undefined) return { ok: false, message: `missing: ${names}. Install them with:\n${byHand}` };
  for (const argv of commands) {
    const [command, ...rest] = [...prefix, ...argv];
    say(`${argv[0]} ${argv.slice(3).join(' ')}…`);
    const result = spawnSync(command, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: 64 << 20,
    });
    if (result.status !== 0) {
      const tail = `${result.stdout ?? ''}${result.stderr ?? ''}`.trimEnd().split('\n').slice(-12).join('\n');
      return {
        ok: false,
        message: `\`${argv.join(' ')}\` failed (${result.error?.message ?? `exit code ${result.status}`}):\n${tail}`,
      };
    }
  }
  const still = missing.filter((entry) => entry.find() === undefined);
  if (still.length > 0)
    return {
      ok: false,
      message: `installed ${packages.join(', ')}, and still missing: ${still.map((e) => e.what).join(', ')}`,
    };
  return { ok: true };
}
