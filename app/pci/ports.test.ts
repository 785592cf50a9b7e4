import { expect, test } from 'vitest';
import { fail, ok, type Result } from '../base/result.ts';
import { msixOf } from './msix.ts';
import { addressPort, configurationBytes, isPciPlace, readThroughPorts } from './ports.ts';

/** A machine's ports as QEMU's monitor has them, with one function at 00:04.0; notes what is read of it. */
function machine(words: Readonly<Record<number, number>>, breakAt = Number.POSITIVE_INFINITY) {
  let address = 0x8000_2054;
  let asked = 0;
  const read: number[] = [];
  const ask = async (line: string): Promise<Result<string>> => {
    asked += 1;
    if (asked === breakAt) return fail('broken', 'QEMU has gone.', '', '');
    const [, port = '', value] = /^[io] \/w (0xcf[8c])(?: (0x[0-9a-f]{1,8}))?$/.exec(line) ?? [];
    if (value !== undefined) {
      address = Number(value);
      return ok('');
    }
    if (port === '0xcf8') return ok(`portl[0x0cf8] = 0x${address.toString(16).padStart(8, '0')}\r\n`);
    if (address >>> 8 !== 0x80_0020) return ok('portl[0x0cfc] = 0xffffffff\r\n');
    read.push(address & 0xff);
    return ok(`portl[0x0cfc] = 0x${(words[address & 0xff] ?? 0).toString(16).padStart(8, '0')}\r\n`);
  };
  return { ask, read, address: () => address, asked: () => asked };
}

const VIRTIO = {
  ...{ 0: 0x1042_1af4, 4: 0x0010_0507, 20: 0xfebf_d000, 52: 0x98 },
  // MSI-X, then the window of virtio 1.2 §4.1.4.9, whose data lies at 0x94.
  ...{ 152: 0x8001_8411, 156: 1, 160: 0x801, 132: 0x0514_0009, 136: 4, 148: 0xdead_beef },
};
const PLACE = { bus: 0, device: 4, function: 0 };

test('reads header and capabilities, never the window into a BAR, and puts the address port back', async () => {
  const { ask, read, address } = machine(VIRTIO);
  const answer = await readThroughPorts(ask, PLACE);
  if (!answer.ok) throw new Error(answer.error.why);
  const space = configurationBytes(answer.value);
  if (space === undefined) throw new Error('no bytes');
  expect([space[0], space[1], space[5], space[0x16], space[0x17]]).toEqual([0xf4, 0x1a, 5, 0xbf, 0xfe]);
  expect(msixOf(space)).toMatchObject({ enabled: true, entries: 2, tableBar: 1, pendingOffset: 0x800 });
  expect(read).toContain(0x84 + 12);
  expect(read).not.toContain(0x94);
  expect(address()).toBe(0x8000_2054);
});

test('puts it back also when QEMU fails amid it', async () => {
  const whole = machine(VIRTIO);
  await readThroughPorts(whole.ask, PLACE);
  // The last question is the one that puts it back.
  for (let at = 2; at < whole.asked(); at++) {
    const { ask, address } = machine(VIRTIO, at);
    expect(await readThroughPorts(ask, PLACE)).toMatchObject({ ok: false });
    expect(address()).toBe(0x8000_2054);
  }
});

test('a list in a circle ends; where nothing is says so; a machine without ports too', async () => {
  const circle = machine({ ...VIRTIO, 132: 0x0001_8409 });
  expect(await readThroughPorts(circle.ask, PLACE)).toMatchObject({ ok: true });
  expect(circle.read.length).toBeLessThan(250);
  const unlisted = machine({ ...VIRTIO, 4: 0x0000_0507 });
  expect(await readThroughPorts(unlisted.ask, PLACE)).toMatchObject({ ok: true });
  expect(unlisted.read).not.toContain(0x98);
  expect(await readThroughPorts(machine(VIRTIO).ask, { ...PLACE, device: 5 })).toMatchObject({
    error: { code: 'no-function' },
  });
  for (const text of ['portl[0x0cf8] = 0xffffffff\r\n', 'unknown command'])
    expect(await readThroughPorts(async () => ok(text), PLACE)).toMatchObject({ error: { code: 'no-ports' } });
  expect(await addressPort(machine(VIRTIO).ask)).toEqual(ok(0x8000_2054));
});

test('places and answers of others are checked', () => {
  expect(isPciPlace(PLACE)).toBe(true);
  for (const change of [
    { bus: 256 },
    { device: 32 },
    { function: 8 },
    { bus: -1 },
    { bus: 0.5 },
    { bus: '0' },
    { x: 1 },
  ])
    expect(isPciPlace({ ...PLACE, ...change })).toBe(false);
  for (const answer of [null, {}, { bytes: 5 }, { bytes: 'zz'.repeat(256) }, { bytes: '00'.repeat(255) }])
    expect(configurationBytes(answer)).toBeUndefined();
});
