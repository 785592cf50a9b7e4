import { expect, test } from 'vitest';
import type { RingEvent } from '../../../../app/contract/inspect/virtio.ts';
import { RateMeter } from './rates.ts';

const used = (inFlightUs: number | null, length: number) => ({ kind: 'used', inFlightUs, length }) as RingEvent;
const published = (readableBytes: number) => ({ kind: 'published', chain: { readableBytes } }) as RingEvent;

test('a point counts what came since the last one, lost events included', () => {
  const meter = new RateMeter('disk', 0);
  for (const it of [published(16), used(100, 512), used(300, 1), used(200, 0), used(null, 7)]) meter.add(it);
  meter.add({ kind: 'snapshot', lost: 40 } as RingEvent);
  expect(meter.point(5, 3)).toEqual({
    ...{ device: 'disk', queue: 0, atUs: 5, depth: 3 },
    ...{ published: 41, used: 4, bytes: 16 + 520, medianUs: 200, longestUs: 300 },
  });
  expect(meter.point(6, 0)).toMatchObject({ published: 0, used: 0, bytes: 0, medianUs: null, longestUs: null });
});
