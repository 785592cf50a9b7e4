/** Virtqueues of real guests: equal to what QEMU says of them, and each provoked mistake named by its verdict. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { InspectSource, Profile, RingEvent, VirtioReport } from '../../app/contract/index.ts';
import { expectOk, Lab, type TestMachine } from '../support/lab.ts';
import { bootLinux, needLinux } from '../support/linux-guest.ts';

const lab = new Lab();
const folder = mkdtempSync(join(tmpdir(), 'ring0-virtio-'));
afterAll(() => {
  lab.dispose();
  rmSync(folder, { recursive: true });
});

const look = async (source: InspectSource, apartMs = 0): Promise<VirtioReport> =>
  expectOk(await lab.host.inspect.virtio(source, { apartMs, hints: [] }));

/** What both sides say of each queue that is set up, in the same words. */
async function byQemu(machine: TestMachine, report: VirtioReport) {
  const out: unknown[] = [];
  for (const device of report.devices)
    for (const queue of device.queues.filter((it) => it.configured)) {
      const args = { path: device.path, queue: queue.index };
      const status = expectOk(await machine.machine.query('x-query-virtio-queue-status', args)) as Record<
        string,
        unknown
      >;
      const element = expectOk(await machine.machine.query('x-query-virtio-queue-element', args)) as {
        index: number;
        // A stale descriptor holds anything: what a double cannot hold arrives as a bigint.
        descs: { addr: number | bigint; len: number }[];
        avail: { idx: number };
        used: { idx: number };
      };
      out.push({
        size: status['vring-num'],
        at: [status['vring-desc'], status['vring-avail'], status['vring-used']],
        last: status['last-avail-idx'],
        avail: element.avail.idx,
        used: element.used.idx,
        head: element.index,
        // QEMU lists a chain from its end to its head.
        chain: element.descs.map((it) => [BigInt(it.addr), it.len]).sort(),
      });
    }
  return out;
}

/** `x-query-virtio-queue-element` shows the chain that the device will take next, an indirect one through its table. */
async function byUs(source: InspectSource, report: VirtioReport) {
  const out: unknown[] = [];
  for (const device of report.devices)
    for (const queue of device.queues.filter((it) => it.configured)) {
      const head = queue.availRing[(queue.device?.lastAvail ?? 0) % queue.size] ?? 0;
      const { chain } = expectOk(await lab.host.inspect.virtioChain(source, device.id, queue.index, head));
      out.push({
        size: queue.size,
        at: [queue.descriptorsAt, queue.availAt, queue.usedAt].map(Number),
        last: queue.device?.lastAvail,
        avail: queue.avail?.index,
        used: queue.used?.index,
        head,
        chain: chain.elements.map((it) => [BigInt(it.address), it.length]).sort(),
      });
    }
  return out;
}

async function profileOf(kind: Profile['block'], base = 'direct'): Promise<Profile> {
  return { ...expectOk(await lab.host.profiles.load(base)), name: 'virtio', block: kind, network: kind };
}

describe.each([
  { base: 'direct', kind: 'modern', transport: 'pci-modern' },
  { base: 'direct', kind: 'transitional', transport: 'pci-transitional' },
  { base: 'microvm', kind: 'modern', transport: 'mmio' },
] as const)('$transport', ({ base, kind, transport }) => {
  it('is what QEMU says, live and in a dump, and every queue is well', async () => {
    const machine = await lab.boot({ profile: await profileOf(kind, base) });
    const source = { machine: machine.machine.info };
    const running = await look(source, 200);
    expect(running.devices.map((it) => [it.id, it.transport])).toEqual([
      ['model0', transport],
      ['net0', transport],
    ]);
    expect(running.devices.flatMap((it) => it.verdicts.map((verdict) => verdict.severity))).not.toContain('error');
    expect(running.devices[0]?.location).toMatch(base === 'microvm' ? /^0xfeb/ : /^00:/);
    if (base === 'direct') expect(running.devices[0]?.pci).toMatchObject({ busMaster: true });
    // The registry's side is found for every queue of our kernel.
    expect(
      running.devices.flatMap((it) => it.queues.filter((queue) => queue.configured && queue.driver === null)),
    ).toEqual([]);
    expectOk(await machine.machine.pause());
    const still = await look(source);
    expect(await byUs(source, still)).toEqual(await byQemu(machine, still));
    // QEMU's look at an element has refreshed its own copy of the avail index.
    const settled = await look(source);
    const path = join(folder, `${transport}.dump`);
    expectOk(await lab.host.inspect.dump(source, path));
    const dumped = await look({ dump: path });
    const bare = (report: VirtioReport) =>
      report.devices.map(({ queues, offered, accepted, status }) => ({ queues, offered, accepted, status }));
    expect(bare(dumped)).toEqual(bare(settled));
    expect(await machine.stop()).toBe(true);
  });
});

it('is what QEMU says of a Linux that nobody here wrote', async (context) => {
  const files = needLinux(context);
  const disk = join(folder, 'disk.img');
  writeFileSync(disk, Buffer.alloc(1 << 20, 'ring0-disk\n'));
  const machine = await bootLinux(lab, files, { disk });
  const source = { machine: machine.machine.info };
  await machine.shell('dd if=/dev/vda of=/dev/null bs=4096 2>/dev/null; ping -c 1 10.0.2.2');
  const running = await look(source, 300);
  expect(running.devices.flatMap((it) => it.verdicts).filter((it) => it.severity === 'error')).toEqual([]);
  expectOk(await machine.machine.pause());
  const still = await look(source);
  expect(still.devices.length).toBeGreaterThanOrEqual(2);
  expect(await byUs(source, still)).toEqual(await byQemu(machine, still));
  // Linux drives them with MSI-X, and each entry that it uses has its vector.
  const disks = still.devices.find((it) => it.type === 2);
  expect(disks?.pci).toMatchObject({ busMaster: true, msix: { enabled: true } });
  expect(disks?.pci?.msix?.entries.some((it) => it.vector !== null && !it.masked)).toBe(true);
  expect(await machine.stop()).toBe(true);
});

