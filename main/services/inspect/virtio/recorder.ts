import type { Disposable } from '../../../../app/base/disposable.ts';
import { Emitter } from '../../../../app/base/event.ts';
import type { RingEvent, RingRate, VirtioReport } from '../../../../app/contract/inspect/virtio.ts';
import { FEATURE, hasFeature } from '../../../../app/virtio/features.ts';
import { type Observation, QueueWatcher } from '../../../../app/virtio/history.ts';
import { wordAt } from '../../../../app/virtio/memory.ts';
import type { DeviceFacts, QueueFacts } from '../../../../app/virtio/queue-view.ts';
import { KEPT_EVENTS, QueueTape } from '../../../../app/virtio/tape.ts';
import {
  DRIVER_REGISTRY_BYTES,
  decodeDriverRegistry,
  lastUsedOffset,
  RECORDS,
  registryShape,
} from '../../../../app/wire/abi/index.ts';
import { pauseAfter } from '../paced.ts';
import type { InspectTarget, ScannableMemory } from '../target.ts';
import { entryOf } from './driver-side.ts';
import { placeOfLastUsed } from './last-used.ts';
import { VirtioLooker } from './look.ts';
import { SamplingPace } from './pace.ts';
import { RateMeter } from './rates.ts';
import { RegistrySearch, registryIn } from './registry-place.ts';
import { ringsNow } from './rings-now.ts';
import { deviceFacts, type Look, queueKey, type SeenDevice } from './seen.ts';

/** QEMU is asked so often at most. */
const REPORT_MS = 250;
/** A verdict compares with a look of this age. */
const COMPARE_MS = 1000;
/** So many questions in a row without an answer: the machine has ended. */
const GIVE_UP = 4;

interface Watched {
  readonly tape: QueueTape;
  readonly watcher: QueueWatcher;
  readonly rates: RateMeter;
  /** Guest-physical address of the driver's last used index. */
  lastUsedAt: bigint | null;
  /** When it was last known to be there; QEMU may be asked before and answer after. */
  foundMs: number;
}

/** What the recorder has to say; `events` of all queues, in the order of their numbers. */
export interface Batch {
  readonly events: readonly RingEvent[];
  readonly rates: readonly RingRate[];
  readonly report: VirtioReport | null;
}

/**
 * Watches all split rings of a machine while somebody is interested: reads their indices up to a thousand times a second out of the RAM
 * file, which the guest does not notice, and asks QEMU for the rest now and then, within a hundredth of the time.
 */
export class VirtioRecorder implements Disposable {
  /** No two recordings number an event alike: who followed an earlier one of the same machine is told all that there is. */
  static #unused = 1;
  readonly #target: InspectTarget;
  readonly #isDump: boolean;
  readonly #memory: ScannableMemory | null;
  readonly #looker: VirtioLooker;
  readonly #queues = new Map<string, Watched>();
  readonly #batches = new Emitter<Batch>();
  readonly #started = performance.now();
  readonly #looks: { look: Look; devices: Awaited<ReturnType<VirtioRecorder['ringsOf']>> }[] = [];
  readonly #first = VirtioRecorder.#unused;
  #next = this.#first;
  readonly #pace = new SamplingPace();
  #samples = 0;
  #samplesPerSecond = 0;
  #askedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #slow: NodeJS.Timeout | undefined;
  #ended = false;
  #report: VirtioReport | null = null;
  #failure = '';
  /** Guest-physical address of the driver registry, by the image until QEMU has said how it is mapped. */
  #registry: bigint | null = null;
  #registryBytes: Uint8Array | undefined;
  /** While firmware runs. */
  #search: RegistrySearch | null = null;
  #shape: string | undefined;
  #devices: readonly SeenDevice[] = [];
  #asking = false;
  /** Queues of which the registry knew when it was last looked at. */
  #registered = new Set<string>();
  #failures = 0;

  readonly onDidRecord = this.#batches.event;

  constructor(target: InspectTarget) {
    this.#target = target;
    this.#isDump = target.still;
    this.#memory = this.#isDump ? null : target.scannable;
    this.#looker = new VirtioLooker(target);
    void this.#findRegistry(target);
    void this.#ask();
    this.#sample();
  }

  get samplesPerSecond(): number {
    return this.#samplesPerSecond;
  }

  get report(): VirtioReport | null {
    return this.#report;
  }

  /** Why QEMU does not answer any more; empty while it does. */
  get failure(): string {
    return this.#failures >= GIVE_UP ? this.#failure : '';
  }

  /** Number of the next event. */
  get next(): number {
    return this.#next;
  }

