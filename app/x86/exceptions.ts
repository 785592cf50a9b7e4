/** Exceptions by vector: mnemonic and name (Intel SDM Vol. 3, table 6-1). */
const EXCEPTIONS: readonly (string | undefined)[] = [
  '#DE divide error',
  '#DB debug exception',
  'NMI',
  '#BP breakpoint',
  '#OF overflow',
  '#BR bound range exceeded',
  '#UD invalid opcode',
  '#NM device not available',
  '#DF double fault',
  'coprocessor segment overrun',
  '#TS invalid TSS',
  '#NP segment not present',
  '#SS stack-segment fault',
  '#GP general protection',
  '#PF page fault',
  undefined,
  '#MF x87 floating-point error',
  '#AC alignment check',
  '#MC machine check',
  '#XM SIMD floating-point exception',
  '#VE virtualization exception',
  '#CP control protection exception',
];

/** `#PF page fault`, or `vector 77` for one without a name. */
export function exceptionName(vector: number): string {
  return EXCEPTIONS[vector] ?? `vector ${vector}`;
}
