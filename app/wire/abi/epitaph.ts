import { formatAddress } from '../../base/address.ts';
import { ByteView, decodeUtf8 } from '../../base/bytes.ts';
import { ok, type Result } from '../../base/result.ts';
import { EPITAPH_REGISTERS, type Epitaph } from '../../contract/records.ts';
import { nameOf, readHeader } from './header.ts';

/** Offsets in bytes: kernel/abi/src/epitaph.rs, `Epitaph`. */
const FIELD = {
  state: 16,
  cause: 20,
  vector: 24,
  core: 28,
  errorCode: 32,
  tsc: 40,
  registers: 48,
  frameCount: 248,
  messageBytes: 252,
  frames: 256,
  message: 512,
} as const;
const MAX_FRAMES = 32;
const MESSAGE_BYTES = 256;

export const EPITAPH_BYTES = FIELD.message + MESSAGE_BYTES;

/**
 * Decodes `RING0_EPITAPH`. Torn reads: the fields are whole when `state` is `written`; while it is `writing` they are shown as they
 * stand and a problem says so. `symbolise` names the function that an address lies in.
 */
export function decodeEpitaph(
  bytes: Uint8Array,
  symbolise: (address: bigint, isReturn: boolean) => string | undefined = () => undefined,
): Result<Epitaph> {
  const view = new ByteView(bytes);
  const header = readHeader(view, 'epitaph', EPITAPH_BYTES);
  if (!header.ok) return header;
  const problems: string[] = [];
  const state = nameOf(['alive', 'writing', 'written'], view.u32(FIELD.state), 'state', problems);
  if (state === 'writing') problems.push('the record was being written while it was read: its fields may be half old');
  const cause = nameOf(['none', 'exception', 'panic'], view.u32(FIELD.cause), 'cause', problems);
  const claimedFrames = view.u32(FIELD.frameCount);
  if (claimedFrames > MAX_FRAMES) problems.push(`frame_count is ${claimedFrames}, the record holds ${MAX_FRAMES}`);
  const claimedBytes = view.u32(FIELD.messageBytes);
  if (claimedBytes > MESSAGE_BYTES)
    problems.push(`message_bytes is ${claimedBytes}, the record holds ${MESSAGE_BYTES}`);
  const frames = Array.from({ length: Math.min(claimedFrames, MAX_FRAMES) }, (_, n) => {
    const address = view.u64(FIELD.frames + n * 8);
    // A return address is the one after the call, which may be the last instruction of its function.
    const isReturn = n > 0 || cause === 'panic';
    return { address: formatAddress(address), symbol: symbolise(address, isReturn) ?? null };
  });
  return ok({
    version: header.value.version,
    state,
    cause,
    vector: view.u32(FIELD.vector),
    core: view.u32(FIELD.core),
    errorCode: formatAddress(view.u64(FIELD.errorCode)),
    tsc: formatAddress(view.u64(FIELD.tsc)),
    registers: Object.fromEntries(
      EPITAPH_REGISTERS.map((name, n) => [name, formatAddress(view.u64(FIELD.registers + n * 8))]),
    ),
    frames,
    message: decodeUtf8(view.slice(FIELD.message, Math.min(claimedBytes, MESSAGE_BYTES))),
    problems,
  });
}
