import { fail, ok, type Result } from '../../../../app/base/result.ts';
import type { GdbAddress, QueryArguments } from '../../../../app/contract/index.ts';
import { checkQuery } from '../../../../app/machine/query.ts';
import {
  addressPort,
  isPciPlace,
  PCI_CONFIGURATION,
  type PciConfiguration,
  type PciPlace,
  readThroughPorts,
  restoreLine,
} from '../../../../app/pci/ports.ts';
import { decodeRegisters, parseLayout, type StubRegister } from '../../../../app/wire/gdb-registers.ts';
import { parseFlatView, ramOfFlatView } from '../../../../app/wire/qemu-mtree.ts';
import { type ProcessorRegisters, parseRegisters } from '../../../../app/wire/qemu-registers.ts';
import { parseVirtioList, parseVirtioQueue, parseVirtioStatus } from '../../../../app/wire/qemu-virtio-text.ts';
import { type GuestMemory, isInRegion, type MemoryRegion, PagedMemory } from '../../../../app/x86/memory.ts';
import type { KernelImage, KernelImages } from '../images.ts';
import type { InspectTarget } from '../target.ts';
import { addressName, GdbStub } from './stub.ts';

/** Rounds of a decoder that still misses pages. */
const MAX_ROUNDS = 64;
/** The paths of devices that QEMU tells; they go into a line of its monitor. */
const DEVICE_PATH = /^\/[\w/.:[\]-]{1,500}$/;

/**
 * A machine behind a gdb stub, such as a QEMU that somebody started with `-s`. It stands still while this is open. QEMU's stub passes
 * lines to its monitor, which tells what the protocol has no words for: hidden parts of segments, tables, devices, where RAM is.
 */
export class GdbTarget implements InspectTarget {
  readonly kind = 'live';
  readonly access = 'gdb';
  readonly still = true;
  readonly scannable = null;
  readonly kept = null;
  readonly info = null;
  readonly regions: readonly MemoryRegion[];
  readonly #stub: GdbStub;
  readonly #name: string;
  readonly #kernel: string | null;
  readonly #images: KernelImages;
  readonly #hasMonitor: boolean;
  #pages: PagedMemory;
  #owesPorts = false;
  #registers: Promise<Result<readonly ProcessorRegisters[]>> | undefined;

  private constructor(
    stub: GdbStub,
    name: string,
    regions: readonly MemoryRegion[],
    hasMonitor: boolean,
    kernel: string | null,
    images: KernelImages,
  ) {
    this.#stub = stub;
    this.#name = name;
    this.regions = regions;
    this.#pages = new PagedMemory(regions);
    this.#hasMonitor = hasMonitor;
    this.#kernel = kernel;
    this.#images = images;
  }

  /** @param kernel the image of the kernel that runs there, if a person says which */
  static async open(address: GdbAddress, kernel: string | null, images: KernelImages): Promise<Result<GdbTarget>> {
    // Read before the machine stops: it need not wait for that. What is wrong with it, `image` says.
    if (kernel !== null) await images.open(kernel);
    const stub = await GdbStub.connect(address);
    if (!stub.ok) return stub;
    const mtree = await stub.value.monitor('info mtree -f');
    if (!mtree.ok && mtree.error.code !== 'no-monitor') {
      await stub.value.leave();
      return mtree;
    }
    const regions = mtree.ok && stub.value.isQemu ? ramOfFlatView(parseFlatView(mtree.value)) : [];
    return ok(new GdbTarget(stub.value, addressName(address), regions, mtree.ok, kernel, images));
  }

  async look<T>(decode: (memory: GuestMemory) => T): Promise<Result<T>> {
    const without = this.#withoutMemory();
    if (without !== undefined) return without;
    // Nothing changes while this is open: what was read once is kept.
    for (let round = 0; ; round++) {
      const value = decode(this.#pages);
      const missing = this.#pages.takeMissing();
      if (missing.length === 0 || round === MAX_ROUNDS) return ok(value);
      for (const { start, bytes } of missing) {
        const fetched = await this.#stub.read(start, bytes);
        if (!fetched.ok) return fetched;
        this.#pages.put(start, fetched.value);
      }
    }
  }

  get heldSince(): number {
    return this.#stub.heldSince;
  }

  get name(): string {
    return this.#name;
  }

  get kernel(): string | null {
    return this.#kernel;
  }

  async bytes(address: bigint, size: number): Promise<Result<Uint8Array | undefined>> {
    const without = this.#withoutMemory();
    if (without !== undefined) return without;
    // Who reads so much shows how far it is, and can end it.
    this.#stub.holdOn();
    return isInRegion(this.regions, address, size) ? this.#stub.read(address, size) : ok(undefined);
  }

  async store(address: bigint, bytes: Uint8Array): Promise<Result<void>> {
    const written = await this.#stub.write(address, bytes);
    this.#pages = new PagedMemory(this.regions);
    if (!written.ok) return written;
    // Firmware may have locked a piece of RAM: writes to it go nowhere.
    const now = await this.#stub.read(address, bytes.length);
    if (!now.ok) return now;
    return Buffer.from(now.value).equals(bytes)
      ? ok()
      : fail('not-written', 'Memory was not changed.', 'it is read-only for the machine', 'Choose another address.');
  }

  processors(): Promise<Result<readonly ProcessorRegisters[]>> {
    this.#registers ??= this.#readProcessors();
    return this.#registers;
  }

  async query(command: string, args: QueryArguments = {}): Promise<Result<unknown>> {
    const { path, queue } = args;
    switch (command) {
      case 'human-monitor-command': {
        const allowed = checkQuery(command, args, '');
        if (!allowed.ok) return allowed;
        const core = args['cpu-index'];
        return this.#line(String(args['command-line']), typeof core === 'number' ? core : undefined);
      }
      case PCI_CONFIGURATION:
        return isPciPlace(args) ? this.#inTurn(() => this.#pciConfiguration(args)) : this.#unknown(command);
      case 'query-status':
        return ok({ running: false, status: 'paused' });
      case 'x-query-virtio': {
        const text = await this.#line('info virtio');
        return text.ok ? ok(parseVirtioList(text.value)) : text;
      }
      case 'x-query-virtio-status':
      case 'x-query-virtio-queue-status': {
        const ofQueue = command !== 'x-query-virtio-status';
        if (typeof path !== 'string' || !DEVICE_PATH.test(path) || (ofQueue && !Number.isInteger(queue)))
          return this.#unknown(command);
        const text = await this.#line(
          ofQueue ? `info virtio-queue-status ${path} ${queue}` : `info virtio-status ${path}`,
        );
        if (!text.ok) return text;
        const answer = ofQueue ? parseVirtioQueue(text.value) : parseVirtioStatus(text.value);
        return answer === undefined ? this.#unknown(`${command}: ${text.value.trim().slice(0, 200)}`) : ok(answer);
      }
      default:
        return this.#unknown(command);
    }
  }

