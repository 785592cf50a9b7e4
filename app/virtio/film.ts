import type { Chain, RingEvent, VirtioQueue } from '../contract/inspect/virtio.ts';
import { fromBase64, type Observation, toBase64 } from './history.ts';
import { ownersOf } from './ownership.ts';
import { splitView } from './queue-view.ts';
import { DESCRIPTOR_BYTES, SplitRings, slotOf } from './split-ring.ts';

/** A split queue that is put together from its events, one after the other: what a page shows, now or of the past. */
export class QueueFilm {
  size = 0;
  #descriptors = new Uint8Array();
  #avail = new Uint8Array();
  #used = new Uint8Array();
  consumed: number | null = null;
  returned: number | null = null;
  readonly #chains = new Map<number, Chain>();

  /** Whether a snapshot has been seen: before one nothing can be shown. */
  get started(): boolean {
    return this.size > 0;
  }

  /** A copy that goes on by itself. */
  copy(): QueueFilm {
    const film = new QueueFilm();
    film.size = this.size;
    film.#descriptors = this.#descriptors.slice();
    film.#avail = this.#avail.slice();
    film.#used = this.#used.slice();
    film.consumed = this.consumed;
    film.returned = this.returned;
    for (const [head, chain] of this.#chains) film.#chains.set(head, chain);
    return film;
  }

  apply(event: RingEvent): void {
    switch (event.kind) {
      case 'snapshot':
        this.#start(event);
        break;
      case 'published':
        for (const descriptor of event.descriptors) this.#putDescriptor(descriptor);
        this.#putWord(this.#avail, 4 + 2 * slotOf(event.position, this.size), event.chain.head);
        this.#putWord(this.#avail, 2, (event.position + 1) & 0xffff);
        this.#chains.set(event.chain.head, event.chain);
        break;
      case 'used': {
        const at = 4 + 8 * slotOf(event.position, this.size);
        this.#putLong(this.#used, at, event.id);
        this.#putLong(this.#used, at + 4, event.length);
        this.#putWord(this.#used, 2, (event.position + 1) & 0xffff);
        const chain = this.#chains.get(event.id);
        if (chain !== undefined && event.summary !== '')
          this.#chains.set(event.id, { ...chain, summary: event.summary });
        break;
      }
      case 'consumed':
        this.consumed = event.index;
        break;
      case 'returned':
        this.returned = event.index;
        break;
    }
  }

  /** All that it shows, as one event. */
  snapshot(why: string): Extract<Observation, { kind: 'snapshot' }> {
    return {
      kind: 'snapshot',
      atUs: 0,
      why,
      lost: 0,
      size: this.size,
      descriptors: toBase64(this.#descriptors),
      avail: toBase64(this.#avail),
      used: toBase64(this.#used),
      consumed: this.consumed,
      returned: this.returned,
      chains: [...this.#chains.values()],
    };
  }

  /** The queue as it was. @param now the queue as the last report has it: what events do not tell is taken from there */
  view(now: VirtioQueue): VirtioQueue {
    const rings = new SplitRings(this.size, this.#descriptors, this.#avail, this.#used);
    // Variables that a person named are not recorded: they are of the report.
    const returned = now.driver?.source === 'symbols' ? now.driver.lastUsed : this.returned;
    const heads = ownersOf(rings, this.consumed, returned);
    const owned = (owner: Chain['owner']) => (it: { head: number }) => {
      const known = this.#chains.get(it.head);
      return known === undefined ? unknownChain(it.head, owner) : { ...known, owner };
    };
    const chains = [
      ...heads.returned.map(owned('returned')),
      ...heads.inFlight.map(owned('in-flight')),
      ...heads.published.map(owned('published')),
    ];
    const view = splitView(rings, chains, false);
    return {
      ...now,
      ...view,
      size: this.size,
      avail:
        view.avail === null ? null : { ...view.avail, flags: now.avail?.flags ?? 0, event: now.avail?.event ?? null },
      used: view.used === null ? null : { ...view.used, flags: now.used?.flags ?? 0, event: now.used?.event ?? null },
      device: now.device === null ? null : { ...now.device, lastAvail: this.consumed ?? now.device.lastAvail },
      driver: now.driver === null ? null : { ...now.driver, lastUsed: returned ?? now.driver.lastUsed },
    };
  }

  #start(event: Extract<RingEvent, { kind: 'snapshot' }>): void {
    this.size = event.size;
    this.#descriptors = fitted(event.descriptors, event.size * DESCRIPTOR_BYTES);
    this.#avail = fitted(event.avail, 6 + 2 * event.size);
    this.#used = fitted(event.used, 6 + 8 * event.size);
    this.consumed = event.consumed;
    this.returned = event.returned;
    this.#chains.clear();
    for (const chain of event.chains) this.#chains.set(chain.head, chain);
  }

  #putDescriptor([index, address, length, flags, next]: readonly [number, string, number, number, number]): void {
    if (index >= this.size) return;
    const view = new DataView(this.#descriptors.buffer, index * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES);
    view.setBigUint64(0, BigInt(address), true);
    view.setUint32(8, length, true);
    view.setUint16(12, flags, true);
    view.setUint16(14, next, true);
  }

  #putWord(bytes: Uint8Array, at: number, value: number): void {
    if (at + 2 <= bytes.length) new DataView(bytes.buffer).setUint16(at, value, true);
  }

  #putLong(bytes: Uint8Array, at: number, value: number): void {
    if (at + 4 <= bytes.length) new DataView(bytes.buffer).setUint32(at, value, true);
  }
}

function fitted(text: string, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  bytes.set(fromBase64(text).subarray(0, length));
  return bytes;
}

/** A chain that was published before the recording began. */
function unknownChain(head: number, owner: Chain['owner']): Chain {
  return {
    head,
    owner,
    descriptors: [head],
    table: null,
    elements: [],
    elementCount: 0,
    readableBytes: 0,
    writableBytes: 0,
    summary: '',
    problems: [],
  };
}
