/** A rectangle of the window, in its pixels from the top left. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** What messages must not lie on; `weight` says how much worse one is than another. */
export interface Obstacle extends Box {
  readonly weight: number;
}

export interface ToastPlace {
  /** From the right and the bottom edge of the area. */
  readonly right: number;
  readonly bottom: number;
}

const STEP = 24;
/** Round everything, so that a button under a message can also be hit. */
const MARGIN = 6;

/**
 * Where messages of a size lie: as near to the lower right corner as covers nothing; where everything is covered, where it matters
 * least. What they cover is compared first, how far away they are second, so an empty corner keeps them.
 * @param now where they are: a place that covers nothing is kept, since what one reads should not move
 */
export function placeToasts(
  size: { readonly width: number; readonly height: number },
  area: Box,
  obstacles: readonly Obstacle[],
  now: ToastPlace | null,
): ToastPlace {
  const cost = ({ right, bottom }: ToastPlace) => {
    const box = {
      left: area.right - right - size.width - MARGIN,
      top: area.bottom - bottom - size.height - MARGIN,
      right: area.right - right + MARGIN,
      bottom: area.bottom - bottom + MARGIN,
    };
    return obstacles.reduce((sum, it) => sum + (overlaps(box, it) ? it.weight : 0), 0);
  };
  const widest = Math.max(0, area.right - area.left - size.width);
  const highest = Math.max(0, area.bottom - area.top - size.height);
  if (now !== null && now.right <= widest && now.bottom <= highest && cost(now) === 0) return now;
  let best: ToastPlace = { right: 0, bottom: 0 };
  let bestCost = Number.POSITIVE_INFINITY;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (let bottom = 0; bottom <= highest; bottom += STEP) {
    for (let right = 0; right <= widest; right += STEP) {
      const distance = right + bottom;
      const covered = cost({ right, bottom });
      if (covered < bestCost || (covered === bestCost && distance < bestDistance)) {
        best = { right, bottom };
        bestCost = covered;
        bestDistance = distance;
      }
    }
  }
  return best;
}

function overlaps(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
