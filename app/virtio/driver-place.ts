import { type DriverHints, DriverPlaceSchema } from '../contract/inspect/virtio.ts';

/** virtio 1.2 §2.7: of a split ring. */
const MAX_ENTRIES = 32768;

/** Why a text does not say where the driver keeps something, and what to write; null where it may. */
export function placeProblem(
  kind: keyof Pick<DriverHints, 'lastUsed' | 'size'>,
  text: string,
): { readonly what: string; readonly fix: string } | null {
  if (!DriverPlaceSchema.safeParse(text).success)
    return { what: `${text} is no place`, fix: 'write SYMBOL, SYMBOL+0x10, 0xADDRESS, or PLACE->0x18' };
  const isNumber = /^\d+$/.test(text);
  if (kind === 'lastUsed' && /^\d/.test(text) && !/^0x/i.test(text))
    return { what: `${text} is no place`, fix: 'an address begins with 0x' };
  if (isNumber && (Number(text) < 1 || Number(text) > MAX_ENTRIES))
    return { what: `no queue has ${text} entries`, fix: `write 1 to ${MAX_ENTRIES}, or where the number stands` };
  return null;
}
