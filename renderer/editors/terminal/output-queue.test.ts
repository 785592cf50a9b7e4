import { expect, test } from 'vitest';
import { OutputQueue } from './output-queue.ts';

function rig() {
  const frames: (() => void)[] = [];
  const written: number[] = [];
  const skipped: number[] = [];
  const through: number[] = [];
  let take = () => {};
  const queue = new OutputQueue({
    nextFrame: (run) => frames.push(run),
    write: (bytes, taken) => {
      written.push(bytes.length);
      take = taken;
    },
    onSkipped: (bytes) => skipped.push(bytes),
    onTaken: (bytes) => through.push(bytes),
  });
  return { queue, frames, written, skipped, through, frame: () => frames.shift()?.(), take: () => take() };
}

test('many pieces are one write a frame', () => {
  const { queue, frames, written, frame } = rig();
  for (let i = 0; i < 100; i++) queue.push(new Uint8Array(10));
  expect(frames).toHaveLength(1);
  frame();
  expect(written).toEqual([1000]);
});

test('the next frame waits for the terminal', () => {
  const { queue, frames, written, frame, take } = rig();
  queue.push(new Uint8Array(300 << 10));
  frame();
  expect(written).toEqual([256 << 10]);
  expect(frames).toHaveLength(0);
  take();
  frame();
  expect(written).toEqual([256 << 10, 44 << 10]);
  take();
  expect(frames).toHaveLength(0);
});

test('a flood is bounded, and what is left out is said', () => {
  const { queue, skipped, through, frame, take } = rig();
  for (let i = 0; i < 40; i++) queue.push(new Uint8Array(64 << 10));
  frame();
  expect(skipped).toEqual([(40 - 32) * (64 << 10)]);
  expect(through).toEqual([]);
  take();
  expect(through).toEqual([(40 - 32 + 4) * (64 << 10)]);
});

test('bytes keep their order', () => {
  const out: number[] = [];
  const queue = new OutputQueue({
    nextFrame: (run) => run(),
    write: (bytes, taken) => {
      out.push(...bytes);
      taken();
    },
    onSkipped: () => {},
  });
  queue.push(Uint8Array.of(1, 2));
  queue.push(Uint8Array.of(3));
  expect(out).toEqual([1, 2, 3]);
});
