/**
 * What a processor would do with a selector that is loaded: every check in the manual's order, and how it ends. Intel SDM Vol. 2 MOV, JMP,
 * LTR, LLDT; Vol. 3A §3.4.2, §5.6–5.8. IA-32e mode.
 */
import { isCanonical } from '../base/address.ts';
import { type Descriptor, descriptorTypeName, hasTypeBits, tableBytes } from './descriptors.ts';
import type { ProcessorTables } from './machine-state.ts';
import { Checks, GP, hex, NP, type Outcome, type Prediction, SS } from './prediction.ts';
import { descriptorOf, isNull, tableOf, tableStateOf } from './selectors.ts';

export type LoadRegister = 'cs' | 'ss' | 'ds' | 'es' | 'fs' | 'gs' | 'tr' | 'ldtr';

const INSTRUCTIONS: Partial<Record<LoadRegister, string>> = { tr: 'LTR', ldtr: 'LLDT', cs: 'JMP' };

/** Loads a selector: CS by a far return or jump in the same ring, TR by LTR, LDTR by LLDT, the others by MOV. */
export function loadSelector(tables: ProcessorTables, register: LoadRegister, selector: number): Prediction {
  const checks = new Checks(`SDM Vol. 2 ${INSTRUCTIONS[register] ?? 'MOV'}`);
  const text =
    register === 'tr' || register === 'ldtr'
      ? loadSystem(tables, register, selector, checks)
      : loadSegment(tables, register, selector, checks);
  const outcome: Outcome =
    checks.fault === undefined ? { kind: 'loaded', text } : { kind: 'fault', fault: checks.fault };
  return { checks: checks.list, outcome };
}

/**
 * The descriptor that a selector names, as the processor finds it; undefined if a check failed.
 * @param within what must be within the limit, as the check begins
 * @param last the descriptor's last byte
 */
export function namedDescriptor(
  tables: ProcessorTables,
  selector: number,
  { within, last = selector | 7, errorCode }: { within: string; last?: number; errorCode: number },
  checks: Checks,
): Descriptor | undefined {
  const { processor } = tables;
  const table = tableOf(selector);
  const register = `${table.toUpperCase()}R`;
  const { segments } = processor;
  if (table === 'ldt') {
    const { limit } = segments.ldt;
    // QEMU leaves base and limit in LDTR at reset, and has LLDT of 0 set both to 0.
    const goesOn = BigInt(last) <= limit ? `QEMU under TCG goes by LDTR.limit ${hex(limit)} alone` : undefined;
    const inUse = tableStateOf(processor, table) !== undefined;
    if (!checks.that(inUse, 'the selector names the LDT, and LDTR is not null', GP(errorCode), goesOn))
      return undefined;
  }
  const { base, limit } = table === 'gdt' ? processor.gdt : segments.ldt;
  if (!checks.that(last < tableBytes(limit), `${within} within ${register}.limit ${hex(limit)}`, GP(errorCode)))
    return undefined;
  const it = descriptorOf(tables, selector);
  const address = BigInt.asUintN(64, base + BigInt(selector & 0xfff8));
  checks.that(it !== undefined, 'the descriptor can be read', { vector: 14, errorCode: 0, address });
  return it;
}

