import { expect, test } from 'vitest';
import { VirtioLooker } from './look.ts';
import { ringsNow } from './rings-now.ts';
import { SampleTarget } from './sample-target.ts';
import type { Look } from './seen.ts';

/** Where the sample's driver keeps its index: behind the rings. */
const LAST_USED_AT = 0x11_8000n;

async function looked(target: SampleTarget): Promise<Look> {
  const look = await new VirtioLooker(target).look([], false);
  if (!look.ok) throw new Error(look.error.why);
  const [device] = look.value.devices;
  if (device === undefined) throw new Error('no device');
  const driver = target.queue.driverSide();
  const named = { side: driver, lastUsedAt: () => LAST_USED_AT };
  return {
    ...look.value,
    devices: [{ ...device, queues: device.queues.map((it) => ({ ...it, driver })) }],
    named: new Map([[`${device.device.path} 0`, named]]),
  };
}

async function queueNow(target: SampleTarget, look: Look) {
  const devices = await ringsNow(target, look);
  const queue = devices.ok ? devices.value[0]?.queues[0] : undefined;
  if (queue === undefined) throw new Error('no queue');
  return queue;
}

test('of a queue that went on since QEMU told, nobody is shown further behind than he is', async () => {
  const target = new SampleTarget();
  const { queue } = target;
  for (let head = 0; head < 4; head++) queue.publish(head);
  queue.take(2);
  queue.use(0);
  const look = await looked(target);
  // Meanwhile the device works, and the driver takes back what it had and more.
  queue.take(2);
  for (const head of [1, 2, 3]) queue.use(head);
  queue.memory.u16(LAST_USED_AT, 3);
  const { device, driver, used, problems, chains } = await queueNow(target, look);
  expect(device).toMatchObject({ lastAvail: 4, used: 4, inFlight: 0 });
  expect(used?.index).toBe(4);
  expect(driver?.lastUsed).toBe(3);
  expect(problems).toEqual([]);
  expect(chains.map(({ head, owner }) => ({ head, owner }))).toEqual([{ head: 3, owner: 'returned' }]);
});

test('a queue that went on once more while QEMU was asked again has surely taken what it has given back', async () => {
  const target = new SampleTarget();
  const { queue } = target;
  for (let head = 0; head < 4; head++) queue.publish(head);
  queue.take(1);
  const look = await looked(target);
  queue.use(0);
  queue.memory.u16(LAST_USED_AT, 1);
  target.answersAfterMs = 5;
  const asking = queueNow(target, look);
  await new Promise((resolve) => setTimeout(resolve, 1));
  queue.take(1);
  queue.use(1);
  const { device, problems } = await asking;
  expect(device).toMatchObject({ lastAvail: 2, used: 2, inFlight: 0 });
  expect(problems).toEqual([]);
});

test('a device whose index is not what stands in the ring, and which stands, is shown as QEMU tells', async () => {
  const target = new SampleTarget();
  const { queue } = target;
  queue.publish(0);
  queue.take(1);
  queue.use(0);
  target.usedSaid = 0;
  const { device, used } = await queueNow(target, await looked(target));
  expect(device?.used).toBe(0);
  expect(used?.index).toBe(1);
});

test('a queue that moves between any two reads is shown as it was at one moment', async () => {
  const target = new SampleTarget();
  const { queue } = target;
  queue.publish(0);
  const look = await looked(target);
  const { read } = target.scannable;
  for (const moves of [1, 2, 3, 5, 8, 13, 1000]) {
    let left = moves;
    const moving = (address: bigint, size: number) => {
      const bytes = read(address, size);
      if (left-- <= 0) return bytes;
      // The driver publishes, the device gives back, the driver takes back.
      queue.publish(queue.avail % 8);
      queue.take();
      queue.use(queue.used % 8);
      queue.memory.u16(LAST_USED_AT, queue.used);
      return bytes;
    };
    Object.assign(target.scannable, { read: moving });
    const { problems, torn } = await queueNow(target, look);
    expect(problems).toEqual([]);
    expect(torn).toBe(moves === 1000);
  }
});

test('what rests is not asked about again', async () => {
  const target = new SampleTarget();
  target.queue.publish(0);
  const look = await looked(target);
  target.asked.length = 0;
  await queueNow(target, look);
  expect(target.asked).toEqual([]);
});
