import { DRIVER_REGISTRY_BYTES, RECORDS } from '../../../../app/wire/abi/index.ts';
import type { GuestMemory } from '../../../../app/x86/memory.ts';
import { type PagingRegisters, translate } from '../../../../app/x86/paging.ts';
import { processorPlace } from '../locate.ts';
import type { InspectTarget } from '../target.ts';

/** Firmware starts a kernel within seconds; one that waits for a person is asked for as seldom as anything else. */
const EAGER_MS = 30_000;
const EAGER_PAUSE_MS = 10;
const PATIENT_PAUSE_MS = 250;

/** Guest-physical address of the driver registry by a processor's page tables, if it is mapped in one piece and is one. */
export function registryIn(memory: GuestMemory, paging: PagingRegisters, linear: bigint): bigint | null {
  const at = (offset: number) => {
    const walked = translate(paging, (address, size) => memory.read(address, size), linear + BigInt(offset));
    return walked.kind === 'mapped' ? walked.physical : undefined;
  };
  const first = at(0);
  const last = at(DRIVER_REGISTRY_BYTES - 1);
  if (first === undefined || last !== first + BigInt(DRIVER_REGISTRY_BYTES - 1)) return null;
  const magic = memory.read(first, 8);
  return magic !== undefined && Buffer.from(magic).toString('latin1') === RECORDS.drivers.magic ? first : null;
}

/**
 * Looks out for our kernel while firmware runs, which loads it anywhere: the first processor is asked where it is, a hundred times a second, until
 * it is in the kernel. The drivers set up their queues some tens of milliseconds later.
 */
export class RegistrySearch {
  readonly #target: InspectTarget;
  readonly #memory: GuestMemory;
  readonly #since = performance.now();
  #next = 0;
  #asking = false;

  constructor(target: InspectTarget, memory: GuestMemory) {
    this.#target = target;
    this.#memory = memory;
  }

  /** Asks, if it is time to. @param found is called with the registry's guest-physical address, once it is known */
  look(found: (address: bigint) => void): void {
    const now = performance.now();
    if (this.#asking || now < this.#next) return;
    this.#asking = true;
    void this.#ask().then((address) => {
      this.#asking = false;
      this.#next = performance.now() + (now - this.#since < EAGER_MS ? EAGER_PAUSE_MS : PATIENT_PAUSE_MS);
      if (address !== null) found(address);
    });
  }

  async #ask(): Promise<bigint | null> {
    const [image, processors] = await Promise.all([this.#target.image(), this.#target.processors()]);
    if (!image.ok || !processors.ok) return null;
    const { elf } = image.value;
    const linear = elf.symbol(RECORDS.drivers.symbol)?.address;
    const place = processorPlace(processors.value[0]);
    if (linear === undefined || place === undefined || elf.physicalOf(place.rip) === undefined) return null;
    return registryIn(this.#memory, place, linear);
  }
}