  /** Everything that is kept, each queue beginning with how it was before its oldest event. */
  backlog(): RingEvent[] {
    const events: RingEvent[] = [];
    for (const { tape } of this.#queues.values()) {
      const beginning = tape.beginning(this.#next, this.#now());
      if (beginning !== undefined) events.push(beginning);
      events.push(...tape.events);
    }
    return events.sort((a, b) => a.number - b.number);
  }

  /** What a follower who has everything before `from` still lacks; undefined if some of it is gone. */
  since(from: number): RingEvent[] | undefined {
    if (from < this.#first || from > this.#next) return undefined;
    const tapes = [...this.#queues.values()].map((it) => it.tape);
    if (tapes.some((it) => it.events.length >= KEPT_EVENTS && (it.events[0]?.number ?? 0) > from)) return undefined;
    return tapes.flatMap(({ events }) => events.filter((it) => it.number >= from)).sort((a, b) => a.number - b.number);
  }

  dispose(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#slow);
    this.#batches.dispose();
  }

  #now(): number {
    return Math.round((performance.now() - this.#started) * 1000);
  }

  #sample(): void {
    if (this.#ended || this.#memory === null) return;
    const atUs = this.#now();
    const events: RingEvent[] = [];
    this.#search?.look((registry) => this.#moveTo(registry));
    this.#followRegistry();
    for (const it of this.#queues.values()) this.#take(it, it.watcher.observe(atUs, this.#lastUsed(it)), events);
    this.#samples += 1;
    if (events.length > 0) this.#batches.fire({ events, rates: [], report: null });
    // What a look came too late for counts as well.
    const happened = events.reduce((sum, it) => sum + (it.kind === 'snapshot' ? it.lost : 1), 0);
    this.#timer = setTimeout(() => this.#sample(), this.#pace.after(happened, this.#queues.size === 0));
  }

  #lastUsed({ lastUsedAt }: Watched): number | null {
    if (lastUsedAt === null || this.#memory === null) return null;
    return wordAt(this.#memory, lastUsedAt) ?? null;
  }

  #take(it: Watched, observed: readonly Observation[], into: RingEvent[]): void {
    for (const observation of observed) {
      const { device, queue } = it.tape;
      const event = { ...observation, number: this.#next++, device, queue } as RingEvent;
      VirtioRecorder.#unused = Math.max(VirtioRecorder.#unused, this.#next + 1);
      it.tape.add(event);
      it.rates.add(event);
      into.push(event);
    }
  }

  async #ask(): Promise<void> {
    clearTimeout(this.#slow);
    this.#asking = true;
    const started = performance.now();
    const look = await this.#looker.look([], true);
    if (this.#ended) return;
    this.#failures = look.ok ? 0 : this.#failures + 1;
    if (!look.ok) {
      this.#failure = `${look.error.what} ${look.error.why}`.trim();
      this.#batches.fire({ events: [], rates: [], report: null });
    }
    if (look.ok) {
      const devices = await this.ringsOf(look.value);
      this.#follow(look.value, started);
      const before =
        this.#looks.findLast((it) => look.value.atMs - it.look.atMs >= COMPARE_MS) ?? this.#looks[0] ?? null;
      this.#looks.push({ look: look.value, devices });
      while (this.#looks.length > 2 && look.value.atMs - (this.#looks[1]?.look.atMs ?? 0) > COMPARE_MS)
        this.#looks.shift();
      const report = await this.#looker.judge({ look: look.value, devices }, before);
      if (this.#ended) return;
      if (report.ok) {
        this.#report = report.value;
        const atUs = this.#now();
        const rates = [...this.#queues.values()].map((it) => it.rates.point(atUs, it.watcher.depth));
        this.#batches.fire({ events: [], rates, report: report.value });
      }
    }
    const took = performance.now() - started;
    // Two questions right after each other, as when a queue appears, say nothing about how often it is looked.
    const span = started - this.#askedAt;
    if (span >= REPORT_MS / 2) {
      this.#samplesPerSecond = Math.round((this.#samples * 1000) / span);
      this.#samples = 0;
      this.#askedAt = started;
    }
    // A machine with many devices has many questions: asking them must not become what slows its guest.
    const pause = Math.max(REPORT_MS, pauseAfter(took));
    this.#asking = false;
    // A dump does not change.
    if (!this.#isDump) this.#slow = setTimeout(() => void this.#ask(), pause);
  }

  async ringsOf(look: Look) {
    const devices = await ringsNow(this.#target, look);
    return devices.ok ? devices.value : [];
  }

  /** Watches what QEMU has just told of, at the addresses that it told. */
  #follow(look: Look, askedMs: number): void {
    const registry = this.#registryAt(look);
    this.#registry = registry ?? this.#registry;
    this.#devices = look.devices;
    const seen = new Set<string>();
    const events: RingEvent[] = [];
    for (const device of look.devices) {
      const facts = deviceFacts(device);
      // Packed rings have no indices to watch; a report shows them as they are.
      if (hasFeature(device.accepted, FEATURE.RING_PACKED)) continue;
      for (const queue of device.queues) {
        if (queue.descriptorsAt === 0n && queue.availAt === 0n) continue;
        const key = queueKey(device.device.path, queue.index);
        seen.add(key);
        const watched = this.#watch(key, device.device.path, facts, queue);
        watched.lastUsedAt = placeOfLastUsed(registry, device, queue.index, look.slots);
        if (queue.device !== null)
          this.#take(watched, watched.watcher.deviceAt(this.#now(), queue.device.lastAvail), events);
      }
    }
    for (const [key, { foundMs }] of this.#queues) if (!seen.has(key) && foundMs < askedMs) this.#queues.delete(key);
    if (events.length > 0) this.#batches.fire({ events, rates: [], report: null });
  }

  #watch(key: string, path: string, facts: DeviceFacts, queue: QueueFacts): Watched {
    const known = this.#queues.get(key);
    const watched = known ?? {
      tape: new QueueTape(path, queue.index),
      watcher: new QueueWatcher(this.#memory ?? NO_MEMORY, facts, queue),
      rates: new RateMeter(path, queue.index),
      lastUsedAt: null,
      foundMs: 0,
    };
    watched.foundMs = performance.now();
    this.#queues.set(key, watched);
    watched.watcher.moveTo(queue, facts);
    return watched;
  }

  /** Where QEMU loads the image, the registry is where the image says; firmware loads it elsewhere. */
  async #findRegistry(target: InspectTarget): Promise<void> {
    const image = await target.image();
    if (!image.ok) return;
    const linear = image.value.elf.symbol(RECORDS.drivers.symbol)?.address;
    this.#registry ??= (linear === undefined ? undefined : image.value.elf.physicalOf(linear)) ?? null;
  }

  /**
   * Finds queues the moment our kernel's drivers say that they have them, which is before their first buffer: QEMU's next answer is too
   * late for what a boot does with them. It is asked at once, and what it says holds.
   */
  #followRegistry(): void {
    const bytes = this.#registry === null ? undefined : this.#memory?.read(this.#registry, DRIVER_REGISTRY_BYTES);
    if (bytes !== undefined && this.#registryBytes !== undefined && Buffer.compare(bytes, this.#registryBytes) === 0)
      return;
    this.#registryBytes = bytes;
    const shape = bytes === undefined ? undefined : registryShape(bytes);
    if (shape === this.#shape) return;
    const isFirst = this.#shape === undefined;
    this.#shape = shape;
    const before = this.#registered;
    this.#registered = new Set();
    const events: RingEvent[] = [];
    const registry = bytes === undefined || shape === undefined ? undefined : decodeDriverRegistry(bytes);
    if (registry?.ok !== true) return;
    for (const { device, queues: slots } of this.#devices) {
      const { id, name, type, location } = device;
      const found = entryOf(registry.value, { id, name, type, location });
      const accepted = BigInt(found?.entry.featuresAccepted ?? 0);
      if (found === undefined || hasFeature(accepted, FEATURE.RING_PACKED)) continue;
      const facts = { type, queueCount: slots.length, features: accepted };
      for (const [slot, queue] of found.entry.queues.entries()) {
        const own = {
          descriptorsAt: BigInt(queue.descGpa),
          availAt: BigInt(queue.availGpa),
          usedAt: BigInt(queue.usedGpa),
        };
        if (queue.size === 0 || queue.availGpa === '0x0') continue;
        // On the legacy interface the device keeps its own size, whatever the driver thinks.
        const size = found.entry.transport === 'pci-legacy' ? queue.deviceSize : queue.size;
        const key = queueKey(device.path, queue.index);
        this.#registered.add(key);
        const watched = this.#watch(key, device.path, facts, {
          ...own,
          ...{ index: queue.index, size, device: null, driver: null },
        });
        if (!isFirst && !before.has(key)) this.#take(watched, watched.watcher.begin(this.#now()), events);
        watched.lastUsedAt = (this.#registry ?? 0n) + BigInt(lastUsedOffset(found.number, slot));
      }
    }
    if (events.length > 0) this.#batches.fire({ events, rates: [], report: null });
    if (!this.#asking) void this.#ask();
  }

  /** Where the running kernel has its registry; firmware that runs has none, and where the next kernel will have it nobody knows. */
  #registryAt({ paging, registryAt: linear }: Look): bigint | null {
    if (paging === null || this.#memory === null || linear === null) return null;
    const found = registryIn(this.#memory, paging, linear);
    if (found !== null) this.#search = null;
    else this.#search ??= new RegistrySearch(this.#target, this.#memory);
    return found;
  }

  /** A kernel has just been started by firmware: its registry is empty yet, and the one of the kernel before says nothing any more. */
  #moveTo(registry: bigint): void {
    this.#search = null;
    if (this.#registry === registry) return;
    this.#registry = registry;
    this.#registryBytes = undefined;
    this.#shape = '';
    this.#registered = new Set();
  }
}

const NO_MEMORY = { read: () => undefined, regions: [] };
