import type { DockviewApi } from 'dockview-react';
import { expect, test, vi } from 'vitest';

// The stores' imports want a page; what is tested here is the order of things.
vi.stubGlobal('window', { addEventListener: () => {}, innerWidth: 1280, innerHeight: 800 });
vi.stubGlobal('document', { body: {}, activeElement: null });
vi.stubGlobal('HTMLElement', class {});
vi.useFakeTimers();
const { useDock } = await import('./dock.ts');
const { switchLayout, useLayouts } = await import('./layouts.ts');

/** A dock of three empty sides, which notes what is done to them. */
function fakeDock(): { api: DockviewApi; done: string[] } {
  const done: string[] = [];
  const shown = new Set<string>();
  const sides = new Map(
    ['left', 'right', 'bottom'].map((side) => [
      side,
      {
        isCollapsed: () => false,
        setSize: (size: Record<string, number>) => done.push(`${side} ${JSON.stringify(size)}`),
      },
    ]),
  );
  const api = {
    groups: [],
    panels: [],
    activePanel: undefined,
    getPanel: () => undefined,
    getEdgeGroup: (side: string) => sides.get(side),
    isEdgeGroupVisible: (side: string) => shown.has(side),
    setEdgeGroupVisible: (side: string, visible: boolean) => {
      if (visible) shown.add(side);
      else shown.delete(side);
      done.push(`${side} ${visible ? 'shown' : 'hidden'}`);
    },
  };
  return { api: api as unknown as DockviewApi, done };
}

test('a layout that is chosen before there is a dock comes once it is there, after what was kept; the last choice counts', () => {
  switchLayout('debug');
  switchLayout('chat');
  expect(useLayouts.getState().current).toBe('edit');
  const { api, done } = fakeDock();
  useDock.setState({ api });
  done.push('what was kept');
  vi.advanceTimersByTime(0);
  expect(useLayouts.getState().current).toBe('chat');
  expect(done).toEqual([
    'what was kept',
    'left hidden',
    'right shown',
    'right {"width":560}',
    'bottom shown',
    'bottom {"height":180}',
  ]);
});