it('records what goes over the rings, with its meaning, and says where a reader goes on', async () => {
  const machine = await lab.boot();
  const source = { machine: machine.machine.info };
  const controller = new AbortController();
  const events: RingEvent[] = [];
  let asked = false;
  let next = 0;
  for await (const message of lab.host.inspect.virtioFollow(source, 0, controller.signal)) {
    if (message.kind === 'ended') throw new Error(message.why);
    if (message.kind !== 'rings') continue;
    events.push(...message.events);
    next = message.next;
    if (!asked && events.some((it) => it.kind === 'snapshot')) {
      asked = true;
      void machine.request('/v1/models');
    }
    if (events.some((it) => it.kind === 'used' && /:8080 .*SYN/.test(it.summary))) break;
  }
  expect(events.map((it) => it.number)).toEqual([...events.map((it) => it.number)].sort((a, b) => a - b));
  const summaries = events.flatMap((it) => (it.kind === 'published' ? [it.chain.summary] : []));
  expect(summaries.join('\n')).toMatch(/TCP 10\.0\.2\.15:8080 → 10\.0\.2\.2:\d+ SYN ACK/);
  // A reader who comes back gets what it missed, and nothing twice.
  for await (const message of lab.host.inspect.virtioFollow(source, next, controller.signal)) {
    if (message.kind !== 'rings') continue;
    expect(message.fresh).toBe(false);
    expect(message.events.every((it) => it.number >= next)).toBe(true);
    break;
  }
  expect(await machine.stop()).toBe(true);
});

it.each([
  { profile: 'direct', how: 'after a reset' },
  // Firmware loads the kernel anywhere: where is known only when it runs.
  { profile: 'uefi', how: 'from power-on' },
])('records a boot of $profile $how from the first buffer of its drivers on', async ({ profile }) => {
  const machine = profile === 'uefi' ? await lab.start({ profile }) : await lab.boot({ profile });
  const source = { machine: machine.machine.info };
  const controller = new AbortController();
  const events: RingEvent[] = [];
  let reset = profile === 'uefi';
  const sectors = (it: RingEvent) =>
    it.kind === 'published' ? /IN sector (\d+)/.exec(it.chain.summary)?.[1] : undefined;
  for await (const message of lab.host.inspect.virtioFollow(source, 0, controller.signal)) {
    if (message.kind === 'ended') throw new Error(message.why);
    if (message.kind !== 'rings') continue;
    events.push(...message.events);
    if (!reset && events.some((it) => it.kind === 'snapshot')) {
      reset = true;
      expectOk(await machine.machine.reset());
    }
    // The header, read twice, and then the rest: the whole of a small model.
    if (events.filter((it) => sectors(it) !== undefined).length >= 3) break;
  }
  const disk = events.find((it) => sectors(it) !== undefined)?.device;
  // Before a reset it was in use already.
  const ofBoot = events.filter((it) => it.device === disk).slice(profile === 'uefi' ? 0 : 1);
  const setUp = ofBoot.findLastIndex((it) => it.kind === 'snapshot');
  expect(ofBoot[setUp]).toMatchObject({ why: 'the queue was set up', chains: [] });
  const published = ofBoot.slice(setUp).flatMap((it) => (it.kind === 'published' ? [it] : []));
  // From the very first buffer, one by one.
  expect(published.map(({ position }) => position)).toEqual(published.map((_, n) => n));
  // A slot that is used again before it was looked at shows its last request, and is said to be seen late.
  expect(published.find(({ chain }) => /^IN sector \d/.test(chain.summary))).toBeDefined();
  expect(await machine.stop()).toBe(true);
});

describe('a provoked mistake is named', () => {
  it.each([
    {
      provoke: 'virtq-size:16',
      kind: 'transitional',
      id: 'queue-size-mismatch',
      title: /assumes 16 entries where the device has 256/,
    },
    { provoke: 'virtq-no-kick', kind: 'modern', id: 'kick-missing', title: /never kicked|did not reach/ },
    { provoke: 'virtq-virtual-address', kind: 'modern', id: 'ring-address-virtual', title: /virtual address/ },
    { provoke: 'virtq-no-irq', kind: 'modern', id: 'msix-masked', title: /masked/ },
    { provoke: 'virtq-no-bus-master', kind: 'modern', id: 'bus-master-off', title: /Bus mastering is off/ },
  ] as const)('$provoke', async ({ provoke, kind, id, title }) => {
    const machine = await lab.start({ profile: await profileOf(kind), append: `provoke=${provoke}` });
    const source = { machine: machine.machine.info };
    // Until the driver is there and hangs; then it hangs for good, and nothing else is blamed.
    await expect
      .poll(
        async () => {
          const report = await lab.host.inspect.virtio(source, { apartMs: 300, hints: [] });
          const errors = report.ok
            ? report.value.devices.flatMap((it) => it.verdicts.filter((v) => v.severity === 'error'))
            : [];
          return errors.map((it) => ({ id: it.id, title: it.title }));
        },
        { timeout: 60_000, interval: 500 },
      )
      .toEqual([{ id, title: expect.stringMatching(title) }]);
    expect(await machine.stop()).toBe(true);
  });
});
