const FOCUSABLE = 'textarea, input, select, a[href], button, [tabindex="0"]';

/** What takes the keyboard when a part of the window gets it: what it marks with `data-autofocus`, else the first thing that can. */
export function firstFocusable(part: HTMLElement): HTMLElement | null {
  const marked = part.querySelector<HTMLElement>('[data-autofocus]');
  if (marked?.checkVisibility() === true) return marked;
  // What is folded away or disabled refuses the keyboard, and the call says nothing.
  return (
    [...part.querySelectorAll<HTMLElement>(FOCUSABLE)].find(
      (each) => each.tabIndex >= 0 && !each.matches(':disabled') && each.checkVisibility({ visibilityProperty: true }),
    ) ?? null
  );
}
