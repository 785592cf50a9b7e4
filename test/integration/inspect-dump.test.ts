/** A dump says of every subject what the machine said when it was made. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { InspectSource, Profile } from '../../app/contract/index.ts';
import { expectOk, Lab, type TestMachine } from '../support/lab.ts';
import { bootLinux, needLinux } from '../support/linux-guest.ts';

const lab = new Lab();
const { inspect } = lab.host;
const folder = mkdtempSync(join(tmpdir(), 'ring0-dump-'));
afterAll(() => {
  lab.dispose();
  rmSync(folder, { recursive: true });
});

/** All that there is to see, but for when it was looked at. */
async function everything(source: InspectSource, cores: number): Promise<Record<string, unknown>> {
  const tables = { processor: 0, cr3: null };
  const place = { space: 'physical', processor: 0, address: 0x20_0000n } as const;
  const seen: Record<string, unknown> = {
    cpu: await inspect.cpu(source),
    irq: await inspect.irq(source),
    walk: await inspect.walk(source, tables, 0xffff_ffff_8020_0000n),
    addressSpace: await inspect.addressSpace(source, tables),
    memory: await inspect.memory(source, place, 65_536),
    boot: await inspect.boot(source),
    trace: await inspect.trace(source),
    drivers: await inspect.drivers(source),
    epitaph: await inspect.epitaph(source),
    symbol: await inspect.symbol(source, { name: 'RING0_DRIVER_REGISTRY', type: null, processor: 0 }),
    elements: await inspect.symbol(source, { name: 'RING0_TRACE_RING.spans[900..920]', type: null, processor: 0 }),
  };
  for (let n = 0; n < cores; n++) seen[`tables ${n}`] = await inspect.tables(source, n);
  const virtio = await inspect.virtio(source, { apartMs: 0, hints: [] });
  seen.virtio = virtio.ok ? { ...virtio.value, at: 0 } : virtio;
  return seen;
}

async function compare(machine: TestMachine, name: string, cores: number): Promise<Record<string, unknown>> {
  const source = { machine: machine.machine.info };
  expectOk(await machine.machine.pause());
  // QEMU's first look at a queue may refresh its own copy of an index.
  await everything(source, cores);
  const live = await everything(source, cores);
  const path = join(folder, `${name}.elf`);
  expectOk(await inspect.dump(source, path));
  const dumped = await everything({ dump: path }, cores);
  for (const subject of Object.keys(live)) expect([subject, dumped[subject]]).toEqual([subject, live[subject]]);
  expect(await machine.stop()).toBe(true);
  return live;
}

it.each(['q35', 'pc', 'microvm'] as const)('our kernel on %s', async (machine) => {
  const base = expectOk(await lab.host.profiles.load(machine === 'microvm' ? 'microvm' : 'smp4'));
  const profile: Profile = { ...base, name: machine, machine };
  const live = await compare(await lab.boot({ profile }), machine, profile.cores);
  for (const subject of ['cpu', 'irq', 'boot', 'drivers', 'symbol', 'tables 0', 'addressSpace'])
    expect([subject, live[subject]]).toMatchObject([subject, { ok: true }]);
  // The one shows configuration space in memory, the other through ports; on microvm there is no PCI.
  const from = machine === 'q35' ? 'ecam' : 'ports';
  const pci = (enabled: boolean) =>
    machine === 'microvm' ? null : { from, busMaster: true, msix: { enabled }, unknown: [] };
  // The driver of the disk polls, that of the network has an interrupt.
  expect(live.virtio).toMatchObject({
    devices: [
      { id: 'model0', pci: pci(false) },
      { id: 'net0', pci: pci(true) },
    ],
  });
});

it('a Linux on i440fx, whose configuration space is behind ports', async (context) => {
  const disk = join(folder, 'disk.img');
  writeFileSync(disk, Buffer.alloc(1 << 20, 1));
  const profile: Profile = { ...expectOk(await lab.host.profiles.load('direct')), name: 'pc', machine: 'pc' };
  const live = await compare(await bootLinux(lab, needLinux(context), { profile, disk }), 'linux-pc', 1);
  const irq = expectOk(live.irq as Awaited<ReturnType<typeof inspect.irq>>);
  expect(irq.unknown).toEqual([]);
  const messages = irq.routes.filter(({ id }) => id.startsWith('msi-x'));
  expect(messages.length).toBeGreaterThanOrEqual(2);
  expect(messages.map(({ hops }) => hops.find(({ station }) => station === 'source')?.state)).toEqual(
    messages.map(() => 'ok'),
  );
  expect(messages.every(({ hops }) => hops.every(({ state }) => state !== 'broken'))).toBe(true);
});
