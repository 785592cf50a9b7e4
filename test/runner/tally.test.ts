import { describe, expect, it } from 'vitest';
import { add, emptyTally, summary, tallyCargo, tallyCommand, tallyVitest, verdict } from './tally.mjs';
import { reasonOf } from './vitest-reporter.mjs';

const lines = (...records: object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('');
const end = { state: 'end' };

describe('reasonOf', () => {
  it('is the note, else what the name says, else what the file says of all its tests', () => {
    expect(reasonOf('no data', 'a: b', [])).toBe('no data');
    expect(reasonOf('', 'the studio in Electron: no display: DISPLAY is not set', [])).toBe(
      'no display: DISPLAY is not set',
    );
    expect(reasonOf('', 'opens a file', ['editors in a browser: needs Chromium'])).toBe('needs Chromium');
    expect(reasonOf('', 'opens a file', ['another'])).toBe('');
  });
});

describe('tallyVitest', () => {
  it('counts, and keeps reasons', () => {
    const text = lines(
      { state: 'passed', name: 'a', reason: '' },
      { state: 'skipped', name: 'b', reason: 'no data' },
      { state: 'failed', name: 'c', reason: '' },
      { state: 'failed', name: 'd.test.ts', reason: 'does not load' },
      end,
    );
    expect(tallyVitest(text, 'unit', 1)).toEqual({
      passed: 1,
      failed: ['c', 'd.test.ts: does not load'],
      skipped: [{ name: 'b', reason: 'no data' }],
    });
  });

  it.each([
    [
      'a run that died',
      lines({ state: 'passed', name: 'a', reason: '' }),
      139,
      'unit: vitest did not come to its end (exit code 139)',
    ],
    ['a run of nothing', lines(end), 0, 'unit: vitest ran no test at all'],
    [
      'a failure without a name',
      lines({ state: 'passed', name: 'a', reason: '' }, end),
      1,
      'unit: vitest failed with exit code 1 and named no test',
    ],
  ])('fails %s', (_title, text, exitCode, failure) => {
    expect(tallyVitest(text, 'unit', exitCode).failed).toEqual([failure]);
  });
});

describe('tallyCargo', () => {
  const output = `
running 4 tests
test queue::wraps ... ok
test timing::slow ... ignored, takes an hour
test other::plain ... ignored
test chain::loops ... FAILED

test result: FAILED. 1 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s

   Doc-tests ring0_abi
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.20s
`;

  it('adds up every binary and reads the reasons of ignored tests', () => {
    expect(tallyCargo(output, 'kernel', 101)).toEqual({
      passed: 3,
      failed: ['chain::loops'],
      skipped: [
        { name: 'timing::slow', reason: 'takes an hour' },
        { name: 'other::plain', reason: 'marked #[ignore]' },
      ],
    });
  });

  it('fails when nothing compiled, when nothing failed by name, and when a name is torn out of its line', () => {
    expect(tallyCargo('', 'kernel', 101).failed).toEqual(['kernel: cargo ran no test at all (exit code 101)']);
    expect(tallyCargo('test result: ok. 1 passed; 0 failed; 0 ignored;', 'kernel', 101).failed).toEqual([
      'kernel: cargo failed with exit code 101 and named no test',
    ]);
    expect(tallyCargo('test result: FAILED. 0 passed; 1 failed; 0 ignored;', 'kernel', 101).failed).toHaveLength(1);
  });
});

it('sums up, and never calls nothing a success', () => {
  const total = emptyTally();
  expect(verdict(total)).toBe(1);
  add(total, tallyCommand('types', 0));
  expect([summary(total), verdict(total)]).toEqual(['1 passed, 0 failed, 0 skipped', 0]);
  add(total, tallyCommand('lint', 2));
  expect([summary(total), verdict(total)]).toEqual(['1 passed, 1 failed, 0 skipped', 1]);
});
