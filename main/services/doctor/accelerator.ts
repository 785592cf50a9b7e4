import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CancelSignal } from '../../../app/base/cancel.ts';
import { messageOf } from '../../../app/base/result.ts';
import type { Accelerator } from '../../../app/contract/profile.ts';
import { runProcess } from '../../process/index.ts';

/**
 * A boot sector that ends QEMU through its exit device with status `(0x10 << 1) | 1`: `mov dx, 0xf4; mov al, 0x10; out dx, al; hlt`.
 * Before that it has gone through the firmware, which is where a broken KVM dies.
 */
const BOOT_SECTOR = Uint8Array.from([0xba, 0xf4, 0x00, 0xb0, 0x10, 0xee, 0xf4, 0xeb, 0xfd]);
const SUCCESS = 0x21;
/** Under KVM this takes a third of a second. */
const TIMEOUT_MS = 5000;

export interface AcceleratorProbe {
  readonly accelerator: Accelerator;
  readonly works: boolean;
  readonly detail: string;
}

/** Accelerators that this system may have, best first, TCG always last. */
export function candidates(platform: NodeJS.Platform, arch: string): Accelerator[] {
  if (platform === 'linux') return arch === 'x64' ? ['kvm', 'tcg'] : ['tcg'];
  if (platform === 'darwin') return arch === 'x64' ? ['hvf', 'tcg'] : ['tcg'];
  return platform === 'win32' && arch === 'x64' ? ['whpx', 'tcg'] : ['tcg'];
}

/** Boots a guest of one sector. That the device is there proves nothing: a host may offer KVM without a processor behind it. */
export async function probeAccelerator(
  qemu: string,
  accelerator: Accelerator,
  signal?: CancelSignal,
): Promise<AcceleratorProbe> {
  const verdict = (works: boolean, detail: string) => ({ accelerator, works, detail });
  const missing = accelerator === 'kvm' ? kvmObstacle() : undefined;
  if (missing !== undefined) return verdict(false, missing);
  const folder = mkdtempSync(join(tmpdir(), 'ring0-probe-'));
  try {
    const disk = join(folder, 'boot.img');
    const sector = new Uint8Array(512);
    sector.set(BOOT_SECTOR);
    sector.set([0x55, 0xaa], 510);
    writeFileSync(disk, sector);
    const run = await runProcess(
      qemu,
      [
        ...[
          '-nodefaults',
          '-no-user-config',
          '-display',
          'none',
          '-machine',
          'q35',
          '-accel',
          accelerator,
          '-cpu',
          'max',
          '-m',
          '32M',
        ],
        ...[
          '-device',
          'isa-debug-exit,iobase=0xf4,iosize=1',
          '-drive',
          `format=raw,file=${disk.replaceAll(',', ',,')}`,
          '-no-reboot',
        ],
      ],
      { timeoutMs: TIMEOUT_MS, signal, guard: true },
    );
    if (!run.ok) return verdict(false, run.error.why || run.error.what);
    if (run.value.code === SUCCESS) return verdict(true, 'booted a guest');
    if (run.value.timedOut) return verdict(false, `a guest of one sector did not end within ${TIMEOUT_MS / 1000} s`);
    return verdict(false, firstLine(run.value.stderr) || `QEMU ended with ${run.value.code ?? run.value.signal}`);
  } catch (error) {
    return verdict(false, messageOf(error));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Why KVM need not be tried, if so. */
function kvmObstacle(): string | undefined {
  try {
    accessSync('/dev/kvm', constants.F_OK);
  } catch {
    return '/dev/kvm does not exist: no virtualisation in the processor, the firmware or the container';
  }
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return '/dev/kvm may not be opened by this user: `sudo usermod -aG kvm $USER` and log in again';
  }
}

function firstLine(text: string): string {
  return (
    text
      .trim()
      .split('\n')[0]
      ?.replace(/^qemu-system-x86_64: /, '') ?? ''
  );
}
