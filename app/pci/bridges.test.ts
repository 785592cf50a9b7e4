import { describe, expect, test } from 'vitest';
import { busOf, type PciWay, placeText, type SeenFunction } from './bridges.ts';

const slot = (device: number) => ({ device, function: 0 });
const bridge = (bus: number, device: number, secondary: number, subordinate: number): SeenFunction => ({
  ...{ bus, ...slot(device) },
  bridge: { secondary, subordinate },
});
const other = (bus: number, device: number): SeenFunction => ({ bus, ...slot(device), bridge: null });

/** As SeaBIOS numbers a root port, two bridges behind each other, and the port of an expander. */
const NUMBERED = [
  ...[other(0, 0), bridge(0, 1, 1, 1), other(1, 0)],
  ...[bridge(0, 2, 2, 3), bridge(2, 4, 3, 3), other(3, 5)],
  bridge(128, 0, 129, 129),
];
const DEEP: PciWay = { rootBus: 0, bridges: [slot(2), slot(4)], slot: slot(5) };

test('follows the numbers of the bridges', () => {
  expect(busOf({ rootBus: 0, bridges: [], slot: slot(1) }, [])).toEqual({ bus: 0 });
  expect(busOf({ rootBus: 0, bridges: [slot(1)], slot: slot(0) }, NUMBERED)).toEqual({ bus: 1 });
  expect(busOf(DEEP, NUMBERED)).toEqual({ bus: 3 });
  expect(busOf({ rootBus: 128, bridges: [slot(0)], slot: slot(0) }, NUMBERED)).toEqual({ bus: 129 });
  expect(placeText(129, slot(31))).toBe('81:1f.0');
});

describe('what a guest may have written instead', () => {
  const with2 = (...more: SeenFunction[]) => [...NUMBERED.filter((it) => it.bus !== 0 || it.device !== 2), ...more];
  test.each<[string, readonly SeenFunction[], string]>([
    ['no numbers', with2(bridge(0, 2, 0, 0)), 'nobody has numbered the bus behind bridge 00:02.0'],
    ['no bridge', with2(other(0, 2)), 'nothing answers as a bridge at 00:02.0'],
    [
      'a bus within which it is itself',
      with2(bridge(0, 2, 2, 3)).map((it) => (it.bus === 2 ? bridge(2, 4, 2, 3) : it)),
      'bridges 00:02.0 and 02:04.0 both claim bus 02',
    ],
    [
      'a range that ends before it begins',
      with2(bridge(0, 2, 2, 1)),
      'bridge 00:02.0 has the buses 02 to 01, which are not all beyond 00 and up to ff',
    ],
    [
      'buses that its own bridge has not',
      with2(bridge(0, 2, 2, 2)),
      'bridge 02:04.0 has the buses 03 to 03, which are not all beyond 02 and up to 02',
    ],
    ['a bus that another claims', with2(bridge(0, 2, 2, 3), bridge(0, 7, 1, 9)), 'both claim bus 02'],
    ['a deep bus that another claims', with2(bridge(0, 2, 2, 3), bridge(0, 7, 3, 9)), 'both claim bus 03'],
  ])('%s', (_name, functions, why) => {
    expect(busOf(DEEP, functions)).toEqual({ why: expect.stringContaining(why) });
  });

  test('anything: it ends, and a bus that is found is one', () => {
    let seed = 3;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return (seed >>> 8) % below;
    };
    let found = 0;
    for (let run = 0; run < 3000; run++) {
      const functions = Array.from({ length: 8 }, () => bridge(random(4), random(3), random(5), random(6)));
      const bridges = Array.from({ length: random(300) % 5 }, () => slot(random(3)));
      const answer = busOf({ rootBus: 0, bridges, slot: slot(0) }, functions);
      if (!('bus' in answer)) continue;
      expect(answer.bus).toBeGreaterThanOrEqual(bridges.length);
      expect(answer.bus).toBeLessThan(5);
      found += 1;
    }
    expect(found).toBeGreaterThan(100);
  });
});
