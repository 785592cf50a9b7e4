import { BLOCK, CONSOLE, NETWORK } from '../device-types.ts';
import { decodeBlock } from './block.ts';
import { type Buffers, byteCount, type Content, field, gather, printable } from './content.ts';
import { decodeNet } from './net.ts';

export type { Buffers, Content } from './content.ts';
export { byteCount } from './content.ts';

/** What a chain's buffers mean, by the type of the device and the queue. Reads a bounded number of bytes. */
export function decodeContent(type: number, queue: string, buffers: Buffers): Content {
  switch (type) {
    case NETWORK:
      return decodeNet(buffers, queue);
    case BLOCK:
      return decodeBlock(buffers);
    case CONSOLE:
      return decodeConsole(buffers, queue);
    default:
      return { summary: '', layers: [] };
  }
}

/** §5.3.6: plain characters. */
function decodeConsole(buffers: Buffers, queue: string): Content {
  const receive = queue.includes('receive');
  if (receive && buffers.written === null) return { summary: 'empty receive buffer', layers: [] };
  const all = gather(buffers, receive);
  const bytes = receive ? all.subarray(0, Math.max(0, buffers.written ?? 0)) : all;
  const text = printable(bytes);
  return {
    summary: JSON.stringify(text).replaceAll('\\\\', '\\'),
    layers: [{ name: 'console', fields: [field('text', text), field('length', byteCount(bytes.length))] }],
  };
}
