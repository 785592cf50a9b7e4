/** Registers as named bits. A table is the manual's figure: what is not in it is reserved. */

export interface BitField {
  readonly name: string;
  /** Lowest bit, and how many there are. */
  readonly low: number;
  readonly width: number;
  /** What it does when it is set, or what its value is. */
  readonly meaning: string;
  /** A value in words, where it is more than a number: `write-back`. */
  readonly says?: (value: bigint) => string;
}

export interface BitTable {
  /** Such as `Intel SDM Vol. 3A §2.5`. */
  readonly section: string;
  readonly fields: readonly BitField[];
}

/** One field of a value. */
export interface BitValue {
  readonly name: string;
  readonly low: number;
  readonly width: number;
  readonly value: bigint;
  readonly says?: string;
}

/** A row of a table: `bit('PE', 0, 'protected mode')`. */
export function bit(name: string, low: number, meaning: string, width = 1): BitField {
  return { name, low, width, meaning };
}

export function fieldOf(value: bigint, { low, width }: Pick<BitField, 'low' | 'width'>): bigint {
  return (value >> BigInt(low)) & ((1n << BigInt(width)) - 1n);
}

/** Every field of the table, and as `reserved N` every set bit that is in none. */
export function decodeBits(value: bigint, table: BitTable): BitValue[] {
  let known = 0n;
  const values = table.fields.map((field): BitValue => {
    known |= ((1n << BigInt(field.width)) - 1n) << BigInt(field.low);
    const own = fieldOf(value, field);
    const says = field.says === undefined ? {} : { says: field.says(own) };
    return { name: field.name, low: field.low, width: field.width, value: own, ...says };
  });
  for (let low = 0, rest = BigInt.asUintN(64, value) & ~known; rest >> BigInt(low) !== 0n; low++)
    if (((rest >> BigInt(low)) & 1n) === 1n) values.push({ name: `reserved ${low}`, low, width: 1, value: 1n });
  return values;
}

/** The names of the single bits that are set, and the wider fields that are not zero: `PE ET WP IOPL=3`. */
export function bitNames(value: bigint, table: BitTable): string {
  return decodeBits(value, table)
    .filter((it) => it.value !== 0n)
    .map((it) => (it.width === 1 ? it.name : `${it.name}=${it.value.toString(it.width > 4 ? 16 : 10)}`))
    .join(' ');
}
