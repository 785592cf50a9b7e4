/** A microvm's IOAPICs, of which ACPI brings a second one, held against what our kernel has set up there and what QEMU counts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import type { InspectSource, IrqRoute, IrqView } from '../../app/contract/index.ts';
import { Inspector } from '../../main/services/inspect/index.ts';
import { ForeignQemu } from '../support/foreign-qemu.ts';
import { expectOk, Lab } from '../support/lab.ts';

const lab = new Lab();
afterAll(() => lab.dispose());

async function start(options: string, devices: readonly string[] = []) {
  const { elfPath } = await lab.kernel();
  const args = [
    ...['-global', 'virtio-mmio.force-legacy=false', '-append', 'serve=8080'],
    ...['-drive', `if=none,id=d,format=raw,readonly=on,file=${await lab.anyModel()}`],
    ...['-device', 'virtio-blk-device,drive=d,id=model0'],
    ...['-netdev', 'user,id=n', '-device', 'virtio-net-device,netdev=n,id=net0'],
    ...devices,
  ];
  const qemu = await ForeignQemu.start(elfPath, args, 1, 128, 'microvm', options);
  const inspect = new Inspector({ ask: qemu.ask, hold: async () => ({ ok: true, value: async () => {} }) });
  onTestFinished(() => {
    inspect.dispose();
    qemu.dispose();
  });
  await qemu.serialSays('serving http');
  await qemu.serialSays('ring0> ');
  const direct: InspectSource = { machine: qemu.info };
  const through: InspectSource = { gdb: { path: qemu.gdbPath }, kernel: elfPath };
  return { qemu, inspect, direct, through };
}

const pinOf = (routes: readonly IrqRoute[], device: RegExp) => {
  const found = routes.find((it) => device.test(it.device));
  return found === undefined ? undefined : { id: found.id, title: found.title, pin: found.pin };
};

describe('a microvm with ACPI', () => {
  it('two IOAPICs: each has its address and interrupts, and a device hangs at the one that QEMU has it at', async () => {
    const { qemu, inspect, direct, through } = await start(',ioapic2=on');
    const pin = await otherOpenPin(qemu);
    for (const source of [direct, through]) {
      const view = expectOk(await inspect.irq(source));
      expect(view.ioapics).toEqual([
        { index: 0, address: '0xfec00000', firstInterrupt: 0, from: 'acpi', pins: 24 },
        { index: 1, address: '0xfec10000', firstInterrupt: 24, from: 'acpi', pins: 24 },
      ]);
      expect(view.unknown).toEqual([]);
      expect(pinOf(view.routes, /COM1/)).toEqual({
        ...{ id: 'ioapic0 4', title: 'IOAPIC 0 pin 4 (GSI 4)', pin: { ioapic: 0, pin: 4, gsi: 4 } },
      });
      expect(pinOf(view.routes, /^net0, virtio-net-device$/)).toEqual({
        ...{ id: `ioapic1 ${pin}`, title: `IOAPIC 1 pin ${pin} (GSI ${24 + pin})` },
        pin: { ioapic: 1, pin, gsi: 24 + pin },
      });
    }
  });

  it('two IOAPICs in a dump are told apart as they were in the machine', async () => {
    const { inspect, through } = await start(',ioapic2=on');
    const path = join(mkdtempSync(join(tmpdir(), 'r0-ioapics-')), 'two.ring0-dump');
    onTestFinished(() => rmSync(dirname(path), { recursive: true }));
    expectOk(await inspect.dump(through, path));
    const [live, dumped] = [expectOk(await inspect.irq(through)), expectOk(await inspect.irq({ dump: path }))];
    expect(dumped.ioapics).toEqual(live.ioapics);
    expect(dumped.ioapics).toHaveLength(2);
    const ways = ({ routes }: IrqView) => routes.map(({ id, title, device, pin }) => ({ id, title, device, pin }));
    expect(ways(dumped)).toEqual(ways(live));
    expect(pinOf(dumped.routes, /^net0, virtio-net-device$/)?.pin?.ioapic).toBe(1);
  });

  it('one IOAPIC: its devices hang elsewhere than without ACPI', async () => {
    const { inspect, direct } = await start(',ioapic2=off');
    const view = expectOk(await inspect.irq(direct));
    expect(view.ioapics).toEqual([{ index: 0, address: null, firstInterrupt: 0, from: null, pins: 24 }]);
    const net = pinOf(view.routes, /^net0, virtio-net-device$/);
    // hw/i386/microvm.c: 16 to 23; the network card is one of the last two.
    expect(net?.pin?.gsi).toBeGreaterThanOrEqual(22);
    expect(net?.title).toBe(`IOAPIC pin ${net?.pin?.pin}`);
  });
});

it("a microvm's PCI Express functions are read where it shows their configuration space", async () => {
  const { inspect, direct } = await start(',pcie=on', ['-device', 'virtio-rng-pci,id=card']);
  const report = expectOk(await inspect.virtio(direct, { apartMs: 0, hints: [] }));
  const card = report.devices.find(({ id }) => id === 'card');
  // Nobody has set it up: its command register is zero, its messages are off.
  expect(card).toMatchObject({
    location: '00:01.0',
    pci: { from: 'ecam', command: 0, memorySpace: false, busMaster: false, msix: { enabled: false } },
  });
  const { unknown, routes } = expectOk(await inspect.irq(direct));
  expect(unknown).toEqual([]);
  expect(routes.some(({ device }) => device.startsWith('card'))).toBe(true);
});

/** The one pin beside the serial port's that our kernel has opened, whose driver of the disk polls: the network card's, by QEMU's text. */
async function otherOpenPin(qemu: ForeignQemu): Promise<number> {
  const pic = expectOk(await qemu.qmp.monitor('info pic'));
  const open = [...pic.matchAll(/pin (\d+) .* edge +fixed/g)].map(([, pin]) => Number(pin));
  expect(open).toContain(4);
  const others = open.filter((pin) => pin !== 4);
  expect(others).toHaveLength(1);
  return others[0] ?? -1;
}
