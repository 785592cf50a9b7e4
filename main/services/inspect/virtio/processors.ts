import type { ProcessorFacts } from '../../../../app/virtio/verdict/index.ts';
import type { InspectTarget } from '../target.ts';

const RFLAGS_IF = 1n << 9n;
/** Processors whose local APIC is asked for. */
const MAX_PROCESSORS = 16;

/** What a hang may depend on: IF, RIP, and what each local APIC has in service and waiting. Nothing is an error here. */
export async function lookAtProcessors(target: InspectTarget): Promise<ProcessorFacts[]> {
  const [all, image] = await Promise.all([target.processors(), target.image()]);
  if (!all.ok) return [];
  return Promise.all(
    all.value.slice(0, MAX_PROCESSORS).map(async ({ index, values, halted }): Promise<ProcessorFacts> => {
      const rip = BigInt(values.rip ?? values.eip ?? '0x0');
      const lapic = await target.monitor('info lapic', index);
      return {
        index,
        interruptsEnabled: (BigInt(values.rfl ?? values.efl ?? '0x0') & RFLAGS_IF) !== 0n,
        halted,
        rip,
        ripBefore: null,
        symbol: image.ok ? (image.value.elf.symbolise(rip) ?? null) : null,
        inService: lapic.ok ? vectorsOf(lapic.value, 'ISR') : null,
        requested: lapic.ok ? vectorsOf(lapic.value, 'IRR') : null,
      };
    }),
  );
}

/** A line of `info lapic` (QEMU 7.2, target/i386/cpu-dump.c): `IRR	 34 65(level)` or `(none)`. */
export function vectorsOf(text: string, register: 'ISR' | 'IRR'): number[] | null {
  const line = new RegExp(`^${register}\\s+(.*)$`, 'm').exec(text)?.[1];
  if (line === undefined) return null;
  return [...line.matchAll(/\b(\d{1,3})\b/g)].map(([, digits]) => Number(digits)).filter((it) => it < 256);
}
