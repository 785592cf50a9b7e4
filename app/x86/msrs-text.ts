import type { MsrView, RegisterView, WrittenDown } from '../contract/inspect/cpu.ts';

/** Words about registers that pages and the command line share. */

type Bit = RegisterView['bits'][number];

/** `EN`, `VCNT=8`, `PA0=WB`: a field in short. */
export function bitLabel({ name, width, value, says }: Bit): string {
  if (width === 1) return name;
  return `${name}=${says === undefined || says === '' ? value.slice(2) : says.split(',')[0]}`;
}

/** Whether a field is worth reading: memory type 0 is as telling as the others, unless the whole register is zero. */
export function isTelling({ value, says }: Bit, register: RegisterView): boolean {
  return value !== '0x0' || ((says ?? '') !== '' && register.value !== '0x0');
}

/** A register of one field is its own value: its name tells nothing more. */
export function hasFields({ bits }: RegisterView): boolean {
  return bits.some(({ width }) => width < 64);
}

/** `as the kernel read it at bring-up, 0.113 s after power-on`. */
export function writtenWhen({ readMs, changes }: Pick<WrittenDown, 'readMs' | 'changes'>, it = 'it'): string {
  const when = readMs === null ? 'at an unknown time' : `${(readMs / 1000).toFixed(3)} s after power-on`;
  if (changes === 0) return `as the kernel read ${it} at bring-up, ${when}`;
  return `as the kernel left ${it} with ${changes === 1 ? 'a write' : `the last of ${changes} writes`} after bring-up, ${when}`;
}

/** Whether what the kernel wrote down at bring-up is no longer so. */
export function isOdd({ from, written }: RegisterView): boolean {
  return written !== null && (from === 'now' || written.changes > 0);
}

/**
 * What has to be said of where a value comes from, beside what is said of all: that it was asked now, that it was written later, or that
 * the kernel had another. Null where nothing has.
 */
export function provenance({ from, written }: RegisterView, isMsr: boolean): string | null {
  if (from === 'now') {
    if (written !== null) return `now; ${written.value} ${writtenWhen(written)}`;
    return isMsr ? 'now' : null;
  }
  return written === null || (isMsr && written.changes === 0) ? null : writtenWhen(written);
}

/** The registers without the ranges of memory that are off and empty, which are named together. */
export function foldRanges(registers: readonly MsrView[]): {
  readonly shown: readonly MsrView[];
  readonly off: string | null;
} {
  const isOff = ({ name, value }: MsrView, other: MsrView | undefined) =>
    /^mtrr_phys/.test(name) && value === '0x0' && other?.value === '0x0';
  const pairOf = ({ number }: MsrView) => registers.find((it) => Number(it.number) === (Number(number) ^ 1));
  const off = registers.filter((it) => isOff(it, pairOf(it)));
  const ranges = off.flatMap(({ name }) => /^mtrr_physbase(\d+)$/.exec(name)?.[1] ?? []);
  return {
    shown: registers.filter((it) => !off.includes(it)),
    off: ranges.length === 0 ? null : `Variable ranges of memory that are off, base and mask 0: ${ranges.join(', ')}`,
  };
}
