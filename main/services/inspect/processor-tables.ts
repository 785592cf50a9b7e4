import { formatAddress } from '../../../app/base/address.ts';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import type {
  CodePlaces,
  CpuView,
  TableEdit,
  TablesView,
  WhatIfQuestion,
  WhatIfRequest,
  WhatIfView,
} from '../../../app/contract/index.ts';
import type { ProcessorRegisters } from '../../../app/wire/qemu-registers.ts';
import { cpuView } from '../../../app/x86/cpu-view.ts';
import { lint, movingPart } from '../../../app/x86/lint/index.ts';
import { loadSelector } from '../../../app/x86/load-selector.ts';
import {
  type CodeMap,
  type Edit,
  type MachineTables,
  type ProcessorState,
  type ProcessorTables,
  processorState,
  readTables,
  type SegmentState,
} from '../../../app/x86/machine-state.ts';
import { type GuestMemory, linearMemory } from '../../../app/x86/memory.ts';
import { isNull } from '../../../app/x86/selectors.ts';
import { stubCalls } from '../../../app/x86/stub.ts';
import { predictionView, symbolText, tablesView } from '../../../app/x86/tables-view.ts';
import { deliver } from '../../../app/x86/what-if.ts';
import { readPlaces } from './code-places.ts';
import { readMsrs } from './msrs.ts';
import { type InspectTarget, lookSettled, pagingOf, processorOf } from './target.ts';

export async function readCpu(target: InspectTarget): Promise<Result<CpuView>> {
  const processors = await target.processors();
  if (!processors.ok) return processors;
  const code = await codeMapOf(target, processors.value);
  const msrs = await readMsrs(target, processors.value, code);
  return ok(cpuView(processors.value, (rip) => symbolText(rip, code), msrs));
}

export async function readProcessorTables(target: InspectTarget, index: number): Promise<Result<TablesView>> {
  const all = await statesOf(target, index);
  if (!all.ok) return all;
  const { states, code } = all.value;
  const key = [code, ...states.map((it) => tablesKey(it, code))];
  const seen = await lookSettled(target, `tables ${index}`, key, (memory): TablesView | undefined => {
    const machine = machineTables(states, code, memory);
    const chosen = machine.processors.find(({ processor }) => processor.index === index);
    return chosen === undefined ? undefined : { ...tablesView(machine, chosen), torn: false };
  });
  if (!seen.ok) return seen;
  const { value, torn } = seen.value;
  if (value === undefined) return notInStep(index);
  return ok(torn ? { ...value, torn } : value);
}

/** All of a processor that its tables' view and findings depend on, beside memory: not the registers that move all the time. */
export function tablesKey(state: ProcessorState, code: CodeMap | null): string {
  const { index, cr0, cr3, cr4, efer, gdt, idt, segments } = state;
  const segment = ({ selector, base, limit, hidden }: SegmentState) => `${selector} ${base} ${limit} ${hidden.raw}`;
  return [
    ...[index, cr0, cr3, cr4, efer, gdt.base, gdt.limit, idt.base, idt.limit],
    ...Object.values(segments).map(segment),
    movingPart(state, code),
  ].join(',');
}

export async function readWhatIf(
  target: InspectTarget,
  { processor, edits, question }: WhatIfRequest,
): Promise<Result<WhatIfView>> {
  const all = await statesOf(target, processor);
  if (!all.ok) return all;
  const { states, code } = all.value;
  const own = states.find(({ index }) => index === processor);
  if (own === undefined) return notInStep(processor);
  const lost = edits.find(({ table }) => baseOf(own, table) === undefined);
  if (lost !== undefined) return noTable(lost.table);
  const changes = edits.map((edit) => editOf(own, edit));
  const seen = await target.look((memory): WhatIfView | undefined => {
    const before = machineTables(states, code, memory);
    const after = machineTables(states, code, memory, changes);
    const of = ({ processors }: MachineTables) => processors.find((it) => it.processor.index === processor);
    const [was, would] = [of(before), of(after)];
    if (was === undefined || would === undefined) return undefined;
    const known = new Set(lint(before).map(({ rule, evidence }) => `${rule} ${evidence}`));
    return {
      before: predict(was, question, code),
      after: predict(would, question, code),
      findings: lint(after)
        .filter(({ rule, evidence }) => !known.has(`${rule} ${evidence}`))
        .map((it) => ({ ...it, processors: [...it.processors] })),
    };
  });
  if (!seen.ok) return seen;
  return seen.value === undefined ? notInStep(processor) : ok(seen.value);
}

