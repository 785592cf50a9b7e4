import { FEATURE, hasFeature } from '../features.ts';
import { readU16 } from '../memory.ts';
import { type Buffers, type Content, field, gather, NO_CONTENT } from './content.ts';
import { decodeFrame } from './packet.ts';

/** virtio-net: a header before each frame (virtio 1.2 §5.1.6). */

const GSO = ['none', 'TCPv4', '', 'UDP', 'TCPv6', 'UDP_L4'] as const;

/** 12 bytes, or 10 for a legacy driver without MRG_RXBUF (§5.1.6.1). */
export function netHeaderBytes(features: bigint): number {
  return hasFeature(features, FEATURE.VERSION_1) || hasFeature(features, FEATURE.NET_MRG_RXBUF) ? 12 : 10;
}

/** @param queue name of the queue: what a receive queue holds means something only once it was written */
export function decodeNet(buffers: Buffers, queue: string): Content {
  if (queue === 'controlq') return decodeControl(buffers);
  const receive = queue.startsWith('receive');
  if (receive && buffers.written === null) return { summary: 'empty receive buffer', layers: [] };
  const all = gather(buffers, receive);
  const bytes = buffers.written === null || !receive ? all : all.subarray(0, Math.max(0, buffers.written));
  const header = netHeaderBytes(buffers.features);
  if (bytes.length < header) return NO_CONTENT;
  const gso = (bytes[1] ?? 0) & 0x7f;
  const frame = decodeFrame(bytes.subarray(header));
  const layer = {
    name: 'virtio_net_hdr',
    fields: [
      field('flags', `0x${(bytes[0] ?? 0).toString(16)}`),
      field('gso_type', gso, GSO[gso] ?? ''),
      field('hdr_len', readU16(bytes, 2)),
      field('gso_size', readU16(bytes, 4)),
      field('csum_start', readU16(bytes, 6)),
      field('csum_offset', readU16(bytes, 8)),
      ...(header === 12 ? [field('num_buffers', readU16(bytes, 10))] : []),
    ],
  };
  return { summary: frame.summary, layers: [layer, ...frame.layers] };
}

const CLASSES = ['RX', 'MAC', 'VLAN', 'ANNOUNCE', 'MQ', 'GUEST_OFFLOADS'] as const;

/** §5.1.6.5: class, command, then data; the device answers with one byte. */
function decodeControl(buffers: Buffers): Content {
  const bytes = gather(buffers, false, 2);
  if (bytes.length < 2) return NO_CONTENT;
  const [kind = 0, command = 0] = bytes;
  const name = CLASSES[kind] ?? `class ${kind}`;
  return {
    summary: `control ${name}, command ${command}`,
    layers: [{ name: 'virtio_net_ctrl', fields: [field('class', kind, name), field('command', command)] }],
  };
}
