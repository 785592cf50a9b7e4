/** Answers that nobody picks up: the way from the used ring back to the driver, hop by hop. */
import { formatAddress } from '../../base/address.ts';
import { plural } from '../../base/plural.ts';
import type { VirtioQueue } from '../../contract/inspect/virtio.ts';
import { distance, NO_SIGNAL } from '../split-ring.ts';
import {
  type Evidence,
  type Finding,
  type ProcessorFacts,
  type QueueProgress,
  type QueueRule,
  stillness,
} from './rule.ts';

const NO_VECTOR = 0xffff;

/** facts/virtqueues.md, rows "U moved, no notify", "notify sent, S ≠ U" and "CPU spins, U ≠ S". The first broken hop is named. */
export const notTakenBack: QueueRule = {
  about: 'queue',
  look(evidence, queue, facts) {
    if (!facts.stuck || facts.returned === null || facts.returned === 0) return undefined;
    const elsewhere = evidence.processors.find(isElsewhere);
    if (elsewhere !== undefined) {
      // What is broken for certain is so whatever the processor does; else it may still come round to look.
      const broken = masked(evidence, queue, facts) ?? noVector(evidence, queue, facts);
      if (broken !== undefined) return broken;
      return {
        ...answers(evidence, queue, facts, [[`CPU ${elsewhere.index}`, `runs at ${place(elsewhere)}`]]),
        id: 'driver-elsewhere',
        section: 'virtio 1.2 §2.7.14',
        severity: 'warning',
        confidence: 'possible',
        title: `${plural(facts.returned, 'answer')} wait while the processor is busy with something else`,
        explanation:
          'The device has answered, and the processor calculates. A driver that polls between other work, or that has switched interrupts off until it has time, takes its answers later; if it never does, this is a hang.',
        fix: 'Look again in a few seconds. Where answers must not wait so long, take them in an interrupt handler.',
      };
    }
    for (const hop of [suppressed, masked, noVector, lineUnread, interruptsOff, inService, spinning]) {
      const finding = hop(evidence, queue, facts);
      if (finding !== undefined) return finding;
    }
    return {
      ...answers(evidence, queue, facts, []),
      id: 'answers-not-taken',
      section: 'virtio 1.2 §2.7.14',
      confidence: 'likely',
      title: `${plural(facts.returned, 'answer')} lie in the used ring, and the driver does not look`,
      explanation:
        'No hop on the way of the interrupt is visibly broken. The handler may not be connected to this vector, or it does not walk the used ring up to used.idx.',
      fix: 'In the handler, take everything up to used.idx in a loop; read used.idx again after interrupts are on again.',
    };
  },
};

function answers(
  evidence: Evidence,
  queue: VirtioQueue,
  { used, lastUsed }: QueueProgress,
  more: readonly (readonly [string, string])[],
): Pick<Finding, 'severity' | 'evidence'> {
  return {
    severity: 'error',
    evidence: [
      ['used.idx', `${used} at ${formatAddress(BigInt(queue.usedAt) + 2n)}`],
      ['last used index of the driver', `${lastUsed}: ${distance(lastUsed ?? used, used)} not taken`],
      ...more,
      stillness(evidence),
    ],
  };
}

type Hop = (evidence: Evidence, queue: VirtioQueue, facts: QueueProgress) => Finding | undefined;

/** Whether the driver polls: by its own word, or since it never let the device interrupt. */
const polls = (queue: VirtioQueue) => queue.driver?.source === 'registry' && queue.driver.vector === null;

const suppressed: Hop = (evidence, queue, facts) => {
  if (queue.avail === null || polls(queue)) return undefined;
  const { event, flags } = queue.avail;
  const wanted =
    event === null ? (flags & NO_SIGNAL) === 0 : distance(facts.lastUsed ?? 0, event) < (facts.returned ?? 0);
  if (wanted) return undefined;
  return {
    ...answers(evidence, queue, facts, [
      ["driver's wish", event === null ? `avail.flags is ${flags}: no interrupts` : `used_event is ${event}`],
    ]),
    id: 'interrupt-suppressed',
    section: 'virtio 1.2 §2.7.7, §2.7.10',
    confidence: 'likely',
    title: 'The driver waits for an interrupt that it has forbidden',
    explanation:
      'Interrupts for these answers are suppressed by the driver itself. It switched them on too late, or without looking at used.idx again afterwards: the answers came in between.',
    fix: 'Enable interrupts (clear avail.flags, or used_event = last used), then a full barrier, then look at used.idx once more before sleeping.',
  };
};

