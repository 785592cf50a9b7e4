import { isCanonical } from '../../base/address.ts';
import { hasTypeBits, isStackTop, TSS64, tableBytes } from '../descriptors.ts';
import { canBeRaised, type ProcessorTables } from '../machine-state.ts';
import { isNull, systemDescriptorOf } from '../selectors.ts';
import type { ProcessorRule } from './rule.ts';
import { otherKind, secondHalfMissing } from './system-descriptor.ts';
import { hex, placeText, rawText, unmappedRange, unmappedText, vectorText } from './words.ts';

const TASK = 'SDM Vol. 3A §8.2.3, §8.7';
const STACKS = 'SDM Vol. 3A §6.14.5';

/** Vectors whose gates use an interrupt stack. */
function usersOf({ gates, processor }: ProcessorTables, ist: number): number[] {
  return gates
    .filter((gate) => gate.present && gate.ist === ist && canBeRaised(gate.vector, processor))
    .map(({ vector }) => vector);
}

/** Stacks that some gate uses, with their pointers. */
function usedStacks(tables: ProcessorTables): { ist: number; top: bigint; text: string }[] {
  const found: { ist: number; top: bigint; text: string }[] = [];
  for (const [n, top] of tables.tss?.ist.entries() ?? []) {
    const users = usersOf(tables, n + 1);
    const [first] = users;
    if (top === null || first === undefined) continue;
    const others = users.length === 1 ? '' : ` and ${users.length - 1} more`;
    found.push({ ist: n + 1, top, text: `IST${n + 1} is ${hex(top)}, the stack of ${vectorText(first)}${others}` });
  }
  return found;
}

