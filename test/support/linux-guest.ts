/**
 * A Linux that nobody here made: Debian's own cloud kernel with the virtio modules of its package, and a shell of busybox as its first
 * program. Downloaded once by apt into the user's cache, outside of the repository, and packed there.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { TestContext } from 'vitest';
import type { StartRequest } from '../../app/contract/index.ts';
import { type CpioEntry, cpioArchive } from './cpio.ts';
import type { Lab, TestMachine } from './lab.ts';

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ring0-studio', 'linux-guest-1');
/** Names the newest kernel by depending on it. */
const META_PACKAGE = 'linux-image-cloud-amd64';
/** In the order in which they need each other. */
const MODULES = [
  ...['drivers/virtio/virtio_ring', 'drivers/virtio/virtio', 'drivers/virtio/virtio_pci_modern_dev'],
  ...['drivers/virtio/virtio_pci_legacy_dev', 'drivers/virtio/virtio_pci', 'drivers/block/virtio_blk'],
  ...['net/core/failover', 'drivers/net/net_failover', 'drivers/net/virtio_net'],
];
const APPLETS = [
  'sh',
  'mount',
  'insmod',
  'ip',
  'uname',
  'setsid',
  'cat',
  'echo',
  'ls',
  'dd',
  'ping',
  'poweroff',
  'mkdir',
];
const INIT = `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in ${MODULES.map((path) => basename(path)).join(' ')}; do insmod /modules/$module.ko; done
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0 && ip link set eth0 up
echo "linux: ready $(uname -r)"
export PS1='linux# '
exec setsid sh -c 'exec sh -i </dev/ttyS0 >/dev/ttyS0 2>&1'
`;
const PROMPT = /(?:^|\n)linux# $/;

export interface LinuxFiles {
  readonly kernel: string;
  readonly initrd: string;
  /** Such as `6.1.0-56-cloud-amd64`. */
  readonly release: string;
}

/** The files, made on the first call; or why there are none. */
export function linuxFiles(): LinuxFiles | string {
  const known = inCache();
  if (known !== undefined) return known;
  mkdirSync(dirname(CACHE), { recursive: true });
  const draft = mkdtempSync(`${CACHE}.`);
  try {
    const trouble = make(draft);
    if (trouble !== undefined) return trouble;
    // Another process may have been first: then its files are as good.
    if (!existsSync(CACHE)) renameSync(draft, CACHE);
    return inCache() ?? `${CACHE} is not what was put there; remove it`;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** The same for a test that cannot do without: skips it, and says why. */
export function needLinux(context: TestContext): LinuxFiles {
  const files = linuxFiles();
  if (typeof files === 'string') context.skip(`needs a Debian kernel: ${files}`);
  return files as LinuxFiles;
}

/** Starts it and waits for its shell; `disk` becomes `/dev/vda`, read-only. `shell()` of the machine types at busybox. */
export async function bootLinux(
  lab: Lab,
  files: LinuxFiles,
  { disk, append = '', ...request }: Partial<StartRequest> & { readonly disk?: string } = {},
): Promise<TestMachine> {
  const machine = await lab.start({
    memoryMiB: 256,
    ...request,
    elfPath: files.kernel,
    initrdPath: files.initrd,
    append: `console=ttyS0 quiet panic=-1 ${append}`,
    ...(disk === undefined ? {} : { modelPath: disk }),
  });
  machine.prompt = PROMPT;
  await machine.waitForSerial(/linux: ready/);
  await machine.waitForSerial(PROMPT);
  return machine;
}

function inCache(): LinuxFiles | undefined {
  try {
    const release = readFileSync(join(CACHE, 'release'), 'utf8');
    return { kernel: join(CACHE, 'vmlinuz'), initrd: join(CACHE, 'initrd'), release };
  } catch {
    return undefined;
  }
}

/** Fills a folder. @returns what went wrong */
function make(folder: string): string | undefined {
  const run = (command: string, ...args: string[]) => {
    const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
    return status === 0 ? { stdout } : { why: `${command} ${args[0]}: ${error?.message ?? stderr.trim().slice(-300)}` };
  };
  const kernelPackage = () =>
    /Depends: (linux-image-[a-z0-9.+-]+)/.exec(run('apt-cache', 'depends', META_PACKAGE).stdout ?? '')?.[1];
  let name = kernelPackage();
  if (name === undefined && process.getuid?.() === 0) {
    run('apt-get', 'update');
    name = kernelPackage();
  }
  if (name === undefined) return `apt knows no ${META_PACKAGE}; it takes a Debian with package lists (apt-get update)`;
  for (const wanted of [name, 'busybox-static']) {
    const got = run('apt-get', 'download', wanted);
    const file = readdirSync(folder).find((entry) => entry.startsWith(`${wanted}_`));
    if (file === undefined) return got.why ?? `apt-get did not download ${wanted}`;
    const unpacked = run('dpkg', '-x', file, 'packages');
    rmSync(join(folder, file));
    if (unpacked.why !== undefined) return unpacked.why;
  }
  const packages = join(folder, 'packages');
  const kernel = readdirSync(join(packages, 'boot')).find((entry) => entry.startsWith('vmlinuz-'));
  if (kernel === undefined) return `${name} has no kernel`;
  const release = kernel.slice('vmlinuz-'.length);
  renameSync(join(packages, 'boot', kernel), join(folder, 'vmlinuz'));
  writeFileSync(join(folder, 'initrd'), initrd(packages, release));
  rmSync(packages, { recursive: true });
  // Last, since it says that the rest is there.
  writeFileSync(join(folder, 'release'), release);
  return undefined;
}

function initrd(packages: string, release: string): Buffer {
  const directory = (name: string): CpioEntry => ({ name, mode: 0o040755 });
  const program = (name: string, bytes: Uint8Array): CpioEntry => ({ name, mode: 0o100755, bytes });
  const modules = join(packages, 'lib', 'modules', release, 'kernel');
  return cpioArchive([
    ...['bin', 'dev', 'proc', 'sys', 'modules'].map(directory),
    { name: 'dev/console', mode: 0o020600, major: 5, minor: 1 },
    program('bin/busybox', readFileSync(join(packages, 'bin', 'busybox'))),
    ...APPLETS.map((applet) => ({ name: `bin/${applet}`, mode: 0o120777, bytes: Buffer.from('busybox') })),
    ...MODULES.map((path) => program(`modules/${basename(path)}.ko`, readFileSync(join(modules, `${path}.ko`)))),
    program('init', Buffer.from(INIT)),
  ]);
}