const masked: Hop = (evidence, queue, facts) => {
  const msix = evidence.device.pci?.msix;
  if (msix == null || msix.enabled === false || polls(queue)) return undefined;
  const vector = queue.driver?.vector ?? null;
  const entry = msix.entries.find((it) => (vector === null ? it.pending : it.vector === vector));
  // What is pending was raised while MSI-X was on; of what is not, nobody knows where nobody says that it is.
  if (msix.enabled === null && entry?.pending !== true) return undefined;
  if (msix.functionMasked !== true && !(entry?.masked ?? false)) return undefined;
  return {
    ...answers(evidence, queue, facts, [
      [
        'MSI-X',
        msix.functionMasked ? 'function mask (bit 14 of message control) is set' : `entry ${entry?.index} is masked`,
      ],
      ['pending', entry?.pending ? `the device has raised entry ${entry.index}` : 'no'],
    ]),
    id: 'msix-masked',
    section: 'PCI Local Bus 3.0 §6.8.2; virtio 1.2 §4.1.5.1.2',
    confidence: 'certain',
    title: 'The MSI-X vector of this queue is masked',
    explanation:
      'The device has given buffers back and wants to interrupt, but the vector is masked: the message waits in the pending bit array.',
    fix: msix.functionMasked
      ? 'Clear the function mask in the MSI-X capability.'
      : 'Clear bit 0 of the vector control word of the table entry.',
  };
};

const noVector: Hop = (evidence, queue, facts) => {
  const { pci } = evidence.device;
  if (pci?.msix == null || pci.msix.enabled === null || polls(queue)) return undefined;
  const own = pci.selectedQueue === queue.index ? pci.selectedVector : null;
  const empty = pci.msix.entries.every((it) => it.vector === null);
  if (!pci.msix.enabled) {
    // INTx may do the work, unless it is forbidden.
    if (pci.intxDisabled !== true) return undefined;
  } else if (own !== NO_VECTOR && !empty) return undefined;
  return {
    ...answers(evidence, queue, facts, [
      ['MSI-X', pci.msix.enabled ? 'enabled' : 'disabled, and INTx is disabled too (command bit 10)'],
      ...(own === null
        ? []
        : [['queue_msix_vector', `0x${own.toString(16)}${own === NO_VECTOR ? ' (NO_VECTOR)' : ''}`] as const]),
      ...(empty ? [['MSI-X table', 'no entry holds an interrupt message'] as const] : []),
    ]),
    id: 'msix-no-vector',
    section: 'virtio 1.2 §4.1.5.1.2, §4.1.4.3',
    confidence: 'certain',
    title: 'The queue has no interrupt: its answers wake nobody',
    explanation:
      'The driver waits for an interrupt, and the device was never told which one to raise, or was told and answered NO_VECTOR (0xffff), which means that it had no room for the mapping.',
    fix: 'Program the MSI-X table entry, write its number to queue_msix_vector while the queue is selected, read it back, and enable MSI-X in its capability.',
  };
};

/** With MSI-X the ISR register means nothing; with a line, reading it is what lowers the line (§4.1.4.5). */
const lineUnread: Hop = (evidence, queue, facts) => {
  const { pci, isr, transport } = evidence.device;
  const byMessage = pci?.msix?.enabled ?? (pci?.from === 'map' ? null : false);
  const byLine = transport === 'mmio' || (pci !== null && byMessage === false);
  if (!byLine || isr === null || (isr & 1) === 0 || polls(queue)) return undefined;
  const enabled = evidence.processors.some((it) => it.interruptsEnabled);
  if (!enabled) return undefined;
  return {
    ...answers(evidence, queue, facts, [['interrupt status', `0x${isr.toString(16)}: bit 0 is set and was not read`]]),
    id: 'isr-unread',
    section: transport === 'mmio' ? 'virtio 1.2 §4.2.2' : 'virtio 1.2 §4.1.4.5',
    confidence: 'likely',
    title: 'The interrupt line is raised, and nobody answers it',
    explanation:
      'The device holds its line until the driver reads the ISR status (PCI) or writes InterruptACK (MMIO). Either the line is not routed to a handler (IOAPIC entry masked or at the wrong pin), or the handler does not acknowledge it; an edge-triggered entry then never fires again.',
    fix: 'Route the line level-triggered in the IOAPIC, and read the ISR (or write InterruptACK) in the handler before walking the used ring.',
  };
};

