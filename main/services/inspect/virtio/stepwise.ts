import { type CancelSignal, isCancelled } from '../../../../app/base/cancel.ts';
import { describeError, ok, type Result } from '../../../../app/base/result.ts';
import type { RingEvent, VirtioStreamEvent } from '../../../../app/contract/inspect/virtio.ts';
import { FEATURE, hasFeature } from '../../../../app/virtio/features.ts';
import { type Observation, QueueWatcher } from '../../../../app/virtio/history.ts';
import type { GuestMemory } from '../../../../app/x86/memory.ts';
import type { InspectTarget } from '../target.ts';
import { VirtioLooker } from './look.ts';
import { ringsNow } from './rings-now.ts';
import { deviceFacts, type Look, queueKey, type SeenDevice } from './seen.ts';

/** The machine stands still for at most this share of the time, and is looked at no more often than this. */
const SHARE = 1 / 10;
const LEAST_PAUSE_MS = 500;
/** So many looks in a row that fail: it has ended, or somebody else has the stub. */
const GIVE_UP = 4;

/** Runs `act` on a target that holds its machine no longer than that takes. */
export type UseHeld = <T>(act: (target: InspectTarget) => Promise<Result<T>>) => Promise<Result<T>>;

/**
 * Follows rings of a machine that each look stops, by short looks with long pauses. What happens between two looks is put together from
 * the rings, which hold the last of it; times in flight are not known.
 */
export async function* followStepwise(
  use: UseHeld,
  signal: CancelSignal | undefined,
): AsyncGenerator<VirtioStreamEvent> {
  const started = performance.now();
  const watchers = new Map<string, QueueWatcher>();
  let [next, failures] = [1, 0];
  let before: number | null = null;
  while (!isCancelled(signal)) {
    const begun = performance.now();
    let heldSince = begun;
    const looked = await use((target) => {
      // Before that it may have waited for somebody else's turn.
      heldSince = target.heldSince ?? begun;
      return lookOnce(target, watchers, Math.round((heldSince - started) * 1000));
    });
    const heldMs = performance.now() - heldSince;
    failures = looked.ok ? 0 : failures + 1;
    if (!looked.ok && failures >= GIVE_UP) return yield { kind: 'ended', why: describeError(looked.error) };
    if (looked.ok) {
      yield { kind: 'report', report: looked.value.report };
      const events = looked.value.events.map((it): RingEvent => ({ ...it, number: next++ }) as RingEvent);
      const samplesPerSecond = before === null ? 0 : 1000 / (begun - before);
      yield { kind: 'rings', fresh: before === null, events, next, rates: [], samplesPerSecond, heldMs };
      before = begun;
    }
    await pause(looked.ok ? Math.max(LEAST_PAUSE_MS, heldMs / SHARE) : LEAST_PAUSE_MS, signal);
  }
}

type Unnumbered = Observation & Pick<RingEvent, 'device' | 'queue'>;

async function lookOnce(target: InspectTarget, watchers: Map<string, QueueWatcher>, atUs: number) {
  const looker = new VirtioLooker(target);
  const look = await looker.look([], false);
  if (!look.ok) return look;
  const devices = await ringsNow(target, look.value);
  if (!devices.ok) return devices;
  // Decoders run again with more memory until they miss none: each run begins where the last look ended.
  const observed = await target.look((memory) => observeAll(memory, look.value, watchers, atUs));
  if (!observed.ok) return observed;
  watchers.clear();
  for (const [key, watcher] of observed.value.watchers) watchers.set(key, watcher);
  const report = {
    at: look.value.at,
    apartMs: 0,
    source: look.value.source,
    devices: devices.value.map((it) => ({ ...it, verdicts: [] })),
    problems: [...look.value.problems],
  };
  return ok({ report, events: observed.value.events });
}

function observeAll(memory: GuestMemory, look: Look, before: ReadonlyMap<string, QueueWatcher>, atUs: number) {
  const watchers = new Map<string, QueueWatcher>();
  const events: Unnumbered[] = [];
  for (const device of look.devices) {
    // Packed rings have no indices to watch; the report has them as they are.
    if (hasFeature(device.accepted, FEATURE.RING_PACKED)) continue;
    for (const facts of device.queues) {
      if (facts.descriptorsAt === 0n && facts.availAt === 0n) continue;
      const key = queueKey(device.device.path, facts.index);
      const watcher = watcherOf(memory, device, facts, before.get(key));
      watchers.set(key, watcher);
      const seen = watcher.observe(atUs, facts.driver?.lastUsed ?? null);
      const taken = facts.device === null ? [] : watcher.deviceAt(atUs, facts.device.lastAvail);
      for (const it of [...seen, ...taken])
        events.push({ ...withoutTime(it), device: device.device.path, queue: facts.index });
    }
  }
  return { watchers, events };
}

function watcherOf(
  memory: GuestMemory,
  seen: SeenDevice,
  facts: SeenDevice['queues'][number],
  before: QueueWatcher | undefined,
): QueueWatcher {
  const type = deviceFacts(seen);
  const watcher = before?.fork(memory) ?? new QueueWatcher(memory, type, facts);
  watcher.moveTo(facts, type);
  return watcher;
}

/** Between two looks lies most of the time: a time in flight would be that of the looks. */
function withoutTime(it: Observation): Observation {
  return it.kind === 'used' ? { ...it, inFlightUs: null } : it;
}

function pause(ms: number, signal: CancelSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
    if (isCancelled(signal)) end();
  });
}
