import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Result } from '../../app/base/result.ts';
import type { DriverSide, Verdict, VirtioReport } from '../../app/contract/inspect/virtio.ts';
import type { Inspected } from './inspected.ts';

/** What the host keeps, and what it answers to each question, one after the other. */
let saved: unknown = null;
const put: unknown[] = [];
let answers: (Result<VirtioReport> | Error)[] = [];
const asked: { apartMs: number; hints: unknown }[] = [];
vi.stubGlobal('window', { addEventListener: () => {} });
vi.mock('../host/client.ts', () => ({
  whenConnected: async () => {},
  studio: {
    state: {
      get: async () => ({ value: saved }),
      put: async ({ value }: { value: unknown }) => put.push(value),
    },
    inspect: {
      virtio: async (question: { apartMs: number; hints: unknown }) => {
        asked.push(question);
        const next = answers.shift();
        if (next === undefined) return new Promise(() => {});
        if (next instanceof Error) throw next;
        return next;
      },
    },
  },
}));

const {
  followNamed,
  loadNamedPlaces,
  namedQueues,
  namedSide,
  namePlaces,
  placesKey,
  useNamedPlaces,
  withNamed,
  NOTHING_NAMED,
} = await import('./virtio-named.ts');

const verdict = (id: string, severity: Verdict['severity'], queue: number | null) =>
  ({
    id,
    severity,
    confidence: 'certain',
    queue,
    title: '',
    explanation: '',
    evidence: [],
    fix: '',
    section: '',
  }) as const;

const driver = (source: DriverSide['source'], size: number) => ({ source, size, lastUsed: null }) as DriverSide;

function report(side: DriverSide | null, verdicts: Verdict[], problems: string[] = []): VirtioReport {
  const queue = (index: number) => ({
    index,
    driver: index === 1 ? side : null,
    used: { flags: 0, index: 7, event: null },
  });
  const devices = [{ path: '/disk', queues: [queue(0), queue(1)], verdicts }];
  return { at: 0, apartMs: 500, source: 'qemu', devices, problems } as unknown as VirtioReport;
}
const ok = (value: VirtioReport): Result<VirtioReport> => ({ ok: true, value });
const places = { lastUsed: '', size: 'LEN' };

beforeEach(() => {
  vi.useFakeTimers();
  [saved, answers, put.length, asked.length] = [null, [], 0, 0];
  useNamedPlaces.setState({ places: new Map() });
  return () => vi.useRealTimers();
});

describe('what is named', () => {
  test('is of a profile and a queue, or of a dump', () => {
    const machine = (id: string, name: string) =>
      ({ key: `machine:${id}`, machine: { info: { profile: { name } } } }) as unknown as Inspected;
    const key = placesKey(machine('1', 'direct'), '/disk', 0);
    expect(placesKey(machine('2', 'direct'), '/disk', 0)).toBe(key);
    const others = [
      placesKey(machine('1', 'smp4'), '/disk', 0),
      placesKey(machine('1', 'direct'), '/disk', 1),
      placesKey(machine('1', 'direct'), '/net', 0),
      placesKey({ key: 'dump:a', machine: null } as Inspected, '/disk', 0),
      placesKey({ key: 'dump:b', machine: null } as Inspected, '/disk', 0),
    ];
    expect(new Set([key, ...others]).size).toBe(6);
  });

  test('is of the queues that are there', () => {
    const inspected = { key: 'dump:a', machine: null };
    const there = report(null, []);
    expect(namedQueues(new Map(), inspected, there)).toEqual([]);
    const all = new Map([
      [placesKey(inspected, '/disk', 1), places],
      [placesKey(inspected, '/disk', 7), places],
      [placesKey(inspected, '/net', 0), places],
      [placesKey({ key: 'dump:b', machine: null }, '/disk', 0), places],
    ]);
    expect(namedQueues(all, inspected, there)).toEqual([{ device: '/disk', queue: 1, places }]);
  });

  test('is kept until it is taken away, the last ones of many', async () => {
    namePlaces('a', places);
    namePlaces('b', places);
    namePlaces('a', NOTHING_NAMED);
    await vi.advanceTimersByTimeAsync(1000);
    expect(put).toEqual([[['b', places]]]);
    for (let n = 0; n < 60; n++) namePlaces(`${n}`, places);
    expect([...useNamedPlaces.getState().places.keys()]).toEqual(Array.from({ length: 50 }, (_, n) => `${n + 10}`));
  });

  test('is read again, unless it is no such thing; what was named meanwhile wins', async () => {
    saved = [['a', { lastUsed: 'x', size: 4 }]];
    await loadNamedPlaces();
    expect(useNamedPlaces.getState().places.size).toBe(0);
    saved = [
      ['a', { lastUsed: 'x', size: '' }],
      ['b', { lastUsed: 'y', size: '' }],
    ];
    namePlaces('b', places);
    await loadNamedPlaces();
    expect([...useNamedPlaces.getState().places]).toEqual([
      ['a', { lastUsed: 'x', size: '' }],
      ['b', places],
    ]);
  });
});

