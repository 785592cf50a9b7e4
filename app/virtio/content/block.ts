import { formatAddress } from '../../base/address.ts';
import { readU32, readU64 } from '../memory.ts';
import { type Buffers, byteCount, type Content, field, gather, NO_CONTENT } from './content.ts';

/** virtio-blk requests: virtio 1.2 §5.2.6. */

const TYPES: Readonly<Record<number, string>> = {
  0: 'IN',
  1: 'OUT',
  4: 'FLUSH',
  8: 'GET_ID',
  10: 'GET_LIFETIME',
  11: 'DISCARD',
  13: 'WRITE_ZEROES',
  14: 'SECURE_ERASE',
  15: 'ZONE_APPEND',
  16: 'ZONE_REPORT',
};
const WITH_SECTOR = new Set([0, 1]);
const STATUSES = ['OK', 'IOERR', 'UNSUPP'] as const;
const HEADER_BYTES = 16;
const SECTOR_BYTES = 512;

export function decodeBlock(buffers: Buffers): Content {
  const header = gather(buffers, false, HEADER_BYTES);
  if (header.length < HEADER_BYTES) return NO_CONTENT;
  const type = readU32(header, 0);
  const sector = readU64(header, 8);
  const name = TYPES[type] ?? `type ${type}`;
  const total = (write: boolean) =>
    buffers.elements.reduce((sum, it) => (it.write === write ? sum + it.length : sum), 0);
  // The last writable byte is the status (§5.2.6); of a write, all writable bytes are.
  const data = type === 1 ? total(false) - HEADER_BYTES : Math.max(0, total(true) - 1);
  const status = statusOf(buffers);
  const parts = [
    name,
    ...(WITH_SECTOR.has(type) ? [`sector ${sector}`] : []),
    ...(data > 0 ? [byteCount(data)] : []),
    ...(buffers.written !== null && status !== undefined && status !== 0
      ? [STATUSES[status] ?? `status ${status}`]
      : []),
  ];
  const summary = parts.length === 1 ? name : `${parts[0]} ${parts.slice(1).join(', ')}`;
  const statusText =
    status === undefined
      ? 'not readable'
      : buffers.written === null
        ? `0x${status.toString(16)}`
        : (STATUSES[status] ?? `0x${status.toString(16)}`);
  return {
    summary,
    layers: [
      {
        name: 'virtio_blk_req',
        fields: [
          field('type', type, name),
          field('reserved', readU32(header, 4)),
          field(
            'sector',
            sector,
            WITH_SECTOR.has(type) ? `byte ${formatAddress(BigInt.asUintN(64, sector * 512n))}` : '',
          ),
          field('data', byteCount(data), data % SECTOR_BYTES === 0 ? `${data / SECTOR_BYTES} sectors` : ''),
          field(
            'status',
            statusText,
            buffers.written === null ? 'not given back yet: whatever the driver left there' : '',
          ),
        ],
      },
    ],
  };
}

/** The last byte of the last writable buffer. */
function statusOf({ elements, memory }: Buffers): number | undefined {
  const last = elements.findLast((it) => it.write && it.length > 0);
  if (last === undefined) return undefined;
  return memory.read(BigInt(last.address) + BigInt(last.length - 1), 1)?.[0];
}