/** A handler and what it calls: stubs of the assembler have no lines of their own. */
export async function readHandler(
  target: InspectTarget,
  startedAt: number | null,
  address: bigint,
  root: string,
): Promise<Result<CodePlaces>> {
  const image = await target.image();
  if (!image.ok) return image;
  const paging = await pagingOf(target);
  if (!paging.ok) return paging;
  const { elf } = image.value;
  const functions = new Set(elf.symbols.filter(({ kind }) => kind === 'function').map((it) => it.address));
  const calls = await target.look((memory) =>
    stubCalls(linearMemory(memory, paging.value).read, address, (it) => functions.has(it)),
  );
  if (!calls.ok) return calls;
  return ok(readPlaces(image.value, startedAt, [address, ...calls.value], root, false));
}

function predict(tables: ProcessorTables, question: WhatIfQuestion, code: CodeMap | null): WhatIfView['before'] {
  if (question.kind === 'deliver') return predictionView(deliver(tables, question), code);
  const { register, selector } = question;
  const event = `${register.toUpperCase()} ← ${formatAddress(BigInt(selector))}`;
  return predictionView({ load: loadSelector(tables, register, selector), event }, code);
}

/** Where a table begins; undefined where its register is null, and there is none. */
function baseOf({ gdt, idt, segments }: ProcessorState, table: TableEdit['table']): bigint | undefined {
  if (table === 'gdt' || table === 'idt') return { gdt, idt }[table].base;
  const { selector, base } = segments[table === 'tss' ? 'tr' : 'ldt'];
  return isNull(selector) ? undefined : base;
}

function editOf(processor: ProcessorState, { table, offset, bytes }: TableEdit): Edit {
  const address = (baseOf(processor, table) ?? 0n) + BigInt(offset);
  return { address: BigInt.asUintN(64, address), bytes: new Uint8Array(Buffer.from(bytes, 'hex')) };
}

function machineTables(
  states: readonly ProcessorState[],
  code: CodeMap | null,
  memory: GuestMemory,
  edits: readonly Edit[] = [],
): MachineTables {
  const read = (address: bigint, size: number) => memory.read(address, size);
  return { processors: states.map((state) => readTables(state, read, edits)), code };
}

/** Every processor, among which is the one that is asked for. */
async function statesOf(target: InspectTarget, index: number) {
  const wanted = await processorOf(target, index);
  if (!wanted.ok) return wanted;
  if (wanted.value.values['gdt.base'] === undefined)
    return fail(
      'no-table-registers',
      'Where the tables are is not known.',
      'this source tells neither GDTR nor IDTR nor TR',
      'Look at the processors and at memory.',
    );
  const processors = await target.processors();
  if (!processors.ok) return processors;
  return ok({ states: processors.value.map(processorState), code: await codeMapOf(target, processors.value) });
}

/**
 * What the image says, while the kernel is what runs: before it, firmware has tables of its own, of which the image knows nothing. A
 * foreign kernel has no image that we can read.
 */
export async function codeMapOf(
  target: InspectTarget,
  processors: readonly ProcessorRegisters[],
): Promise<CodeMap | null> {
  const image = await target.image();
  if (!image.ok) return null;
  const { elf } = image.value;
  const runs = processors.some((it) => {
    const { rip, cpl, long } = processorState(it);
    return long && cpl === 0 && elf.physicalOf(rip) !== undefined;
  });
  return runs ? image.value.symbols() : null;
}

function noTable(table: TableEdit['table']) {
  const [name, register] = table === 'tss' ? ['TSS', 'TR'] : ['LDT', 'LDTR'];
  return fail(
    'no-table',
    `There is no ${name} whose bytes could be changed.`,
    `${register} is null`,
    'Change the GDT or the IDT, or ask what would be if the register were loaded.',
  );
}

function notInStep(index: number) {
  return fail(
    'no-processor',
    `Processor ${index} has gone.`,
    'the machine was asked twice and answered differently',
    'Look again.',
  );
}
