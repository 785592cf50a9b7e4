/** A processor as `info registers` shows it. */
export interface ProcessorRegisters {
  readonly index: number;
  /**
   * Hex, by QEMU's names in lower case: `rip`, `rax`, `cr3`, `efer`. Of a segment, `cs` is the selector, and `cs.base`, `cs.limit`
   * and `cs.flags` (the descriptor's second half) are its cache; tables have `gdt.base` and `gdt.limit`.
   */
  readonly values: Readonly<Record<string, string>>;
  /** It waits in HLT. */
  readonly halted: boolean;
  /** The widest vector registers that are shown, which says what XCR0 has on. */
  readonly vectors?: 'xmm' | 'ymm' | 'zmm';
}

const SEGMENT = /^([A-Z]{2,3}) *= *([0-9a-f]{4}) ([0-9a-f]{8,16}) ([0-9a-f]{8}) ([0-9a-f]{8})\b/;
const TABLE = /^([GI]DT) *= *([0-9a-f]{8,16}) ([0-9a-f]{8})\b/;
const PLAIN = /\b([A-Z][A-Z0-9]*) *=([0-9a-f]{4,16})\b/g;
/** Floating point and vectors are wider than a value here. */
const WIDE = /^(FPR|XMM|YMM|ZMM|Opmask)/;

/**
 * Reads the text of QEMU's `info registers [-a]` (x86_cpu_dump_state, target/i386/cpu-dump.c; held against 7.2). It is made for people: a line that does not fit is left out.
 */
export function parseRegisters(text: string): ProcessorRegisters[] {
  const processors: (ProcessorRegisters & {
    values: Record<string, string>;
    halted: boolean;
    vectors?: ProcessorRegisters['vectors'];
  })[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const head = line.startsWith('CPU#') ? /^CPU#(\d{1,4})$/.exec(line) : null;
    if (head !== null) processors.push({ index: Number(head[1]), values: {}, halted: false });
    const processor = processors.at(-1);
    if (head !== null || processor === undefined) continue;
    if (WIDE.test(line)) {
      const vectors = /^([XYZ]MM)00 *=/.exec(line)?.[1]?.toLowerCase();
      if (vectors === 'xmm' || vectors === 'ymm' || vectors === 'zmm') processor.vectors = vectors;
      continue;
    }
    const set = (name: string, digits: string | undefined) => {
      if (digits !== undefined) processor.values[name.toLowerCase()] = `0x${digits.replace(/^0+(?=.)/, '')}`;
    };
    const segment = SEGMENT.exec(line);
    const table = TABLE.exec(line);
    if (segment !== null) {
      const [, name = '', selector, base, limit, flags] = segment;
      set(name, selector);
      set(`${name}.base`, base);
      set(`${name}.limit`, limit);
      set(`${name}.flags`, flags);
    } else if (table !== null) {
      const [, name = '', base, limit] = table;
      set(`${name}.base`, base);
      set(`${name}.limit`, limit);
    } else {
      for (const [, name = '', digits] of line.matchAll(PLAIN)) set(name, digits);
      if (/\bHLT=1\b/.test(line)) processor.halted = true;
    }
  }
  return processors;
}
