/** Addresses are `bigint` inside and hex strings such as `0xffffffff80200000` on the wire. */

const MAX = 0xffff_ffff_ffff_ffffn;

/** `0x…`, lower case, no padding. Values outside 64 bits are a bug of the caller. */
export function formatAddress(address: bigint): string {
  if (address < 0n || address > MAX) throw new RangeError(`not a 64-bit address: ${address}`);
  return `0x${address.toString(16)}`;
}

/** The address, or `undefined` if `text` is not `0x` and one to sixteen hex digits. */
export function parseAddress(text: string): bigint | undefined {
  return /^0x[0-9a-fA-F]{1,16}$/.test(text) ? BigInt(text) : undefined;
}

/** Whether bits 63 to 47 are all equal, as four-level paging demands (Intel SDM Vol. 1 §3.3.7.1). */
export function isCanonical(address: bigint): boolean {
  const top = BigInt.asUintN(64, address) >> 47n;
  return top === 0n || top === 0x1ffffn;
}
