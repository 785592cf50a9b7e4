import { expect, test, vi } from 'vitest';

// The store's imports want a window; what is tested here is a function of its own.
vi.stubGlobal('window', { addEventListener: () => {} });
const { nextStages } = await import('./run.ts');

test('stages follow each other, with their times', () => {
  const building = nextStages([], { phase: 'building', startedAt: 0 }, 10);
  const same = nextStages(building, { phase: 'building', startedAt: 0 }, 15);
  expect(same).toBe(building);
  const booting = nextStages(same, { phase: 'starting', startedAt: 0, step: '' }, 20);
  const loading = nextStages(booting, { phase: 'loading', startedAt: 0, step: '', machine: 'm' }, 30);
  const ended = nextStages(loading, { phase: 'idle' }, 40);
  expect(ended.map(({ name, startedAt, endedAt }) => [name, startedAt, endedAt])).toEqual([
    ['build', 10, 20],
    ['boot', 20, 30],
    ['load', 30, 40],
  ]);
  // The next run begins anew.
  expect(nextStages(ended, { phase: 'building', startedAt: 50 }, 50).map(({ name }) => name)).toEqual(['build']);
});

test('the stage that was under way is the one that failed', () => {
  const error = { code: 'x', what: '', why: '', fix: '' };
  const booting = nextStages([], { phase: 'starting', startedAt: 0, step: '' }, 20);
  expect(nextStages(booting, { phase: 'failed', error }, 30)).toEqual([
    { name: 'boot', startedAt: 20, endedAt: 30, failed: true },
  ]);
});
