import { expect, test } from 'vitest';
import { type LaunchPlan, qemuArguments } from './argv.ts';
import { PROFILE_DEFAULTS } from './profile.ts';

const direct: LaunchPlan = {
  profile: { ...PROFILE_DEFAULTS, name: 'direct' },
  accelerator: 'tcg',
  elfPath: '/k/ring0',
  initrdPath: null,
  modelPath: '/m/a,b.gguf',
  forwards: [{ host: 40001, guest: 8080 }],
  commandLine: 'seed=7 ctx=128',
  ramPath: '/dev/shm/ring0-x.ram',
  qmpSocket: '/r/qmp.sock',
  serialSocket: '/r/serial.sock',
  interruptLog: '/r/int.log',
  uefi: null,
};

/** One option a line, as a person would write it. */
function lines(plan: LaunchPlan): string[] {
  return qemuArguments(plan)
    .join(' ')
    .split(/ (?=-)/);
}

test('direct', () => {
  expect(lines(direct)).toEqual([
    '-name ring0-studio',
    '-nodefaults',
    '-no-user-config',
    '-display none',
    '-machine q35,memory-backend=ram',
    '-accel tcg,thread=multi',
    '-cpu max',
    '-smp 1',
    '-m 512M',
    '-object memory-backend-file,id=ram,size=512M,mem-path=/dev/shm/ring0-x.ram,share=on',
    '-action reboot=shutdown,shutdown=pause,panic=pause',
    '-chardev socket,id=qmp,path=/r/qmp.sock',
    '-mon chardev=qmp,mode=control',
    '-chardev socket,id=serial,path=/r/serial.sock',
    '-serial chardev:serial',
    '-d int,cpu_reset',
    '-D /r/int.log',
    '-kernel /k/ring0',
    '-append seed=7 ctx=128',
    '-drive if=none,id=model,format=raw,readonly=on,file=/m/a,,b.gguf',
    '-device virtio-blk-pci,drive=model,id=model0,disable-modern=off,disable-legacy=on',
    '-netdev user,id=net,hostfwd=tcp:127.0.0.1:40001-:8080',
    '-device virtio-net-pci,netdev=net,id=net0,romfile=,disable-modern=off,disable-legacy=on',
    '-S',
  ]);
});

test('microvm: devices on MMIO, transitional ones by the global switch', () => {
  const plan = {
    ...direct,
    profile: {
      ...direct.profile,
      machine: 'microvm' as const,
      block: 'transitional' as const,
      network: 'none' as const,
    },
    interruptLog: null,
  };
  expect(
    lines(plan)
      .slice(4)
      .filter((line) => !/^-(object|action|chardev|mon|serial|cpu|smp|m) ?/.test(line)),
  ).toEqual([
    '-accel tcg,thread=multi',
    '-kernel /k/ring0',
    '-append seed=7 ctx=128',
    '-drive if=none,id=model,format=raw,readonly=on,file=/m/a,,b.gguf',
    '-global virtio-mmio.force-legacy=true',
    '-device virtio-blk-device,drive=model,id=model0',
    '-S',
  ]);
  expect(lines(plan)[4]).toBe('-machine microvm,acpi=off,auto-kernel-cmdline=on,memory-backend=ram');
});

test('uefi: firmware and a disk in place of the kernel, no model disk without a model', () => {
  const plan = {
    ...direct,
    accelerator: 'kvm' as const,
    modelPath: null,
    profile: { ...direct.profile, firmware: 'ovmf' as const, cores: 4, extraArgs: ['-no-hpet'] },
    uefi: { code: '/o/CODE.fd', vars: '/o/VARS.fd', disk: '/r/esp.img' },
  };
  expect(lines(plan).slice(-9)).toEqual([
    '-D /r/int.log',
    '-drive if=pflash,format=raw,unit=0,readonly=on,file=/o/CODE.fd',
    '-drive if=pflash,format=raw,unit=1,snapshot=on,file=/o/VARS.fd',
    '-drive if=none,id=esp,format=raw,file=/r/esp.img',
    '-device ide-hd,drive=esp,id=esp0,bus=ide.0,bootindex=0',
    '-netdev user,id=net,hostfwd=tcp:127.0.0.1:40001-:8080',
    '-device virtio-net-pci,netdev=net,id=net0,romfile=,disable-modern=off,disable-legacy=on',
    '-no-hpet',
    '-S',
  ]);
  expect(lines(plan)).toContain('-accel kvm');
});
