/** The answers of one look come within so long: the host makes them one after another. */
const GATHER_MS = 8;

const waiting: (() => void)[] = [];

/**
 * Makes a change of what is shown right before one of the next pictures, together with all others: what several streams bring of one look
 * is drawn once. A page that cannot be seen has no frames, and draws when it can be seen again.
 */
export function inNextFrame(change: () => void): void {
  waiting.push(change);
  if (waiting.length === 1) setTimeout(() => requestAnimationFrame(run), GATHER_MS);
}

function run(): void {
  for (const change of waiting.splice(0)) change();
}
