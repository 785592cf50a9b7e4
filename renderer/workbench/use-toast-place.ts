import { type RefObject, useLayoutEffect, useState } from 'react';
import { type Box, type Obstacle, placeToasts, type ToastPlace } from './toast-place.ts';

/** So often what lies under the messages is looked at again while there are any. */
const LOOK_MS = 400;
const CORNER: ToastPlace = { right: 0, bottom: 0 };
const CONTROLS =
  'button, input, select, textarea, a[href], summary, [role="tab"], [role="button"], [role="treeitem"], [role="option"], [role="slider"]';

/** Where the messages lie in the middle part of the window, as the messages measure; looked at again as long as `active`. */
export function useToastPlace(list: RefObject<HTMLElement | null>, active: boolean): ToastPlace {
  const [place, setPlace] = useState<ToastPlace>(CORNER);
  /** The window's pixels are larger than the page's where the page is zoomed. */
  const [scale, setScale] = useState(1);
  useLayoutEffect(() => {
    if (!active) return setPlace(CORNER);
    const look = () => {
      const element = list.current;
      const area = document.querySelector('.app-middle')?.getBoundingClientRect();
      // Whoever has the keyboard in one reads it. The pointer may be over one only because it lies on what is wanted.
      if (element === null || area === undefined || element.matches(':has(:focus-visible)')) return;
      const { width, height } = element.getBoundingClientRect();
      setScale(width / element.offsetWidth || 1);
      setPlace((now) => {
        const next = placeToasts({ width, height }, inner(area), obstaclesUnder(), now);
        return next.right === now.right && next.bottom === now.bottom ? now : next;
      });
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    window.addEventListener('resize', look);
    return () => {
      clearInterval(timer);
      window.removeEventListener('resize', look);
    };
  }, [list, active]);
  return { right: place.right / scale, bottom: place.bottom / scale };
}

const GAP = 12;

function inner({ left, top, right, bottom }: Box): Box {
  return { left: left + GAP, top: top + GAP, right: right - GAP, bottom: bottom - GAP };
}

/** Every control of the dock that can be seen, those of the pane with the keyboard above all; and the text cursor. */
function obstaclesUnder(): Obstacle[] {
  const found: Obstacle[] = [];
  const clips = new Map<Element, Box>();
  for (const element of document.querySelectorAll(`.app-middle :is(${CONTROLS})`)) {
    // The hidden fields through which Monaco and xterm hear the keyboard, and what is switched off.
    if (element.matches('.inputarea, .ime-text-area, .xterm-helper-textarea, :disabled')) continue;
    const { left, top, right, bottom } = intersection(element.getBoundingClientRect(), clipOf(element, clips));
    if (right - left < 4 || bottom - top < 4) continue;
    const focused = element.closest('[data-pane]')?.contains(document.activeElement) === true;
    found.push({ left, top, right, bottom, weight: focused ? 4 : 1 });
  }
  for (const element of document.querySelectorAll('.monaco-editor.focused .cursor, .xterm.focus .xterm-cursor')) {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    found.push({ left: left - 80, top: top - 24, right: right + 240, bottom: bottom + 24, weight: 4 });
  }
  return found;
}

const WINDOW: Box = { left: 0, top: 0, right: Number.POSITIVE_INFINITY, bottom: Number.POSITIVE_INFINITY };

/** What can be seen of an element's place: what is scrolled out of sight is covered by nothing. */
function clipOf({ parentElement: parent }: Element, known: Map<Element, Box>): Box {
  if (parent === null) return WINDOW;
  const before = known.get(parent);
  if (before !== undefined) return before;
  const outer = clipOf(parent, known);
  const clips = getComputedStyle(parent).overflow !== 'visible';
  const box = clips ? intersection(outer, parent.getBoundingClientRect()) : outer;
  known.set(parent, box);
  return box;
}

function intersection(a: Box, b: Box): Box {
  return {
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  };
}
