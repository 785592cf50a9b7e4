/** Packed rings (virtio 1.2 §2.8) of a Linux that drives them: what its memory says is what QEMU says. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Inspector } from '../../main/services/inspect/index.ts';
import { ForeignQemu } from '../support/foreign-qemu.ts';
import { expectOk } from '../support/lab.ts';
import { needLinux } from '../support/linux-guest.ts';

it('are read as their driver and QEMU have them', async (context) => {
  const files = needLinux(context);
  const folder = mkdtempSync(join(tmpdir(), 'r0-packed-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const disk = join(folder, 'disk.img');
  writeFileSync(disk, chainOfPartitions());
  const qemu = await ForeignQemu.start(files.kernel, [
    ...['-initrd', files.initrd, '-append', 'console=ttyS0 quiet panic=-1'],
    ...[
      '-drive',
      `if=none,id=d,format=raw,file=${disk}`,
      '-device',
      'virtio-blk-pci,drive=d,id=disk0,packed=on,queue-size=8',
    ],
    ...['-netdev', 'user,id=n', '-device', 'virtio-net-pci,netdev=n,id=net0,packed=on'],
  ]);
  onTestFinished(() => qemu.dispose());
  const inspect = new Inspector({ ask: qemu.ask, hold: async () => ({ ok: true, value: async () => {} }) });
  onTestFinished(() => inspect.dispose());
  await qemu.serialSays('linux: ready');
  const source = { machine: qemu.info };
  const running = expectOk(await inspect.virtio(source, { apartMs: 300, hints: [] }));
  expect(running.devices.flatMap((it) => it.verdicts).filter(({ severity }) => severity === 'error')).toEqual([]);
  expectOk(await qemu.qmp.execute('stop'));
  const { devices } = expectOk(await inspect.virtio(source, { apartMs: 0, hints: [] }));
  expect(devices.map((it) => it.id)).toEqual(['disk0', 'net0']);
  for (const { path, queues } of devices)
    for (const queue of queues.filter((it) => it.configured)) {
      const status = expectOk(
        await qemu.qmp.execute('x-query-virtio-queue-status', { path, queue: queue.index }),
      ) as Record<string, number>;
      expect(queue.layout).toBe('packed');
      expect([queue.size, Number(queue.descriptorsAt)]).toEqual([status['vring-num'], status['vring-desc']]);
      // QEMU's last-avail-idx is where it reads next; what the driver has made available and it has not taken begins there.
      const waiting = queue.chains.filter(({ owner }) => owner === 'published');
      if (waiting.length > 0) expect(waiting[0]?.head).toBe((status['last-avail-idx'] ?? 0) % queue.size);
    }
  // Receive buffers are out with the device, and the disk has nothing left to do.
  const receive = devices[1]?.queues[0];
  expect(receive?.chains.filter(({ owner }) => owner === 'published' || owner === 'in-flight').length).toBeGreaterThan(
    200,
  );
  expect(devices[0]?.queues[0]?.chains.filter(({ owner }) => owner === 'in-flight')).toEqual([]);
  // Every slot of the receive queue is a buffer that waits; the disk's small ring has been gone round more than once, and is empty.
  expect(receive?.chains).toHaveLength(256);
  const disks = devices[0]?.queues[0];
  expect([disks?.size, disks?.chains, disks?.device?.inFlight]).toEqual([8, [], 0]);
  expect(await reads(qemu)).toBeGreaterThan(16);
  const next = (disks?.device?.lastAvail ?? 0) % 8;
  expect([disks?.avail?.index, disks?.used?.index].map((it) => (it ?? -1) % 8)).toEqual([next, next]);
});

/** Requests that QEMU has counted. */
async function reads(qemu: ForeignQemu): Promise<number> {
  const stats = expectOk(await qemu.qmp.execute('query-blockstats')) as { stats: { rd_operations: number } }[];
  return stats.reduce((sum, it) => sum + it.stats.rd_operations, 0);
}

/** A disk whose twenty partitions are a chain, of which Linux reads each link by itself: work for a ring. */
function chainOfPartitions(): Buffer {
  const disk = Buffer.alloc(1 << 20);
  const table = (sector: number, ...rows: (readonly [type: number, start: number, count: number])[]) => {
    for (const [n, [type, start, count]] of rows.entries()) {
      const at = sector * 512 + 446 + n * 16;
      disk[at + 4] = type;
      disk.writeUInt32LE(start, at + 8);
      disk.writeUInt32LE(count, at + 12);
    }
    disk.writeUInt16LE(0xaa55, sector * 512 + 510);
  };
  const [EXTENDED, LINUX, LINK_SECTORS, LINKS] = [0x05, 0x83, 64, 20];
  table(0, [EXTENDED, LINK_SECTORS, LINK_SECTORS * LINKS]);
  for (let n = 0; n < LINKS; n++)
    table(
      LINK_SECTORS * (n + 1),
      [LINUX, 1, 1],
      ...(n < LINKS - 1 ? [[EXTENDED, LINK_SECTORS * (n + 1), LINK_SECTORS] as const] : []),
    );
  return disk;
}