export const TSS_RULES: readonly ProcessorRule[] = [
  {
    ...{
      id: 'no-task-register',
      severity: 'error',
      title: 'Gates want interrupt stacks, and no TSS is loaded',
      section: STACKS,
    },
    fix: 'Fill a TSS, put its 16-byte descriptor into the GDT, and load it with LTR before LIDT.',
    *check(tables) {
      if (!isNull(tables.processor.segments.tr.selector) || !tables.processor.long) return;
      const users = tables.gates.filter((gate) => gate.present && gate.ist !== 0);
      const [first] = users;
      if (first !== undefined)
        yield {
          subject: { kind: 'tss' },
          text: `TR is 0, and ${users.length} gates have IST ≠ 0, such as ${vectorText(first.vector)} with IST${first.ist}: its stack pointer is read at ${hex(28 + 8 * first.ist)}`,
        };
    },
  },
  {
    ...{ id: 'tss-descriptor-cut', severity: 'error', title: 'The TSS descriptor has only 8 bytes', section: TASK },
    fix: 'A TSS descriptor has 16 bytes in long mode: give it two slots, the second with base 63:32 and zeros.',
    check: (tables) => secondHalfMissing(tables, 'tr'),
  },
  {
    ...{ id: 'tss-wrong-type', severity: 'error', title: 'TR names no TSS of this GDT', section: TASK },
    fix: 'Put a TSS descriptor (type 9) at the selector, and load TR again after LGDT.',
    check: (tables) => otherKind(tables, 'tr'),
  },
  {
    ...{ id: 'tss-not-busy', severity: 'warning', title: 'The loaded TSS is marked available', section: TASK },
    fix: 'LTR marks it busy: the descriptor was written again afterwards. Load TR after the last change of the GDT.',
    *check(tables) {
      const it = systemDescriptorOf(tables, 'tr');
      if (it?.kind === 'tss' && !it.busy && it.present)
        yield {
          subject: { kind: 'descriptor', index: it.index },
          text: `TR is ${hex(tables.processor.segments.tr.selector)}, and GDT[${it.index}] = ${rawText(it.raw)} has type 9`,
        };
    },
  },
  {
    ...{
      id: 'tss-busy',
      severity: 'error',
      title: 'A TSS is marked busy, and no processor uses it',
      section: 'SDM Vol. 3A §8.2.2; Vol. 2 LTR',
    },
    fix: 'Write type 9 (available) into the descriptor: LTR raises #GP with the selector of a busy one, and sets the bit itself.',
    *check(tables, { processors }) {
      const { gdt, long } = tables.processor;
      const used = new Set(
        processors
          .filter(({ processor }) => processor.gdt.base === gdt.base)
          .map(({ processor }) => processor.segments.tr.selector >> 3),
      );
      for (const it of tables.descriptors)
        if (long && it.kind === 'tss' && it.busy && it.present && !used.has(it.index))
          yield {
            subject: { kind: 'descriptor', index: it.index },
            text: `GDT[${it.index}] = ${rawText(it.raw)} has type 11, and TR of this processor is ${hex(tables.processor.segments.tr.selector)}`,
          };
    },
  },
  {
    ...{ id: 'tss-stale', severity: 'warning', title: 'The TSS in use is not the one in the GDT', section: TASK },
    fix: 'Load TR again after the descriptor changes: the processor keeps base and limit until then.',
    *check(tables) {
      const { tr } = tables.processor.segments;
      const it = systemDescriptorOf(tables, 'tr');
      if (it?.kind !== 'tss' || it.upper === null || hasTypeBits(it.upper)) return;
      if (it.base !== tr.base || it.limit !== tr.limit)
        yield {
          subject: { kind: 'descriptor', index: it.index },
          text: `TR holds base ${hex(tr.base)}, limit ${hex(tr.limit)}; GDT[${it.index}] says base ${hex(it.base)}, limit ${hex(it.limit)}`,
        };
    },
  },
  {
    ...{ id: 'tss-unmapped', severity: 'error', title: 'The TSS is not mapped', section: TASK },
    fix: 'Map it, and check all 64 bits of the base: bits 63:32 are in the second half of the descriptor.',
    *check(tables) {
      const { tr } = tables.processor.segments;
      if (!tables.processor.long || isNull(tr.selector)) return;
      const why = isCanonical(tr.base)
        ? unmappedRange(tables, tr.base, Math.min(tableBytes(tr.limit), TSS64.bytes))
        : `${hex(tr.base)} is not canonical`;
      if (why !== undefined) yield { subject: { kind: 'tss' }, text: `TR.base is ${hex(tr.base)}: ${why}` };
    },
  },
  {
    ...{ id: 'tss-limit', severity: 'error', title: 'The TSS is too short for a stack that is used', section: STACKS },
    fix: 'The limit of a 64-bit TSS is 0x67 at least. A stack pointer beyond it raises #TS with the selector of TR.',
    *check(tables) {
      const { tr } = tables.processor.segments;
      if (!tables.processor.long || isNull(tr.selector)) return;
      for (let ist = 1; ist <= 7; ist++) {
        const [first] = usersOf(tables, ist);
        const last = 0x1c + 8 * ist + 7;
        if (first === undefined || BigInt(last) <= tr.limit) continue;
        yield {
          subject: { kind: 'ist', number: ist },
          text: `TR.limit is ${hex(tr.limit)}, and IST${ist}, which ${vectorText(first)} uses, ends at ${hex(last)}`,
        };
      }
    },
  },
  {
    ...{ id: 'ist-zero', severity: 'error', title: 'An interrupt stack that is used is 0', section: STACKS },
    fix: 'Write the top of a stack into the TSS before the gate is used. The first push goes to 0xfffffffffffffff8.',
    *check(tables) {
      for (const { ist, top, text } of usedStacks(tables))
        if (top === 0n) yield { subject: { kind: 'ist', number: ist }, text };
    },
  },
  {
    ...{ id: 'ist-non-canonical', severity: 'error', title: 'An interrupt stack is no address', section: STACKS },
    fix: 'Write all 64 bits of the top of the stack. Delivery raises #SS, and then #DF.',
    *check(tables) {
      for (const { ist, top, text } of usedStacks(tables))
        if (!isCanonical(top))
          yield { subject: { kind: 'ist', number: ist }, text: `${text}: bits 63 to 47 are not all equal` };
    },
  },
  {
    ...{
      id: 'ist-stack-start',
      severity: 'error',
      title: "An interrupt stack points at its stack's start",
      section: STACKS,
    },
    fix: 'Stacks grow down: the TSS wants the END of the stack, start plus size. As it is, pushes write over whatever lies before it.',
    *check(tables, { code }) {
      for (const { ist, top, text } of usedStacks(tables)) {
        const place = code?.at(top);
        if (place === undefined || place.start !== top || place.size < 64n) continue;
        // The end of one stack is the start of what follows it: only who has no stack right below is wrong.
        const below = code?.at(top - 1n);
        if (below !== undefined && below.start + below.size === top && /stack|ist/i.test(below.symbol)) continue;
        yield {
          subject: { kind: 'ist', number: ist },
          text: `${text}: that is where ${place.symbol} (${place.size} bytes) starts`,
        };
      }
    },
  },
  {
    ...{ id: 'ist-unmapped', severity: 'error', title: 'An interrupt stack is not mapped', section: STACKS },
    fix: 'Map the page below the pointer, writable. A fault on the stack of #DF is a triple fault.',
    *check(tables) {
      for (const { ist, top, text } of usedStacks(tables)) {
        if (!isStackTop(top)) continue;
        const below = top - 8n;
        const walk = tables.translate(below);
        const why =
          walk.kind === 'mapped' && !walk.writable
            ? `the page of ${hex(below)} is read-only`
            : unmappedText(tables, below);
        if (why !== undefined) yield { subject: { kind: 'ist', number: ist }, text: `${text}: ${why}` };
      }
    },
  },
  {
    ...{ id: 'ist-shared', severity: 'warning', title: 'NMI, #DF and #MC share an interrupt stack', section: STACKS },
    fix: 'Give each a stack of its own: one that comes inside another starts at the same top and writes over its frame.',
    *check(tables) {
      const critical = [2, 8, 18].flatMap((vector) => {
        const gate = tables.gates[vector];
        return gate?.present === true && gate.ist !== 0 ? [gate] : [];
      });
      const top = (ist: number) => tables.tss?.ist[ist - 1] ?? null;
      for (const [n, gate] of critical.entries()) {
        const twin = critical
          .slice(n + 1)
          .find((it) => it.ist === gate.ist || (top(it.ist) !== null && top(it.ist) === top(gate.ist)));
        if (twin !== undefined && top(gate.ist) !== 0n)
          yield {
            subject: { kind: 'gate', vector: twin.vector },
            text: `${vectorText(gate.vector)} uses IST${gate.ist}, ${vectorText(twin.vector)} IST${twin.ist}: ${placeText(top(gate.ist) ?? 0n, null)}`,
          };
      }
    },
  },
  {
    ...{
      id: 'ring-0-stack',
      severity: 'error',
      title: 'User mode runs, and there is no stack for ring 0',
      section: 'SDM Vol. 3A §6.14.2',
    },
    fix: 'Write the top of the kernel stack into RSP0 of the TSS before ring 3 is entered.',
    *check({ processor, tss }) {
      const rsp0 = tss?.rsp[0] ?? null;
      if (processor.long && processor.cpl === 3 && rsp0 !== null && !isStackTop(rsp0))
        yield { subject: { kind: 'tss' }, text: `the processor is in ring 3, and RSP0 is ${hex(rsp0)}` };
    },
  },
];
