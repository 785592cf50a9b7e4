/**
 * On which bus a function is that sits behind bridges (PCI-to-PCI Bridge Architecture 1.2 §3.2.5.3 to 3.2.5.5). Its bridges have no
 * numbers of their own: the guest's firmware or kernel gives them, writes them into the bridges, and may write anything there.
 */

export interface BusNumbers {
  /** The bus right behind a bridge; 0 where nobody has numbered it. */
  readonly secondary: number;
  /** The highest bus behind it. */
  readonly subordinate: number;
}

/** A device number and a function on some bus. */
export interface Slot {
  readonly device: number;
  readonly function: number;
}

/** The way from a root bus down to a function, as the machine is built: it stays, whatever the guest writes. */
export interface PciWay {
  readonly rootBus: number;
  /** From the root bus down. */
  readonly bridges: readonly Slot[];
  readonly slot: Slot;
}

export interface SeenFunction extends Slot {
  readonly bus: number;
  /** Null of what is no bridge. */
  readonly bridge: BusNumbers | null;
}

export type BusFound =
  | { readonly bus: number }
  /** Why nobody reaches it by a number. */
  | { readonly why: string };

const hex = (value: number) => value.toString(16).padStart(2, '0');

/** `00:04.0`. */
export function placeText(bus: number, slot: Slot): string {
  return `${hex(bus)}:${hex(slot.device)}.${slot.function}`;
}

/**
 * Follows the bridges. Each must lead to buses beyond the one that it is on, within those of the bridge before it, and no other bridge may
 * claim the same bus: anything else is what a machine would send elsewhere or nowhere.
 */
export function busOf({ rootBus, bridges }: PciWay, functions: readonly SeenFunction[]): BusFound {
  let bus = rootBus;
  let last = 255;
  for (const slot of bridges) {
    const place = placeText(bus, slot);
    const isHere = (it: SeenFunction) =>
      it.bus === bus && it.device === slot.device && it.function === slot.function && it.bridge !== null;
    const numbers = functions.find(isHere)?.bridge ?? undefined;
    if (numbers === undefined) return { why: `nothing answers as a bridge at ${place}` };
    const { secondary, subordinate } = numbers;
    if (secondary === 0) return { why: `nobody has numbered the bus behind bridge ${place}` };
    if (secondary <= bus || subordinate < secondary || subordinate > last)
      return {
        why: `bridge ${place} has the buses ${hex(secondary)} to ${hex(subordinate)}, which are not all beyond ${hex(bus)} and up to ${hex(last)}`,
      };
    const others = functions.filter((it) => !isHere(it) && claims(it.bridge, secondary) && !isAbove(it, bus));
    if (others[0] !== undefined)
      return {
        why: `bridges ${place} and ${placeText(others[0].bus, others[0])} both claim bus ${hex(secondary)}`,
      };
    bus = secondary;
    last = subordinate;
  }
  return { bus };
}

const claims = (it: BusNumbers | null, bus: number) =>
  it !== null && it.secondary !== 0 && it.secondary <= bus && bus <= it.subordinate;

/** A bridge on a lower bus also has all that is behind the bridges behind it. */
const isAbove = (it: SeenFunction, bus: number) => it.bus < bus && claims(it.bridge, bus);
