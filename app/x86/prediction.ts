/** What a prediction of the processor is made of: the checks that it makes, in its order, and how they end. */
import { exceptionName } from './exceptions.ts';

/** One check, in the order in which the processor makes them. */
export interface Check {
  readonly what: string;
  readonly passed: boolean;
  readonly section: string;
  /** Set where QEMU's emulator lets pass what hardware refuses. */
  readonly emulator?: string;
}

export interface Fault {
  readonly vector: number;
  /** Null of an exception that pushes none. */
  readonly errorCode: number | null;
  /** Of #PF. */
  readonly address?: bigint;
}

export type Outcome =
  | { readonly kind: 'loaded'; readonly text: string }
  | { readonly kind: 'fault'; readonly fault: Fault }
  /** Delivered: the handler, and the stack with the frame already pushed. */
  | {
      readonly kind: 'handler';
      readonly vector: number;
      readonly rip: bigint;
      readonly rsp: bigint;
      readonly ist: number;
      readonly cpl: number;
      readonly interruptsOff: boolean;
    }
  | { readonly kind: 'triple-fault' };

export interface Prediction {
  readonly checks: readonly Check[];
  readonly outcome: Outcome;
}

/** Runs checks until one fails. */
export class Checks {
  readonly list: Check[] = [];
  readonly #section: string;
  fault: Fault | undefined;

  constructor(section: string) {
    this.#section = section;
  }

  /** @returns whether to go on */
  that(passed: boolean, what: string, fault: Fault, emulator?: string): boolean {
    this.list.push({ what, passed, section: this.#section, ...(emulator === undefined || passed ? {} : { emulator }) });
    if (!passed) this.fault = fault;
    return passed;
  }
}

export const GP = (errorCode: number): Fault => ({ vector: 13, errorCode });
export const NP = (errorCode: number): Fault => ({ vector: 11, errorCode });
export const SS = (errorCode: number): Fault => ({ vector: 12, errorCode });
export const TS = (errorCode: number): Fault => ({ vector: 10, errorCode });
/** A number of 64 bits. */
export const hex = (value: bigint | number) => `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;

/** `#GP general protection, error code 0x1a (IDT entry 3)`. */
export function faultText({ vector, errorCode, address }: Fault): string {
  const at = address === undefined ? '' : ` at ${hex(address)}`;
  if (errorCode === null) return `${exceptionName(vector)}${at}`;
  if (vector === 14 || vector === 8) return `${exceptionName(vector)}, error code ${hex(errorCode)}${at}`;
  const table =
    (errorCode & 2) !== 0
      ? `IDT entry ${errorCode >> 3}`
      : (errorCode & 0xfffc) === 0
        ? ''
        : `${(errorCode & 4) !== 0 ? 'LDT' : 'GDT'} entry ${errorCode >> 3}`;
  return `${exceptionName(vector)}, error code ${hex(errorCode)}${table === '' ? '' : ` (${table})`}`;
}
