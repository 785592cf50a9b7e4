/** Chains that a device cannot serve. */
import type { ChainProblem } from '../../contract/inspect/virtio.ts';
import type { QueueRule } from './rule.ts';

const TITLES: Readonly<Record<ChainProblem['kind'], string>> = {
  loop: 'A descriptor chain runs in a circle',
  'out-of-range': 'A descriptor chain leaves the table',
  'not-ram': 'A buffer is not in guest memory',
  empty: 'A buffer has no bytes',
  'too-long': 'A descriptor chain is too long',
  'write-order': 'A buffer that the device reads stands after one that it writes',
  indirect: 'An indirect table is not as it must be',
  'reserved-flags': 'A descriptor has flags that mean nothing',
};

const FIXES: Readonly<Record<ChainProblem['kind'], string>> = {
  loop: 'Write `next` and NEXT from the free list, clear NEXT on the last descriptor, and put a chain back only once.',
  'out-of-range': 'Keep `next` and the heads below the size of the queue; clear NEXT on the last descriptor.',
  'not-ram': 'Give the guest-physical address of the buffer, and its length in bytes.',
  empty: 'Leave descriptors without bytes out of the chain.',
  'too-long': 'Split the request.',
  'write-order':
    'Put all descriptors without WRITE first, then those with it: request header and data out, then data in and status.',
  indirect:
    'A table is a multiple of 16 bytes in RAM, its descriptor has INDIRECT alone, and no descriptor in it has INDIRECT.',
  'reserved-flags': 'Write the whole flags field; only NEXT (1), WRITE (2) and INDIRECT (4) are defined.',
};

/** facts/virtqueues.md: "bad chain (loop, WRITE order, addr ∉ RAM)". */
export const badChain: QueueRule = {
  about: 'queue',
  look(evidence, queue) {
    if (queue.torn) return;
    const bad = queue.chains.filter((it) => it.owner !== 'returned' && it.problems.length > 0);
    const chain = bad.find((it) => it.problems.some((problem) => problem.kind !== 'reserved-flags')) ?? bad[0];
    const problem = chain?.problems.find((it) => it.kind !== 'reserved-flags') ?? chain?.problems[0];
    if (chain === undefined || problem === undefined) return;
    const mapped = problem.kind === 'not-ram' ? virtualBuffer(evidence, chain.elements) : undefined;
    const stopped = evidence.device.broken;
    return {
      id: `chain-${problem.kind}`,
      section: 'virtio 1.2 §2.7.5',
      severity: problem.kind === 'reserved-flags' ? 'warning' : 'error',
      confidence: 'certain',
      title: mapped === undefined ? TITLES[problem.kind] : 'A descriptor holds a virtual address',
      explanation:
        `The chain with head ${chain.head} cannot be served${stopped ? ', and QEMU has stopped the device because of it' : ''}. ${bad.length > 1 ? `${bad.length} chains of this queue are bad.` : ''}`.trim(),
      evidence: [
        [
          'chain',
          `head ${chain.head}, ${chain.owner}, descriptors ${chain.descriptors.slice(0, 8).join(' → ') || 'none'}`,
        ],
        ...chain.problems.slice(0, 3).map((it) => ['problem', it.text] as const),
        ...(mapped === undefined ? [] : [['by the page tables of the kernel', mapped] as const]),
      ],
      fix:
        mapped === undefined
          ? FIXES[problem.kind]
          : 'Translate the buffer to its guest-physical address before it goes into the descriptor.',
    };
  },
};

function virtualBuffer(
  { isRam, toPhysical }: Parameters<QueueRule['look']>[0],
  elements: readonly { address: string; length: number }[],
): string | undefined {
  for (const { address } of elements) {
    const physical = isRam(BigInt(address), 1) ? undefined : toPhysical(BigInt(address));
    if (physical !== undefined) return `${address} is mapped to 0x${physical.toString(16)}`;
  }
  return undefined;
}

export const indirectNotAccepted: QueueRule = {
  about: 'queue',
  look({ device }, queue) {
    const chain = queue.chains.find((it) => it.table !== null);
    if (chain === undefined || device.features.some((it) => it.name === 'INDIRECT_DESC' && it.accepted)) return;
    return {
      id: 'indirect-not-accepted',
      section: 'virtio 1.2 §2.7.5.3.1',
      severity: 'error',
      confidence: 'certain',
      title: 'An indirect table is used without INDIRECT_DESC',
      explanation: 'The driver did not accept the feature, so the device takes the table for a buffer.',
      evidence: [
        ['chain', `head ${chain.head}, table at ${chain.table?.address ?? '?'}`],
        ['accepted', device.accepted],
      ],
      fix: 'Accept INDIRECT_DESC (bit 28) if it is offered, or use direct chains.',
    };
  },
};
