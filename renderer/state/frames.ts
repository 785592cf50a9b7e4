/** Looks come thirty times a second at most: a little less than their period, so that the picture after it is the next one. */
const APART_MS = 25;

const waiting: (() => void)[] = [];
let drawnAt = Number.NEGATIVE_INFINITY;

/**
 * Makes a change of what is shown right before one of the next pictures, together with all others: what several streams bring within a
 * look's time is drawn once. A page that cannot be seen has no frames, and draws when it can be seen again.
 */
export function inNextFrame(change: () => void): void {
  waiting.push(change);
  if (waiting.length > 1) return;
  const early = drawnAt + APART_MS - performance.now();
  if (early > 0) setTimeout(() => requestAnimationFrame(run), early);
  else requestAnimationFrame(run);
}

function run(): void {
  drawnAt = performance.now();
  for (const change of waiting.splice(0)) change();
}
