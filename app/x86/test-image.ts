/** A crafted machine for tests: 1 MiB of RAM with page tables, GDT, TSS, IDT, code and stacks as they should be, for one mistake each. */
import { formatAddress } from '../base/address.ts';
import type { CodeMap, CodePlace, MachineTables, RegisterValues } from './machine-state.ts';
import { processorState, readTables } from './machine-state.ts';

const KERNEL = 0xffff_ffff_8000_0000n;
const RAM_BYTES = 1 << 20;
const GDT = 0x6000;
const IDT = 0x7000;
const TSS = 0x8000;
/** Only where `addLdt` puts it. */
const LDT = 0xa000;
const TEXT = 0x1_0000;
const TEXT_BYTES = 0x2000;
/** Eight stacks of 4 KiB, a page apart: 0 is the one in use, the others are IST1 to 7. */
const STACKS = 0x2_0000;

const READ_ONLY = 0x8000_0000_0000_0001n;
const CODE = 1n;
const DATA = 0x8000_0000_0000_0003n;

export class TestImage {
  readonly ram = new Uint8Array(RAM_BYTES);
  readonly #view = new DataView(this.ram.buffer);
  /** Of the first processor; a second one is a copy with changes. */
  registers: Record<string, bigint>;
  others: Record<string, bigint>[] = [];
  halted = false;
  /** Offsets of symbols in RAM, with their sizes. */
  symbols: { name: string; at: number; size: number }[] = [];

  static readonly gdt = KERNEL + BigInt(GDT);
  static readonly idt = KERNEL + BigInt(IDT);
  static readonly tss = KERNEL + BigInt(TSS);
  static readonly ldt = KERNEL + BigInt(LDT);
  static readonly text = KERNEL + BigInt(TEXT);
  static readonly pageTable = 0x4000;
  static readonly ramBytes = RAM_BYTES;

  /** Start of a stack, linear. */
  static stack(n: number): bigint {
    return KERNEL + BigInt(STACKS + n * 0x2000);
  }

  constructor() {
    this.#put(0x1000, 0x2003n);
    this.#put(0x1000 + 8 * 511, 0x5003n);
    this.#put(0x2000, 0x3003n);
    this.#put(0x5000 + 8 * 510, 0x3003n);
    this.#put(0x3000, 0x4003n);
    for (const at of [GDT, IDT, TSS]) this.page(at, READ_ONLY);
    for (let at = TEXT; at < TEXT + TEXT_BYTES; at += 0x1000) this.page(at, CODE);
    for (let n = 0; n < 8; n++) this.page(STACKS + n * 0x2000, DATA);
    const base = TestImage.tss;
    this.descriptor(1, 0x00af_9b00_0000_ffffn);
    this.descriptor(2, 0x00cf_9300_0000_ffffn);
    this.descriptor(3, 0x0000_8b00_0000_0067n | ((base & 0xff_ffffn) << 16n) | ((base & 0xff00_0000n) << 32n));
    this.descriptor(4, base >> 32n);
    for (let n = 1; n <= 7; n++) this.ist(n, TestImage.stack(n) + 0x1000n);
    this.#view.setUint16(TSS + 102, 104, true);
    for (let vector = 0; vector < 256; vector++) this.gate(vector, {});
    this.registers = {
      ...{ rip: TestImage.text + 0x40n, rsp: TestImage.stack(0) + 0xf00n, rfl: 0x202n },
      ...{ cr0: 0x8001_0033n, cr2: 0n, cr3: 0x1000n, cr4: 0x6a0n, efer: 0xd00n },
      ...segment('cs', 8n, 0n, 0xffff_ffffn, 0x00af_9b00n),
      ...segment('ss', 0x10n, 0n, 0xffff_ffffn, 0x00cf_9300n),
      ...segment('ds', 0x10n, 0n, 0xffff_ffffn, 0x00cf_9300n),
      ...segment('es', 0x10n, 0n, 0xffff_ffffn, 0x00cf_9300n),
      ...segment('fs', 0n, 0n, 0n, 0n),
      ...segment('gs', 0n, 0n, 0n, 0n),
      ...segment('ldt', 0n, 0n, 0xffffn, 0x8200n),
      ...segment('tr', 0x18n, base, 0x67n, 0x8b00n),
      ...{ 'gdt.base': TestImage.gdt, 'gdt.limit': 0x27n, 'idt.base': TestImage.idt, 'idt.limit': 0xfffn },
    };
    this.symbols.push({ name: 'kernel::GDT', at: GDT, size: 40 }, { name: 'kernel::IDT', at: IDT, size: 4096 });
    this.symbols.push({ name: 'kernel::TSS', at: TSS, size: 104 }, { name: 'trap_stubs', at: TEXT, size: TEXT_BYTES });
    for (let n = 1; n <= 7; n++)
      this.symbols.push({ name: `kernel::STACK${n}`, at: STACKS + n * 0x2000, size: 0x1000 });
  }

