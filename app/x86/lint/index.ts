/**
 * Descriptor tables checked, not only printed: the mistakes of boot code that processors punish late or never. Pure: whoever has
 * registers and memory can ask.
 */
import type { CodeMap, MachineTables, ProcessorState } from '../machine-state.ts';
import { ldtOf } from '../selectors.ts';
import { FAULT_RULES, isDead } from './fault-rules.ts';
import { GATE_RULES } from './idt-rules.ts';
import { LDT_RULES } from './ldt-rules.ts';
import { CONTROL_RULES, MACHINE_RULES } from './processor-rules.ts';
import type { Finding, RuleInfo } from './rule.ts';
import { SELECTOR_RULES } from './selector-rules.ts';
import { liesOnStack, TABLE_RULES } from './table-rules.ts';
import { TSS_RULES } from './tss-rules.ts';

export type { Finding, RuleInfo, Severity, Subject } from './rule.ts';

const PROCESSOR_RULES = [
  ...TABLE_RULES,
  ...SELECTOR_RULES,
  ...LDT_RULES,
  ...TSS_RULES,
  ...GATE_RULES,
  ...CONTROL_RULES,
  ...FAULT_RULES,
];

/** Every rule there is. */
export const RULES: readonly RuleInfo[] = [...PROCESSOR_RULES, ...MACHINE_RULES];

/** A table can have the same mistake in each of its entries: so many are told of one rule, and then their number. */
const MAX_OF_A_RULE = 16;
const ORDER = { error: 0, warning: 1, note: 2 };

/** What is wrong, the worst first. What several processors have in the same way is one finding. */
export function lint(machine: MachineTables): Finding[] {
  const findings: Finding[] = [];
  for (const rule of PROCESSOR_RULES) {
    const { check, ...info } = rule;
    const found = new Map<string, { evidence: string; subject: Finding['subject']; processors: number[] }>();
    for (const tables of machine.processors) {
      if (!isRunning(tables.processor)) continue;
      for (const { subject, text } of check(tables, machine)) {
        const known = found.get(text);
        if (known === undefined) found.set(text, { evidence: text, subject, processors: [tables.processor.index] });
        else if (!known.processors.includes(tables.processor.index)) known.processors.push(tables.processor.index);
      }
    }
    const all = [...found.values()];
    findings.push(...bounded(info, info.severity === 'note' ? together(all) : all));
  }
  for (const rule of MACHINE_RULES) {
    const { checkAll, ...info } = rule;
    findings.push(
      ...bounded(
        info,
        Array.from(checkAll(machine), ({ text, ...rest }) => ({ evidence: text, ...rest })),
      ),
    );
  }
  return findings.sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
}

/**
 * What the rules make of the registers that move with every instruction. While this, the other registers and memory stay as they are,
 * so do the findings: whoever looks thirty times a second need not check thirty times.
 */
export function movingPart(processor: ProcessorState, code: CodeMap | null): string {
  const { rip, rsp, cpl, gdt, idt } = processor;
  const stacked = [gdt, idt, ldtOf(processor)].map((it) => (it && liesOnStack(it.base, rsp, code) ? rsp : 0n));
  return [rip >> 32n, cpl, ...stacked, isDead(processor) ? rsp : ''].join(' ');
}

/** What is only worth knowing is told once for all processors. */
function together<T extends { evidence: string; processors: number[] }>(found: T[]): T[] {
  const [first] = found;
  if (first === undefined || found.length === 1) return found;
  return [{ ...first, processors: [...new Set(found.flatMap(({ processors }) => processors))] }];
}

/** In real mode tables are something else, or nothing yet. */
function isRunning({ cr0 }: { readonly cr0: bigint }): boolean {
  return (cr0 & 1n) !== 0n;
}

function bounded({ id, ...info }: RuleInfo, found: Pick<Finding, 'evidence' | 'subject' | 'processors'>[]): Finding[] {
  const all = found.map((it): Finding => ({ rule: id, ...info, ...it }));
  const last = all[MAX_OF_A_RULE - 1];
  if (all.length <= MAX_OF_A_RULE || last === undefined) return all;
  const more = { ...last, evidence: `${last.evidence}; and ${all.length - MAX_OF_A_RULE} more like this` };
  return [...all.slice(0, MAX_OF_A_RULE - 1), more];
}
