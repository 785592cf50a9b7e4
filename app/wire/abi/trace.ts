import { formatAddress } from '../../base/address.ts';
import { ByteView } from '../../base/bytes.ts';
import { fail, ok, type Result } from '../../base/result.ts';
import { OPERATIONS, type TraceSpan, type TraceSpans } from '../../contract/records.ts';
import { countOf, frequencyOf, readHeader, ticksToNs } from './header.ts';

/** Offsets in bytes: kernel/abi/src/trace.rs, `TraceRing`. */
const FIELD = { capacity: 16, spanBytes: 20, head: 24, tscHz: 32, enabled: 40, spans: 48 } as const;
/** `Span`. `what` is layer | operation << 16 | core << 24. */
const SPAN = { bytes: 32, sequence: 0, token: 4, position: 8, what: 12, start: 16, end: 24 } as const;
const NO_LAYER = 0xffff;
/** The most spans that a ring may claim: 32 MiB of them. */
const MAX_CAPACITY = 1 << 20;

export const TRACE_HEADER_BYTES = FIELD.spans;

/** Bytes of the whole ring by its header, for a caller who reads the header first. */
export function traceRingBytes(headerBytes: Uint8Array): Result<number> {
  const view = new ByteView(headerBytes);
  const header = readHeader(view, 'trace', TRACE_HEADER_BYTES);
  if (!header.ok) return header;
  const capacity = view.u32(FIELD.capacity);
  const spanBytes = view.u32(FIELD.spanBytes);
  if (capacity === 0 || capacity > MAX_CAPACITY || spanBytes !== SPAN.bytes) {
    return fail(
      'bad-record',
      "The kernel's trace ring cannot be read.",
      `offset ${FIELD.capacity}: capacity ${capacity} with ${spanBytes} bytes a span; at most ${MAX_CAPACITY} spans of ${SPAN.bytes} bytes are read`,
      'Rebuild the kernel and start it again.',
    );
  }
  return ok(FIELD.spans + capacity * SPAN.bytes);
}

/**
 * Decodes `RING0_TRACE_RING`. Span number `n` lives in slot `n % capacity` with `sequence == n + 1` (low 32 bits), so a slot with
 * any other sequence was being written or already overwritten while it was read: it is left out and counted in `torn`. `bytes`
 * may end early; slots that are not there count as torn.
 */
export function decodeTraceRing(bytes: Uint8Array): Result<TraceSpans> {
  const size = traceRingBytes(bytes);
  if (!size.ok) return size;
  const view = new ByteView(bytes);
  const problems: string[] = [];
  const capacity = view.u32(FIELD.capacity);
  const tscHz = frequencyOf(view.u64(FIELD.tscHz), problems);
  const written = countOf(view.u64(FIELD.head), 'head', problems);
  const spans: TraceSpan[] = [];
  let torn = 0;
  for (let number = Math.max(0, written - capacity); number < written; number++) {
    const at = FIELD.spans + (number % capacity) * SPAN.bytes;
    if (at + SPAN.bytes > view.length || view.u32(at + SPAN.sequence) !== (number + 1) % 0x1_0000_0000) torn++;
    else spans.push(decodeSpan(view, at, number, tscHz));
  }
  const version = view.u32(8);
  return ok({ version, tscHz, enabled: view.u32(FIELD.enabled) !== 0, capacity, written, torn, spans, problems });
}

function decodeSpan(view: ByteView, at: number, number: number, tscHz: number | null): TraceSpan {
  const what = view.u32(at + SPAN.what);
  const layer = what & 0xffff;
  const operation = (what >>> 16) & 0xff;
  const start = view.u64(at + SPAN.start);
  const end = view.u64(at + SPAN.end);
  return {
    number,
    token: view.u32(at + SPAN.token),
    position: view.u32(at + SPAN.position),
    layer: layer === NO_LAYER ? null : layer,
    operation: OPERATIONS[operation] ?? `operation-${operation}`,
    core: what >>> 24,
    startTsc: formatAddress(start),
    endTsc: formatAddress(end),
    durationNs: ticksToNs(start, end, tscHz),
  };
}
