/** Message-signalled interrupts of a PCI function: PCI Local Bus 3.0 §6.8; addresses and data: Intel SDM Vol. 3A §10.11. */

export interface MsiMessage {
  /** Of the table; 0 of plain MSI. */
  readonly entry: number;
  readonly address: bigint;
  readonly data: number;
  readonly masked: boolean;
  /** A message waits for the mask to go (pending bit, §6.8.3.1); false where nobody looked. */
  readonly pending: boolean;
}

export interface MsixCapability {
  readonly enabled: boolean;
  /** Function mask: no entry is sent. */
  readonly masked: boolean;
  readonly entries: number;
  readonly tableBar: number;
  readonly tableOffset: number;
  /** The pending bits. */
  readonly pendingBar: number;
  readonly pendingOffset: number;
}

const CAPABILITIES = 0x34 / 4;
const MSI = 5;
const MSIX = 17;
const MAX_CAPABILITIES = 48;

/** The words of the first 256 bytes of configuration space. A list that goes in circles ends after its longest possible length. */
function capability(config: readonly number[], id: number): number | undefined {
  let at = (config[CAPABILITIES] ?? 0) & 0xfc;
  for (let n = 0; n < MAX_CAPABILITIES && at >= 0x40; n++) {
    const word = config[at / 4] ?? 0;
    if ((word & 0xff) === id) return at;
    at = (word >>> 8) & 0xfc;
  }
  return undefined;
}

export function msixOf(config: readonly number[]): MsixCapability | undefined {
  const at = capability(config, MSIX);
  if (at === undefined) return undefined;
  const control = (config[at / 4] ?? 0) >>> 16;
  const table = config[at / 4 + 1] ?? 0;
  const pending = config[at / 4 + 2] ?? 0;
  return {
    enabled: (control & 0x8000) !== 0,
    masked: (control & 0x4000) !== 0,
    entries: (control & 0x7ff) + 1,
    tableBar: table & 7,
    tableOffset: table - (table & 7),
    pendingBar: pending & 7,
    pendingOffset: pending - (pending & 7),
  };
}

/** The message of plain MSI, if it is enabled. */
export function msiOf(config: readonly number[]): MsiMessage | undefined {
  const at = capability(config, MSI);
  if (at === undefined) return undefined;
  const control = (config[at / 4] ?? 0) >>> 16;
  if ((control & 1) === 0) return undefined;
  const wide = (control & 0x80) !== 0;
  const high = wide ? BigInt(config[at / 4 + 2] ?? 0) << 32n : 0n;
  const data = (config[at / 4 + (wide ? 3 : 2)] ?? 0) & 0xffff;
  return { entry: 0, address: BigInt(config[at / 4 + 1] ?? 0) | high, data, masked: false, pending: false };
}

/** `pending`: words of the pending bits, as far as they were read. */
export function msixEntries(words: readonly number[], pending: readonly number[] = []): MsiMessage[] {
  return Array.from({ length: Math.floor(words.length / 4) }, (_, entry) => {
    const [low = 0, high = 0, data = 0, control = 0] = words.slice(entry * 4, entry * 4 + 4);
    return {
      entry,
      address: BigInt(low) | (BigInt(high) << 32n),
      data,
      masked: (control & 1) !== 0,
      pending: (((pending[entry >> 5] ?? 0) >>> (entry & 31)) & 1) !== 0,
    };
  });
}

/** Whether pins are off by the command register (bit 10). */
export function pinDisabled(config: readonly number[]): boolean {
  return ((config[1] ?? 0) & 0x400) !== 0;
}
