import { formatAddress } from '../base/address.ts';
import type {
  BufferOwner,
  Chain,
  DeviceSide,
  DriverSide,
  RingDescriptor,
  VirtioQueue,
} from '../contract/inspect/virtio.ts';
import { followChain, type WalkedChain } from './chain.ts';
import { decodeContent } from './content/index.ts';
import { queueRole } from './device-types.ts';
import { FEATURE, hasFeature } from './features.ts';
import { type Budget, MAX_QUEUE_SIZE, type Memory } from './memory.ts';
import { type Owned, ownersOf } from './ownership.ts';
import { packedChains, readPackedRing } from './packed-ring.ts';
import { readSplitRings, type SplitRings } from './split-ring.ts';

/** What is known of a queue from outside of guest memory. */
export interface QueueFacts {
  readonly index: number;
  readonly size: number;
  readonly descriptorsAt: bigint;
  readonly availAt: bigint;
  readonly usedAt: bigint;
  readonly device: DeviceSide | null;
  readonly driver: DriverSide | null;
}

/** What of its device concerns a queue. */
export interface DeviceFacts {
  readonly type: number;
  readonly queueCount: number;
  /** Those that the driver accepted. */
  readonly features: bigint;
}

/** Descriptors that are looked at for one queue: twice a full table, and as many again in indirect tables. */
export function budgetOf(size: number): Budget {
  return { left: 2 * Math.min(size, MAX_QUEUE_SIZE) + 65_536 };
}

/** One queue, read from guest memory as it is now. */
export function readQueue(memory: Memory, device: DeviceFacts, facts: QueueFacts): VirtioQueue {
  const head = emptyView(device, facts);
  if (!head.configured) return head;
  return hasFeature(device.features, FEATURE.RING_PACKED)
    ? readPacked(memory, device, facts, head)
    : readSplit(memory, device, facts, head);
}

function emptyView(device: DeviceFacts, facts: QueueFacts): VirtioQueue {
  return {
    index: facts.index,
    ...queueRole(device.type, facts.index, device.queueCount, device.features),
    layout: hasFeature(device.features, FEATURE.RING_PACKED) ? 'packed' : 'split',
    size: facts.size,
    configured: facts.descriptorsAt !== 0n || facts.availAt !== 0n || facts.usedAt !== 0n,
    descriptorsAt: formatAddress(facts.descriptorsAt),
    availAt: formatAddress(facts.availAt),
    usedAt: formatAddress(facts.usedAt),
    device: facts.device,
    driver: facts.driver,
    avail: null,
    used: null,
    descriptors: [],
    availRing: [],
    usedRing: [],
    chains: [],
    counts: { free: facts.size, published: 0, 'in-flight': 0, returned: 0 },
    problems: facts.size > MAX_QUEUE_SIZE ? [`${facts.size} entries: at most ${MAX_QUEUE_SIZE} are allowed`] : [],
    torn: false,
  };
}

function readSplit(memory: Memory, device: DeviceFacts, facts: QueueFacts, empty: VirtioQueue): VirtioQueue {
  const { rings, torn } = readSplitRings(memory, facts);
  const heads = ownersOf(rings, facts.device?.lastAvail ?? null, facts.driver?.lastUsed ?? null);
  const budget = budgetOf(rings.size);
  const complete = (owner: BufferOwner) => (owned: Owned) => {
    const walked = followChain(rings, memory, owned.head, budget);
    const written = owner === 'returned' ? rings.usedElement(owned.position).length : null;
    return withMeaning(walked, owner, memory, device, empty.name, written);
  };
  const chains = [
    ...heads.returned.map(complete('returned')),
    ...heads.inFlight.map(complete('in-flight')),
    ...heads.published.map(complete('published')),
  ];
  const lost = unreadable([
    ['descriptor table', facts.descriptorsAt, rings.descriptors],
    ['avail ring', facts.availAt, rings.avail],
    ['used ring', facts.usedAt, rings.used],
  ]);
  const problems = [...empty.problems, ...lost, ...(lost.length === 0 ? heads.problems : [])];
  return { ...empty, ...splitView(rings, chains, hasFeature(device.features, FEATURE.EVENT_IDX)), problems, torn };
}

