import { ok, type Result } from '../../../app/base/result.ts';
import type { IrqView } from '../../../app/contract/index.ts';
import { placeText } from '../../../app/pci/bridges.ts';
import { commandOf } from '../../../app/pci/config-space.ts';
import { ecamOf } from '../../../app/pci/ecam.ts';
import {
  MAX_MSIX_ENTRIES,
  MSIX_ENTRY_BYTES,
  type MsixCapability,
  msiOf,
  msixBytes,
  msixEntries,
  msixOf,
} from '../../../app/pci/msix.ts';
import {
  type LocalApic,
  type PciFunction,
  parseIrqCounts,
  parseLapic,
  parsePci,
  parsePic,
  rangeOf,
} from '../../../app/wire/qemu-irq.ts';
import { type FlatRange, parseFlatView } from '../../../app/wire/qemu-mtree.ts';
import {
  type IoApicState,
  type IrqFunction,
  type IrqProcessor,
  type IrqSources,
  irqView,
} from '../../../app/x86/irq-path.ts';
import { type ProcessorTables, processorState, readTables } from '../../../app/x86/machine-state.ts';
import type { GuestMemory } from '../../../app/x86/memory.ts';
import { Paced } from './paced.ts';
import { readBytes, readConfiguration } from './pci-config.ts';
import { codeMapOf, tablesKey } from './processor-tables.ts';
import { type InspectTarget, lookSettled } from './target.ts';
import { WiringReader } from './wiring.ts';

interface Controllers {
  readonly ioapics: readonly IoApicState[];
  readonly pics: IrqSources['pics'];
  /** In the order of the processors. */
  readonly lapics: readonly (LocalApic | undefined)[];
}

/** What QEMU is asked of one target; of its answers those that cost most are asked for the least often. */
class IrqQuestions {
  /** What the controllers have waiting and in service. Without an IOAPIC (`-machine pic`…) there is less to see, not nothing. */
  readonly controllers: Paced<Result<Controllers>>;
  /** What drivers have set up in PCI: a question and more for each function. Of a microvm, at which pins its devices hang. */
  readonly devices: Paced<Pick<IrqSources, 'functions' | 'lines'>>;

  constructor(target: InspectTarget) {
    const wiring = new WiringReader(target);
    this.controllers = new Paced(async () => {
      const processors = await target.processors();
      const [pic, counts, ...lapics] = await Promise.all([
        target.monitor('info pic'),
        target.monitor('info irq'),
        ...(processors.ok ? processors.value : []).map(({ index }) => target.monitor('info lapic', index)),
      ]);
      if (!pic.ok) return pic;
      const { ioapics, pics } = parsePic(pic.value);
      const places = await wiring.ioapics(ioapics.map((pins) => pins.length));
      const raised = counts.ok ? parseIrqCounts(counts.value).filter(({ type }) => type.endsWith('ioapic')) : [];
      const ALONE = { address: null, firstInterrupt: ioapics.length === 1 ? 0 : null, from: null };
      const states = ioapics.map((pins, n): IoApicState => {
        return { ...ALONE, ...places[n], pins, counts: raised[n]?.raised ?? new Map() };
      });
      return ok({
        ioapics: states.sort((a, b) => (a.firstInterrupt ?? 0) - (b.firstInterrupt ?? 0)),
        pics,
        lapics: lapics.map((it) => (it.ok ? parseLapic(it.value) : undefined)),
      });
    });
    this.devices = new Paced(async () => {
      const pci = await target.monitor('info pci');
      const found = pci.ok ? parsePci(pci.value) : [];
      // Asked once, and only of a machine that does not show configuration space.
      let flat: Promise<readonly FlatRange[]> | undefined;
      const ranges = () => {
        flat ??= target.monitor('info mtree -f').then((it) => (it.ok ? parseFlatView(it.value) : []));
        return flat;
      };
      return {
        functions: await Promise.all(found.map((it) => readFunction(target, it, found, ranges))),
        lines: await wiring.lines(),
      };
    });
  }
}

const questions = new WeakMap<InspectTarget, IrqQuestions>();

function questionsOf(target: InspectTarget): IrqQuestions {
  const known = questions.get(target) ?? new IrqQuestions(target);
  questions.set(target, known);
  return known;
}

