import { type RefObject, type UIEvent, useEffect, useRef } from 'react';

/** Tells whenever it is put into the page, a move within it included; nothing else says so before the next frame. */
class AttachedElement extends HTMLElement {
  onAttached: (() => void) | null = null;

  connectedCallback(): void {
    this.onAttached?.();
  }
}

const TAG = 'ring0-attached';

/**
 * Keeps how far an element and everything in it is scrolled: what it returns is the element's `onScrollCapture`. The dock takes a pane that
 * is hidden or moved out of the page, and the browser then forgets its scroll positions, without an event.
 */
export function useKeptScroll(box: RefObject<HTMLElement | null>): (event: UIEvent) => void {
  const positions = useRef(new Map<Element, { readonly top: number; readonly left: number }>());

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    if (customElements.get(TAG) === undefined) customElements.define(TAG, AttachedElement);
    const marker = document.createElement(TAG) as AttachedElement;
    marker.hidden = true;
    let isLost = false;
    const restore = () => {
      // Without a size nothing scrolls: the observer comes back to it.
      if (element.clientHeight === 0) return;
      isLost = false;
      for (const [scroller, { top, left }] of positions.current) {
        if (!element.contains(scroller)) positions.current.delete(scroller);
        else scroller.scrollTo({ top, left, behavior: 'instant' });
      }
    };
    element.append(marker);
    marker.onAttached = () => {
      isLost = true;
      restore();
    };
    const observer = new ResizeObserver(() => {
      if (isLost) restore();
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      marker.remove();
    };
  }, [box]);

  return ({ target }) => {
    if (!(target instanceof Element) || target.clientHeight === 0) return;
    positions.current.set(target, { top: target.scrollTop, left: target.scrollLeft });
  };
}
