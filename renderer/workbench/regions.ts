import { firstFocusable } from '../widgets/focusable.ts';
import { SIDES, type Side, useDock } from './dock.ts';

/** The parts of the window in the order in which F6 goes through them. */
function regions(): HTMLElement[] {
  const { api, sides, activeEditor } = useDock.getState();
  const panelElement = (id: string | undefined) =>
    id === undefined ? null : document.querySelector<HTMLElement>(`[data-panel="${CSS.escape(id)}"]`);
  const sidePanel = (side: Side) => {
    const group = api?.getEdgeGroup(side);
    return sides[side] ? panelElement(api?.groups.find((each) => each.api === group)?.activePanel?.id) : null;
  };
  const [left, right, bottom] = SIDES.map(sidePanel);
  const bar = (name: string) => document.querySelector<HTMLElement>(`[data-region="${name}"]`);
  const parts = [
    bar('title'),
    bar('activity'),
    left,
    panelElement(activeEditor ?? undefined),
    bottom,
    right,
    bar('status'),
    bar('notifications'),
  ];
  return parts.filter(
    (part): part is HTMLElement => part !== null && part !== undefined && firstFocusable(part) !== null,
  );
}

export function focusRegion(step: 1 | -1): void {
  const parts = regions();
  if (parts.length === 0) return;
  const at = parts.findIndex((part) => part.contains(document.activeElement));
  const next = parts[at < 0 ? 0 : (at + step + parts.length) % parts.length];
  if (next !== undefined) firstFocusable(next)?.focus();
}
