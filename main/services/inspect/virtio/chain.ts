import { fail, type Result } from '../../../../app/base/result.ts';
import type { ChainContent } from '../../../../app/contract/inspect/virtio.ts';
import { followChain } from '../../../../app/virtio/chain.ts';
import { decodeContent } from '../../../../app/virtio/content/index.ts';
import { budgetOf, withMeaning } from '../../../../app/virtio/queue-view.ts';
import { readSplitRings } from '../../../../app/virtio/split-ring.ts';
import type { InspectTarget } from '../target.ts';
import { VirtioLooker } from './look.ts';
import { readRings } from './rings-now.ts';
import { deviceFacts } from './seen.ts';

/** Bytes of a buffer that are shown, and buffers. */
const SHOWN_BYTES = 256;
const SHOWN_BUFFERS = 32;

export interface ChainQuestion {
  /** Path or id of the device. */
  readonly device: string;
  readonly queue: number;
  readonly head: number;
}

/** A chain's buffers as they are now, in hex and decoded. A chain that nobody holds is followed all the same: its bytes are still there. */
export async function readChain(
  target: InspectTarget,
  { device: wanted, queue: index, head }: ChainQuestion,
): Promise<Result<ChainContent>> {
  const looker = new VirtioLooker(target);
  const look = await looker.look([], false);
  if (!look.ok) return look;
  const seen = look.value.devices.find(({ device }) => device.path === wanted || device.id === wanted);
  const facts = seen?.queues.find((it) => it.index === index);
  if (seen === undefined || facts === undefined)
    return fail(
      'no-queue',
      `There is no queue ${index} of ${wanted}.`,
      '',
      '`ring0 inspect virtio` lists what there is.',
    );
  return target.look((memory): ChainContent => {
    const view = readRings(memory, seen).queues.find((it) => it.index === index);
    const known = view?.chains.find((it) => it.head === head);
    const device = deviceFacts(seen);
    const name = view?.name ?? '';
    const { rings } = readSplitRings(memory, facts);
    const chain =
      known ?? withMeaning(followChain(rings, memory, head, budgetOf(facts.size)), 'free', memory, device, name, null);
    // The last answer about this head, for the length that the device wrote.
    let written: number | null = null;
    if (chain.owner === 'returned' || chain.owner === 'free')
      for (let back = 1; back <= rings.size && written === null; back++) {
        const element = rings.usedElement((rings.usedIndex - back) & 0xffff);
        if (element.id === head) written = element.length;
      }
    const { summary, layers } = decodeContent(device.type, name, {
      elements: chain.elements,
      memory,
      written,
      features: device.features,
    });
    return {
      chain,
      summary,
      layers,
      buffers: chain.elements.slice(0, SHOWN_BUFFERS).map((element) => {
        const bytes = memory.read(BigInt(element.address), Math.min(element.length, SHOWN_BYTES));
        return { element, hex: bytes === undefined ? null : Buffer.from(bytes).toString('hex') };
      }),
    };
  });
}
