/** `ring0 inspect` from outside, on a machine that runs: what a person types, what is refused, and why. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CpuView, DriverRegistry, MemoryView, VirtioDevice } from '../../app/contract/index.ts';
import { lastUsedOffset } from '../../app/wire/abi/index.ts';
import { CommandLine } from '../support/command-line.ts';
import { Lab } from '../support/lab.ts';

const shell = new CommandLine();
const lab = new Lab();
beforeAll(async () => {
  await lab.kernel();
  const owner = shell.start(['run', '--json', '--model', await lab.anyModel(), '--port', '0', '--cores', '2']);
  await owner.waitFor(/"event":"started"/);
  // Verdicts are about a kernel that rests: its last phase is the engine's.
  for (let looks = 0; looks < 100; looks++)
    if (/^engine +[\d.]+ +[\d.]+/m.test((await shell.run(['inspect', 'boot'])).stdout)) return;
  throw new Error('the kernel does not come to rest');
});
afterAll(() => {
  shell.dispose();
  lab.dispose();
});

const inspect = (...args: string[]) => shell.run(['inspect', ...args]);
/** What it prints for programs. */
async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await inspect(...args, '--json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

describe("another kernel's driver, by the names of its variables", () => {
  const queue0 = async (...args: string[]) => (await json<VirtioDevice>('virtio', 'model0', ...args)).queues[0];

  it('its last used index and size stand where a person says, by symbol, by address and through a pointer', async () => {
    const { devices } = await json<DriverRegistry>('drivers');
    const disk = devices.findIndex(({ deviceClass }) => deviceClass === 'block');
    const lastUsed = devices[disk]?.queues[0]?.lastUsed ?? -1;
    expect(lastUsed).toBeGreaterThan(0);
    const place = `RING0_DRIVER_REGISTRY+${lastUsedOffset(disk, 0)}`;
    expect((await queue0('--driver-last-used', place, '--driver-queue-size', '256'))?.driver).toMatchObject({
      ...{ source: 'symbols', lastUsed, size: 256, notifications: null },
    });
    const { address } = await json<MemoryView>('memory', place);
    expect((await queue0('--driver-last-used', address))?.driver).toMatchObject({ lastUsed, size: null });
  });

  it('16 entries where the device has 256 are named as such', async () => {
    const { code, stdout } = await inspect('virtio', 'model0', '--driver-queue-size', '16');
    expect(code).toBe(0);
    expect(stdout).toContain('queue 0 requestq');
    expect(stdout).toContain('The driver assumes 16 entries where the device has 256');
    expect(stdout).toContain('entries by the symbol that you named');
    expect((await inspect('virtio', 'model0', '--driver-queue-size', '256')).stdout).not.toContain('assumes');
  });

  it('variables of several queues are judged together, of one device or of two', async () => {
    const assumes = (stdout: string) => stdout.match(/The driver assumes \d+ entries/g);
    const one = await inspect('virtio', 'net0', '--driver-queue-size', '0=16', '--driver-queue-size', '1=32');
    expect([one.code, assumes(one.stdout)]).toEqual([
      0,
      ['The driver assumes 16 entries', 'The driver assumes 32 entries'],
    ]);
    const two = await inspect('virtio', '--driver-queue-size', 'net0/1=64', '--driver-queue-size', 'model0/0=8');
    expect([two.code, assumes(two.stdout)?.toSorted()]).toEqual([
      0,
      ['The driver assumes 64 entries', 'The driver assumes 8 entries'],
    ]);
    // Both variables of one queue are one side.
    const sides = await json<VirtioDevice>(
      ...['virtio', 'net0', '--driver-queue-size', '1=32', '--driver-last-used', 'net0/1=RING0_DRIVER_REGISTRY'],
    );
    expect(sides.queues[1]?.driver).toMatchObject({ source: 'symbols', size: 32, lastUsed: expect.any(Number) });
    expect(sides.queues[0]?.driver?.source).toBe('registry');
  });

  it.each([
    [['virtio', 'model0', '--driver-last-used', 'nobody'], 'note: nobody: The image has no symbol nobody.'],
    [['virtio', 'model0', '--driver-last-used', '0x10'], 'note: 0x10: 0x10 is not mapped'],
  ])('%j is looked at all the same, and what is wrong is said', async (args, note) => {
    const { code, stderr } = await inspect(...args);
    expect([code, stderr]).toEqual([0, expect.stringContaining(note)]);
  });
});

describe('what is refused', () => {
  it.each([
    [['virtio', '--driver-queue-size', '16'], '--driver-… needs a device'],
    [['virtio', 'nobody', '--driver-queue-size', '16'], 'there is no virtio device "nobody"'],
    [['virtio', 'model0', '--driver-queue-size', '0'], 'no queue has 0 entries'],
    [['virtio', 'model0', '--driver-queue-size', '65536'], 'no queue has 65536 entries'],
    [['virtio', 'model0', '--driver-last-used', '4096'], 'an address begins with 0x'],
    [['virtio', 'model0', '--driver-last-used', 'a->b'], 'is no place'],
    [['virtio', '--driver-last-used', 'model0=vq'], '1=PLACE, or net0/1=PLACE'],
    [['virtio', '--driver-last-used', 'model0/7=vq'], 'model0 has no queue 7'],
    [['virtio', '--driver-last-used', 'nobody/0=vq'], 'there is no virtio device "nobody"'],
    [['virtio', 'model0', '--watch', '--driver-queue-size', '16'], '--watch judges nothing'],
    [['virtio', '--watch', '--dump', 'any.elf'], 'nothing happens in a dump'],
    [['gdt', '--load', 'ss=0x10', '--deliver', '3'], '--deliver and --load are two questions'],
    [['idt', '--as', 'external'], '--as goes with --deliver'],
    [['idt', '--deliver', '3', '--edit', 'idt+0x99999=00'], 'an offset up to 0xffff'],
    [['irq', '256'], 'there is no vector 256'],
    [['memory', '0xfffffffffffffff0', '32'], 'addresses end 16 bytes behind 0xfffffffffffffff0'],
  ])('%j', async (args, why) => {
    const { code, stdout, stderr } = await inspect(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(why);
  });

  it('a processor that is not there', async () => {
    const { code, stdout, stderr } = await inspect('cpu', '--processor', '7');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('There is no processor 7.');
    expect(stderr).toContain('Name one of 0–1.');
    expect((await json<CpuView>('cpu', '--processor', '1')).processors.map(({ index }) => index)).toEqual([1]);
  });
});

it('a vector that nothing sends, and a device that does not interrupt', async () => {
  const vector = await inspect('irq', '0x90');
  expect([vector.code, vector.stderr]).toEqual([1, expect.stringContaining('nothing sends vector 0x90')]);
  expect(vector.stderr).toContain('ring0 inspect idt --deliver 144');
  expect((await inspect('irq', 'nobody')).stderr).toContain('no device that interrupts is called "nobody"');
});

it('--find lists what has the text in its path, and nothing else', async () => {
  const found = await json<{ name: string }[]>('symbol', '--find', 'bootreport');
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter(({ name }) => !/bootreport/i.test(name))).toEqual([]);
  expect((await inspect('symbol', '--find', 'zzzz')).stdout).toBe('no static or type has "zzzz" in its path\n');
});

it('parts of a static, and elements from the middle of a long array', async () => {
  const { stdout } = await inspect('symbol', 'RING0_TRACE_RING.spans[1000..1020]');
  expect(stdout).toMatch(
    /^ring0::records::RING0_TRACE_RING\.spans\[1000\.\.1020\]: \[Span; 20\] {2}0x[0-9a-f]+, 640 bytes\n {2}1000: Span$/m,
  );
  expect(stdout.match(/^ {2}\d+: Span$/gm)).toHaveLength(20);
  // Where an array is cut, its next elements are a command away.
  const [, next = ''] = /more: (\S+)/.exec((await inspect('symbol', 'RING0_TRACE_RING')).stdout) ?? [];
  expect(next).toBe('ring0::records::RING0_TRACE_RING.spans[16..32]');
  expect((await inspect('symbol', next)).stdout).toContain('  31: Span\n');
  const { code, stderr } = await inspect('symbol', 'RING0_TRACE_RING.spans[99999999]');
  expect([code, stderr]).toEqual([1, expect.stringMatching(/no element 99999999.*its length is \d+: 0 to \d+/s)]);
});

it('the end of all addresses ends what is shown', async () => {
  const { stdout } = await inspect('memory', '0xfffffffffffffff0');
  expect(stdout.split('\n').filter((line) => line.startsWith('fffffffffffffff0'))).toHaveLength(1);
  expect(stdout).not.toContain('\n0000000000000000');
});
