import type { MachineTables, ProcessorTables } from '../machine-state.ts';

/** `error`: the processor faults, at once or at the next use. `warning`: it works until something else happens. `note`: worth knowing. */
export type Severity = 'error' | 'warning' | 'note';

/** What a rule has found. */
export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  readonly title: string;
  /** Addresses, bytes and values, and what follows from them. */
  readonly evidence: string;
  readonly fix: string;
  readonly section: string;
  /** Processors that have it. */
  readonly processors: readonly number[];
  readonly subject: Subject;
}

/** What a finding is about: the row that the pane marks. */
export type Subject =
  | { readonly kind: 'gdt' | 'ldt' | 'idt' | 'tss' | 'processor' }
  /** Of the GDT; of the LDT. */
  | { readonly kind: 'descriptor' | 'ldt-descriptor'; readonly index: number }
  | { readonly kind: 'gate'; readonly vector: number }
  | { readonly kind: 'ist'; readonly number: number }
  | { readonly kind: 'register'; readonly name: string };

export interface RuleInfo {
  /** Of a rule about one table it begins with the table's name: `tss-stale`. */
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  readonly fix: string;
  readonly section: string;
}

/** One mistake in one place. */
export interface Evidence {
  readonly subject: Subject;
  readonly text: string;
}

/** A mistake that one processor's tables show. */
export interface ProcessorRule extends RuleInfo {
  readonly check: (tables: ProcessorTables, machine: MachineTables) => Iterable<Evidence>;
}

/** A mistake that only all processors together show. */
export interface MachineRule extends RuleInfo {
  readonly checkAll: (machine: MachineTables) => Iterable<Evidence & { readonly processors: readonly number[] }>;
}
