/** PCI configuration space where it is behind ports, held against what shows it in memory, and against QEMU's own word. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { InspectSource } from '../../app/contract/index.ts';
import { configurationBytes, type PciPlace, readThroughPorts } from '../../app/pci/ports.ts';
import { parsePci, parseWords } from '../../app/wire/qemu-irq.ts';
import { Inspector } from '../../main/services/inspect/index.ts';
import { ForeignQemu } from '../support/foreign-qemu.ts';
import { expectOk, Lab } from '../support/lab.ts';

const lab = new Lab();
afterAll(() => lab.dispose());

async function start(machine: 'q35' | 'pc'): Promise<ForeignQemu> {
  const { elfPath } = await lab.kernel();
  const args = [
    ...['-drive', `if=none,id=d,format=raw,readonly=on,file=${await lab.anyModel()}`],
    ...['-device', 'virtio-blk-pci,drive=d,id=model0,disable-legacy=on'],
    ...['-netdev', 'user,id=n', '-device', 'virtio-net-pci,netdev=n,id=net0,disable-legacy=on'],
  ];
  const qemu = await ForeignQemu.start(elfPath, args, 1, 128, machine);
  await qemu.serialSays('ring0> ');
  return qemu;
}

const text = async (qemu: ForeignQemu, line: string) => expectOk(await qemu.qmp.monitor(line)).trim();
const addressPort = (qemu: ForeignQemu) => text(qemu, 'i /w 0xcf8');

it('through its ports a q35 shows what it shows in memory, and the guest finds its address port as it left it', async () => {
  const qemu = await start('q35');
  onTestFinished(() => qemu.dispose());
  expectOk(await qemu.qmp.execute('stop'));
  const functions = parsePci(await text(qemu, 'info pci'));
  expect(functions.length).toBeGreaterThanOrEqual(5);
  for (const it of functions) {
    const left = await addressPort(qemu);
    const place: PciPlace = { bus: it.bus, device: it.device, function: it.function };
    const ports = configurationBytes(expectOk(await readThroughPorts((line) => qemu.qmp.monitor(line), place)));
    expect(await addressPort(qemu)).toBe(left);
    const at = 0xb000_0000 + (it.bus << 20) + (it.device << 15) + (it.function << 12);
    const memory = parseWords(await text(qemu, `xp /64xw 0x${at.toString(16)}`));
    expect([ports?.length, memory.length]).toEqual([256, 256]);
    // What is not decoded is not read; what is read is the same.
    const known = Array.from({ length: 64 }, (_, word) => word).filter((word) =>
      ports?.subarray(4 * word, 4 * word + 4).some((byte) => byte !== 0),
    );
    for (const word of known)
      expect([it.id, word, ports?.subarray(4 * word, 4 * word + 4)]).toEqual([
        it.id,
        word,
        memory.subarray(4 * word, 4 * word + 4),
      ]);
    const virtio = it.vendor === 0x1af4;
    expect(known.length).toBeGreaterThanOrEqual(virtio ? 20 : 2);
  }
});

describe('an i440fx, which has ports only', () => {
  let qemu: ForeignQemu;
  let inspect: Inspector;
  let through: InspectSource;
  let direct: InspectSource;
  beforeAll(async () => {
    qemu = await start('pc');
    inspect = new Inspector({ ask: qemu.ask, hold: async () => ({ ok: true, value: async () => {} }) });
    direct = { machine: qemu.info };
    through = { gdb: { path: qemu.gdbPath }, kernel: qemu.info.elfPath };
  }, 240_000);
  afterAll(() => {
    inspect.dispose();
    qemu.dispose();
  });
  const devices = async (source: InspectSource) =>
    expectOk(await inspect.virtio(source, { apartMs: 0, hints: [] })).devices;

  it('a gdb stub, which holds it, reads all of it; what the map tells of the running machine is the same and no more', async () => {
    const left = await addressPort(qemu);
    const [held, running] = [await devices(through), await devices(direct)];
    expect(await addressPort(qemu)).toBe(left);
    expect(await qemu.runs()).toBe(true);
    expect(held.map(({ id }) => id)).toEqual(['model0', 'net0']);
    for (const [n, { pci, queues }] of held.entries()) {
      // What the kernel itself has set up: the vector of each queue that interrupts stands in the table, and a driver that polls
      // has MSI-X off.
      const vectors = queues.flatMap(({ driver }) => (driver?.vector == null ? [] : [driver.vector]));
      expect(vectors.length > 0).toBe(n === 1);
      const msix = { enabled: vectors.length > 0 };
      expect(pci).toMatchObject({ from: 'ports', busMaster: true, memorySpace: true, msix, unknown: [] });
      const entries = pci?.msix?.entries.filter(({ masked }) => !masked).map(({ vector }) => vector);
      for (const vector of vectors) expect(entries).toContain(vector);
      expect(running[n]?.pci).toEqual({
        ...pci,
        ...{ from: 'map', command: null, intxDisabled: null, unknown: [expect.stringContaining('Pause it')] },
        msix: { ...pci?.msix, enabled: null, functionMasked: null },
      });
    }
    const irq = expectOk(await inspect.irq(through));
    expect(irq.unknown.filter((it) => it.includes('MSI'))).toEqual([]);
    expect(expectOk(await inspect.irq(direct)).unknown.join()).toMatch(/Whether MSI-X of .* Pause it/);
  });

  it('bus mastering that is off is seen while it runs, and named', async () => {
    const [model] = await devices(direct);
    const [bus = '', device = ''] = model?.location.split(/[:.]/) ?? [];
    const address = (0x8000_0000 | (Number.parseInt(bus, 16) << 16) | (Number.parseInt(device, 16) << 11) | 4) >>> 0;
    const set = async (value: number) => {
      await text(qemu, `o /w 0xcf8 0x${address.toString(16)}`);
      await text(qemu, `o /h 0xcfc 0x${value.toString(16)}`);
    };
    await set(0x103);
    const off = (await devices(direct)).find(({ id }) => id === 'model0');
    expect(off?.pci).toMatchObject({ from: 'map', busMaster: false });
    expect(off?.verdicts).toMatchObject([{ id: 'bus-master-off' }]);
    await set(0x107);
    expect((await devices(direct)).find(({ id }) => id === 'model0')?.pci).toMatchObject({ busMaster: true });
  });

  it('whoever is killed while the ports are in use leaves them as they were, and a machine that runs', async () => {
    const left = await addressPort(qemu);
    const { child, said } = await qemu.heldBy(`
      const before = Number((await stub.value.monitor('i /w 0xcf8')).value.trim().split(' ').at(-1));
      stub.value.owe('o /w 0xcf8 0x' + before.toString(16));
      await stub.value.monitor('o /w 0xcf8 0x80001234');
      console.log((await stub.value.monitor('i /w 0xcf8')).value.trim());`);
    expect(said).toBe('portl[0x0cf8] = 0x80001234');
    expect(await qemu.runs()).toBe(false);
    child.kill('SIGKILL');
    await expect.poll(() => qemu.runs(), { timeout: 20_000 }).toBe(true);
    expect(await addressPort(qemu)).toBe(left);
  });
});
