import { formatAddress } from '../base/address.ts';
import type { ChainElement, ChainProblem } from '../contract/inspect/virtio.ts';
import { type Budget, isRam, isRange, MAX_QUEUE_SIZE, type Memory } from './memory.ts';
import { DESCRIPTOR_BYTES, DESCRIPTOR_FLAG, type Descriptor, descriptorAt, type SplitRings } from './split-ring.ts';

/** Elements that are handed out; a chain may have 2^15 in a table of its own. They are counted and checked to the end. */
export const MAX_ELEMENTS_SHOWN = 256;
/** Problems of one chain that are told. */
const MAX_PROBLEMS = 8;

/** A chain as it was walked, without its owner and meaning. */
export interface WalkedChain {
  readonly head: number;
  readonly descriptors: number[];
  table: { address: string; entries: number } | null;
  readonly elements: ChainElement[];
  elementCount: number;
  readableBytes: number;
  writableBytes: number;
  readonly problems: ChainProblem[];
}

/**
 * Follows a chain from its head: §2.7.5, and an indirect table, §2.7.5.3. Visits each descriptor once at most, whatever `next` says,
 * and reads one indirect table of at most 2^15 entries.
 */
export function followChain(rings: SplitRings, memory: Memory, head: number, budget: Budget): WalkedChain {
  const chain = emptyChain(head);
  const table = (index: number) => rings.descriptor(index);
  walk(chain, memory, budget, { table, size: rings.size, indirect: false }, head);
  return chain;
}

interface Table {
  readonly table: (index: number) => Descriptor | undefined;
  readonly size: number;
  readonly indirect: boolean;
}

export function emptyChain(head: number): WalkedChain {
  return {
    head,
    descriptors: [],
    table: null,
    elements: [],
    elementCount: 0,
    readableBytes: 0,
    writableBytes: 0,
    problems: [],
  };
}

export function report(chain: WalkedChain, kind: ChainProblem['kind'], text: string): void {
  if (chain.problems.length < MAX_PROBLEMS) chain.problems.push({ kind, text });
}

function walk(
  chain: WalkedChain,
  memory: Memory,
  budget: Budget,
  { table, size, indirect }: Table,
  head: number,
): void {
  const visited = new Set<number>();
  const where = (index: number) => `${indirect ? 'indirect ' : ''}descriptor ${index}`;
  for (let index = head; ; ) {
    const descriptor = index < size ? table(index) : undefined;
    if (descriptor === undefined) {
      const what = index === head ? 'the head' : 'next';
      report(chain, 'out-of-range', `${what} is ${index}, the table has ${size} entries`);
      return;
    }
    if (visited.has(index)) {
      report(chain, 'loop', `next leads back to ${where(index)}: the chain never ends`);
      return;
    }
    if (budget.left-- <= 0) {
      report(chain, 'too-long', 'not followed to its end: the chains of this queue have too many descriptors together');
      return;
    }
    visited.add(index);
    if (!indirect) chain.descriptors.push(index);
    const { flags } = descriptor;
    if ((flags & ~7) !== 0)
      report(
        chain,
        'reserved-flags',
        `${where(index)} has flags 0x${flags.toString(16)}: only 1, 2 and 4 mean something`,
      );
    if ((flags & DESCRIPTOR_FLAG.INDIRECT) === 0)
      addElement(chain, memory, { ...descriptor, index, indirect }, where(index));
    else if (indirect) report(chain, 'indirect', `${where(index)} points to a further table, which §2.7.5.3.1 forbids`);
    else {
      if ((flags & DESCRIPTOR_FLAG.NEXT) !== 0)
        report(chain, 'indirect', `${where(index)} has both INDIRECT and NEXT, which §2.7.5.3.1 forbids`);
      followTable(chain, memory, budget, descriptor, index);
    }
    if ((flags & DESCRIPTOR_FLAG.NEXT) === 0) return;
    index = descriptor.next;
  }
}

function followTable(
  chain: WalkedChain,
  memory: Memory,
  budget: Budget,
  { address, length }: Descriptor,
  index: number,
): void {
  if (chain.table !== null) {
    report(chain, 'indirect', `descriptor ${index} brings a second table`);
    return;
  }
  const entries = Math.floor(length / DESCRIPTOR_BYTES);
  chain.table = { address: formatAddress(address), entries };
  if (length % DESCRIPTOR_BYTES !== 0 || entries === 0)
    report(chain, 'indirect', `descriptor ${index}: a table of ${length} bytes, not a multiple of 16 and more than 0`);
  const bounded = Math.min(entries, MAX_QUEUE_SIZE);
  const bytes = isRange(address, bounded * DESCRIPTOR_BYTES)
    ? memory.read(address, bounded * DESCRIPTOR_BYTES)
    : undefined;
  if (bytes === undefined) {
    report(chain, 'not-ram', `descriptor ${index}: its table at ${formatAddress(address)} is no RAM`);
    return;
  }
  if (bounded === 0) return;
  const table = (at: number) => descriptorAt(bytes, at);
  walk(chain, memory, budget, { table, size: bounded, indirect: true }, 0);
}

/** One buffer: counted, checked, and shown if there is room. `§2.7.4.2`: what the device writes comes last. */
export function addElement(
  chain: WalkedChain,
  memory: Memory,
  { address, length, flags, index, indirect }: Omit<Descriptor, 'next'> & { index: number; indirect: boolean },
  where: string,
): void {
  const write = (flags & DESCRIPTOR_FLAG.WRITE) !== 0;
  if (write) chain.writableBytes += length;
  else {
    if (chain.writableBytes > 0)
      report(chain, 'write-order', `${where} is read by the device and comes after one that it writes (§2.7.4.2)`);
    chain.readableBytes += length;
  }
  if (length === 0) report(chain, 'empty', `${where} has length 0`);
  else if (!isRange(address, length))
    report(chain, 'not-ram', `${where}: ${formatAddress(address)} + ${length} wraps around`);
  else if (!isRam(memory, address, length))
    report(chain, 'not-ram', `${where}: ${formatAddress(address)}, ${length} bytes, is no RAM`);
  chain.elementCount += 1;
  if (chain.elements.length < MAX_ELEMENTS_SHOWN)
    chain.elements.push({ index, indirect, address: formatAddress(address), length, write });
  // §2.7.5: together at most 2^32 bytes.
  if (chain.readableBytes + chain.writableBytes > 2 ** 32 && !chain.problems.some((it) => it.kind === 'too-long'))
    report(chain, 'too-long', 'the chain has more than 4 GiB (§2.7.5)');
}
