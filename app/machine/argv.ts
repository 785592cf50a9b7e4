import type { PortForward } from '../contract/machine.ts';
import type { Accelerator, Profile } from '../contract/profile.ts';

/** Everything that a start has settled; `qemuArguments` only writes it down. */
export interface LaunchPlan {
  readonly profile: Profile;
  readonly accelerator: Accelerator;
  readonly elfPath: string;
  /** Of a kernel that was not built here. */
  readonly initrdPath: string | null;
  /** The model disk; only where the profile has a block device. */
  readonly modelPath: string | null;
  /** With the host's ports allocated. */
  readonly forwards: readonly PortForward[];
  /** The whole kernel command line (PVH; with OVMF it lies on the disk). */
  readonly commandLine: string;
  /** Only where RAM is shared. */
  readonly ramPath: string;
  /** Unix sockets that the owner listens on and QEMU connects to, so that not one byte is lost. */
  readonly qmpSocket: string;
  readonly serialSocket: string;
  /** QEMU's log of interrupts and resets (TCG); null to keep none. */
  readonly interruptLog: string | null;
  /** OVMF only. */
  readonly uefi: { readonly code: string; readonly vars: string; readonly disk: string } | null;
}

/** The plan of a start that does not happen: what only a start settles is named in capitals. */
export function planOnPaper(profile: Profile, accelerator: Accelerator): LaunchPlan {
  return {
    profile,
    accelerator,
    elfPath: profile.kernel ?? 'KERNEL.ELF',
    initrdPath: profile.initrd,
    modelPath: 'MODEL.GGUF',
    forwards: profile.forwards,
    commandLine: profile.append,
    ramPath: 'RAM-FILE',
    qmpSocket: 'QMP.SOCKET',
    serialSocket: 'SERIAL.SOCKET',
    interruptLog: null,
    uefi: profile.firmware === 'ovmf' ? { code: 'OVMF-CODE', vars: 'OVMF-VARS', disk: 'UEFI-DISK' } : null,
  };
}

/** QEMU's arguments, without the program. Pure. */
export function qemuArguments(plan: LaunchPlan): string[] {
  const { profile } = plan;
  return [
    ...['-name', 'ring0-studio', '-nodefaults', '-no-user-config', '-display', profile.display],
    ...['-machine', machineOption(profile), '-accel', acceleratorOption(plan.accelerator)],
    ...['-cpu', profile.cpu, '-smp', String(profile.cores), '-m', `${profile.memoryMiB}M`],
    ...(profile.ram === 'private'
      ? []
      : [
          '-object',
          `memory-backend-file,id=ram,size=${profile.memoryMiB}M,mem-path=${escapeValue(plan.ramPath)},share=on`,
        ]),
    // A reset and a shutdown stop the machine first: the owner looks at it and then says what happens (machine service).
    ...['-action', 'reboot=shutdown,shutdown=pause,panic=pause'],
    ...['-chardev', `socket,id=qmp,path=${escapeValue(plan.qmpSocket)}`, '-mon', 'chardev=qmp,mode=control'],
    ...['-chardev', `socket,id=serial,path=${escapeValue(plan.serialSocket)}`, '-serial', 'chardev:serial'],
    ...(plan.interruptLog === null ? [] : ['-d', 'int,cpu_reset', '-D', plan.interruptLog]),
    ...bootArguments(plan),
    ...blockArguments(plan),
    ...networkArguments(plan),
    ...profile.extraArgs,
    // Nothing runs before the owner has both sockets.
    '-S',
  ];
}

function machineOption({ machine, ram }: Profile): string {
  const backend = ram === 'private' ? '' : ',memory-backend=ram';
  // Without ACPI, QEMU itself appends the virtio-mmio devices to the kernel's command line.
  return machine === 'microvm' ? `microvm,acpi=off,auto-kernel-cmdline=on${backend}` : `${machine}${backend}`;
}

function acceleratorOption(accelerator: Accelerator): string {
  return accelerator === 'tcg' ? 'tcg,thread=multi' : accelerator;
}

function bootArguments({ profile, elfPath, initrdPath, commandLine, uefi }: LaunchPlan): string[] {
  if (profile.firmware === 'pvh') {
    const initrd = initrdPath === null ? [] : ['-initrd', initrdPath];
    return ['-kernel', elfPath, ...initrd, ...(commandLine === '' ? [] : ['-append', commandLine])];
  }
  if (uefi === null) throw new Error('an OVMF profile was planned without its firmware');
  return [
    ...['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${escapeValue(uefi.code)}`],
    // A fresh copy each time: variables that survive hold boot entries of another disk.
    ...['-drive', `if=pflash,format=raw,unit=1,snapshot=on,file=${escapeValue(uefi.vars)}`],
    ...['-drive', `if=none,id=esp,format=raw,file=${escapeValue(uefi.disk)}`],
    // Not virtio: the kernel's block driver is to find the model disk and nothing else.
    ...['-device', 'ide-hd,drive=esp,id=esp0,bus=ide.0,bootindex=0'],
  ];
}

function blockArguments({ profile, modelPath }: LaunchPlan): string[] {
  if (profile.block === 'none' || modelPath === null) return [];
  const drive = ['-drive', `if=none,id=model,format=raw,readonly=on,file=${escapeValue(modelPath)}`];
  return [...drive, ...virtioDevice(profile, 'virtio-blk', profile.block, 'drive=model,id=model0')];
}

function networkArguments({ profile, forwards }: LaunchPlan): string[] {
  if (profile.network === 'none') return [];
  const rules = forwards.map(({ host, guest }) => `,hostfwd=tcp:127.0.0.1:${host}-:${guest}`).join('');
  // No option ROM: nobody boots from the network here.
  const rom = profile.machine === 'microvm' ? '' : ',romfile=';
  return [
    '-netdev',
    `user,id=net${rules}`,
    ...virtioDevice(profile, 'virtio-net', profile.network, `netdev=net,id=net0${rom}`),
  ];
}

function virtioDevice(profile: Profile, name: string, kind: 'modern' | 'transitional', options: string): string[] {
  if (profile.machine === 'microvm') {
    return ['-global', `virtio-mmio.force-legacy=${kind === 'transitional'}`, '-device', `${name}-device,${options}`];
  }
  return ['-device', `${name}-pci,${options},disable-modern=off,disable-legacy=${kind === 'modern' ? 'on' : 'off'}`];
}

/** QEMU's option values end at a comma; a doubled one stands for itself. */
function escapeValue(value: string): string {
  return value.replaceAll(',', ',,');
}
