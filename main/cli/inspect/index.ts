import { cpu } from './cpu.ts';
import { dump } from './dump.ts';
import { irq } from './irq.ts';
import { memory } from './memory.ts';
import { paging } from './paging.ts';
import { boot, drivers, epitaph, trace } from './records.ts';
import type { Subject } from './subject.ts';
import { symbol } from './symbol.ts';
import { gdt, idt, ldt, tss } from './tables.ts';
import { virtio } from './virtio.ts';

/** In the order of the help. */
export const SUBJECTS: readonly Subject[] = [
  cpu,
  gdt,
  ldt,
  idt,
  tss,
  irq,
  paging,
  memory,
  symbol,
  virtio,
  boot,
  trace,
  epitaph,
  drivers,
  dump,
];