describe('an answer', () => {
  const small = verdict('queue-size-mismatch', 'error', 1);

  test("is the driver's side and the verdicts of the queue", () => {
    const of = report(driver('symbols', 16), [small, verdict('idle', 'ok', 0)]);
    expect(namedSide(ok(of), '/disk', 1, places)).toEqual({
      driver: driver('symbols', 16),
      verdicts: [small],
      used: 7,
      errors: NOTHING_NAMED,
      failed: '',
    });
  });

  test('tells what is wrong with each place, and why there is none', () => {
    const problems = ['LEN: The image has no symbol LEN.', 'something else'];
    const side = namedSide(ok(report(driver('symbols', 16), [], problems)), '/disk', 1, {
      lastUsed: 'at',
      size: 'LEN',
    });
    expect(side.errors).toEqual({ lastUsed: '', size: 'The image has no symbol LEN.' });
    const nothing = { ...driver('symbols', 16), size: null };
    expect(namedSide(ok(report(nothing, [small], problems)), '/disk', 1, places)).toMatchObject({
      ...{ driver: null, verdicts: [], errors: side.errors },
      failed: expect.stringContaining('as without them'),
    });
    const failure = { code: 'x', what: 'The machine is gone.', why: 'it ended', fix: '' } as const;
    expect(namedSide({ ok: false, error: failure }, '/disk', 1, places)).toMatchObject({
      driver: null,
      failed: 'The machine is gone. it ended',
    });
    expect(namedSide(ok(report(driver('registry', 256), [])), '/disk', 1, places)).toMatchObject({
      driver: null,
      failed: expect.stringContaining('could not be read'),
    });
    expect(namedSide(ok(report(null, [])), '/net', 1, places).failed).toMatch(/not there/);
  });

  test("takes the place of the stream's verdicts on that queue alone, errors first", () => {
    const streamed = report(driver('registry', 256), [
      verdict('broken', 'warning', null),
      verdict('idle', 'ok', 0),
      verdict('busy', 'ok', 1),
    ]);
    const side = namedSide(ok(report(driver('symbols', 16), [small])), '/disk', 1, places);
    const ids = (of: VirtioReport) => of.devices[0]?.verdicts.map((it) => it.id);
    expect(ids(withNamed(streamed, [{ device: '/disk', queue: 1, side }]))).toEqual([
      'queue-size-mismatch',
      'broken',
      'idle',
    ]);
    expect(withNamed(streamed, [{ device: '/disk', queue: 1, side: null }])).toBe(streamed);
    const failed = namedSide(ok(report(null, [])), '/disk', 1, places);
    expect(withNamed(streamed, [{ device: '/disk', queue: 1, side: failed }])).toBe(streamed);
  });

  test('of several queues are each of its own', () => {
    const streamed = report(driver('registry', 256), [verdict('a', 'ok', 0), verdict('b', 'error', 1)]);
    const named = (queue: number, verdicts: Verdict[]) => {
      const side = { driver: driver('symbols', 16), verdicts, used: 7, errors: NOTHING_NAMED, failed: '' };
      return { device: '/disk', queue, side };
    };
    const of = withNamed(streamed, [named(0, [verdict('c', 'error', 0)]), named(1, [verdict('d', 'ok', 1)])]);
    expect(of.devices[0]?.verdicts.map((it) => it.id)).toEqual(['c', 'd']);
    // A queue of another device with the same number keeps what it has.
    expect(withNamed(streamed, [{ ...named(1, []), device: '/net' }]).devices).toEqual(streamed.devices);
  });
});

describe('asking', () => {
  const queues = [
    { device: '/disk', queue: 1, places },
    { device: '/disk', queue: 0, places: { lastUsed: 'at', size: '' } },
  ];
  const hints = [
    { device: '/disk', queue: 1, size: 'LEN' },
    { device: '/disk', queue: 0, lastUsed: 'at' },
  ];

  test('goes on about once a second while the machine runs, also after a lost connection, and ends', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    answers = [ok(report(driver('symbols', 16), [])), new Error('lost'), ok(report(driver('symbols', 32), []))];
    const sizes: unknown[] = [];
    const following = followNamed({ id: '1' }, { queues, runs: true }, ([side, other]) =>
      sizes.push(side?.driver?.size, other?.driver),
    );
    await vi.advanceTimersByTimeAsync(400);
    expect(sizes).toEqual([16, null]);
    await vi.advanceTimersByTimeAsync(1600);
    expect(sizes).toEqual([16, null, 32, null]);
    expect(asked[0]).toEqual({ id: '1', apartMs: 500, hints });
    const before = asked.length;
    following.dispose();
    await vi.advanceTimersByTimeAsync(5000);
    expect(asked.length).toBe(before);
  });

  test('is done once where nothing changes', async () => {
    answers = [ok(report(driver('symbols', 16), [])), ok(report(driver('symbols', 32), []))];
    const sizes: unknown[] = [];
    followNamed({ dump: 'a' }, { queues, runs: false }, ([side]) => sizes.push(side?.driver?.size));
    await vi.advanceTimersByTimeAsync(5000);
    expect(sizes).toEqual([16]);
    expect(asked).toEqual([{ dump: 'a', apartMs: 0, hints }]);
  });
});