const interruptsOff: Hop = (evidence, queue, facts) => {
  const { processors } = evidence;
  if (polls(queue) || processors.length === 0 || processors.some((it) => it.interruptsEnabled)) return undefined;
  const vector = queue.driver?.vector ?? null;
  const waiting = processors.find((it) => vector !== null && it.requested?.includes(vector));
  return {
    ...answers(evidence, queue, facts, [
      [
        'RFLAGS.IF',
        processors.map((it) => `CPU ${it.index}: 0${it.halted ? ', halted' : ` at ${place(it)}`}`).join('; '),
      ],
      ...(waiting === undefined
        ? []
        : [['local APIC', `vector ${vector} waits in IRR of CPU ${waiting.index}`] as const]),
    ]),
    id: 'interrupts-disabled',
    section: 'Intel SDM Vol. 3A §6.8.1',
    confidence: waiting === undefined ? 'likely' : 'certain',
    title: 'No processor takes interrupts: IF is 0',
    explanation:
      'The device has answered, but every processor runs with interrupts disabled. A driver that waits in that state, or in `hlt` after `cli`, waits for ever.',
    fix: 'Enable interrupts before waiting (`sti; hlt` as a pair), or poll.',
  };
};

const inService: Hop = (evidence, queue, facts) => {
  const vector = queue.driver?.vector ?? null;
  const busy = evidence.processors.find(
    (it) => vector !== null && it.inService?.some((own) => own >> 4 >= vector >> 4),
  );
  if (busy === undefined || vector === null) return undefined;
  return {
    ...answers(evidence, queue, facts, [
      ['local APIC', `CPU ${busy.index} has vector ${busy.inService?.join(', ')} in service (ISR)`],
      ['runs at', place(busy)],
    ]),
    id: 'no-eoi',
    section: 'Intel SDM Vol. 3A §11.8.5',
    confidence: 'likely',
    title: 'An interrupt was never ended: EOI is missing',
    explanation: `A vector of the same or a higher priority class stands in service, so the local APIC holds back vector ${vector}. A handler returned without writing EOI, or is still in it.`,
    fix: 'Write 0 to the EOI register (offset 0xB0) at the end of every handler but those of spurious interrupts and exceptions.',
  };
};

/** "Adding a log line hides it": the load of used.idx was moved out of the loop. */
const spinning: Hop = (evidence, queue, facts) => {
  const processor = evidence.processors.find((it) => !it.halted && (travelled(it) ?? NEAR) < NEAR);
  if (processor === undefined) return undefined;
  return {
    ...answers(evidence, queue, facts, [
      [`CPU ${processor.index}`, `spins: ${formatAddress(processor.ripBefore ?? 0n)}, then ${place(processor)}`],
    ]),
    id: 'driver-spins',
    section: 'virtio 1.2 §2.7.13; Rust: core::ptr::read_volatile, core::sync::atomic',
    confidence: 'possible',
    title: 'The driver spins on an index that it does not read again',
    explanation:
      'In memory the answer is there, and a processor runs in a small loop without taking it. If the loop reads used.idx as ordinary memory, the compiler may load it once, before the loop.',
    fix: 'Load used.idx as an atomic with acquire order (or volatile, then a fence) in each turn of the loop.',
  };
};

/** A loop that waits is shorter than this. */
const NEAR = 256n;

/** Bytes between the two looks' instructions; undefined after one look. */
function travelled({ rip, ripBefore }: ProcessorFacts): bigint | undefined {
  if (ripBefore === null) return undefined;
  return rip > ripBefore ? rip - ripBefore : ripBefore - rip;
}

/** It runs, and not in one small loop. */
function isElsewhere(it: ProcessorFacts): boolean {
  return !it.halted && (travelled(it) ?? 0n) >= NEAR;
}

const place = (it: ProcessorFacts) => `${formatAddress(it.rip)}${it.symbol === null ? '' : ` ${it.symbol}`}`;

/** Known without the driver's word: the device has raised an entry that is masked, and it stays so. */
export const pendingMasked: QueueRule = {
  about: 'queue',
  look(evidence, queue, { stuck, lastUsed }) {
    const msix = evidence.device.pci?.msix;
    if (!stuck || lastUsed !== null || msix == null || msix.enabled === false || queue.index !== 0) return;
    const entry = msix.entries.find((it) => it.pending);
    if (entry === undefined || evidence.before?.pci?.msix?.entries[entry.index]?.pending !== true) return;
    return {
      id: 'msix-masked',
      section: 'PCI Local Bus 3.0 §6.8.2',
      severity: 'error',
      confidence: 'likely',
      title: `MSI-X entry ${entry.index} is pending and masked`,
      explanation: 'The device wants to interrupt, and its message is held back by the mask.',
      evidence: [
        ['MSI-X', `entry ${entry.index}: pending, ${msix.functionMasked === true ? 'function masked' : 'masked'}`],
        stillness(evidence),
      ],
      fix: 'Unmask the entry (vector control bit 0) and the function (message control bit 14).',
    };
  },
};
