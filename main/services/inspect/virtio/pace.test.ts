import { describe, expect, it } from 'vitest';
import { SamplingPace } from './pace.ts';

function rest(pace: SamplingPace, looks: number, isWaiting = false): number {
  let pause = 0;
  for (let n = 0; n < looks; n++) pause = pace.after(0, isWaiting);
  return pause;
}

describe('how often rings are looked at', () => {
  it('sixty times a second while they rest', () => expect(rest(new SamplingPace(), 20)).toBe(16));

  it('a thousand times while much happens, and at once', () => {
    const pace = new SamplingPace();
    rest(pace, 20);
    const pauses = Array.from({ length: 5 }, () => pace.after(100, false));
    expect(pauses).toEqual([8, 4, 2, 1, 1]);
  });

  it('stays where a look finds an event or two', () => {
    const pace = new SamplingPace();
    const pause = rest(pace, 3);
    expect(pace.after(2, false)).toBe(pause);
  });

  it('does not sleep long before there is a queue', () => expect(rest(new SamplingPace(), 20, true)).toBe(4));
});
