/** Virtio devices behind PCI bridges, whose buses firmware numbers: held against QEMU's `info pci`, the bytes at the place that is found, and our kernel's own word. */
import { afterAll, expect, it, onTestFinished } from 'vitest';
import type { InspectSource } from '../../app/contract/index.ts';
import { parseWords } from '../../app/wire/qemu-irq.ts';
import { Inspector } from '../../main/services/inspect/index.ts';
import { ForeignQemu } from '../support/foreign-qemu.ts';
import { expectOk, Lab } from '../support/lab.ts';

const lab = new Lab();
afterAll(() => lab.dispose());

async function start(machine: 'q35' | 'pc', disk: readonly string[], network: readonly string[]) {
  const { elfPath } = await lab.kernel();
  const args = [
    ...['-drive', `if=none,id=d,format=raw,readonly=on,file=${await lab.anyModel()}`, ...disk],
    ...['-netdev', 'user,id=n', ...network],
  ];
  const qemu = await ForeignQemu.start(elfPath, [...args, '-append', 'serve=8080'], 1, 128, machine);
  const inspect = new Inspector({ ask: qemu.ask, hold: async () => ({ ok: true, value: async () => {} }) });
  onTestFinished(() => {
    inspect.dispose();
    qemu.dispose();
  });
  await qemu.serialSays('serving http');
  const direct: InspectSource = { machine: qemu.info };
  const through: InspectSource = { gdb: { path: qemu.gdbPath }, kernel: elfPath };
  const report = async (source: InspectSource) => expectOk(await inspect.virtio(source, { apartMs: 0, hints: [] }));
  const text = async (line: string) => expectOk(await qemu.qmp.monitor(line));
  return { inspect, direct, through, report, text };
}

/** Where QEMU has a device by its id. */
function placeByQemu(text: string, id: string): string {
  const part = text.split(/(?=^ {2}Bus )/m).find((it) => it.includes(`id "${id}"`));
  const [, bus, device, own] = /Bus +(\d+), device +(\d+), function (\d)/.exec(part ?? '') ?? [];
  const hex = (n: string | undefined) => Number(n).toString(16).padStart(2, '0');
  return `${hex(bus)}:${hex(device)}.${own}`;
}

it('q35: behind a root port, and behind two bridges, through ECAM and through ports', async () => {
  const { inspect, direct, through, report, text } = await start(
    'q35',
    [
      ...['-device', 'pcie-root-port,id=rp0,chassis=1,addr=5'],
      ...['-device', 'virtio-blk-pci,drive=d,id=model0,bus=rp0'],
    ],
    [
      ...[
        '-device',
        'pcie-pci-bridge,id=pb0,bus=pcie.0,addr=6',
        '-device',
        'pci-bridge,id=br1,bus=pb0,chassis_nr=3,addr=4',
      ],
      ...['-device', 'virtio-net-pci,netdev=n,id=net0,bus=br1,addr=7,romfile='],
    ],
  );
  const pci = await text('info pci');
  const [running, held] = [await report(direct), await report(through)];
  expect([running.problems, held.problems]).toEqual([[], []]);
  for (const { devices } of [running, held]) {
    expect(devices.map(({ id, location, transport }) => [id, location, transport])).toEqual([
      ['model0', placeByQemu(pci, 'model0'), 'pci-modern'],
      ['net0', placeByQemu(pci, 'net0'), 'pci-transitional'],
    ]);
    for (const device of devices) {
      expect(Number.parseInt(device.location, 16)).toBeGreaterThan(0);
      // Our kernel found it by its own enumeration, and says so in its registry: the driver is known by its place.
      expect(device.queues.some(({ driver }) => driver !== null)).toBe(true);
      expect(device.pci).toMatchObject({ from: 'ecam', busMaster: true, memorySpace: true, unknown: [] });
      expect(device.pci?.msix).not.toBeNull();
    }
  }
  // What lies there in configuration space is that device.
  const product = { model0: 0x1042, net0: 0x1000 };
  for (const { id, location } of running.devices) {
    const [bus = 0, slot = 0, part = 0] = location.split(/[:.]/).map((it) => Number.parseInt(it, 16));
    const at = 0xb000_0000 + (bus << 20) + (slot << 15) + (part << 12);
    const words = parseWords(await text(`xp /4xw 0x${at.toString(16)}`));
    expect([words[0], words[1], (words[2] ?? 0) | ((words[3] ?? 0) << 8)]).toEqual([
      ...[0xf4, 0x1a, product[id as keyof typeof product]],
    ]);
  }
  const irq = expectOk(await inspect.irq(direct));
  expect(irq.unknown).toEqual([]);
  const net = irq.routes.find(({ device }) => device.startsWith('net0'));
  expect(net?.title).toMatch(new RegExp(`^${running.devices[1]?.location} MSI-X \\d`));
});

it('i440fx, which has ports only: while it stands still and while it runs, and with numbers that lead nowhere', async () => {
  const { direct, through, report, text } = await start(
    'pc',
    ['-device', 'virtio-blk-pci,drive=d,id=model0,addr=9'],
    [
      ...['-device', 'pci-bridge,id=br0,chassis_nr=1,addr=8'],
      ...['-device', 'virtio-net-pci,netdev=n,id=net0,bus=br0,addr=7,romfile='],
    ],
  );
  const place = placeByQemu(await text('info pci'), 'net0');
  const net = async (source: InspectSource) => {
    const { devices, problems } = await report(source);
    return { device: devices.find(({ id }) => id === 'net0'), problems };
  };
  const [running, held] = [await net(direct), await net(through)];
  expect(running.device).toMatchObject({ location: place, pci: { from: 'map', busMaster: true } });
  expect(held.device).toMatchObject({ location: place, pci: { from: 'ports', busMaster: true, memorySpace: true } });
  expect(held.device?.pci?.msix?.entries.map(({ vector }) => vector)).toEqual(
    running.device?.pci?.msix?.entries.map(({ vector }) => vector),
  );
  // The bridge's bus numbers: primary, secondary, subordinate; and its latency.
  const choose = () => text('o /w 0xcf8 0x80004018');
  const set = async (value: number) => {
    await choose();
    await text(`o /w 0xcfc 0x${value.toString(16)}`);
  };
  await choose();
  const before = Number(/= (0x[0-9a-f]{8})/.exec(await text('i /w 0xcfc'))?.[1]);
  for (const [numbers, why] of [
    [0, /nobody has numbered the bus behind bridge 00:08\.0/],
    [0x00_01_02_00, /bridge 00:08\.0 has the buses 02 to 01/],
  ] as const) {
    await set(numbers);
    const lost = await net(direct);
    expect(lost.device).toMatchObject({ location: '', pci: null });
    expect(lost.problems.join()).toMatch(why);
  }
  await set(before);
  expect((await net(direct)).device?.location).toBe(place);
});
