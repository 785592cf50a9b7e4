import { expect, test } from 'vitest';
import { parsePs, parseStat, parseStatus, processUsage } from './usage.ts';

test('proc(5), with a name that tries to be fields', () => {
  const stat = '42 (qemu) 1 (x) S 1 42 42 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 7 0 99 1 2 3';
  expect(parseStat(stat)).toEqual({ cpuMs: 3000, threads: 7 });
  expect(() => parseStat('42 (qemu) S')).toThrow('proc(5)');
  const status = 'Name:\tqemu\nVmRSS:\t  2048 kB\nRssAnon:\t 1024 kB\nRssShmem:\t   512 kB\n';
  expect(parseStatus(status)).toEqual({ residentBytes: 2 << 20, guestBytes: 512 << 10 });
});

test('ps(1) of other systems', () => {
  expect(parsePs('   1:02.50   4096\n')).toEqual({ cpuMs: 62_500, residentBytes: 4 << 20 });
  expect(parsePs('2-01:00:00 1').cpuMs).toBe((2 * 86_400 + 3600) * 1000);
  expect(() => parsePs('')).toThrow('does not know');
});

test.skipIf(process.platform === 'win32')(
  'this process has cost something, and one that is not there has not',
  async () => {
    const own = await processUsage(process.pid);
    if (!own.ok) throw new Error(own.error.why);
    expect(own.value.cpuMs).toBeGreaterThan(0);
    expect(own.value.residentBytes).toBeGreaterThan(10 << 20);
    expect(await processUsage(2 ** 30)).toMatchObject({ ok: false, error: { code: 'no-usage' } });
  },
);