  /** Changes it and gives it back. */
  with(change: (image: TestImage) => void): this {
    change(this);
    return this;
  }

  /** The page-table entry of a page of the first 2 MiB. 0 unmaps it. */
  page(at: number, flags: bigint): void {
    this.#put(0x4000 + 8 * (at >> 12), flags === 0n ? 0n : BigInt(at) | flags);
  }

  descriptor(index: number, raw: bigint): void {
    this.#put(GDT + 8 * index, raw);
  }

  /** An LDT with 64-bit code, data and code of ring 3, whose descriptor is GDT[5]; FS names its data. */
  addLdt(): void {
    const base = TestImage.ldt;
    this.page(LDT, READ_ONLY);
    this.ldtDescriptor(0, 0x00af_9b00_0000_ffffn);
    this.ldtDescriptor(1, 0x00cf_9300_0000_ffffn);
    this.ldtDescriptor(2, 0x00af_fb00_0000_ffffn);
    this.descriptor(5, 0x0000_8200_0000_0017n | ((base & 0xff_ffffn) << 16n) | ((base & 0xff00_0000n) << 32n));
    this.descriptor(6, base >> 32n);
    Object.assign(this.registers, {
      'gdt.limit': 0x37n,
      ...segment('ldt', 0x28n, base, 0x17n, 0x8200n),
      ...segment('fs', 0xcn, 0n, 0xffff_ffffn, 0x00cf_9300n),
    });
  }

  ldtDescriptor(index: number, raw: bigint): void {
    this.#put(LDT + 8 * index, raw);
  }

  ist(n: number, top: bigint): void {
    this.#put(TSS + 28 + 8 * n, top);
  }

  rsp(n: number, top: bigint): void {
    this.#put(TSS + 4 + 8 * n, top);
  }

  /** A gate; what is left out is as it should be. */
  gate(
    vector: number,
    {
      offset = TestImage.text + BigInt(vector * 16),
      selector = 8,
      ist,
      type = 14,
      dpl = 0,
      present = true,
    }: Partial<GateFields>,
  ): void {
    const stack = ist ?? { 2: 1, 8: 2, 18: 3 }[vector] ?? 4;
    const flags = (present ? 0x80 : 0) | (dpl << 5) | type;
    const low = (offset & 0xffffn) | (BigInt(selector) << 16n) | (BigInt(stack) << 32n) | (BigInt(flags) << 40n);
    this.#put(IDT + 16 * vector, low | ((offset & 0xffff_0000n) << 32n));
    this.#put(IDT + 16 * vector + 8, offset >> 32n);
  }

  /** Bytes at an offset of RAM. */
  bytes(at: number, bytes: readonly number[]): void {
    this.ram.set(bytes, at);
  }

  read = (address: bigint, size: number): Uint8Array | undefined =>
    address >= 0n && address + BigInt(size) <= BigInt(RAM_BYTES)
      ? this.ram.subarray(Number(address), Number(address) + size)
      : undefined;

  values(): RegisterValues[] {
    return [this.registers, ...this.others.map((it) => ({ ...this.registers, ...it }))].map((all, index) => ({
      index,
      halted: this.halted,
      values: Object.fromEntries(Object.entries(all).map(([name, value]) => [name, formatAddress(value)])),
    }));
  }

  tables(): MachineTables {
    return { processors: this.values().map((it) => readTables(processorState(it), this.read)), code: this.#code() };
  }

  #code(): CodeMap {
    const places = this.symbols.map(
      ({ name, at, size }): CodePlace => ({ symbol: name, start: KERNEL + BigInt(at), size: BigInt(size) }),
    );
    return {
      at: (address) => places.find(({ start, size }) => address >= start && address < start + size),
      isCode: (address) => address >= TestImage.text && address < TestImage.text + BigInt(TEXT_BYTES),
    };
  }

  #put(at: number, value: bigint): void {
    this.#view.setBigUint64(at, value, true);
  }
}

interface GateFields {
  readonly offset: bigint;
  readonly selector: number;
  readonly ist: number;
  readonly type: number;
  readonly dpl: number;
  readonly present: boolean;
}

function segment(name: string, selector: bigint, base: bigint, limit: bigint, flags: bigint): Record<string, bigint> {
  return { [name]: selector, [`${name}.base`]: base, [`${name}.limit`]: limit, [`${name}.flags`]: flags };
}