  async monitor(line: string, processor?: number): Promise<Result<string>> {
    const core = processor === undefined ? {} : { 'cpu-index': processor };
    const answer = await this.query('human-monitor-command', { 'command-line': line, ...core });
    return answer.ok ? ok(String(answer.value)) : answer;
  }

  async image(): Promise<Result<KernelImage>> {
    return this.#kernel === null
      ? fail(
          'no-kernel-image',
          'Nobody has said which kernel runs there.',
          'a gdb stub does not know',
          'Name its image with --kernel FILE to see symbols.',
        )
      : this.#images.open(this.#kernel);
  }

  /** The machine goes on if it ran. */
  dispose(): void {
    void this.#stub.leave();
  }

  left(): Promise<void> {
    return this.#stub.leave();
  }

  /** The machine stands still: nobody sees its ports in use. They are put back also if we are killed. */
  async #pciConfiguration(place: PciPlace): Promise<Result<PciConfiguration>> {
    if (!this.#hasMonitor || !this.#stub.isQemu) return this.#unknown(PCI_CONFIGURATION);
    const ask = (line: string) => this.#stub.monitor(line);
    if (!this.#owesPorts) {
      const before = await addressPort(ask);
      if (!before.ok) return before;
      this.#stub.owe(restoreLine(before.value));
      this.#owesPorts = true;
    }
    return readThroughPorts(ask, place);
  }

  /** One line of the monitor. Which processor it speaks of is a setting of the monitor, which is put back. */
  async #line(line: string, processor?: number): Promise<Result<string>> {
    if (!this.#hasMonitor)
      return fail(
        'no-monitor',
        'This stub tells registers and memory only.',
        `${this.#name} passes nothing on to a monitor, as QEMU does`,
        'Of a QEMU, use one whose monitor is built in.',
      );
    if (processor === undefined) return this.#stub.monitor(line);
    const chosen = this.#inTurn(async () => {
      await this.#stub.monitor(`cpu ${processor}`);
      const text = await this.#stub.monitor(line);
      await this.#stub.monitor('cpu 0');
      return text;
    });
    return chosen;
  }

  #turns: Promise<unknown> = Promise.resolve();
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turns.then(act);
    this.#turns = turn;
    return turn;
  }

  /** The monitor's registers have all; the protocol's have two that it does not: KERNEL_GS_BASE and CR8. */
  async #readProcessors(): Promise<Result<readonly ProcessorRegisters[]>> {
    const files = await this.#stub.description();
    const threads = await this.#stub.threads();
    if (!threads.ok) return threads;
    const layout: StubRegister[] = files.ok ? parseLayout(files.value) : [];
    const plain: ProcessorRegisters[] = [];
    for (const [index, thread] of threads.value.entries()) {
      const reply = await this.#stub.registers(thread);
      if (!reply.ok) return reply;
      plain.push({ index, values: decodeRegisters(layout, reply.value), halted: false });
    }
    const text = this.#hasMonitor ? await this.monitor('info registers -a') : undefined;
    if (text?.ok === false) return text;
    const full = text === undefined ? [] : parseRegisters(text.value);
    if (full.length === 0) return ok(plain);
    return ok(
      full.map((it) => {
        const extra = plain.find(({ index }) => index === it.index)?.values;
        return { ...it, values: { ...extra, ...it.values } };
      }),
    );
  }

  #withoutMemory(): Result<never> | undefined {
    if (this.regions.length > 0) return undefined;
    return fail(
      'no-guest-ram',
      'Physical memory cannot be read through this stub.',
      this.#stub.isQemu
        ? 'QEMU does not say where its RAM is'
        : `${this.#name} is not QEMU's, and gdb's protocol itself knows no physical memory`,
      'Look at the processors.',
    );
  }

  #unknown(what: string) {
    return fail('not-through-gdb', 'A gdb stub does not tell this.', what, 'Start the machine with `ring0 run`.');
  }
}
