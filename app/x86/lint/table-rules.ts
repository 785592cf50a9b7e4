import { isCanonical } from '../../base/address.ts';
import { tableBytes } from '../descriptors.ts';
import type { CodeMap, ProcessorTables, TableState } from '../machine-state.ts';
import { ldtOf } from '../selectors.ts';
import type { Evidence, ProcessorRule, Subject } from './rule.ts';
import { hex, placeText, unmappedRange } from './words.ts';

/** How near to the stack pointer a table counts as lying on the stack. */
const STACK_REACH = 16n * 1024n;

/** Near the stack pointer and in no symbol, or in a symbol that is called a stack. */
export function liesOnStack(base: bigint, rsp: bigint, code: CodeMap | null): boolean {
  const place = code?.at(base);
  if (place !== undefined) return /stack/i.test(place.symbol);
  return base >= rsp - STACK_REACH && base < rsp + STACK_REACH;
}

/** What is done about a base that is wrong: GDTR and IDTR take it from memory, LDTR from its descriptor. */
interface Cures {
  readonly base: string;
  readonly map: string;
}
const PACKED: Cures = {
  base: 'from a packed structure: two bytes of limit, then eight bytes of base.',
  map: 'load it anew after CR3. A fault while an exception is delivered is a double fault.',
};
const FROM_DESCRIPTOR: Cures = {
  base: 'with a descriptor that has all 64 bits of the base: bits 63:32 are in its second half.',
  map: 'load it with 0. Until then a load of any of its selectors is a page fault.',
};

/** GDTR, IDTR and LDTR: what they point to. No LDT, no mistake in it. */
function tableRules(name: 'gdt' | 'idt' | 'ldt', entry: number, section: string, cures: Cures): ProcessorRule[] {
  const title = name.toUpperCase();
  const subject: Subject = { kind: name };
  type Check = (table: TableState, tables: ProcessorTables, code: CodeMap | null) => string | false | undefined;
  const check =
    (it: Check): ProcessorRule['check'] =>
    (tables, { code }): Evidence[] => {
      const { processor } = tables;
      const table = name === 'ldt' ? ldtOf(processor) : processor[name];
      const text = table === undefined ? undefined : it(table, tables, code);
      return text === undefined || text === false ? [] : [{ subject, text }];
    };
  return [
    {
      ...{ id: `${name}-non-canonical`, severity: 'error', title: `${title} base is not canonical`, section },
      fix: `Load ${title}R ${cures.base}`,
      check: check(
        ({ base }) => !isCanonical(base) && `${title}R.base is ${hex(base)}: bits 63 to 47 are not all equal`,
      ),
    },
    {
      ...{ id: `${name}-limit`, severity: 'warning', title: `${title} limit is off by one`, section },
      fix: 'The limit is the offset of the last byte: size of the table minus one.',
      check: check(({ limit }, { processor }) => {
        const unit = processor.long ? entry : 8;
        const rest = tableBytes(limit) % unit;
        return (
          rest !== 0 &&
          `${title}R.limit is ${hex(limit)}: ${hex(limit)} + 1 is no multiple of ${unit}, ${rest} left over`
        );
      }),
    },
    {
      ...{ id: `${name}-unmapped`, severity: 'error', title: `${title} is not mapped`, section },
      fix: `Map the table where ${title}R says, or ${cures.map}`,
      check: check(({ base, limit }, tables) => {
        const why = isCanonical(base) ? unmappedRange(tables, base, tableBytes(limit)) : undefined;
        return why && `${title}R is ${hex(base)}, limit ${hex(limit)}: ${why}`;
      }),
    },
    {
      ...{ id: `${name}-on-stack`, severity: 'error', title: `${title} lies on a stack`, section },
      fix: 'Make the table static, or allocate it for ever: the function that filled it has returned, and calls write over it.',
      check: check(({ base }, { processor: { rsp } }, code) => {
        const where = base < rsp ? 'below it, where the next call writes' : 'on the stack in use';
        return (
          liesOnStack(base, rsp, code) && `${title}R.base ${placeText(base, code)}, and RSP is ${hex(rsp)}: ${where}`
        );
      }),
    },
    {
      ...{
        id: `${name}-user`,
        severity: 'warning',
        title: `${title} can be written by user mode`,
        section: 'SDM Vol. 3A §4.6',
      },
      fix: 'Clear U/S in the page tables of the page that holds it.',
      check: check(({ base }, { translate }) => {
        const page = translate(base);
        const found = page.kind === 'mapped' && page.user && page.writable && page.steps.length > 0;
        return found && `the page of ${hex(base)} is user and writable at every level`;
      }),
    },
    {
      ...{ id: `${name}-writable`, severity: 'note', title: `${title} is writable`, section: 'SDM Vol. 3A §4.6' },
      fix: 'Map it read-only once it is filled (of the GDT and the LDT: with every accessed and busy bit set), so that a stray write faults.',
      check: check(({ base }, { translate, processor: { rsp } }, code) => {
        const page = translate(base);
        // Stacks are writable: that a table lies there is the mistake.
        const found = page.kind === 'mapped' && page.writable && !page.user && page.steps.length > 0;
        return found && !liesOnStack(base, rsp, code) && `the page of ${hex(base)} is writable by ring 0`;
      }),
    },
  ];
}

export const TABLE_RULES: readonly ProcessorRule[] = [
  ...tableRules('gdt', 8, 'SDM Vol. 3A §2.4.1, §3.5.1', PACKED),
  ...tableRules('idt', 16, 'SDM Vol. 3A §2.4.3, §6.10', PACKED),
  ...tableRules('ldt', 8, 'SDM Vol. 3A §2.4.2, §3.5.1', FROM_DESCRIPTOR),
];
