/** Queues in motion for the bench: the guest reads all its disks at once, and somebody asks its API, while snapshots are taken. */
import type { Machine, VirtioReport } from '../../app/contract/index.ts';
import { giveUp } from './failure.ts';

/** Longer than any measurement: it is stopped when that is over. */
const READ_SECONDS = 3600;
/** Until every disk has its reads in flight. */
const SETTLE_MS = 1000;
const STOP_PATIENCE_MS = 10_000;
const CTRL_C = 3;
const WRAP = 0x1_0000;

/** What stops it. */
export type StopMotion = () => Promise<void>;

/**
 * Sets all queues of our kernel in motion: those of the disks by its shell's `blk-bench`, those of the network card by requests.
 * @param reads of each disk in a second; null for as many as the machine can
 */
export async function startMotion(machine: Machine, apiUrl: string, reads: number | null): Promise<StopMotion> {
  const controller = new AbortController();
  let said = '';
  const serial = machine.onDidReceiveSerial((bytes) => {
    said += Buffer.from(bytes).toString('latin1');
  });
  machine.writeSerial(Buffer.from(`blk-bench ${READ_SECONDS}${reads === null ? '' : ` ${reads}`}\r`));
  const asking = askAgainAndAgain(`${apiUrl}/health`, controller.signal);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return async () => {
    controller.abort();
    await asking;
    machine.writeSerial(Uint8Array.of(CTRL_C));
    const since = performance.now();
    while (!/reads\/s/.test(said) && performance.now() - since < STOP_PATIENCE_MS)
      await new Promise((resolve) => setTimeout(resolve, 20));
    serial.dispose();
    if (!/reads\/s/.test(said))
      giveUp('no-motion', "the guest's blk-bench did not end", said.slice(-200), 'build the kernel again');
  };
}

/** One request after the other: each is a few packets in both directions. */
async function askAgainAndAgain(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await (await fetch(url, { signal })).arrayBuffer();
    } catch {
      // A guest that is busy may refuse one; the next one is asked a moment later.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** How far each queue went while it was looked at: `DEVICE QUEUE` → chains given back. */
export class MotionMeter {
  readonly #began = performance.now();
  readonly #last = new Map<string, number>();
  readonly #moved = new Map<string, number>();
  #openQueues = 0;
  #looks = 0;

  /** Indices count to 65536, which no queue does between two looks. */
  see({ devices }: VirtioReport): void {
    this.#looks += 1;
    for (const { path, queues } of devices)
      for (const { index, avail, used, configured } of queues) {
        if (!configured || avail === null || used === null) continue;
        const key = `${path} ${index}`;
        const before = this.#last.get(key) ?? used.index;
        this.#last.set(key, used.index);
        this.#moved.set(key, (this.#moved.get(key) ?? 0) + ((used.index - before + WRAP) % WRAP));
        if (avail.index !== used.index) this.#openQueues += 1;
      }
  }

  /** Queues that moved; chains given back a second, of all together; queues with something in flight at a look, in the mean. */
  end(): { readonly moving: number; readonly chainsPerSecond: number; readonly openQueues: number } {
    const seconds = (performance.now() - this.#began) / 1000;
    const moved = [...this.#moved.values()];
    return {
      moving: moved.filter((it) => it > 0).length,
      chainsPerSecond: moved.reduce((sum, it) => sum + it, 0) / seconds,
      openQueues: this.#openQueues / Math.max(1, this.#looks),
    };
  }
}