/** LTR and LLDT: in ring 0, of a descriptor in the GDT, which in IA-32e mode has 16 bytes. */
function loadSystem(tables: ProcessorTables, register: 'tr' | 'ldtr', selector: number, checks: Checks): string {
  const { cpl, long } = tables.processor;
  const name = register.toUpperCase();
  const errorCode = selector & 0xfffc;
  if (!checks.that(cpl === 0, `CPL ${cpl} is 0`, GP(0))) return '';
  if (isNull(selector)) {
    if (register === 'ldtr') return 'LDTR is null: no LDT is in use, and selectors with TI = 1 raise #GP';
    checks.that(false, 'the selector for TR is not null', GP(0), 'QEMU under TCG takes a null TR');
    return '';
  }
  if (!checks.that(tableOf(selector) === 'gdt', 'the selector names the GDT (TI = 0)', GP(errorCode))) return '';
  const last = long ? (selector & 0xfff8) + 15 : selector | 7;
  const within = `the descriptor ends at ${hex(last)},`;
  const it = namedDescriptor(tables, selector, { within, last, errorCode }, checks);
  if (it === undefined) return '';
  const wanted = register === 'tr' ? 'an available TSS' : 'an LDT';
  const fits = register === 'tr' ? it.kind === 'tss' && !it.busy : it.kind === 'ldt';
  const type = descriptorTypeName(it);
  if (!checks.that(fits, `the descriptor is ${wanted}: it is ${type}`, GP(errorCode))) return '';
  if (it.kind !== 'tss' && it.kind !== 'ldt') return '';
  const upper = it.upper === null || !hasTypeBits(it.upper);
  const unseen = register === 'ldtr' ? 'QEMU under TCG does not look at them' : undefined;
  if (!checks.that(upper, 'the type bits of the upper half are 0', GP(errorCode), unseen)) return '';
  if (!checks.that(it.present, `the ${register === 'tr' ? 'TSS' : 'LDT'} is present`, NP(errorCode))) return '';
  checks.that(
    isCanonical(it.base),
    `base ${hex(it.base)} is canonical`,
    GP(errorCode),
    'QEMU under TCG takes any base',
  );
  const busy = register === 'tr' ? ', and the descriptor becomes busy' : '';
  return `${name} has base ${hex(it.base)}, limit ${hex(it.limit)}${busy}`;
}

type SegmentRegister = Exclude<LoadRegister, 'tr' | 'ldtr'>;

function loadSegment(tables: ProcessorTables, register: SegmentRegister, selector: number, checks: Checks): string {
  const { cpl, long } = tables.processor;
  const name = register.toUpperCase();
  const rpl = selector & 3;
  const code = selector & 0xfffc;
  if (isNull(selector)) {
    if (register === 'cs') checks.that(false, 'the selector for CS is not null', GP(0));
    else if (
      register === 'ss' &&
      checks.that(long && cpl < 3, 'SS may be null in 64-bit mode outside of ring 3', GP(0))
    )
      checks.that(rpl === cpl, `RPL ${rpl} of a null SS is CPL ${cpl}`, GP(0));
    return `${name} is null: in 64-bit mode that does no harm`;
  }
  const it = namedDescriptor(
    tables,
    selector,
    { within: `the descriptor ends at ${hex(selector | 7)},`, errorCode: code },
    checks,
  );
  if (it === undefined) return '';
  const type = descriptorTypeName(it);
  const isSegment = it.kind === 'segment';
  switch (register) {
    case 'ss':
      if (!checks.that(rpl === cpl, `RPL ${rpl} is CPL ${cpl}`, GP(code))) return '';
      if (!checks.that(isSegment && !it.code && it.access, `the descriptor is writable data: it is ${type}`, GP(code)))
        return '';
      if (!checks.that(it.dpl === cpl, `DPL ${it.dpl} is CPL ${cpl}`, GP(code))) return '';
      checks.that(it.present, 'the segment is present', SS(code));
      break;
    case 'cs':
      if (!checks.that(isSegment && it.code, `the descriptor is code: it is ${type}`, GP(code)) || !isSegment)
        return '';
      if (!checks.that(!(long && it.long && it.big), 'L and D are not both set', GP(code))) return '';
      if (it.special) checks.that(it.dpl <= cpl, `DPL ${it.dpl} of conforming code is at most CPL ${cpl}`, GP(code));
      else
        checks.that(
          rpl <= cpl && it.dpl === cpl,
          `RPL ${rpl} is at most CPL ${cpl}, and DPL ${it.dpl} is CPL`,
          GP(code),
        );
      if (checks.fault !== undefined || !checks.that(it.present, 'the segment is present', NP(code))) return '';
      return `CS runs ${long && it.long ? '64-bit code' : `${it.big ? 32 : 16}-bit code${long ? ', in compatibility mode: a REX prefix is INC or DEC' : ''}`}`;
    default: {
      if (
        !checks.that(
          isSegment && (!it.code || it.access),
          `the descriptor is data or readable code: it is ${type}`,
          GP(code),
        ) ||
        !isSegment
      )
        return '';
      const conforming = it.code && it.special;
      if (
        !conforming &&
        !checks.that(Math.max(rpl, cpl) <= it.dpl, `RPL ${rpl} and CPL ${cpl} are at most DPL ${it.dpl}`, GP(code))
      )
        return '';
      checks.that(it.present, 'the segment is present', NP(code));
    }
  }
  return `${name} is ${type}${long ? '; in 64-bit mode base and limit do not count' : ''}`;
}
