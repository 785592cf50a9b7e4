import { bitNames } from '../bits.ts';
import type { MachineTables, ProcessorState, ProcessorTables } from '../machine-state.ts';
import { CR0, CR4, EFER, REGISTER_BITS, registerTitle } from '../registers.ts';
import { isNull } from '../selectors.ts';
import type { Evidence, MachineRule, ProcessorRule } from './rule.ts';
import { hex } from './words.ts';

const register = (name: string, text: string): Evidence => ({ subject: { kind: 'register', name }, text });

export const CONTROL_RULES: readonly ProcessorRule[] = [
  {
    ...{ id: 'sse-off', severity: 'warning', title: 'SSE instructions fault', section: 'SDM Vol. 3A §14.1, §10.6' },
    fix: 'Before any compiled code runs: set CR4.OSFXSR and OSXMMEXCPT, clear CR0.EM and CR0.TS. Compilers use SSE for plain copies.',
    *check({ processor: { cr0, cr4, long } }) {
      if (!long) return;
      if ((cr4 & CR4.OSFXSR) === 0n) yield register('cr4', `CR4 is ${hex(cr4)}: OSFXSR = 0, so SSE raises #UD`);
      else if ((cr0 & CR0.EM) !== 0n) yield register('cr0', `CR0 is ${hex(cr0)}: EM = 1, so SSE raises #UD`);
    },
  },
  {
    ...{
      id: 'long-mode-without-pae',
      severity: 'error',
      title: 'Long mode without PAE',
      section: 'SDM Vol. 3A §10.8.5',
    },
    fix: 'Set CR4.PAE before CR0.PG. Hardware raises #GP at the move to CR0; QEMU under TCG goes on.',
    *check({ processor: { cr0, cr4, efer } }) {
      if ((cr0 & CR0.PG) !== 0n && (efer & EFER.LME) !== 0n && (cr4 & CR4.PAE) === 0n)
        yield register('cr4', `CR0.PG = 1, EFER.LME = 1, and CR4 is ${hex(cr4)}: PAE = 0`);
    },
  },
  {
    ...{ id: 'cr3-outside-ram', severity: 'error', title: 'CR3 points to no RAM', section: 'SDM Vol. 3A §4.5.2' },
    fix: 'CR3 wants the physical address of the root table, not its linear one.',
    *check({ processor, translate }) {
      if ((processor.cr0 & CR0.PG) === 0n || !processor.long) return;
      // Any address begins at the root.
      const walk = translate(0n);
      if (walk.kind === 'unreadable' && walk.steps.length === 0)
        yield register('cr3', `CR3 is ${hex(processor.cr3)}: the root table would be at ${hex(walk.address)}`);
    },
  },
  {
    ...{ id: 'no-execute-off', severity: 'note', title: 'No-execute is off', section: 'SDM Vol. 3A §4.6' },
    fix: 'Set EFER.NXE before page tables with bit 63 are loaded, on every core: without it that bit is reserved and raises #PF with RSVD.',
    *check({ processor: { efer, long } }) {
      if (long && (efer & EFER.NXE) === 0n) yield register('efer', `EFER is ${hex(efer)}: NXE = 0`);
    },
  },
  {
    ...{
      id: 'write-protect-off',
      severity: 'note',
      title: 'Ring 0 may write to read-only pages',
      section: 'SDM Vol. 3A §4.6',
    },
    fix: 'Set CR0.WP, so that a write through a wild pointer into code faults.',
    *check({ processor: { cr0, long } }) {
      if (long && (cr0 & CR0.WP) === 0n) yield register('cr0', `CR0 is ${hex(cr0)}: WP = 0`);
    },
  },
];

/** Bits that mean nothing by themselves: TS is switched lazily, and PSE is without effect in long mode, where firmware has left it set. */
const LIVELY: Readonly<Record<string, bigint>> = { cr0: CR0.TS, cr4: CR4.PSE, efer: 0n };

