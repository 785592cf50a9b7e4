import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FIRST_STATE, placeOnScreen, readWindowState, writeWindowState } from './window-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring0-electron-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('where the window was', () => {
  const screens = [{ x: 0, y: 0, width: 1920, height: 1080 }];
  const state = { x: 100, y: 50, width: 1000, height: 700, maximized: true };

  test('is where it is again', () => {
    const path = join(folder, 'state', 'window.json');
    expect(readWindowState(path, screens)).toEqual(FIRST_STATE);
    writeWindowState(path, state);
    expect(readWindowState(path, screens)).toEqual(state);
    writeFileSync(path, '{"width":1e9}');
    expect(readWindowState(path, screens)).toEqual(FIRST_STATE);
  });

  test('unless that screen is gone', () => {
    const placed = placeOnScreen({ ...state, x: 2500 }, screens);
    expect(placed).toEqual({ width: 1000, height: 700, maximized: true });
  });
});