/** What the bytes of a split queue say, given the chains that are somebody's. Also used to draw a moment of the past. */
export function splitView(
  rings: SplitRings,
  chains: Chain[],
  eventIndex: boolean,
): Pick<VirtioQueue, 'avail' | 'used' | 'descriptors' | 'availRing' | 'usedRing' | 'chains' | 'counts'> {
  const { size } = rings;
  return {
    avail:
      rings.avail === undefined
        ? null
        : { flags: rings.availFlags, index: rings.availIndex, event: eventIndex ? rings.usedEvent : null },
    used:
      rings.used === undefined
        ? null
        : { flags: rings.usedFlags, index: rings.usedIndex, event: eventIndex ? rings.availEvent : null },
    ...descriptorViews(size, chains, (index) => rings.descriptor(index)),
    availRing: rings.avail === undefined ? [] : Array.from({ length: size }, (_, slot) => rings.availHead(slot)),
    usedRing: rings.used === undefined ? [] : Array.from({ length: size }, (_, slot) => rings.usedElement(slot)),
    chains,
  };
}

function readPacked(memory: Memory, device: DeviceFacts, facts: QueueFacts, empty: VirtioQueue): VirtioQueue {
  const ring = readPackedRing(memory, facts);
  const { lastAvail = 0, used = 0, inFlight = 0 } = facts.device ?? {};
  // Bit 15 of the indices is the wrap counter (§2.8.1) where an implementation keeps it there.
  const found = packedChains(ring, memory, lastAvail & 0x7fff, used & 0x7fff, inFlight, budgetOf(ring.size));
  const chains = found.map(({ chain, owner }) => withMeaning(chain, owner, memory, device, empty.name, null));
  const event = (it: typeof ring.driverEvent) =>
    it === undefined ? null : { flags: it.flags, index: it.offset, event: (it.wrap << 15) | it.offset };
  return {
    ...empty,
    avail: event(ring.driverEvent),
    used: event(ring.deviceEvent),
    ...descriptorViews(ring.size, chains, (index) => {
      const descriptor = ring.descriptor(index);
      return descriptor === undefined ? undefined : { ...descriptor, next: descriptor.id };
    }),
    chains,
    problems: [
      ...empty.problems,
      ...unreadable([
        ['descriptor ring', facts.descriptorsAt, ring.bytes],
        ['driver event structure', facts.availAt, ring.driverEvent],
        ['device event structure', facts.usedAt, ring.deviceEvent],
      ]),
    ],
  };
}

/** Owner and chain of each descriptor. One that is in two chains belongs to the first, and the second has the problem. */
function descriptorViews(
  size: number,
  chains: Chain[],
  descriptor: (index: number) => { address: bigint; length: number; flags: number; next: number } | undefined,
): Pick<VirtioQueue, 'descriptors' | 'counts'> {
  const chainOf: (Chain | undefined)[] = new Array(size);
  for (const chain of chains) for (const index of chain.descriptors) if (index < size) chainOf[index] ??= chain;
  const counts = { free: 0, published: 0, 'in-flight': 0, returned: 0 };
  const descriptors: RingDescriptor[] = [];
  for (let index = 0; index < size; index++) {
    const it = descriptor(index);
    if (it === undefined) break;
    const chain = chainOf[index];
    const owner = chain?.owner ?? 'free';
    counts[owner] += 1;
    descriptors.push({
      index,
      address: formatAddress(it.address),
      length: it.length,
      flags: it.flags,
      next: it.next,
      owner,
      chain: chain?.head ?? null,
    });
  }
  return { descriptors, counts };
}

/** A walked chain with its owner, and its contents in one line. */
export function withMeaning(
  walked: WalkedChain,
  owner: BufferOwner,
  memory: Memory,
  device: DeviceFacts,
  queue: string,
  written: number | null,
): Chain {
  const content = decodeContent(device.type, queue, {
    elements: walked.elements,
    memory,
    written,
    features: device.features,
  });
  return { ...walked, owner, summary: content.summary };
}

function unreadable(parts: readonly (readonly [string, bigint, unknown])[]): string[] {
  return parts
    .filter(([, , it]) => it === undefined)
    .map(([what, address]) => `the ${what} at ${formatAddress(address)} is no RAM`);
}
