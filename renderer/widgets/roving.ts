import type { KeyboardEvent } from 'react';

/**
 * Arrow keys, Home and End within a toolbar or list of which only one element is in the tab order. Call it from `onKeyDown` of
 * the container; `selector` names the elements that take part.
 */
export function moveFocus(
  event: KeyboardEvent<HTMLElement>,
  orientation: 'vertical' | 'horizontal',
  selector = 'button:not(:disabled)',
): void {
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>(selector)];
  const at = items.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  const [back, forward] = orientation === 'vertical' ? ['ArrowUp', 'ArrowDown'] : ['ArrowLeft', 'ArrowRight'];
  const to =
    event.key === forward
      ? (at + 1) % items.length
      : event.key === back
        ? (at - 1 + items.length) % items.length
        : event.key === 'Home'
          ? 0
          : event.key === 'End'
            ? items.length - 1
            : -1;
  const target = items[to];
  if (target === undefined) return;
  event.preventDefault();
  for (const item of items) item.tabIndex = item === target ? 0 : -1;
  target.focus();
}
