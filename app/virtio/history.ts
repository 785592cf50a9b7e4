/**
 * What happened to a queue, and how it looked at any moment of it. A recorder looks at the rings often (`observe`), and says what has
 * changed as events; `QueueFilm` puts the events together again, forwards, so that a page can show any moment. Split rings only.
 */
import type { Chain, RingEvent } from '../contract/inspect/virtio.ts';
import { followChain } from './chain.ts';
import { queueRole } from './device-types.ts';
import { type Budget, MAX_QUEUE_SIZE, type Memory, wordAt } from './memory.ts';
import { ownersOf } from './ownership.ts';
import { budgetOf, type DeviceFacts, type QueueFacts, withMeaning } from './queue-view.ts';
import { descriptorAt, distance, readSplitRings, type SplitRings } from './split-ring.ts';

/** An event before it is numbered and said to be whose. */
type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never;
export type Observation = Without<RingEvent, 'number' | 'device' | 'queue'>;

/** Chains of which one look tells; if more were published meanwhile, the whole queue is told anew. */
const MAX_CHAINS_A_LOOK = 512;

interface Flight {
  /** Null if it was out before the recording began. */
  readonly atUs: number | null;
  readonly summary: string;
}

/** Watches one queue. Reads four bytes of each ring where nothing happened. */
export class QueueWatcher {
  readonly #memory: Memory;
  #device: DeviceFacts;
  #name: string;
  facts: QueueFacts;
  #avail = 0;
  #used = 0;
  #consumed: number | null = null;
  #returned: number | null = null;
  #known = false;
  readonly #flights = new Map<number, Flight>();

  constructor(memory: Memory, device: DeviceFacts, facts: QueueFacts) {
    this.#memory = memory;
    this.#device = device;
    this.#name = nameOf(device, facts);
    this.facts = facts;
  }

