const waiting: (() => void)[] = [];

/**
 * Makes a change of what is shown right before the next picture, together with all others: what several streams bring within a frame
 * is drawn once. A page that cannot be seen has no frames, and draws when it can be seen again.
 */
export function inNextFrame(change: () => void): void {
  waiting.push(change);
  if (waiting.length === 1) requestAnimationFrame(run);
}

function run(): void {
  for (const change of waiting.splice(0)) change();
}
