import type { PointerEvent } from 'react';

/** A tooltip whose text changes many times a second: it is written when the pointer comes, and not before. */
export function hoverTitle(text: string) {
  return {
    onPointerEnter: ({ currentTarget }: PointerEvent<HTMLElement>) => {
      currentTarget.title = text;
    },
  };
}