/** Only processors that have been started count: the others still wait in real mode for their SIPI. */
function started({ processors }: MachineTables): readonly ProcessorTables[] {
  return processors.filter(({ processor }) => processor.long);
}

function differing(
  machine: MachineTables,
  what: (processor: ProcessorState, first: ProcessorState) => string | undefined,
): { processors: number[]; text: string }[] {
  const [first, ...rest] = started(machine);
  const groups = new Map<string, number[]>();
  if (first === undefined) return [];
  for (const { processor } of rest) {
    const text = what(processor, first.processor);
    if (text !== undefined) groups.set(text, [...(groups.get(text) ?? []), processor.index]);
  }
  return [...groups].map(([text, processors]) => ({ processors, text: `core ${processors.join(', ')}: ${text}` }));
}

export const MACHINE_RULES: readonly MachineRule[] = [
  {
    ...{
      id: 'core-control-differs',
      severity: 'warning',
      title: 'A core has other control bits than the first',
      section: 'SDM Vol. 3A §9.4',
    },
    fix: 'Run the same set-up on every core: CR0, CR4 and EFER start at their reset values on each.',
    *checkAll(machine) {
      for (const name of ['cr0', 'cr4', 'efer'] as const) {
        const table = REGISTER_BITS[name];
        const found = differing(machine, (processor, first) => {
          const changed = (processor[name] ^ first[name]) & ~(LIVELY[name] ?? 0n);
          return changed === 0n || table === undefined
            ? undefined
            : `${registerTitle(name)} is ${hex(processor[name])}, of core ${first.index} ${hex(first[name])}: ${bitNames(changed, table)}`;
        });
        for (const { processors, text } of found) yield { ...register(name, text), processors };
      }
    },
  },
  {
    ...{
      id: 'core-idt-differs',
      severity: 'warning',
      title: 'A core has another IDT than the first',
      section: 'SDM Vol. 3A §6.10',
    },
    fix: 'Load IDTR on every core as it starts; at reset it is base 0, limit 0xffff.',
    *checkAll(machine) {
      const found = differing(machine, ({ idt }, { idt: first, index }) =>
        idt.base === first.base && idt.limit === first.limit
          ? undefined
          : `IDTR is ${hex(idt.base)}, limit ${hex(idt.limit)}; of core ${index} ${hex(first.base)}, limit ${hex(first.limit)}`,
      );
      for (const { processors, text } of found) yield { subject: { kind: 'idt' }, processors, text };
    },
  },
  {
    ...{ id: 'core-tss-shared', severity: 'error', title: 'Two cores use one TSS', section: 'SDM Vol. 3A §8.2.2' },
    fix: 'Give each core a TSS of its own: an exception on both at once uses the same interrupt stacks.',
    *checkAll(machine) {
      const users = new Map<bigint, number[]>();
      for (const { processor } of started(machine)) {
        const { tr } = processor.segments;
        if (!isNull(tr.selector)) users.set(tr.base, [...(users.get(tr.base) ?? []), processor.index]);
      }
      for (const [base, processors] of users)
        if (processors.length > 1)
          yield {
            subject: { kind: 'tss' },
            processors,
            text: `cores ${processors.join(', ')} have TR.base ${hex(base)}`,
          };
    },
  },
  {
    ...{
      id: 'core-without-tss',
      severity: 'warning',
      title: 'A core has no TSS, and the first has',
      section: 'SDM Vol. 3A §8.2.3',
    },
    fix: 'Load TR on every core as it starts.',
    *checkAll(machine) {
      const bare = started(machine).filter(({ processor }) => isNull(processor.segments.tr.selector));
      // Where gates want stacks, that is the worse mistake and has its own rule.
      const silent = bare.filter(({ gates }) => !gates.some((gate) => gate.present && gate.ist !== 0));
      const processors = silent.map(({ processor }) => processor.index);
      if (processors.length > 0 && bare.length < started(machine).length)
        yield { subject: { kind: 'tss' }, processors, text: `TR of core ${processors.join(', ')} is 0` };
    },
  },
];