/** Asks QEMU for all that an interrupt passes. Reading these device registers changes nothing in them. */
export async function readIrq(target: InspectTarget): Promise<Result<IrqView>> {
  const asked = questionsOf(target);
  const [registers, controllers, devices] = await Promise.all([
    target.processors(),
    asked.controllers.get(),
    asked.devices.get(),
  ]);
  if (!registers.ok) return registers;
  if (!controllers.ok) return controllers;
  const { ioapics, pics, lapics } = controllers.value;
  const code = await codeMapOf(target, registers.value);
  const states = registers.value.map(processorState);
  const tablesIn = (memory: GuestMemory) =>
    states.map((it) => readTables(it, (address, size) => memory.read(address, size)));
  const view = (tables: readonly ProcessorTables[]) => {
    const processors = tables.map((it, n): IrqProcessor => {
      const processor = states[n] ?? it.processor;
      return { tables: { ...it, processor }, halted: processor.halted, lapic: lapics[n] };
    });
    return irqView({ processors, ioapics, pics, ...devices, code });
  };
  // Where memory must be asked for, all that looks at it does so in one go.
  if (target.kept === null) return target.look((memory) => view(tablesIn(memory)));
  const key = states.map((it) => tablesKey(it, code));
  const settled = await lookSettled(target, 'irq', key, tablesIn);
  return settled.ok ? ok(view(settled.value.value)) : settled;
}

async function readFunction(
  target: InspectTarget,
  it: PciFunction,
  all: readonly PciFunction[],
  ranges: () => Promise<readonly FlatRange[]>,
): Promise<IrqFunction> {
  const place = placeText(it.bus, it);
  const base = {
    place,
    title: `${it.id === '' ? '' : `${it.id}, `}${it.kind} ${four(it.vendor)}:${four(it.product)}`,
    line: it.line,
  };
  const found = await readConfiguration(target, it, ecamOf(all), it.vendor);
  if (found === undefined)
    return { ...base, pinDisabled: false, msix: undefined, ...(await tableOf(target, it, all, await ranges())) };
  const config = found.bytes;
  const msix = msixOf(config);
  const bar = msix === undefined ? undefined : it.bars.get(msix.tableBar);
  const plain = msiOf(config);
  const table =
    msix?.enabled === true && bar !== undefined
      ? await readBytes(target, bar + BigInt(msix.tableOffset), msixBytes(msix).table)
      : NOTHING;
  const pending = msix?.enabled === true ? await pendingBits(target, it, msix, table) : NOTHING;
  const messages = msix?.enabled === true ? msixEntries(table, pending) : plain === undefined ? [] : [plain];
  return { ...base, pinDisabled: commandOf(config).intxDisabled, msix, messages, known: 'whole' };
}

/** Messages wait only where something is masked that has an address: elsewhere nobody needs to look. */
async function pendingBits(
  target: InspectTarget,
  { bars }: PciFunction,
  msix: MsixCapability,
  table: Uint8Array,
): Promise<Uint8Array> {
  const bar = bars.get(msix.pendingBar);
  const holds = msix.masked || msixEntries(table).some(({ masked, address }) => masked && address !== 0n);
  if (bar === undefined || !holds) return NOTHING;
  return readBytes(target, bar + BigInt(msix.pendingOffset), msixBytes(msix).pending);
}

/** Of a machine that runs, and shows configuration space through ports only: QEMU tells where MSI-X tables lie, not whether they are on. */
async function tableOf(
  target: InspectTarget,
  it: PciFunction,
  all: readonly PciFunction[],
  ranges: readonly FlatRange[],
): Promise<Pick<IrqFunction, 'messages' | 'known'>> {
  const place = rangeOf(ranges, it, all, 'msix-table');
  if (place === undefined) return { messages: [], known: 'nothing' };
  const bytes = Math.min(Number(place.bytes), MAX_MSIX_ENTRIES * MSIX_ENTRY_BYTES);
  return { messages: msixEntries(await readBytes(target, place.start, bytes)), known: 'table' };
}

const NOTHING = new Uint8Array();

const four = (n: number) => n.toString(16).padStart(4, '0');