  /** One that goes on from here and reads other memory; this one learns nothing of it. */
  fork(memory: Memory): QueueWatcher {
    const fork = new QueueWatcher(memory, this.#device, this.facts);
    fork.#avail = this.#avail;
    fork.#used = this.#used;
    fork.#consumed = this.#consumed;
    fork.#returned = this.#returned;
    fork.#known = this.#known;
    for (const [head, flight] of this.#flights) fork.#flights.set(head, flight);
    return fork;
  }

  /** Chains that are published and not used. */
  get depth(): number {
    return distance(this.#used, this.#avail);
  }

  /**
   * What happened since the last call, oldest first.
   * @param returned the driver's own last used index, where it is known
   */
  observe(atUs: number, returned: number | null): Observation[] {
    const { availAt, usedAt, size } = this.facts;
    const availIndex = wordAt(this.#memory, availAt + 2n);
    const usedIndex = wordAt(this.#memory, usedAt + 2n);
    if (availIndex === undefined || usedIndex === undefined || size === 0 || size > MAX_QUEUE_SIZE) return [];
    if (!this.#known) return [this.#snapshot(atUs, returned, 'the recording began', 0)];
    const published = distance(this.#avail, availIndex);
    const used = distance(this.#used, usedIndex);
    if (published === 0 && used === 0) return this.#driverMoved(atUs, returned);
    if (published > Math.min(size, MAX_CHAINS_A_LOOK) || used > size)
      return [this.#snapshot(atUs, returned, 'more happened between two looks than the ring holds', published)];
    const out: Observation[] = [];
    const { rings } = readSplitRings(this.#memory, this.facts);
    const budget = budgetOf(size);
    let back = Array.from({ length: used }, (_, n) => rings.usedElement((this.#used + n) & 0xffff).id);
    const giveBack = (count: number) => {
      for (let n = 0; n < count; n++) out.push(this.#usedUp(atUs, rings, (this.#used + n) & 0xffff));
      this.#used = (this.#used + count) & 0xffff;
      back = back.slice(count);
    };
    for (let position = this.#avail; position !== availIndex; position = (position + 1) & 0xffff) {
      const head = rings.availHead(position);
      // A chain that is out can be published again only after it came back.
      if (this.#flights.has(head)) giveBack(back.indexOf(head) + 1);
      out.push(this.#published(atUs, rings, position, back.includes(head), budget));
    }
    this.#avail = availIndex;
    giveBack(back.length);
    // What came back had been taken.
    const taken = this.#taken(rings);
    if (taken !== undefined) out.push({ kind: 'consumed', atUs, index: taken, exact: false });
    return [...out, ...this.#driverMoved(atUs, returned)];
  }

  /** A queue that was set up this moment: all that is in its rings has happened since, and is told by the next `observe`. */
  begin(atUs: number): Observation[] {
    const { size } = this.facts;
    if (size === 0 || size > MAX_QUEUE_SIZE) return [];
    const { rings } = readSplitRings(this.#memory, this.facts);
    this.#avail = 0;
    this.#used = 0;
    this.#returned = 0;
    this.#consumed = 0;
    this.#known = true;
    this.#flights.clear();
    // §2.7.6 and §2.7.8: flags, index, the ring, and one event index.
    const [avail, used] = [new Uint8Array(6 + 2 * size), new Uint8Array(6 + 8 * size)].map(toBase64);
    const descriptors = toBase64(rings.descriptors ?? new Uint8Array());
    const why = 'the queue was set up';
    return [
      {
        kind: 'snapshot',
        atUs,
        why,
        lost: 0,
        size,
        descriptors,
        avail: avail ?? '',
        used: used ?? '',
        consumed: 0,
        returned: 0,
        chains: [],
      },
    ];
  }

  /** QEMU's word on how far the device has come. */
  deviceAt(atUs: number, lastAvail: number): Observation[] {
    if (!this.#known || this.#consumed === lastAvail) return [];
    // It may be older than what has been seen since.
    if (distance(this.#used, lastAvail) > this.facts.size || distance(lastAvail, this.#avail) > this.facts.size)
      return [];
    this.#consumed = lastAvail;
    return [{ kind: 'consumed', atUs, index: lastAvail, exact: true }];
  }

  /** New addresses or a new size: all that was known is void. Features say only how the rings are read. */
  moveTo(facts: QueueFacts, device = this.#device): void {
    this.#device = device;
    this.#name = nameOf(device, facts);
    const { size, descriptorsAt, availAt, usedAt } = this.facts;
    const same =
      size === facts.size &&
      descriptorsAt === facts.descriptorsAt &&
      availAt === facts.availAt &&
      usedAt === facts.usedAt;
    this.facts = facts;
    if (!same) this.#known = false;
  }

  /** avail_event tells where the device wants to be woken: just after what it has seen, if it keeps to the custom (§2.7.10). */
  #taken(rings: SplitRings): number | undefined {
    const before = this.#consumed ?? this.#used;
    let taken = distance(before, this.#used) <= this.facts.size ? this.#used : before;
    if (hasEvents(this.#device)) {
      const event = rings.availEvent;
      if (distance(this.#used, event) <= distance(this.#used, this.#avail) && distance(taken, event) <= this.facts.size)
        taken = event;
    }
    if (taken === this.#consumed) return undefined;
    this.#consumed = taken;
    return taken;
  }

  #published(atUs: number, rings: SplitRings, position: number, late: boolean, budget: Budget): Observation {
    const chain = this.#chain(rings, rings.availHead(position), 'published', budget, null);
    this.#flights.set(chain.head, { atUs, summary: chain.summary });
    return { kind: 'published', atUs, position, chain, descriptors: descriptorsOf(rings, chain), late };
  }

  #usedUp(atUs: number, rings: SplitRings, position: number): Observation {
    const { id, length } = rings.usedElement(position);
    const flight = this.#flights.get(id);
    this.#flights.delete(id);
    let summary = flight?.summary ?? '';
    // What was received is known only now.
    if (this.#name.startsWith('receive')) {
      const budget = { left: 64 };
      summary = this.#chain(rings, id, 'returned', budget, length).summary;
    }
    const inFlightUs = flight?.atUs == null ? null : Math.max(0, atUs - flight.atUs);
    return { kind: 'used', atUs, position, id, length, inFlightUs, summary };
  }

  #driverMoved(atUs: number, returned: number | null): Observation[] {
    if (returned === null || returned === this.#returned) return [];
    this.#returned = returned;
    return [{ kind: 'returned', atUs, index: returned }];
  }

  #chain(rings: SplitRings, head: number, owner: Chain['owner'], budget: Budget, written: number | null): Chain {
    const walked = followChain(rings, this.#memory, head, budget);
    const chain = withMeaning(walked, owner, this.#memory, this.#device, this.#name, written);
    return { ...chain, elements: chain.elements.slice(0, ELEMENTS_KEPT) };
  }

  #snapshot(atUs: number, returned: number | null, why: string, lost: number): Observation {
    const { rings } = readSplitRings(this.#memory, this.facts);
    this.#avail = rings.availIndex;
    this.#used = rings.usedIndex;
    this.#returned = returned;
    this.#consumed = this.facts.device?.lastAvail ?? null;
    if (this.#consumed === null || distance(this.#consumed, this.#avail) > this.facts.size)
      this.#consumed = this.#avail;
    this.#known = true;
    this.#flights.clear();
    const heads = ownersOf(rings, this.#consumed, returned);
    const budget = budgetOf(rings.size);
    const chains = [...heads.inFlight, ...heads.published].map(({ head }) =>
      this.#chain(rings, head, 'published', budget, null),
    );
    for (const { head, summary } of chains) this.#flights.set(head, { atUs: null, summary });
    return {
      kind: 'snapshot',
      atUs,
      why,
      lost,
      size: rings.size,
      descriptors: toBase64(rings.descriptors ?? new Uint8Array()),
      avail: toBase64(rings.avail ?? new Uint8Array()),
      used: toBase64(rings.used ?? new Uint8Array()),
      consumed: this.#consumed,
      returned,
      chains,
    };
  }
}

function nameOf({ type, queueCount, features }: DeviceFacts, { index }: QueueFacts): string {
  return queueRole(type, index, queueCount, features).name;
}

/** Elements of a chain that an event carries. */
const ELEMENTS_KEPT = 16;

function hasEvents({ features }: DeviceFacts): boolean {
  return ((features >> 29n) & 1n) === 1n;
}

type PublishedDescriptors = Extract<RingEvent, { kind: 'published' }>['descriptors'];

function descriptorsOf(rings: SplitRings, chain: Chain): PublishedDescriptors {
  const table = rings.descriptors;
  if (table === undefined) return [];
  return chain.descriptors.slice(0, ELEMENTS_KEPT).map((index) => {
    const { address, length, flags, next } = descriptorAt(table, index);
    return [index, `0x${address.toString(16)}`, length, flags, next];
  });
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const word = (a << 16) | (b << 8) | c;
    const left = bytes.length - at;
    parts.push(
      (DIGITS[word >> 18] ?? '') +
        (DIGITS[(word >> 12) & 63] ?? '') +
        (left > 1 ? (DIGITS[(word >> 6) & 63] ?? '') : '=') +
        (left > 2 ? (DIGITS[word & 63] ?? '') : '='),
    );
  }
  return parts.join('');
}

export function fromBase64(text: string): Uint8Array {
  const clean = text.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((clean.length * 3) / 4));
  let word = 0;
  let at = 0;
  for (let n = 0; n < clean.length; n++) {
    word = ((word << 6) | Math.max(0, DIGITS.indexOf(clean[n] ?? 'A'))) & 0xff_ffff;
    if (n % 4 === 1) bytes[at++] = (word >> 4) & 255;
    else if (n % 4 === 2) bytes[at++] = (word >> 2) & 255;
    else if (n % 4 === 3) bytes[at++] = word & 255;
  }
  return bytes;
}
